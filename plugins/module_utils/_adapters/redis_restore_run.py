# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One restore of Redis or one undoing, step after step, each written down before it is done; taken back when one fails."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, List, Optional, Sequence

from .._core.backup_catalogue import timestamp
from .._core.container import Container
from .._core.errors import OperationError
from .._core.rdb_content import Loaded, RdbContent, added_after_load, missing_after_load
from .._core.redis_errors import RedisFailed, RedisForbidden
from .._core.redis_key_groups import KeyGroups
from .._core.redis_restore_record import EXCHANGING, HALTED, PLANNED, PROVEN, STAGED, STARTING, STOPPING, RedisRestoreRecord
from .._core.redis_restore_request import RedisRestoreRequest
from .._core.restore_errors import RestoreDiffers
from .backup_files import now_naive
from .progress_file import ProgressFile
from .recorded_run import NEEDS_ATTENTION, ROLLED_BACK, UNTOUCHED, RecordedRun
from .redis_carry import Carried, pick_up, put_down
from .redis_files import RedisFiles
from .redis_key_counting import count_live
from .redis_restore_recovery import RedisPlace, RedisRecovery
from .redis_safety import save_last
from .redis_server import RedisServer
from .redis_session import RedisSession
from .redis_staging import RedisStaging, StagedSource

# While the dependents wait.
_COUNT_SECONDS = 60.0


@dataclass(frozen=True)
class RedisWork:
    """``take_safety_backup`` gives the id of a backup of what is live, None takes none."""

    source: StagedSource
    redis_version: str
    take_safety_backup: Optional[Callable[[ProgressFile], str]] = None


@dataclass
class RedisDone:
    """What only acting can tell."""

    record: RedisRestoreRecord
    content: Optional[RdbContent] = None
    keys: int = 0
    carried: int = 0
    unavailable_ms: int = 0
    restarted: bool = False
    warnings: List[str] = field(default_factory=list)
    groups: List[Dict[str, Any]] = field(default_factory=list)
    not_compared: str = ""


class RedisRestoreRun(RecordedRun):
    """To be used while ``records.working_on`` the data, once."""

    SENTENCES = {
        UNTOUCHED: "The live data are as they were.",
        ROLLED_BACK: "The data from before are live again.",
        NEEDS_ATTENTION: "Run redis_restore with state=recovered.",
    }

    def __init__(self, place: RedisPlace, request: RedisRestoreRequest, record: RedisRestoreRecord, containers: Sequence[Container]) -> None:
        super().__init__(place, record, containers)
        self._request = request
        self._done = RedisDone(record)
        self._groups: Optional[KeyGroups] = None

    def restore(self, work: RedisWork, progress: ProgressFile) -> RedisDone:
        """A backup or a file becomes live."""
        with self._taken_back_on_failure():
            self._note(PLANNED)
            self._groups = work.source.groups
            server = self._server()
            self._stage(server, work, progress)
            self._stop_dependents(STOPPING)
            if work.take_safety_backup is not None:
                self._note(STOPPING, safety_backup=work.take_safety_backup(progress))
            progress.begin("exchanging")
            self._exchange(server)
        return self._finished()

    def exchange(self) -> RedisDone:
        """What was kept becomes live, and what is live is kept."""
        with self._taken_back_on_failure():
            server = self._place.control.server()
            self._stop_dependents(STOPPING)
            self._exchange(server)
        return self._finished()

    def _stage(self, server: RedisServer, work: RedisWork, progress: ProgressFile) -> None:
        helpers = server.helpers()
        with self._place.work(self._record) as directory, helpers.bench(self._request.timeout) as bench:
            staging = RedisStaging(server, bench, directory, self._request.timeout, progress)
            self._done.content = staging.fill(self._record, work.source, work.redis_version)
        if not self._record.down:
            server.service.require_same(server.engine)
        self._note(STAGED)

    def _exchange(self, server: RedisServer) -> None:
        carried = self._last_look(server)
        began, control, helpers = time.monotonic(), self._place.control, server.helpers()
        if self._record.down:
            control.discard()
        else:
            control.stop()
        self._note(HALTED)
        with helpers.bench(self._request.timeout) as bench:
            files = RedisFiles(helpers, bench)
            self._note(EXCHANGING, held=tuple(files.held(self._record)))
            files.exchange(self._record)
        self._note(STARTING)
        started = control.start()
        self._compare(started, server, first=True)
        if carried:
            with started.session() as session:
                self._done.carried = put_down(session, carried)
            save_last(started, self._request.timeout)
        if self._request.prove_restart:
            control.stop()
            self._compare(control.start(), server, first=False)
            self._done.restarted = True
        self._done.unavailable_ms = round((time.monotonic() - began) * 1000)
        self._note(PROVEN)

    def _server(self) -> RedisServer:
        control = self._place.control
        return control.stopped_server(self._record.directory) if self._record.down else control.server()

    def _last_look(self, server: RedisServer) -> Carried:
        """What has to be known of the live data, and on the disk, before they are put aside."""
        if self._record.down:
            return {}
        with server.session() as session:
            carried = pick_up(session, self._request.protected)
        save_last(server, self._request.timeout)
        return carried

    def _compare(self, server: RedisServer, before: RedisServer, first: bool) -> None:
        """What it read is exact after a snapshot was loaded for the first time; from then on some may have expired, and others may have written."""
        with server.session() as session:
            info, stats = session.info("persistence"), session.info("stats")
            loaded = Loaded.from_info(info, session.info("keyspace"))
            lacking = self._missing_of_groups(session) if first and self._done.content else []
        self._done.keys = sum(loaded.databases.values())
        if server.data.appends or not first:
            loaded = replace(loaded, total=-1)
        wrong = missing_after_load(self._done.content, loaded) + lacking if self._done.content else []
        if info.get("aof_last_write_status", "ok") != "ok":
            wrong.append("it cannot write its append-only file")
        if self._done.content and stats.get("evicted_keys", "0") != "0":
            wrong.append(f"it evicted {stats['evicted_keys']} keys at once, for want of memory")
        if wrong:
            raise RestoreDiffers(
                f"After its {'start' if first else 'second start'}, Redis is not what was restored: {'; '.join(wrong[:5])}.", differences=wrong
            )
        if first:
            self._tell_differences(server, before, loaded)

    def _missing_of_groups(self, session: RedisSession) -> List[str]:
        """By prefix and family, as far as they were counted and the user may look."""
        if self._groups is None:
            return self._not_compared("nobody counted the keys of what was restored by prefix; proving a backup does (redis_backup, state=verified)")
        try:
            found = count_live(session, self._groups, _COUNT_SECONDS)
        except (RedisForbidden, RedisFailed) as error:
            return self._not_compared(str(error))
        if found is None:
            return self._not_compared(f"it would have taken longer than {_COUNT_SECONDS:g} s")
        self._done.groups = self._groups.rows_beside(found)
        return self._groups.missing_from(found)

    def _not_compared(self, cause: str) -> List[str]:
        self._done.not_compared = cause
        self._done.warnings.append(f"The keys of single prefixes were not compared: {cause}")
        return []

    def _tell_differences(self, server: RedisServer, before: RedisServer, loaded: Loaded) -> None:
        if self._done.content:
            self._done.warnings += [f"{one}: somebody writes who is not among the dependents" for one in added_after_load(self._done.content, loaded)]
        for name, value in before.data.settings.items():
            now = server.data.settings.get(name, value)
            if now != value:
                self._done.warnings.append(f"{name} was set to {value!r} and is {now!r} since the start: it is not in the configuration of the service")

    def _finished(self) -> RedisDone:
        self._done.warnings += self._start_dependents()
        with self._live_already():
            RedisRecovery(self._place, self._request).remove(self._record, [self._record.coming])
            self._record = self._place.records.write(self._record.concluded(timestamp(now_naive())))
        self._done.record = self._record
        return self._done

    def _take_back(self) -> str:
        taking_back = RedisRecovery(self._place, self._request)
        try:
            taking_back.settle(self._record, back=True)
        except OperationError as worse:
            self._place.warn(f"The failed restore could not be taken back: {worse}")
            return NEEDS_ATTENTION
        if taking_back.not_started is not None:
            self._place.warn(f"The data are in order, but not everything that was stopped runs again: {taking_back.not_started}")
        return ROLLED_BACK if self._record.reached(STOPPING) else UNTOUCHED
