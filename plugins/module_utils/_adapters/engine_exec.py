# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command in a running container, through the engine's API."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from typing import Any, Optional, Protocol

from .._core.command_output import Capture
from .._core.container_command import CommandRequest, Ended
from .._core.stream_frames import STDERR, FrameReader
from .engine import Engine
from .process_tree import end_process

_POLL_SECONDS = 0.5
_PAUSE_SECONDS = 0.02
_SETTLE_SECONDS = 5.0  # for the engine to note that a process ended
_PIECE = 65536
_PIECES_AT_ONCE = 16
_WOULD_BLOCK = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Running(Protocol):
    """A container of the stack, or a helper."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


def run_in_container(engine: Engine, container: Running, request: CommandRequest) -> Ended:
    """Waits for the command to end, or ends it at its deadline."""
    with engine.calling(f"run a command in {container.name}"):
        return _Execution(engine.client, container.id, request).run()


class _Execution:
    def __init__(self, client: Any, container: str, request: CommandRequest) -> None:
        self._client = client
        self._container = container
        self._request = request
        self._stdout = Capture(request.max_bytes)
        self._stderr = Capture(request.max_bytes)
        self._frames = FrameReader()
        self._unsent = (request.stdin or "").encode()
        self._id = ""

    def run(self) -> Ended:
        request = self._request
        self._id = self._client.exec_create(
            self._container,
            list(request.argv),
            stdin=request.stdin is not None,
            environment=dict(request.environment) or None,
            user=request.user,
            workdir=request.workdir or None,
        )["Id"]
        started = time.monotonic()
        stream = self._client.exec_start(self._id, socket=True)
        try:
            in_time = self._exchange(stream, started + request.timeout)
            proven = True if in_time else self._end()
        finally:
            close_stream(stream)
        exit_code = self._exit_code() if in_time else None
        duration = int((time.monotonic() - started) * 1000)
        return Ended(exit_code, self._stdout, self._stderr, duration, proven=proven)

    def _exchange(self, stream: Any, deadline: float) -> bool:
        """Moves bytes both ways until the command has ended; False when the deadline came first."""
        connection = getattr(stream, "_sock", stream)
        connection.setblocking(False)
        # Reading the answer's headers may have read the first output too.
        self._take(already_read(stream))
        if self._request.stdin is not None and not self._unsent:
            connection.shutdown(socket.SHUT_WR)
        while time.monotonic() < deadline:
            wait = max(0.0, min(_POLL_SECONDS, deadline - time.monotonic()))
            readable, writable, _failed = select.select([connection], [connection] if self._unsent else [], [], wait)
            if writable:
                self._send(connection)
            if readable and not self._receive(connection):
                return self._ended_by(deadline)
            # A process that the command left behind may keep the stream open.
            if not (readable or writable) and self._is_over():
                return True
        return False

    def _send(self, connection: Any) -> None:
        try:
            self._unsent = self._unsent[connection.send(self._unsent[:_PIECE]) :]
            if not self._unsent:
                connection.shutdown(socket.SHUT_WR)
        except _WOULD_BLOCK:
            return
        except (BrokenPipeError, ConnectionResetError):
            self._unsent = b""  # the command does not want the rest

    def _receive(self, connection: Any) -> bool:
        """Takes what is there; False at the end of the stream."""
        for _piece in range(_PIECES_AT_ONCE):
            try:
                data = connection.recv(_PIECE)
            except _WOULD_BLOCK:
                return True
            if not data:
                return False
            self._take(data)
        return True

    def _take(self, data: bytes) -> None:
        for number, part, _last in self._frames.feed(data):
            (self._stderr if number == STDERR else self._stdout).add(part)

    def _ended_by(self, deadline: float) -> bool:
        """Closed streams are not yet an ended command: it may go on in silence."""
        while not self._is_over():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        return True

    def _is_over(self) -> bool:
        state = self._client.exec_inspect(self._id)
        return not state["Running"] and state["ExitCode"] is not None

    def _exit_code(self) -> Optional[int]:
        return self._client.exec_inspect(self._id)["ExitCode"]

    def _end(self) -> bool:
        """Whether the command is known to have ended."""
        state = self._client.exec_inspect(self._id)
        if state["Running"] and not (state["Pid"] and end_process(state["Pid"], self._container)):
            return False
        until = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < until:
            if self._is_over():
                return True
            time.sleep(_PAUSE_SECONDS)
        return False


def close_stream(stream: Any) -> None:
    """The answer first: it flushes what the stream holds."""
    for end in (getattr(stream, "_response", None), stream):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            end.close()


def already_read(stream: Any) -> bytes:
    """What lies in the buffer between the connection (which must not block) and its reader."""
    response = getattr(stream, "_response", None)
    reader = getattr(getattr(getattr(response, "raw", None), "_fp", None), "fp", None)
    if reader is None:
        return b""
    waiting = reader.peek()
    return reader.read1(len(waiting)) if waiting else b""
