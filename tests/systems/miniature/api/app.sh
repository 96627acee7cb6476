#!/bin/sh
# app serve | migrate status | migrate deploy | healthcheck
# The health check runs every second or two: it takes no more of Python than it needs.
if [ "$1" = healthcheck ]; then
    exec python3 -I -S /srv/app/healthcheck.py
fi
exec python3 -m app "$@"
