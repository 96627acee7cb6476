# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets people see how far a long maintenance is: a second session watches, a file on the target says."""

from __future__ import annotations

import threading
from datetime import datetime
from types import TracebackType
from typing import Any, Dict, Optional, Type

from .._core.errors import OperationError
from .clock import utc_now
from .postgres_session import PostgresSession
from .postgres_target import PostgresTarget
from .record_file import RecordFile

_SECONDS = 1.0
_VACUUM = """
SELECT phase, round(100.0 * CASE phase WHEN 'vacuuming heap' THEN heap_blks_vacuumed ELSE heap_blks_scanned END / nullif(heap_blks_total, 0), 1) AS percent
FROM pg_catalog.pg_stat_progress_vacuum WHERE pid = %(pid)s
"""
_OTHERS = """
UNION ALL SELECT phase, round(100.0 * sample_blks_scanned / nullif(sample_blks_total, 0), 1) FROM pg_catalog.pg_stat_progress_analyze WHERE pid = %(pid)s
UNION ALL SELECT phase, round(100.0 * heap_blks_scanned / nullif(heap_blks_total, 0), 1) FROM pg_catalog.pg_stat_progress_cluster WHERE pid = %(pid)s
UNION ALL SELECT phase, round(100.0 * coalesce(nullif(blocks_done, 0), tuples_done) / nullif(coalesce(nullif(blocks_total, 0), tuples_total), 0), 1)
  FROM pg_catalog.pg_stat_progress_create_index WHERE pid = %(pid)s
"""


class MaintenanceProgress:
    """Writes every second while it is open. When it cannot watch any more it stops, and the work goes on."""

    def __init__(self, target: PostgresTarget, task: str, database: str, total: int) -> None:
        self._target = target
        self._database = database
        self._record: Dict[str, Any] = {"operation": f"maintenance-{task}", "task": task, "database": database, "total": total, "done": 0}
        self._record.update(state="running", started_at=_iso(utc_now()), table="", phase="", percent=None)
        self._pid = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._file: Optional[RecordFile] = None
        self.trouble = ""

    def __enter__(self) -> "MaintenanceProgress":
        try:
            self._file = RecordFile(self._target.stack.in_state("progress"), f"{self._record['operation']}.json")
        except OSError as error:
            self.trouble = str(error)
        self._thread.start()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self._stop.set()
        self._thread.join(timeout=10 * _SECONDS)
        self._write(state="failed" if kind else "finished", phase="", percent=None)

    def work_on(self, table: str, pid: int, done: int) -> None:
        self._pid = pid
        self._write(table=table, phase="", percent=None, done=done)

    def _watch(self) -> None:
        try:
            with self._target.open("postgres_maintenance progress") as session:
                while not self._stop.wait(_SECONDS):
                    self._look(session)
        except OperationError as error:
            self.trouble = str(error)

    def _look(self, session: PostgresSession) -> None:
        rows = session.rows(_VACUUM + _OTHERS, {"pid": self._pid})
        percent = rows[0]["percent"] if rows else None
        self._write(phase=rows[0]["phase"] if rows else "", percent=None if percent is None else float(percent))

    def _write(self, **facts: Any) -> None:
        with self._lock:
            self._record.update(facts, updated_at=_iso(utc_now()))
            try:
                if self._file is not None:
                    self._file.refresh(self._record)
            except OSError as error:
                self.trouble = str(error)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
