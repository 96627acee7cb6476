# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a restore of Redis that ended in the middle to one of its two good ends, whoever died, the module or a step of it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import Any, Callable, ContextManager, List, Optional, Tuple

from .._core.backup_catalogue import timestamp
from .._core.errors import OperationError
from .._core.rdb_content import SUBJECT
from .._core.redis_restore_record import EXCHANGING, PROVEN, RedisRestoreRecord
from .._core.redis_restore_request import RedisRestoreRequest
from .._core.restore_record import PRESENT
from .._core.stack import Stack
from .backup_files import now_naive
from .backup_store import BackupStore
from .dependents import Dependents
from .recorded_run import not_started_again
from .redis_control import RedisControl
from .redis_files import RedisFiles
from .restore_records import RestoreRecords
from .verifier import WORK, work_directory

FINISHED, UNDONE = "finished", "undone"


@dataclass(frozen=True)
class RedisPlace:
    """Where restores happen. ``warn`` tells people something that is no failure."""

    stack: Stack
    control: RedisControl
    records: "RestoreRecords[RedisRestoreRecord]"
    backup_dir: str
    warn: Callable[[str], None]

    def dependents(self) -> Dependents:
        return Dependents(self.control.engine, self.stack.name, self.control.access.service)

    def store(self) -> BackupStore:
        return BackupStore(self.backup_dir, self.stack.name, self.control.access.service)

    def work(self, record: RedisRestoreRecord) -> ContextManager[str]:
        return work_directory(self._work_parent(), record.run_id)

    def clear_work(self, record: RedisRestoreRecord) -> None:
        """What a killed run left there."""
        shutil.rmtree(os.path.join(self._work_parent(), WORK + record.run_id), ignore_errors=True)

    def _work_parent(self) -> str:
        return self.store().directory(SUBJECT) if self.backup_dir else self.records.directory


class RedisRecovery:
    """To be used while ``records.working_on`` the data. ``not_started`` is why a dependent could not be started again."""

    def __init__(self, place: RedisPlace, request: RedisRestoreRequest) -> None:
        self._place = place
        self._request = request
        self.not_started: Optional[OperationError] = None

    def settle(self, record: RedisRestoreRecord, back: bool) -> str:
        """An exchange that was proven counts, unless ``back`` asks for the way back; all others are taken back. Can be repeated after any failure."""
        place, control = self._place, self._place.control
        place.clear_work(record)
        if record.reached(PROVEN) and not back:
            control.start()
            self._start(record)
            self.remove(record, [record.coming])
            place.records.write(record.concluded(timestamp(now_naive())))
            return FINISHED
        if record.reached(EXCHANGING):
            control.discard()
            self._put_back(record)
        if not record.down:  # else it is as it was
            control.start()
        self._start(record)
        if record.operation == PRESENT:
            self.remove(record, [record.coming, record.aside])
            place.records.remove(record)
        else:
            self.remove(record, [record.aside])
            place.records.write(record.reverted())
        return UNDONE

    def remove(self, record: RedisRestoreRecord, names: List[str]) -> None:
        """Directories that nothing of the live data is in any more."""
        server = self._place.control.stopped_server(record.directory)
        helpers = server.helpers()
        with helpers.bench(self._request.timeout) as bench:
            for name in filter(None, names):
                RedisFiles(helpers, bench).remove(name)

    def _put_back(self, record: RedisRestoreRecord) -> None:
        helpers = self._place.control.stopped_server(record.directory).helpers()
        with helpers.bench(self._request.timeout) as bench:
            RedisFiles(helpers, bench).put_back(record)

    def _start(self, record: RedisRestoreRecord) -> None:
        """One that does not start does not keep the data from their good end either."""
        gone, not_started = self._place.dependents().start_each(record.containers)
        self.not_started = self.not_started or not_started
        if gone:
            self._place.warn(not_started_again(gone))


def steps_of(record: RedisRestoreRecord) -> List[Tuple[Any, ...]]:
    """For a plan: (action, target, detail)."""
    counts = record.reached(PROVEN)
    steps = [("put_back", record.directory, f"from {record.aside}")] if record.reached(EXCHANGING) and not counts else []
    steps += [("start", record.service, "")]
    steps += [("start", entry.partition(":")[2], "") for entry in reversed(record.containers)]
    return [*steps, ("forget" if not counts else "finish", record.run_id, f"it died at the stage {record.stage}")]
