#!/bin/sh
# nginx reads no variables: this writes the lines that depend on settings, then becomes nginx.
set -eu

refuse() {
    echo "$1" >&2
    exit 1
}

case "$TOCSIN_TLS" in
    on)
        for name in certificate.pem key.pem; do
            [ -r "/run/tls/$name" ] || refuse "TOCSIN_TLS is on, and secrets/tls/$name is missing or\
 cannot be read by uid $(id -u): put it there with mode 0444, or set TOCSIN_TLS=off"
        done
        ;;
    off) ;;
    *) refuse "TOCSIN_TLS is '$TOCSIN_TLS': it must be on or off" ;;
esac
case "$TOCSIN_UPLOAD_BYTES" in
    # 0 would be no limit at all for nginx.
    '' | *[!0-9]* | 0*) refuse "TOCSIN_UPLOAD_BYTES is '$TOCSIN_UPLOAD_BYTES': it must be a number of bytes" ;;
esac

cat >/run/nginx/limit.conf <<CONF
client_max_body_size $TOCSIN_UPLOAD_BYTES;
map "" \$upload_bytes { default $TOCSIN_UPLOAD_BYTES; }
CONF
cp "/etc/nginx/tocsin/tls-$TOCSIN_TLS.conf" /run/nginx/listen.conf
exec nginx -e stderr -c /etc/nginx/tocsin/nginx.conf "$@"
