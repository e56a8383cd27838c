#!/bin/sh
# Makes what docker-compose.yml reads from ./secrets. Keeps files that are there: the database
# knows the passwords of its first start.
set -eu
cd "$(dirname "$0")/.."
mkdir -p secrets/tls
# Nobody else on this host gets past the folder; containers are given what is in it.
chmod 0700 secrets
chmod 0755 secrets/tls
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
for name in superuser_password owner_password server_password redis_password; do
    [ -f "secrets/$name" ] || { random; echo; } >"secrets/$name"
done
[ -f secrets/installation_secret ] || echo "1 $(random)" >secrets/installation_secret
# Compose mounts the files with their modes; the containers' users are not this one.
for name in superuser_password owner_password server_password redis_password installation_secret; do
    chmod 0444 "secrets/$name"
done
echo "secrets/ is ready. Back it up: without installation_secret no API key of this installation works."
echo "For TLS, put certificate.pem and key.pem into secrets/tls, with mode 0444."
