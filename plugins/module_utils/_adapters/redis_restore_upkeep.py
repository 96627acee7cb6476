# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes after a restore of Redis: undoing it, cleaning up after a dead one, and the end of what it kept."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .._core.container import Container
from .._core.plan import Plan, Step
from .._core.rdb_content import SUBJECT
from .._core.redis_restore_plan import plan_redis_undo, prepare_undo, require_redis_confirmation
from .._core.redis_restore_record import RedisRestoreRecord
from .._core.redis_restore_request import RedisRestoreRequest
from .._core.restore_plan import expired, require_finished
from .backup_files import now_naive
from .redis_restore_recovery import RedisPlace, RedisRecovery, steps_of
from .redis_restore_run import RedisRestoreRun

MODULE = "redis_restore"


class RedisUndone:
    """state=undone."""

    def __init__(self, place: RedisPlace, request: RedisRestoreRequest) -> None:
        self._place = place
        self._request = request
        self._record: Optional[RedisRestoreRecord] = None
        self._containers: List[Container] = []

    def plan(self) -> Plan:
        place, request = self._place, self._request
        records = place.records.all()
        require_finished(records, SUBJECT, MODULE)
        self._record = prepare_undo(records, request.restore_id)
        if self._record is None:
            return Plan(before={}, after={})
        place.control.server()
        self._containers = place.dependents().running(request.dependents)
        services = list(dict.fromkeys(container.service for container in self._containers))
        plan = plan_redis_undo(self._record, services, request.prove_restart)
        require_redis_confirmation(request, place.control.access.service, place.stack.name, plan)
        return plan

    def apply(self) -> Dict[str, Any]:
        place, request, record = self._place, self._request, self._record
        if record is None:
            return {}
        with place.records.working_on(SUBJECT):
            require_finished(place.records.all(), SUBJECT, MODULE)
            done = RedisRestoreRun(place, request, record, self._containers).exchange()
        for warning in done.warnings:
            place.warn(warning)
        return {
            "restore_id": record.run_id,
            "source": record.source,
            "keys_restored": done.keys,
            "keys_carried": done.carried,
            "unavailable_ms": done.unavailable_ms,
            "restart_proven": done.restarted,
            "kept_directory": record.aside,
            "services_restarted": list(dict.fromkeys(container.service for container in self._containers)),
            "warnings_of_restore": done.warnings,
        }


class RedisRecovered:
    """state=recovered: everything that dead runs left."""

    def __init__(self, place: RedisPlace, request: RedisRestoreRequest) -> None:
        self._place = place
        self._request = request
        self._unfinished: List[RedisRestoreRecord] = []

    def plan(self) -> Plan:
        self._unfinished = [record for record in self._place.records.all() if not record.finished]
        steps = [Step(*step) for record in self._unfinished for step in steps_of(record)]
        before = {record.run_id: record.stage for record in self._unfinished}
        return Plan(before={"restores": before}, after={"restores": {}}, steps=tuple(steps))

    def apply(self) -> Dict[str, Any]:
        """Fails after everything is settled when what was stopped does not run again."""
        recovered, recovery_of = [], RedisRecovery(self._place, self._request)
        for record in self._unfinished:
            with self._place.records.working_on(SUBJECT):
                current = self._place.records.current(record)
                if current is not None and not current.finished:
                    outcome = recovery_of.settle(current, back=False)
                    recovered.append({"restore_id": current.run_id, "stage": current.stage, "outcome": outcome})
        if recovery_of.not_started is not None:
            recovery_of.not_started.details.update(recovered=recovered)
            raise recovery_of.not_started
        return {"recovered": recovered}


class RedisExpired:
    """state=expired: removes what finished restores kept for longer than ``undo_ttl``, and forgets them."""

    def __init__(self, place: RedisPlace, request: RedisRestoreRequest) -> None:
        self._place = place
        self._request = request
        self._old: List[RedisRestoreRecord] = []

    def plan(self) -> Plan:
        self._old = expired(self._place.records.all(), now_naive(), self._request.undo_ttl)
        steps = tuple(_end_of(record) for record in self._old)
        return Plan(before={"files": [step.target for step in steps if step.action == "drop"]}, after={"files": []}, steps=steps)

    def apply(self) -> Dict[str, Any]:
        dropped = []
        for record in self._old:
            with self._place.records.working_on(SUBJECT):
                if self._place.records.current(record) != record:
                    continue  # it was undone meanwhile, and keeps something younger now
                if record.kept:
                    RedisRecovery(self._place, self._request).remove(record, [record.kept.name])
                    dropped.append(record.kept.name)
                self._place.records.remove(record)
        return {"dropped": dropped}


def _end_of(record: RedisRestoreRecord) -> Step:
    if record.kept is None:
        return Step("forget", record.run_id, "it kept nothing")
    return Step("drop", record.kept.name, f"kept since {record.kept.since}")
