# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes after a restore: undoing it, doing it again, cleaning up after a dead one, and the end of what it kept."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .._core.container import Container
from .._core.plan import Plan, Step
from .._core.restore_errors import refusal
from .._core.restore_plan import expired, plan_exchange, prepare_exchange, require_confirmation, require_finished
from .._core.restore_preflight import exchange_problems
from .._core.restore_record import Recovery, RestoreRecord, recovery
from .._core.restore_request import RestoreRequest
from .backup_maker import now_naive
from .database_swap import DatabaseSwap, maintenance_session
from .restore_facts import target_facts
from .restore_recovery import RestorePlace, RestoreRecovery, steps_of
from .restore_run import RestoreRun


class RestoreExchanged:
    """state=undone and state=redone."""

    def __init__(self, place: RestorePlace, request: RestoreRequest) -> None:
        self._place = place
        self._request = request
        self._record: Optional[RestoreRecord] = None
        self._containers: List[Container] = []

    def plan(self) -> Plan:
        place, request = self._place, self._request
        records = place.records.all()
        require_finished(records, request.database)
        with maintenance_session(place.server, request.database, "restore") as session:
            target = target_facts(place.server, session, request.database)
        self._record = prepare_exchange(records, request, target.databases)
        if self._record is None:
            return Plan(before={}, after={})
        found = list(exchange_problems(target))
        if found:
            raise refusal(f"The exchange of {request.database}", found)
        self._containers = place.dependents().running(request.services_to_stop)
        plan = plan_exchange(self._record, list(dict.fromkeys(container.service for container in self._containers)))
        require_confirmation(request, place.stack.name, plan)
        return plan

    def apply(self) -> Dict[str, Any]:
        place, request, record = self._place, self._request, self._record
        if record is None:
            return {}
        with place.records.working_on(request.database):
            require_finished(place.records.all(), request.database)
            done = RestoreRun(place, request, record, self._containers).exchange()
        for warning in done.warnings:
            place.warn(warning)
        return {
            "restore_id": record.run_id,
            "source": record.source,
            "unavailable_ms": done.unavailable_ms,
            "kept_database": record.aside_name,
            "services_restarted": list(dict.fromkeys(container.service for container in self._containers)),
        }


class RestoreRecovered:
    """state=recovered: everything that dead runs left, of one database or of all."""

    def __init__(self, place: RestorePlace, request: RestoreRequest) -> None:
        self._place = place
        self._request = request
        self._unfinished: List[RestoreRecord] = []

    def plan(self) -> Plan:
        place, wanted = self._place, self._request.database
        self._unfinished = [record for record in place.records.all() if not record.finished and wanted in ("", record.database)]
        steps: List[Step] = []
        for record in self._unfinished:
            with place.control(record) as session:
                there = DatabaseSwap(place.server, session, self._request.fence_timeout).databases()
            steps += [Step(*step) for step in steps_of(record, recovery(record, there, back=False))]
        before = {record.run_id: record.stage for record in self._unfinished}
        return Plan(before={"restores": before}, after={"restores": {}}, steps=tuple(steps))

    def apply(self) -> Dict[str, Any]:
        """Fails after everything is settled when what was stopped does not run again."""
        recovered, recovery_of = [], RestoreRecovery(self._place, self._request)
        for record in self._unfinished:
            with self._place.records.working_on(record.database):
                current = self._place.records.current(record)
                if current is not None and not current.finished:
                    recovered.append(_row(current, recovery_of.settle(current, back=False)))
        if recovery_of.not_started is not None:
            recovery_of.not_started.details.update(recovered=recovered)
            raise recovery_of.not_started
        return {"recovered": recovered}


class RestoreExpired:
    """state=expired: drops what finished restores kept for longer than ``undo_ttl``, and forgets them."""

    def __init__(self, place: RestorePlace, request: RestoreRequest) -> None:
        self._place = place
        self._request = request
        self._old: List[Tuple[RestoreRecord, bool]] = []

    def plan(self) -> Plan:
        place, request = self._place, self._request
        records = [record for record in place.records.all() if request.database in ("", record.database)]
        with place.server.maintenance("restore") as session:
            there = DatabaseSwap(place.server, session, request.fence_timeout).databases()
        for record in expired(records, now_naive(), request.undo_ttl):
            kept = record.kept
            self._old.append((record, kept is not None and there.get(kept.name) == kept.oid))
        steps = tuple(_end_of(record, there_still) for record, there_still in self._old)
        return Plan(before={"databases": [step.target for step in steps if step.action == "drop"]}, after={"databases": []}, steps=steps)

    def apply(self) -> Dict[str, Any]:
        dropped = []
        for record, there_still in self._old:
            with self._place.records.working_on(record.database), self._place.control(record) as session:
                if self._place.records.current(record) != record:
                    continue  # it was undone or redone meanwhile, and keeps something younger now
                if there_still and record.kept:
                    DatabaseSwap(self._place.server, session, self._request.fence_timeout).drop(record.kept.name)
                    dropped.append(record.kept.name)
                self._place.records.remove(record)
        return {"dropped": dropped}


def _end_of(record: RestoreRecord, there_still: bool) -> Step:
    if record.kept is None:
        return Step("forget", record.run_id, "it kept nothing")
    return Step("drop" if there_still else "forget", record.kept.name, f"kept since {record.kept.since}")


def _row(record: RestoreRecord, todo: Recovery) -> Dict[str, Any]:
    return {"restore_id": record.run_id, "database": record.database, "stage": record.stage, "outcome": todo.outcome}
