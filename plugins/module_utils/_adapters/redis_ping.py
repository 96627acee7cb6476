# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks Redis for PONG in its own protocol; no library and no client program is needed for that."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from .._core.probe_verdict import PlainAnswer
from .tcp_client import BoundedConnection, Deadline, connect

_LONGEST_REPLY = 1024


def ping(host: str, port: int, username: str, password: str, deadline: Deadline) -> PlainAnswer:
    """AUTH when there is a password, then PING. An error reply is the answer, with its code (NOAUTH, LOADING, ...)."""
    started = time.monotonic()
    with BoundedConnection(connect(host, port, deadline), deadline) as connection:
        connect_ms = (time.monotonic() - started) * 1000
        replies = connection.makefile()
        if password:
            refused = _ask(connection, replies, "AUTH", *([username] if username else []), password)
            if refused.code != "OK":
                return refused
        asked = time.monotonic()
        answer = _ask(connection, replies, "PING")
        return replace(answer, connect_ms=connect_ms, question_ms=(time.monotonic() - asked) * 1000)


def _ask(connection: BoundedConnection, replies: Any, *words: str) -> PlainAnswer:
    encoded = [word.encode() for word in words]
    bulk = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
    connection.sendall(b"*%d\r\n%s" % (len(encoded), bulk))
    line = replies.readline(_LONGEST_REPLY)
    if not line:
        raise ConnectionResetError("Redis closed the connection")
    text = line.decode(errors="replace").strip()
    if text[:1] not in ("+", "-"):
        return PlainAnswer("", f"no Redis reply: {text}")
    return PlainAnswer(text[1:].partition(" ")[0], text[1:])
