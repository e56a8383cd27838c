#!/bin/sh
# Runs once, when the Postgres container makes its data: the owner's role and its database. The
# superuser of the container is used for this and for nothing else.
set -eu
password=/run/secrets/owner_password
[ -s "$password" ] || { echo "$password is missing or empty: deploy/make-secrets.sh makes it" >&2; exit 1; }
# psql reads and quotes it, whatever is in it: on a command line every process of the host could read it.
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set password `cat /run/secrets/owner_password`
CREATE ROLE tocsin_owner LOGIN CREATEROLE NOSUPERUSER PASSWORD :'password';
CREATE DATABASE tocsin OWNER tocsin_owner TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';
SQL
