# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup or a file becomes the live database (state=present)."""

from __future__ import annotations

import contextlib
import secrets
from datetime import timedelta
from typing import Any, Dict, List, Optional, Tuple

from .._core.backup_catalogue import DUMPED, VERIFIED, Backup, timestamp
from .._core.container import Container
from .._core.plan import Plan
from .._core.restore_errors import refusal
from .._core.restore_names import NEW, UNDO, beside, new_run_id
from .._core.restore_plan import Outline, choose_source, newest_wanted, plan_restore, require_confirmation, require_finished
from .._core.restore_preflight import TargetFacts, missing_roles, problems
from .._core.restore_record import RestoreRecord
from .._core.restore_request import LATEST_VERIFIED, REPLACE, RestoreRequest
from .._core.role_statements import statements_for, without_password
from .backup_maker import files_of, now_naive
from .backup_proof import known_backups
from .backup_store import BackupStore
from .database_swap import maintenance_session
from .postgres_session import PostgresSession
from .progress_file import ProgressFile
from .restore_facts import properties_for_file, target_facts
from .restore_recovery import RestorePlace
from .restore_run import Done, RestoreRun, RestoreWork
from .restore_source import Chosen, choose_file, choose_published, with_damage
from .safety_backup import SafetyBackup


class RestorePresent:
    """Plans and does one restore."""

    def __init__(self, place: RestorePlace, request: RestoreRequest) -> None:
        self._place = place
        self._request = request
        self._store = self._backups_of(place.stack.name)
        self._source_store = self._backups_of(request.backup_stack) if request.backup_stack else self._store
        self._safety: Optional[SafetyBackup] = None
        self._containers: List[Container] = []
        self._record: RestoreRecord
        self._target: TargetFacts
        self._chosen: Chosen

    def plan(self) -> Plan:
        place, request = self._place, self._request
        require_finished(place.records.all(), request.database)
        with files_of(request.backup_dir or request.file), maintenance_session(place.server, request.database, "restore") as session:
            self._target = target_facts(place.server, session, request.database)
            own = self._known(self._store)
            self._chosen = self._choose(session, own if self._source_store is self._store else self._known(self._source_store))
            self._refuse("The restore")
            self._containers = place.dependents().running(request.services_to_stop)
            plan = plan_restore(self._outline(self._decide_safety(own)), request)
            require_confirmation(request, place.stack.name, plan)
            if self._source_store is not None:
                self._chosen = with_damage(self._source_store, self._chosen)
                self._refuse("The restore")
        return plan

    def apply(self) -> Dict[str, Any]:
        request, chosen, place = self._request, self._chosen, self._place
        safety = self._safety
        work = RestoreWork(chosen.shadow, self._role_statements(), safety.take if safety else None)
        with contextlib.ExitStack() as stack:
            stack.enter_context(place.records.working_on(request.database))
            for store, subject in self._at_work():
                stack.enter_context(store.working_on(subject))
            require_finished(place.records.all(), request.database)
            progress = stack.enter_context(ProgressFile(place.stack, "restore", request.database))
            done = RestoreRun(place, request, self._record, self._containers).restore(work, progress)
        return self._result(done)

    def _backups_of(self, stack: str) -> Optional[BackupStore]:
        directory = self._request.backup_dir
        return BackupStore(directory, stack, self._place.server.service.access.service) if directory else None

    def _at_work(self) -> List[Tuple[BackupStore, str]]:
        """Whose backups have to stay as they are: where the safety backup goes, and where the source is."""
        wanted = [(self._store, self._request.database), (self._source_store, self._chosen.facts.subject or self._request.database)]
        places = {store.directory(subject): (store, subject) for store, subject in wanted if store is not None}
        return [places[directory] for directory in sorted(places)]

    def _known(self, store: Optional[BackupStore]) -> List[Backup]:
        return known_backups(store, self._place.warn) if store else []

    def _choose(self, session: PostgresSession, backups: List[Backup]) -> Chosen:
        request, place = self._request, self._place
        if request.file:
            properties = properties_for_file(place.server, session, request.database, self._target.live is not None)
            return choose_file(request, properties, self._target.server_version)
        state = VERIFIED
        if request.allow_unverified and request.backup == LATEST_VERIFIED and not newest_wanted(backups, request.database, VERIFIED):
            state = DUMPED
        backup = choose_source(backups, request.database, request.backup, state)
        return choose_published(backup, request)

    def _refuse(self, what: str) -> None:
        found = problems(self._target, self._chosen.facts, self._request)
        if found:
            raise refusal(f"{what} of {self._chosen.facts.label} into {self._request.database}", found)

    def _decide_safety(self, backups: List[Backup]) -> str:
        """Nothing is there to be saved where no database is."""
        if not self._request.safety_backup or self._target.live is None:
            return ""
        self._safety = SafetyBackup(self._place.stack, self._place.server, self._request)
        return self._safety.decide(self._target.live.bytes, backups)

    def _outline(self, safety: str) -> Outline:
        request, live = self._request, self._target.live
        run_id = new_run_id(now_naive(), secrets.randbits(32))
        replacing = request.mode == REPLACE
        self._record = RestoreRecord(
            run_id=run_id,
            service=self._place.server.service.access.service,
            database=request.database,
            system_identifier=self._target.system_identifier,
            source=self._chosen.facts.label,
            live_oid=live.oid if live else None,
            coming_name=beside(request.database, NEW, run_id),
            aside_name=beside(request.database, UNDO, run_id) if live and not replacing else "",
            backup_dir=request.backup_dir,
        )
        services = tuple(dict.fromkeys(container.service for container in self._containers))
        return Outline(self._record, self._chosen.facts.label, safety, self._roles(), services, self._chosen.shadow.expected is not None)

    def _roles(self) -> Tuple[str, ...]:
        return tuple(sorted(missing_roles(self._target, self._chosen.facts, self._request.roles)))

    def _role_statements(self) -> List[str]:
        """Those of another stack come without their passwords."""
        found = statements_for(self._chosen.roles_sql, self._roles(), self._target.roles)
        return [without_password(statement) for statement in found] if self._request.backup_stack else found

    def _result(self, done: Done) -> Dict[str, Any]:
        kept = done.record.kept
        for warning in done.warnings:
            self._place.warn(warning)
        return {
            "restore_id": done.record.run_id,
            "source": done.record.source,
            "undo_database": kept.name if kept else None,
            "undo_expires": timestamp(now_naive() + timedelta(seconds=self._request.undo_ttl)) if kept else None,
            "safety_backup": done.safety_backup or None,
            "roles_created": list(self._roles()),
            "services_restarted": list(dict.fromkeys(container.service for container in self._containers)),
            "unavailable_ms": done.unavailable_ms,
            "warnings_of_restore": done.warnings,
            **done.facts,
        }
