# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between us and a Redis server, told apart by the code that begins an error reply."""

from __future__ import annotations

from typing import Dict, Type

from .errors import BadInput, OperationError


class RedisUnreachable(OperationError):
    """Nobody answers as Redis at the address, or the connection was lost."""

    reason = "redis_unreachable"


class RedisConnectionsExhausted(RedisUnreachable):
    """All connections of the server are taken (maxclients)."""

    reason = "redis_connections_exhausted"


class RedisNotInStack(BadInput):
    """The stack has no single running container of the Redis service."""

    reason = "redis_not_in_stack"


class RedisChanged(OperationError):
    """The server was replaced or restarted while we worked with it."""

    reason = "redis_restarted"


class RedisLoginRefused(OperationError):
    """User or password do not let us in, or none was given where one is needed."""

    reason = "redis_login_refused"


class RedisForbidden(OperationError):
    """The user may not run this command, or not on this key."""

    reason = "redis_permission_denied"


class RedisLoading(OperationError):
    """The server still reads its data from disk."""

    reason = "redis_loading"


class RedisBusy(OperationError):
    """A script or a function occupies the server."""

    reason = "redis_busy"


class RedisReadOnly(OperationError):
    """The server is a replica, or does not take writes since it cannot save them."""

    reason = "redis_read_only"


class RedisFull(OperationError):
    """The server has no memory left for what was asked."""

    reason = "redis_out_of_memory"


class RedisWrongType(OperationError):
    """A key holds a value of another type than was expected."""

    reason = "redis_wrong_type"


class RedisCluster(BadInput):
    """The server is part of a Redis Cluster; none of its keys can be judged from one node."""

    reason = "redis_cluster"


class RedisFailed(OperationError):
    """The server refused or failed a command."""

    reason = "redis_failed"


# The first word of an error reply: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
_BY_CODE: Dict[str, Type[OperationError]] = {
    "NOAUTH": RedisLoginRefused,
    "WRONGPASS": RedisLoginRefused,
    "NOPERM": RedisForbidden,
    "LOADING": RedisLoading,
    "BUSY": RedisBusy,
    "READONLY": RedisReadOnly,
    "MASTERDOWN": RedisReadOnly,
    "MISCONF": RedisReadOnly,
    "NOREPLICAS": RedisReadOnly,
    "OOM": RedisFull,
    "WRONGTYPE": RedisWrongType,
    "MOVED": RedisCluster,
    "ASK": RedisCluster,
    "CROSSSLOT": RedisCluster,
    "CLUSTERDOWN": RedisCluster,
}
_HINTS: Dict[Type[OperationError], str] = {
    RedisUnreachable: "Look at the container's state and log (playbooks/service/status.yml).",
    RedisLoginRefused: "Compare stack_redis in the inventory with requirepass and the users of the server.",
    RedisForbidden: "Give the user the right to it (ACL SETUSER), or log in as one that has it.",
    RedisLoading: "Wait until it has read its data (playbooks/redis/report.yml shows how far it is), and run again.",
    RedisBusy: "Look at what it runs (SLOWLOG), and run again; SCRIPT KILL ends a script that has written nothing.",
    RedisReadOnly: "Ask the primary. When it is the primary, look at why it cannot save (playbooks/redis/report.yml).",
    RedisFull: "Look at what fills it (playbooks/redis/report.yml), and clear what can be made again (playbooks/redis/clear.yml).",
    RedisWrongType: "Look at the key's type (playbooks/redis/report.yml).",
    RedisCluster: "Redis Cluster is not supported: use a server of its own for the stack.",
}

# Redis keeps no connection free for those who look after it.
CONNECTIONS_EXHAUSTED = (
    "Restart the service that holds them (playbooks/service/restart.yml); then see who takes how many (playbooks/redis/report.yml), "
    "and raise maxclients (playbooks/redis/config.yml)."
)


def error_class(code: str) -> Type[OperationError]:
    return _BY_CODE.get(code, RedisFailed)


def redis_error(code: str, message: str, where: str) -> OperationError:
    """``message`` is the server's own, without its code; ``where`` names what was asked, for people."""
    kind = error_class(code)
    said = " ".join(message.split()).rstrip(".")
    return kind(f"{where}: {code} {said}.".replace(":  ", ": "), hint=_HINTS.get(kind, ""), code=code)


def connections_exhausted(where: str) -> RedisConnectionsExhausted:
    return RedisConnectionsExhausted(f"{where}: all its connections are taken (maxclients).", hint=CONNECTIONS_EXHAUSTED)


def unreachable(where: str, message: str) -> RedisUnreachable:
    said = " ".join(message.split()).rstrip(".")
    return RedisUnreachable(f"{where}: {said}.", hint=_HINTS[RedisUnreachable])
