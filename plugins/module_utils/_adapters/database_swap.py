# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchanges databases by their names: nobody in, everybody out, both renamed in one transaction, everybody in again."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._core.errors import OperationError
from .._core.postgres_errors import PostgresFailed, PostgresLocked, PostgresLoginRefused, PostgresUnreachable
from .._core.restore_errors import FenceFailed, SwapFailed
from .postgres_dump import Server
from .postgres_session import PostgresSession, quoted

_POLL_SECONDS = 0.02
_PROBE_SECONDS = 10.0
# Also parallel workers, walsenders and autovacuum: whatever is connected stops a rename.
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s) AND pid <> pg_backend_pid()"
_CONNECTED = """
    SELECT pid, usename::text AS username, application_name, state, backend_type FROM pg_stat_activity
    WHERE datname = ANY(%s) AND pid <> pg_backend_pid() ORDER BY backend_start
"""
_END_OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s AND pid <> pg_backend_pid()"
_OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND pid <> pg_backend_pid()"

Rename = Tuple[str, str]


class DatabaseSwap:
    """Works in a session on another database (``session``). ``fence_timeout`` in seconds."""

    def __init__(self, server: Server, session: PostgresSession, fence_timeout: float) -> None:
        self._server = server
        self._session = session
        self._fence_timeout = fence_timeout
        self._fenced_at = 0.0

    def databases(self) -> Dict[str, int]:
        return {row["datname"]: row["oid"] for row in self._session.rows("SELECT datname::text, oid::int8 FROM pg_database")}

    def fence(self, names: Sequence[str]) -> None:
        """Nobody gets in any more, superusers included; everybody who is in is put out. Raises FenceFailed with who stays."""
        self._fenced_at = self._fenced_at or time.monotonic()
        for name in names:
            self._session.execute(f"ALTER DATABASE {quoted(name)} WITH ALLOW_CONNECTIONS false")
        until = time.monotonic() + self._fence_timeout
        while True:
            self._session.rows(_END_SESSIONS, (list(names),))
            left = self._session.rows(_CONNECTED, (list(names),))
            if not left:
                return
            if time.monotonic() >= until:
                raise _still_there(left, self._fence_timeout)
            time.sleep(_POLL_SECONDS)

    def rename(self, renames: Sequence[Rename]) -> None:
        """All or none. A session that slipped in just before the fence is put out and the transaction tried again."""
        until = time.monotonic() + self._fence_timeout
        while True:
            try:
                with self._session.transaction():
                    for old, new in renames:
                        self._session.execute(f"ALTER DATABASE {quoted(old)} RENAME TO {quoted(new)}")
                return
            except (PostgresFailed, PostgresLocked) as error:
                if not self._session.rows(_CONNECTED, ([old for old, _new in renames],)) or time.monotonic() >= until:
                    raise SwapFailed(f"The databases could not be renamed: {error}", hint=error.hint, **error.details) from error
            self._session.rows(_END_SESSIONS, ([old for old, _new in renames],))

    def allow(self, name: str) -> None:
        self._session.execute(f"ALTER DATABASE {quoted(name)} WITH ALLOW_CONNECTIONS true")

    def prove(self, name: str, oid: Optional[int]) -> int:
        """Connects anew, and looks whether this is the right database; the ms since the fence. Raises SwapFailed."""
        until = time.monotonic() + _PROBE_SECONDS
        while True:
            try:
                with self._server.session(name, "probe") as session:
                    taken = round((time.monotonic() - self._fenced_at) * 1000) if self._fenced_at else 0
                    _require_right(session, name, oid)
                    return taken
            except (PostgresUnreachable, PostgresLoginRefused) as error:
                if time.monotonic() >= until:
                    raise SwapFailed(f"{name} does not accept a connection after the exchange: {error}", hint=error.hint) from error
            time.sleep(_POLL_SECONDS)

    def drop(self, name: str) -> None:
        """With whoever is connected."""
        self._session.execute(f"ALTER DATABASE {quoted(name)} WITH ALLOW_CONNECTIONS false")
        self._session.execute(f"DROP DATABASE {quoted(name)} WITH (FORCE)")

    def end_sessions_of(self, purpose: str, seconds: float) -> None:
        """Ends what a dead run still does on the server, and waits until it is gone: it could still commit."""
        application, until = f"runbook.compose {purpose}", time.monotonic() + seconds
        while self._session.value(_OURS, (application,)):
            self._session.rows(_END_OURS, (application,))
            if time.monotonic() >= until:
                raise FenceFailed(f"Sessions of a dead run ({application}) do not end.", hint="Look at them (postgres_sessions), and run again.")
            time.sleep(_POLL_SECONDS)


def maintenance_session(server: Server, database: str, purpose: str, statement_seconds: float = 60) -> PostgresSession:
    """A session on a database that is not the one to be renamed."""
    chosen = server.service.access.maintenance_database
    return server.session(chosen if chosen != database else "template1", purpose, statement_seconds=statement_seconds)


def _require_right(session: PostgresSession, name: str, oid: Optional[int]) -> None:
    """The number of a database is its own for ever, whatever its name is: with it comes the content that was compared before."""
    found: Any = session.value("SELECT oid::int8 FROM pg_database WHERE datname = current_database()")
    if oid is not None and found != oid:
        raise SwapFailed(f"{name} is not the database that was to become live (number {found}, expected {oid}).", hint="Look at the server's databases.")


def _still_there(left: List[Dict[str, Any]], seconds: float) -> OperationError:
    first = left[0]
    who = f"process {first['pid']} of {first['username'] or first['backend_type']} ({first['application_name'] or 'no name'}, {first['state'] or 'busy'})"
    return FenceFailed(
        f"{len(left)} sessions did not end within {seconds:g} s; the first one is {who}.",
        hint="They wait for a disk or a network. Give fence_timeout more seconds, or end them by hand.",
        sessions=[{"pid": row["pid"], "username": row["username"], "application_name": row["application_name"]} for row in left],
    )
