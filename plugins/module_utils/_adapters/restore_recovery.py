# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a restore that ended in the middle to one of its two good ends, whoever died, the module or a step of it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from typing import Any, Callable, ContextManager, List, Optional

from .._core.backup_catalogue import timestamp
from .._core.errors import OperationError
from .._core.masking import Masking
from .._core.restore_plan import choose_source
from .._core.restore_record import PRESENT, SWAPPING, Recovery, RestoreRecord, recovery
from .._core.restore_request import RestoreRequest
from .._core.stack import Stack
from .archive_restore import RestoreSettings
from .backup_maker import now_naive
from .backup_store import BackupStore
from .database_swap import DatabaseSwap, maintenance_session
from .dependents import Dependents
from .dump_watch import never_time_out
from .postgres_dump import Server
from .postgres_session import PostgresSession
from .recorded_run import not_started_again
from .restore_records import RestoreRecords
from .restore_source import choose_published
from .shadow_database import ShadowDatabase, jobs_or_default
from .verifier import WORK, work_directory

_LAST_SESSIONS_SECONDS = 30.0
# Making and dropping a database wait for a checkpoint, which takes long on a busy server with much memory.
_CHECKPOINT_SECONDS = 900.0


@dataclass(frozen=True)
class RestorePlace:
    """Where restores happen. ``warn`` tells people something that is no failure."""

    stack: Stack
    server: Server
    records: RestoreRecords
    warn: Callable[[str], None]

    def control(self, record: RestoreRecord) -> PostgresSession:
        """A session on another database that may be idle for as long as a restore takes."""
        session = maintenance_session(self.server, record.database, "restore control", _CHECKPOINT_SECONDS)
        never_time_out(session)
        return session

    def dependents(self) -> Dependents:
        return Dependents(self.server.engine, self.stack.name, self.server.service.access.service)

    def work(self, record: RestoreRecord) -> ContextManager[str]:
        """Where there is most room: beside the backups, else with our records."""
        return work_directory(self._work_parent(record), record.run_id)

    def clear_work(self, record: RestoreRecord) -> None:
        """What a killed run left there."""
        shutil.rmtree(os.path.join(self._work_parent(record), WORK + record.run_id), ignore_errors=True)

    def _work_parent(self, record: RestoreRecord) -> str:
        if not record.backup_dir:
            return self.records.directory
        return BackupStore(record.backup_dir, self.stack.name, record.service).directory(record.database)


def purpose_of(record: RestoreRecord) -> str:
    """Becomes part of the application_name of every session that works on the shadow database."""
    return f"restore {record.run_id.rpartition('-')[2]}"


class RestoreRecovery:
    """To be used while ``records.working_on`` the database. ``not_started`` is why a dependent could not be started again."""

    def __init__(self, place: RestorePlace, request: RestoreRequest) -> None:
        self._place = place
        self._request = request
        self.not_started: Optional[OperationError] = None

    def settle(self, record: RestoreRecord, back: bool) -> Recovery:
        """Does what ``recovery`` decides, and ends the record. Can be repeated after any failure."""
        self._place.clear_work(record)
        with self._place.control(record) as session:
            swap = DatabaseSwap(self._place.server, session, self._request.fence_timeout)
            swap.end_sessions_of(purpose_of(record), _LAST_SESSIONS_SECONDS)
            todo = recovery(record, swap.databases(), back)
            if todo.restore_safety_backup:
                record = self._bring_back(record, session, swap)
                todo = Recovery("undone", ((record.coming_name, record.database),), allow=record.database)
            self._exchange(swap, todo)
            self._start(record)
            if todo.drop:
                swap.drop(todo.drop)
        self._conclude(record, todo)
        return todo

    def _exchange(self, swap: DatabaseSwap, todo: Recovery) -> None:
        if todo.rename:
            swap.fence([old for old, _new in todo.rename])
            swap.rename(todo.rename)
        if todo.allow:
            swap.allow(todo.allow)
            swap.prove(todo.allow, None)

    def _bring_back(self, record: RestoreRecord, session: PostgresSession, swap: DatabaseSwap) -> RestoreRecord:
        """mode=replace dropped the database and could not put another one in its place: the safety backup fills a new one."""
        place = self._place
        if record.coming_name in swap.databases():
            swap.drop(record.coming_name)
        store = BackupStore(record.backup_dir, place.stack.name, record.service)
        backup = choose_source(store.all()[0], record.database, record.safety_backup)
        # Questions to the copy that failed, and its masking, are not meant for what was live.
        source = replace(choose_published(backup, self._request).shadow, assertions=(), masking=Masking())
        with place.work(record) as work:
            settings = RestoreSettings(work, purpose_of(record), jobs_or_default(self._request.jobs), self._request.timeout)
            shadow = ShadowDatabase(place.server, session, settings, lambda size: None)
            oid = shadow.make(record.coming_name, source)
            shadow.fill(record.coming_name, source)
        return place.records.write(record.at(SWAPPING, coming_oid=oid, source=f"safety backup {backup.id}"))

    def _start(self, record: RestoreRecord) -> None:
        """One that does not start does not keep the databases from their good end either."""
        gone, not_started = self._place.dependents().start_each(record.containers)
        self.not_started = self.not_started or not_started
        if gone:
            self._place.warn(not_started_again(gone))

    def _conclude(self, record: RestoreRecord, todo: Recovery) -> None:
        records = self._place.records
        if todo.outcome == "finished":
            records.write(record.concluded(timestamp(now_naive())))
        elif record.operation == PRESENT:
            records.remove(record)
        else:
            records.write(record.reverted())


def steps_of(record: RestoreRecord, todo: Recovery) -> List[Any]:
    """For a plan: (action, target, detail)."""
    steps = [("rename", old, f"to {new}") for old, new in todo.rename]
    steps += [("restore", record.database, record.safety_backup)] if todo.restore_safety_backup else []
    steps += [("allow", todo.allow, "")] if todo.allow else []
    steps += [("start", entry.partition(":")[2], "") for entry in reversed(record.containers)]
    steps += [("drop", todo.drop, "")] if todo.drop else []
    return steps or [("forget", record.run_id, f"it died at the stage {record.stage}")]
