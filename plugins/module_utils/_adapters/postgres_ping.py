# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks Postgres for SELECT 1, and tells one that starts up from one that refuses the login."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any, Dict

from .._core.errors import LibraryMissing
from .._core.probe_verdict import PlainAnswer
from .tcp_client import BoundedConnection, Deadline, connect, within

_PROTOCOL_3 = 196608
_LONGEST_MESSAGE = 16 * 1024
_SHUT_OUT = ("57P03", "53300")  # sent before any password is asked for; libpq would hide the code


@dataclass(frozen=True)
class PostgresAddress:
    host: str
    port: int
    username: str
    password: str
    database: str


def import_psycopg2() -> Any:
    try:
        import psycopg2
    except ImportError as error:
        raise LibraryMissing(
            "The Python library 'psycopg2' is missing on this host.",
            hint="Install it for the interpreter Ansible uses there (package python3-psycopg2, or pip install psycopg2-binary).",
            library="psycopg2",
        ) from error
    return psycopg2


def select_one(server: PostgresAddress, deadline: Deadline) -> PlainAnswer:
    """Logs in and runs SELECT 1. A refusal is the answer, with its SQLSTATE where Postgres told one."""
    refusal = knock(server, deadline)
    if refusal.code in _SHUT_OUT:
        return refusal
    return within(deadline, lambda: _select_one(server, deadline))


def _select_one(server: PostgresAddress, deadline: Deadline) -> PlainAnswer:
    psycopg2 = import_psycopg2()
    seconds = deadline.left()
    try:
        connection = psycopg2.connect(
            host=server.host,
            port=server.port,
            user=server.username,
            password=server.password,
            dbname=server.database,
            passfile="/dev/null",  # a password file of this user would answer for another one
            connect_timeout=max(2, math.ceil(seconds)),
            application_name="runbook.compose http_probe",
            options=f"-c statement_timeout={math.ceil(seconds * 1000)}",
        )
    except psycopg2.OperationalError as error:
        return PlainAnswer(error.pgcode or "", _one_line(error))
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return PlainAnswer("", str(cursor.fetchone()[0]), version=_version(connection.server_version))
    except psycopg2.Error as error:
        return PlainAnswer(error.pgcode or "", _one_line(error))
    finally:
        connection.close()


def knock(server: PostgresAddress, deadline: Deadline) -> PlainAnswer:
    """Sends the first message of the protocol only; raises OSError when nobody listens."""
    words = ("user", server.username, "database", server.database, "")
    body = struct.pack("!I", _PROTOCOL_3) + b"\0".join(word.encode() for word in words) + b"\0"
    with BoundedConnection(connect(server.host, server.port, deadline), deadline) as connection:
        connection.sendall(struct.pack("!I", len(body) + 4) + body)
        stream = connection.makefile()
        head = stream.read(5)
        if len(head) < 5:
            raise ConnectionResetError("Postgres closed the connection")
        kind, length = struct.unpack("!cI", head)
        if kind != b"E":
            return PlainAnswer()
        fields = _fields(stream.read(max(0, min(length - 4, _LONGEST_MESSAGE))))
    return PlainAnswer(fields.get("C", ""), fields.get("M", ""))


def _fields(payload: bytes) -> Dict[str, str]:
    parts = [part.decode(errors="replace") for part in payload.split(b"\0") if part]
    return {part[0]: part[1:] for part in parts}


def _version(number: int) -> str:
    """150018 is 15.18 (the numbering since Postgres 10)."""
    return f"{number // 10000}.{number % 10000}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
