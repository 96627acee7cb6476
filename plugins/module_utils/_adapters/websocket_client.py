# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A WebSocket that is opened, held open without a word, and shown to be alive at the end."""

from __future__ import annotations

import base64
import http.client
import os
import time
from typing import Callable, Optional, Tuple

from .._core.probe import Endpoint, Probe
from .._core.probe_socket import SocketAnswer
from .._core.probe_verdict import HttpAnswer
from .._core.websocket_frames import CLOSE, NORMAL_CLOSURE, PING, PONG, Frame, accept_of, encode, next_frame
from .http_client import own_headers, with_tls
from .tcp_client import BoundedConnection, Deadline, connect, is_timeout

_LONGEST_HEAD = 64 * 1024
_MOST_BYTES = 1024 * 1024
_PIECE = 16384
_END_OF_HEAD = b"\r\n\r\n"
_ASKED = b"runbook"


def hold_open(probe: Probe, address: str, deadline: Deadline) -> SocketAnswer:
    """The handshake until the deadline; then it is held open for as long as the probe says, and has to answer a ping."""
    endpoint, started = probe.endpoint, time.monotonic()
    raw = connect(address or endpoint.host, endpoint.port, deadline)
    try:
        connect_ms = (time.monotonic() - started) * 1000
        if endpoint.scheme == "wss":
            raw = with_tls(raw, endpoint.host, probe.validate_certs, deadline)
        connection = BoundedConnection(raw, deadline)
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(_handshake(probe, key))
        head, rest = _read_head(connection)
        status, headers = _parse_head(head)
        handshake = HttpAnswer(status, headers, rest[:_PIECE], True, (time.monotonic() - started) * 1000, connect_ms=connect_ms)
        if status != 101:
            return SocketAnswer(handshake)
        if handshake.header("sec-websocket-accept") != accept_of(key):
            return SocketAnswer(handshake)
        opened = time.monotonic()
        ended = _OpenSocket(connection, rest).hold(probe.stay_open, probe.timeout)
        return SocketAnswer(handshake, True, round((time.monotonic() - opened) * 1000, 1), ended)
    finally:
        raw.close()


def _handshake(probe: Probe, key: str) -> bytes:
    endpoint = probe.endpoint
    shown = Endpoint({"ws": "http", "wss": "https"}[endpoint.scheme], endpoint.host, endpoint.port, endpoint.target)
    headers = dict(own_headers(shown, probe.request))
    headers.update({"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key})
    given = {name.lower() for name, _value in probe.request.headers}
    lines = [f"{name}: {value}" for name, value in headers.items() if name.lower() not in given]
    lines += [f"{name}: {value}" for name, value in probe.request.headers]
    return "\r\n".join([f"GET {endpoint.target} HTTP/1.1", *lines]).encode() + _END_OF_HEAD


def _read_head(connection: BoundedConnection) -> Tuple[bytes, bytes]:
    received = b""
    while _END_OF_HEAD not in received:
        piece = _receive(connection)
        if not piece:
            raise ConnectionResetError("closed before the handshake was answered")
        received += piece
        if len(received) > _LONGEST_HEAD:
            raise http.client.BadStatusLine("the answer has no end")
    head, _end, rest = received.partition(_END_OF_HEAD)
    return head, rest


def _parse_head(head: bytes) -> Tuple[int, Tuple[Tuple[str, str], ...]]:
    first, *lines = head.decode("iso-8859-1").split("\r\n")
    version, _blank, told = first.partition(" ")
    if not version.startswith("HTTP/") or not told[:3].isdigit():
        raise http.client.BadStatusLine(first[:100])
    headers = [line.partition(":") for line in lines]
    return int(told[:3]), tuple((name.strip().lower(), value.strip()) for name, _colon, value in headers)


def _receive(connection: BoundedConnection) -> bytes:
    buffer = bytearray(_PIECE)
    return bytes(buffer[: connection.receive_into(buffer)])


class _OpenSocket:
    """An open WebSocket. What the server sends is read and forgotten; its pings are answered."""

    def __init__(self, connection: BoundedConnection, received: bytes) -> None:
        self._connection = connection
        self._received = received

    def hold(self, seconds: float, patience: float) -> str:
        """What ended it, in words; empty when it is still open after so many seconds."""
        if seconds:
            ended = self._until(Deadline(seconds), lambda frame: False)
            if ended is not None:
                return ended
        self._connection.extend(Deadline(patience))
        try:
            self._send(PING, _ASKED)
        except OSError as error:
            return _cut(error)
        ended = self._until(Deadline(patience), lambda frame: frame.opcode == PONG and frame.payload == _ASKED)
        if ended is None:
            return f"a ping was not answered within {patience:g} s"
        if not ended:
            self._say_goodbye()
        return ended

    def _until(self, deadline: Deadline, enough: Callable[[Frame], bool]) -> Optional[str]:
        """What ended it; empty when a frame was enough; None when the time is over."""
        self._connection.extend(deadline)
        try:
            while True:
                frame = self._next()
                if frame is None:
                    return "the connection was cut"
                if frame.opcode == CLOSE:
                    return f"the server closed it (code {frame.close_code or 'none'})"
                if frame.opcode == PING:
                    self._send(PONG, frame.payload)
                if enough(frame):
                    return ""
        except OSError as error:
            return None if is_timeout(error) else _cut(error)

    def _next(self) -> Optional[Frame]:
        """The next frame, or None at the end of the stream."""
        while True:
            found = next_frame(self._received)
            if found:
                self._received = self._received[found[1] :]
                return found[0]
            if len(self._received) > _MOST_BYTES:
                raise ConnectionAbortedError("a frame of more than 1 MiB")
            piece = _receive(self._connection)
            if not piece:
                return None
            self._received += piece

    def _send(self, opcode: int, payload: bytes) -> None:
        self._connection.sendall(encode(opcode, payload[:125], os.urandom(4)))

    def _say_goodbye(self) -> None:
        try:
            self._send(CLOSE, NORMAL_CLOSURE.to_bytes(2, "big"))
        except OSError:
            return  # it was open when we had seen enough


def _cut(error: OSError) -> str:
    return f"the connection was cut ({error.strerror or type(error).__name__})"
