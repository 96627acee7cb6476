# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One restore or one exchange, step after step, each written down before it is done; taken back when one fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence

from .._core.backup_catalogue import timestamp
from .._core.container import Container
from .._core.errors import OperationError
from .._core.restore_plan import require_same
from .._core.restore_record import (
    DROPPING,
    FENCING,
    PLANNED,
    RESTORED,
    RESTORING,
    STOPPING,
    SWAPPED,
    SWAPPING,
    RestoreRecord,
)
from .._core.restore_request import REPLACE, RestoreRequest
from .archive_restore import RestoreSettings
from .backup_maker import now_naive
from .database_swap import DatabaseSwap
from .postgres_session import PostgresSession
from .progress_file import ProgressFile
from .recorded_run import NEEDS_ATTENTION, ROLLED_BACK, UNTOUCHED, RecordedRun
from .restore_recovery import RestorePlace, RestoreRecovery, purpose_of
from .shadow_database import ShadowDatabase, ShadowSource, jobs_or_default

_BEFORE_THE_FENCE = (PLANNED, RESTORING, RESTORED, STOPPING)


@dataclass(frozen=True)
class RestoreWork:
    """What a restore fills a shadow database from. ``take_safety_backup`` gives the id of a backup of the live one, None takes none."""

    source: ShadowSource
    role_statements: Sequence[str] = ()
    take_safety_backup: Optional[Callable[[ProgressFile], str]] = None


@dataclass
class Done:
    """What only acting can tell."""

    record: RestoreRecord
    unavailable_ms: int = 0
    safety_backup: str = ""
    facts: Dict[str, Any] = field(default_factory=dict)
    warnings: List[str] = field(default_factory=list)


class RestoreRun(RecordedRun):
    """To be used while ``records.working_on`` the database, once."""

    SENTENCES = {
        UNTOUCHED: "The live database is as it was.",
        ROLLED_BACK: "The database from before is live again.",
        NEEDS_ATTENTION: "Run postgres_restore with state=recovered.",
    }

    def __init__(self, place: RestorePlace, request: RestoreRequest, record: RestoreRecord, containers: Sequence[Container]) -> None:
        super().__init__(place, record, containers)
        self._request = request
        self._done = Done(record)

    def restore(self, work: RestoreWork, progress: ProgressFile) -> Done:
        """A backup or a file becomes the live database."""
        replacing = self._request.mode == REPLACE and self._record.live_oid is not None
        self._require_same_as_planned()
        with self._taken_back_on_failure(), self._place.control(self._record) as session:
            swap = DatabaseSwap(self._place.server, session, self._request.fence_timeout)
            self._note(PLANNED)
            if replacing:
                self._stop_dependents(STOPPING)
            self._save(work, progress)
            for statement in work.role_statements:
                session.execute(statement)
            if replacing:
                self._give_up(swap)
            self._fill(session, work.source, progress)
            if not replacing:
                self._stop_dependents(STOPPING)
            self._exchange(swap)
        return self._finished()

    def exchange(self) -> Done:
        """A kept database becomes live, and what is live is kept."""
        self._require_same_as_planned()
        with self._taken_back_on_failure(), self._place.control(self._record) as session:
            self._stop_dependents(STOPPING)
            self._exchange(DatabaseSwap(self._place.server, session, self._request.fence_timeout))
        return self._finished()

    def _require_same_as_planned(self) -> None:
        """Another run may have ended between the plan and this one. Nothing was done yet that would have to be taken back."""
        with self._place.control(self._record) as session:
            require_same(self._record, DatabaseSwap(self._place.server, session, self._request.fence_timeout).databases())

    def _save(self, work: RestoreWork, progress: ProgressFile) -> None:
        if work.take_safety_backup is not None:
            self._done.safety_backup = work.take_safety_backup(progress)
            self._note(self._record.stage, safety_backup=self._done.safety_backup)

    def _fill(self, session: PostgresSession, source: ShadowSource, progress: ProgressFile) -> None:
        def moved(size: int) -> None:
            progress.bytes += size

        record = self._record
        progress.phase, progress.bytes = "restoring", 0
        progress.expected_bytes = source.archive.file.plain_bytes if source.archive.file.plain_bytes > 0 else None
        self._note(RESTORING)
        with self._place.work(record) as directory:
            settings = RestoreSettings(directory, purpose_of(record), jobs_or_default(self._request.jobs), self._request.timeout)
            shadow = ShadowDatabase(self._place.server, session, settings, moved)
            self._note(RESTORING, coming_oid=shadow.make(record.coming_name, source))
            self._done.facts = shadow.fill(record.coming_name, source)
            self._done.warnings += shadow.warnings
        self._place.server.service.require_same(self._place.server.engine)
        progress.phase = "exchanging"
        self._note(RESTORED)

    def _give_up(self, swap: DatabaseSwap) -> None:
        """mode=replace: from here on only the safety backup has the old content."""
        require_same(self._record, swap.databases())
        self._note(FENCING)
        swap.fence([self._record.database])
        self._note(DROPPING, dropped=True)
        swap.drop(self._record.database)

    def _exchange(self, swap: DatabaseSwap) -> None:
        record = self._record
        aside = [(record.database, record.aside_name)] if record.live_oid is not None and not record.dropped else []
        renames = [*aside, (record.coming_name, record.database)]
        if not record.dropped:
            require_same(record, swap.databases())
            self._note(FENCING)
        swap.fence([old for old, _new in renames])
        self._note(SWAPPING)
        swap.rename(renames)
        # Written down only when everybody is in again: what was committed is told by the databases' numbers.
        swap.allow(record.database)
        taken = swap.prove(record.database, record.coming_oid)
        self._note(SWAPPED)
        self._done.unavailable_ms = taken if record.live_oid is not None else 0

    def _finished(self) -> Done:
        self._done.warnings += self._start_dependents()
        with self._live_already():
            self._record = self._place.records.write(self._record.concluded(timestamp(now_naive())))
        self._done.record = self._record
        return self._done

    def _take_back(self) -> str:
        taking_back = RestoreRecovery(self._place, self._request)
        try:
            todo = taking_back.settle(self._record, back=True)
        except OperationError as worse:
            self._place.warn(f"The failed restore could not be taken back: {worse}")
            return NEEDS_ATTENTION
        if taking_back.not_started is not None:
            self._place.warn(f"The databases are in order, but not everything that was stopped runs again: {taking_back.not_started}")
        if todo.outcome == "finished":
            return NEEDS_ATTENTION
        return UNTOUCHED if self._record.stage in _BEFORE_THE_FENCE and not self._record.dropped else ROLLED_BACK
