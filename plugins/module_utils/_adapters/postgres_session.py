# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One session on a Postgres server (psycopg2, imported only when a server is needed)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Type, Union

from .._core.errors import OperationError
from .._core.postgres_errors import postgres_error
from .postgres_ping import PostgresAddress, import_psycopg2, knock
from .tcp_client import Deadline

Parameters = Union[Sequence[Any], Mapping[str, Any], None]
_APPLICATION = "runbook.compose"
_NOT_REACHED, _LOGIN_REFUSED = "08001", "28000"


@dataclass(frozen=True)
class SessionLimits:
    """Times in seconds; 0 sets no limit, None leaves the server's own."""

    statement: Optional[float] = 60.0
    lock: Optional[float] = 10.0
    connect: int = 10


class PostgresSession:
    """Autocommits each statement, unless inside ``transaction()``. Raises our errors, nothing of psycopg2's."""

    def __init__(self, connection: Any, name: str) -> None:
        self._connection = connection
        self._name = name
        self.notices: List[str] = connection.notices

    @classmethod
    def open(cls, address: PostgresAddress, database: str, purpose: str, limits: SessionLimits = SessionLimits()) -> "PostgresSession":
        """``purpose`` becomes part of application_name, by which other sessions can tell ours."""
        psycopg2 = import_psycopg2()
        options = _connection_options(address, database, purpose, limits)
        for again in (True, False):
            try:
                connection = psycopg2.connect(**options)
                break
            except psycopg2.Error as error:
                state = error.pgcode or _why_refused(address, limits)
                if state == _LOGIN_REFUSED and again:
                    continue  # it may have been starting, or full, when it was asked first, and have become ready before we asked why
                raise _translated(error, f"Connecting to {address.host}:{address.port}/{database} as {address.username}", state) from error
        connection.autocommit = True
        return cls(connection, database)

    def __enter__(self) -> "PostgresSession":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()

    @property
    def version(self) -> int:
        """As the server numbers itself: 150018 is 15.18."""
        return self._connection.server_version

    @property
    def pid(self) -> int:
        """The server's process of this session."""
        return self._connection.info.backend_pid

    @property
    def raw(self) -> Any:
        """The psycopg2 connection, for adapters beside this one; use it inside ``asking``."""
        return self._connection

    def rows(self, statement: Any, parameters: Parameters = None) -> List[Dict[str, Any]]:
        """All rows as dictionaries by column name."""
        with self.asking(), self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor.fetchall()]

    def value(self, statement: Any, parameters: Parameters = None) -> Any:
        """The first column of the first row; None without a row."""
        with self.asking(), self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            row = cursor.fetchone()
            return row[0] if row else None

    def execute(self, statement: Any, parameters: Parameters = None) -> int:
        """Runs a statement; the number of rows it touched, -1 where there is no such number."""
        with self.asking(), self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.rowcount

    @contextlib.contextmanager
    def transaction(self, characteristics: str = "") -> Iterator[None]:
        """All statements inside together or none. ``characteristics`` as after BEGIN, such as ``ISOLATION LEVEL REPEATABLE READ READ ONLY``."""
        self.execute(f"BEGIN {characteristics}")
        try:
            yield
        except BaseException:
            with contextlib.suppress(OperationError):  # of a session that is gone nothing remains to be rolled back
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Translates psycopg2's errors into ours."""
        psycopg2 = import_psycopg2()
        try:
            yield
        except psycopg2.Error as error:
            raise _translated(error, f"Postgres ({self._name})", "08006" if self._connection.closed else "") from error

    def close(self) -> None:
        self._connection.close()


def _connection_options(address: PostgresAddress, database: str, purpose: str, limits: SessionLimits) -> Dict[str, Any]:
    settings = {"statement_timeout": limits.statement, "lock_timeout": limits.lock}
    return {
        "host": address.host,
        "port": address.port,
        "user": address.username,
        "password": address.password,
        "dbname": database,
        "passfile": "/dev/null",  # a password file of this user would answer for another one
        "connect_timeout": max(2, limits.connect),
        "application_name": f"{_APPLICATION} {purpose}",
        "client_encoding": "UTF8",
        "options": " ".join(f"-c {name}={round(seconds * 1000)}" for name, seconds in settings.items() if seconds is not None),
    }


def _why_refused(address: PostgresAddress, limits: SessionLimits) -> str:
    """The SQLSTATE that psycopg2 does not tell of a connection that was refused."""
    try:
        refusal = knock(address, Deadline(max(2, limits.connect)))
    except OSError:
        return _NOT_REACHED
    return refusal.code or _LOGIN_REFUSED  # it talks to us, so what it did not like is who we are


def quoted(*names: str) -> str:
    """An identifier as SQL wants it, its parts joined by dots: ``"public"."Transaction"``."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def _translated(error: Any, where: str, otherwise: str) -> OperationError:
    diagnosed = getattr(getattr(error, "diag", None), "message_primary", None)
    return postgres_error(error.pgcode or otherwise, diagnosed or str(error), where)
