# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP connections and name look-ups that end in time."""

from __future__ import annotations

import io
import queue
import socket
import threading
import time
from typing import Any, Callable, List, Tuple

_TIMEOUTS = (socket.timeout, TimeoutError)  # two classes before Python 3.10


class Deadline:
    """A moment after which waiting is over; ``left`` raises TimeoutError from then on."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the deadline has passed")
        return seconds


def within(deadline: Deadline, call: Callable[[], Any]) -> Any:
    """Runs a call that cannot be bounded by itself; when it is late it is left behind in a thread of its own."""
    outcome: "queue.SimpleQueue[Tuple[bool, Any]]" = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put((True, call()))
        except BaseException as error:  # handed to the caller, who raises it
            outcome.put((False, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        succeeded, value = outcome.get(timeout=deadline.left())
    except queue.Empty:
        raise TimeoutError("no result before the deadline") from None
    if not succeeded:
        raise value
    return value


def resolve(host: str, port: int, deadline: Deadline) -> List[Any]:
    """The addresses of a name in the resolver's order (``getaddrinfo`` entries, at least one)."""
    return within(deadline, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A connection to the first address that takes one; otherwise the last address's error is raised."""
    addresses = resolve(host, port, deadline)
    for position, (family, kind, protocol, _name, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(deadline.left() / (len(addresses) - position))
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        except OSError:
            connection.close()
            if position == len(addresses) - 1:
                raise
    raise OSError(f"{host} has no address")


class BoundedConnection:
    """A connected socket whose reads and writes all end at one deadline, however slowly the other side trickles."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def __enter__(self) -> "BoundedConnection":
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def extend(self, deadline: Deadline) -> None:
        """What is read and written from now on ends at another deadline."""
        self._deadline = deadline

    def sendall(self, data: Any) -> None:
        self._connection.settimeout(self._deadline.left())
        self._connection.sendall(data)

    def receive_into(self, buffer: Any) -> int:
        self._connection.settimeout(self._deadline.left())
        return self._connection.recv_into(buffer)

    def makefile(self, mode: str = "rb", *_options: Any) -> io.BufferedReader:
        """What ``http.client`` reads an answer from."""
        if mode != "rb":
            raise ValueError("a bounded connection is read as bytes")
        return io.BufferedReader(_Stream(self))

    def close(self) -> None:
        """Nothing: ``http.client`` closes as soon as it has the headers, and the body is still to be read.

        The end of a ``with`` block closes the socket.
        """


class _Stream(io.RawIOBase):
    def __init__(self, connection: BoundedConnection) -> None:
        super().__init__()
        self._bounded = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._bounded.receive_into(buffer)


def is_timeout(error: BaseException) -> bool:
    return isinstance(error, _TIMEOUTS)
