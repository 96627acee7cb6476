# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to a Redis server (redis-py, imported only when a server is needed)."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Type, Union

from .._core.errors import LibraryMissing, OperationError
from .._core.redis_errors import RedisCluster, RedisUnreachable, connections_exhausted, redis_error, unreachable
from .redis_greeting import turned_away
from .redis_service import RedisAddress

Word = Union[str, bytes, int, float]
_POLL_SECONDS = 0.1
_GREETING_SECONDS = 1.0
_RESP2 = 2  # its replies are the same for every version of the server


@dataclass(frozen=True)
class RedisLimits:
    """Times in seconds."""

    connect: float = 10.0
    reply: float = 30.0


class RedisSession:
    """Replies are as the server sends them: bytes, integers, None, lists of these. Raises our errors, nothing of redis-py's.

    Commands are sent by their own names and words, so what a library makes of a reply in which version does not matter.
    """

    def __init__(self, connection: Any, where: str) -> None:
        self._connection = connection
        self._where = where

    @classmethod
    def open(cls, address: RedisAddress, database: int = 0, limits: RedisLimits = RedisLimits()) -> "RedisSession":
        """Raises RedisCluster for a node of a cluster, which sees only some of the keys. A host that is a path is a socket."""
        redis = import_redis()
        local = address.host.startswith("/")
        place = {"path": address.host} if local else {"host": address.host, "port": address.port, "socket_connect_timeout": limits.connect}
        connection = (redis.UnixDomainSocketConnection if local else redis.Connection)(
            **place,
            db=database,
            username=address.username or None,
            password=address.password or None,
            socket_timeout=limits.reply,
            retry=_no_retry(),
            **({"protocol": _RESP2} if int(redis.__version__.split(".", 1)[0]) >= 5 else {}),
        )
        session = cls(connection, f"Redis at {address.host}:{address.port}")
        try:
            with session._translating("connect"):
                connection.connect()
        except RedisUnreachable as error:
            if turned_away(address, min(_GREETING_SECONDS, limits.connect)):
                raise connections_exhausted(session._where) from error
            raise
        try:
            session._require_no_cluster()
        except BaseException:
            session.close()
            raise
        return session

    def __enter__(self) -> "RedisSession":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()

    def close(self) -> None:
        self._connection.disconnect()

    def command(self, name: str, *words: Word) -> Any:
        """One command. ``name`` may have two words (``CONFIG GET``)."""
        with self._translating(name):
            self._connection.send_command(name, *words)
            return self._connection.read_response()

    def pipeline(self, commands: Sequence[Sequence[Word]]) -> List[Any]:
        """Several commands in one go; a reply each. A refused one gives its error in its place, and the others are done all the same."""
        if not commands:
            return []
        self.send(commands)
        return self.receive(commands)

    def all_of(self, commands: Sequence[Sequence[Word]]) -> List[Any]:
        """A pipeline in which nothing may be refused. The first refusal is raised when the others are done."""
        return all_done(self.pipeline(commands))

    def scan(self, *words: Word, of: Sequence[Word] = ("SCAN",)) -> Iterator[List[bytes]]:
        """What the server tells, part by part, until all of it was told. ``of`` may begin as ``SSCAN key``. A key may come twice."""
        cursor: bytes = b"0"
        while True:
            cursor, part = self.command(str(of[0]), *of[1:], cursor, *words)
            yield part
            if cursor == b"0":
                return

    def send(self, commands: Sequence[Sequence[Word]]) -> None:
        """The first half of a pipeline: the server works on it while the caller does something else."""
        with self._translating("a pipeline"):
            self._connection.send_packed_command([b"".join(map(_packed, commands))])

    def receive(self, commands: Sequence[Sequence[Word]]) -> List[Any]:
        """The second half, with the same commands, in the order in which they were sent."""
        redis = import_redis()
        replies: List[Any] = []
        with self._translating("a pipeline"):
            for command in commands:
                try:
                    replies.append(self._connection.read_response())
                except redis.exceptions.ResponseError as error:
                    replies.append(_refusal(error, f"{self._where}, {command[0]!s}"))
        return replies

    def stream(self, name: str, seconds: float, most: int) -> Iterator[bytes]:
        """What a command (MONITOR) sends until as many seconds or replies have come. The session is good for nothing else afterwards."""
        until = time.monotonic() + seconds
        with self._translating(name):
            self._connection.send_command(name)
            for unused in range(most):
                while not self._connection.can_read(timeout=_POLL_SECONDS):
                    if time.monotonic() >= until:
                        return
                yield self._connection.read_response()
                if time.monotonic() >= until:
                    return

    def info(self, section: str = "default") -> Dict[str, str]:
        """Fields of INFO as text: https://redis.io/docs/latest/commands/info/."""
        lines = self.command("INFO", section).decode(errors="replace").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))

    def settings(self, *patterns: str) -> Dict[str, str]:
        """CONFIG GET, one pattern at a time, since older servers take no more."""
        found: Dict[str, str] = {}
        for reply in self.all_of([("CONFIG", "GET", pattern) for pattern in patterns]):
            texts = [word.decode(errors="replace") for word in reply]
            found.update(zip(texts[::2], texts[1::2]))
        return found

    def _require_no_cluster(self) -> None:
        if self.info("cluster").get("cluster_enabled") == "1":
            raise RedisCluster(f"{self._where} is a node of a Redis Cluster.", hint="Redis Cluster is not supported: use a server of its own for the stack.")

    @contextlib.contextmanager
    def _translating(self, what: str) -> Iterator[None]:
        redis = import_redis()
        where = f"{self._where}, {what}"
        try:
            yield
        except redis.exceptions.ResponseError as error:
            raise _refusal(error, where) from error
        except redis.exceptions.AuthenticationError as error:  # older and newer libraries derive it from ConnectionError
            raise redis_error("NOAUTH", str(error), where) from error
        except redis.exceptions.BusyLoadingError as error:
            raise redis_error("LOADING", str(error), where) from error
        except (redis.exceptions.RedisError, OSError) as error:
            raise unreachable(where, str(error) or type(error).__name__) from error


def all_done(replies: List[Any]) -> List[Any]:
    """Raises the first refusal of a pipeline."""
    for reply in replies:
        if isinstance(reply, OperationError):
            raise reply
    return replies


def _packed(command: Sequence[Word]) -> bytes:
    """As the library does it, in a third of its time, which counts where there are a million keys."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in (*command[0].split(), *command[1:])]
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


def import_redis() -> Any:
    try:
        import redis
    except ImportError as error:
        raise LibraryMissing(
            "The Python library 'redis' is missing on this host.",
            hint="Install it for the interpreter Ansible uses there (package python3-redis, or pip install redis).",
            library="redis",
        ) from error
    return redis


def _no_retry() -> Any:
    """A command that may have been done is not sent again."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Retry(NoBackoff(), 0)


# redis-py takes the codes that it has classes for out of the message.
_CODES = {
    "NoPermissionError": "NOPERM",
    "ReadOnlyError": "READONLY",
    "OutOfMemoryError": "OOM",
    "MasterDownError": "MASTERDOWN",
    "MovedError": "MOVED",
    "AskError": "ASK",
    "ClusterDownError": "CLUSTERDOWN",
    "ClusterCrossSlotError": "CROSSSLOT",
    "ExecAbortError": "EXECABORT",
    "NoScriptError": "NOSCRIPT",
}


def _refusal(error: Exception, where: str) -> OperationError:
    message = str(error)
    known = _CODES.get(type(error).__name__)
    first, _space, rest = message.partition(" ")
    if known:
        return redis_error(known, message, where)
    return redis_error(first, rest, where) if first.isupper() else redis_error("", message, where)
