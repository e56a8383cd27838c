#!/bin/sh
# Passwords come as files (/run/secrets/…), the settings want URLs: this puts the one into the other,
# and the compiled loops to where they may be read.
set -eu

secret() { # a secret of Compose, percent-encoded for a URL
    python -c 'import sys, urllib.parse as u; print(u.quote(open(sys.argv[1]).read().strip(), safe=""))' \
        "/run/secrets/$1"
}

if [ -f /run/secrets/server_password ]; then
    TOCSIN_DATABASE_URL="postgresql://tocsin_server:$(secret server_password)@$POSTGRES_HOST/tocsin"
    export TOCSIN_DATABASE_URL
fi
if [ -f /run/secrets/owner_password ]; then
    TOCSIN_OWNER_DATABASE_URL="postgresql://tocsin_owner:$(secret owner_password)@$POSTGRES_HOST/tocsin"
    export TOCSIN_OWNER_DATABASE_URL
fi
if [ -f /run/secrets/redis_password ]; then
    TOCSIN_REDIS_URL="redis://:$(secret redis_password)@$REDIS_HOST:6379/0"
    export TOCSIN_REDIS_URL
fi
if [ -d /opt/tocsin/compiled ]; then # loops compiled with the image
    mkdir -p "$NUMBA_CACHE_DIR"
    cp -R /opt/tocsin/compiled/. "$NUMBA_CACHE_DIR"
fi
exec "$@"
