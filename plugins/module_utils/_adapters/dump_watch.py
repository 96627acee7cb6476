# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a database beside its dump: what is in it, and who is in the way."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Dict, List, Optional, Sequence, Type

from .._core.database_content import DatabaseContent, SequenceContent
from .._core.errors import OperationError
from .postgres_content import Summing, capture_rest
from .postgres_session import PostgresSession

SNAPSHOT_TRANSACTION = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
_PURPOSE = "dump"
_LOOKS_AT_WORK = 2  # one may meet it while the server ends a wait that took too long
_LONGEST_HOST = 24  # application_name holds 63 bytes
_BLOCKERS = """
    SELECT DISTINCT b.pid, b.usename::text AS username, b.application_name, b.state, left(b.query, 1000) AS query
    FROM pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) p JOIN pg_stat_activity b ON b.pid = p
    WHERE a.application_name = %s AND a.wait_event_type = 'Lock' AND b.application_name IS DISTINCT FROM a.application_name
"""
_AT_WORK = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = %s AND state = 'active' AND pid <> ALL(%s)"
_OURS = "SELECT pid, application_name FROM pg_stat_activity WHERE application_name LIKE 'runbook.compose dump %:%' AND pid <> pg_backend_pid()"
_LITERAL = re.compile(r"'(?:[^']|'')*(?:'|$)|\$(\w*)\$.*?(?:\$\1\$|$)", re.DOTALL)


def purpose_of_this_process() -> str:
    """Becomes part of the application_name of every session of a dump, so that those of a dead run can be told."""
    return f"{_PURPOSE} {socket.gethostname()[:_LONGEST_HOST]}:{os.getpid()}"


def end_dead_dumps(session: PostgresSession) -> List[int]:
    """Ends the sessions of dumps whose module has died on this host; their process numbers on the server."""
    dead = [row["pid"] for row in session.rows(_OURS) if not _lives(row["application_name"])]
    return [pid for pid in dead if session.value("SELECT pg_terminate_backend(%s)", (pid,))]


def never_time_out(session: PostgresSession) -> None:
    """A session that holds a snapshot does nothing for as long as the dump takes."""
    for name, since in (("idle_in_transaction_session_timeout", 0), ("idle_session_timeout", 140000), ("transaction_timeout", 170000)):
        if session.version >= since:
            session.execute("SELECT set_config(%s, '0', false)", (name,))


class ContentCapture:
    """Captures the content in a thread and a session of its own, in the snapshot of the dump; a context that does not outlive it."""

    def __init__(self, session: PostgresSession, snapshot: str, summing: Summing, sequences: Dict[str, SequenceContent]) -> None:
        self._session = session
        self._snapshot = snapshot
        self._summing = summing
        self._sequences = sequences
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._content: Optional[DatabaseContent] = None
        self.failure: Optional[BaseException] = None

    def __enter__(self) -> "ContentCapture":
        self._thread.start()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        while self._thread.is_alive():
            with contextlib.suppress(OperationError), self._session.asking():
                self._session.raw.cancel()
            self._thread.join(1)

    def result(self) -> DatabaseContent:
        self._thread.join()
        self.require_no_failure()
        if self._content is None:  # never: a thread that ended without a failure has one
            raise OperationError("The content of the database was not captured.")
        return self._content

    def require_no_failure(self) -> None:
        if self.failure is not None:
            raise self.failure

    def settle(self, seconds: float) -> None:
        """Gives it a moment to fail too: its errors are typed, those of pg_dump are words."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            with self._session.transaction(SNAPSHOT_TRANSACTION):
                self._session.execute("SET TRANSACTION SNAPSHOT %s", (self._snapshot,))
                self._content = capture_rest(self._session, self._summing, self._sequences)
        except BaseException as failure:  # told by the thread that waits for it
            self.failure = failure


@dataclass(frozen=True)
class Blocker:
    """A session that holds what the dump waits for. Values in its statement are masked."""

    pid: int
    username: Optional[str]
    application_name: str
    state: Optional[str]
    query: str

    def __str__(self) -> str:
        return f"process {self.pid} of {self.username} ({self.application_name or 'no name'}, {self.state}): {self.query}"


class LockWatch:
    """Remembers who was in the way until the dump is seen at work again: one whose wait timed out is told of later, however long that takes.

    ``beside`` are the sessions of ours that have the dump's name and are not the dump.
    """

    def __init__(self, session: PostgresSession, application: str, beside: Sequence[int]) -> None:
        self._session = session
        self._application = application
        self._beside = list(beside)
        self._looks_at_work = 0
        self.blockers: List[Blocker] = []

    def look(self) -> None:
        rows = self._session.rows(_BLOCKERS, (self._application,))
        found = [Blocker(**{**row, "query": " ".join(_LITERAL.sub("'...'", row["query"]).split())[:160]}) for row in rows]
        if found:
            self.blockers, self._looks_at_work = found, 0
        elif self.blockers and self._session.value(_AT_WORK, (self._application, self._beside)):
            self._looks_at_work += 1
            if self._looks_at_work >= _LOOKS_AT_WORK:
                self.blockers = []


def _lives(application: str) -> bool:
    """Whether the module that named a session so still runs. On another host that cannot be known, so it is taken for granted."""
    host, _colon, process = application.rpartition(" ")[2].rpartition(":")
    return host != socket.gethostname()[:_LONGEST_HOST] or os.path.exists(f"/proc/{process}")
