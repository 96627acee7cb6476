#!/bin/sh
# redis-cli exits 0 even when it is refused, so the answer itself is compared.
REDISCLI_AUTH=$(sed -n 's/^requirepass "\(.*\)"$/\1/p' /run/redis/redis.conf)
[ -z "$REDISCLI_AUTH" ] || export REDISCLI_AUTH
[ "$(redis-cli -h 127.0.0.1 ping)" = PONG ]
