# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all operations on the services of a swarm share: the look before, changes one after another, and the way back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple

from ..._core.errors import OperationError
from ..._core.ledger import Ledger, Release
from ..._core.plan import Plan, Step
from ..._core.release_selection import rollback_target
from ..._core.stack import Stack
from ..._core.swarm import SwarmService, SwarmTask, chosen, parse_service, refuse_busy, refuse_jobs
from ..._core.swarm_convergence import SwarmRollbackFailed, is_settled, right_tasks, summary, table, troubles
from ..clock import utc_now
from ..engine import Engine
from ..ledger_store import LedgerStore
from ..swarm import Swarm


class Host(Protocol):
    def warn(self, message: str) -> None: ...


@dataclass(frozen=True)
class Change:
    """A service as it was found, and the specification that it shall have."""

    service: SwarmService
    spec: Mapping[str, Any]
    step: Step


class SwarmContext:
    def __init__(self, params: Mapping[str, Any], host: Host) -> None:
        self.stack = Stack.from_params(params)
        self.params = params
        self.host = host
        self.store = LedgerStore(self.stack)
        self.swarm = Swarm.of_manager(self.stack, Engine.connect(self.stack))
        self._began = time.monotonic()
        self._specs: Dict[str, Mapping[str, Any]] = {}
        self.services: Tuple[SwarmService, ...] = ()
        self.tasks: List[SwarmTask] = []

    @property
    def timestamp(self) -> str:
        return utc_now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def look(self, names: Sequence[str]) -> Tuple[SwarmService, ...]:
        """The services of these names (all of the stack without names), and all tasks."""
        answers = self.swarm.answers()
        self._specs = {answer["ID"]: answer["Spec"] for answer in answers}
        self.services = chosen(self.stack.name, [parse_service(self.stack.name, answer) for answer in answers], names)
        self.tasks = self.swarm.tasks()
        return self.services

    def look_to_change(self, names: Sequence[str]) -> Tuple[SwarmService, ...]:
        services = self.look(names)
        refuse_jobs(services)
        refuse_busy(services)
        return services

    def spec(self, service: SwarmService) -> Mapping[str, Any]:
        return self._specs[service.id]

    def before(self) -> Dict[str, Any]:
        return {service.short: summary(service, self.tasks) for service in self.services}

    def is_settled(self) -> bool:
        return all(is_settled(service, self.tasks) for service in self.services)

    def carry_out(self, changes: Sequence[Change]) -> Dict[str, int]:
        """One service after the other, each converged before the next. When one fails, it and those before it are taken back."""
        updated: List[SwarmService] = []
        ready: Dict[str, int] = {}
        try:
            for change in changes:
                self.swarm.update(change.service, change.spec)
                updated.append(change.service)
                ready[change.service.short] = self.swarm.await_converged(change.service, self.params["timeout"])
        except OperationError as error:
            self._take_back(updated, error)
            raise
        return ready

    def _take_back(self, updated: Sequence[SwarmService], error: OperationError) -> None:
        """Raises ``error`` anew with what became of the services."""
        try:
            for service in reversed(updated):
                now = parse_service(self.stack.name, self.swarm.inspect(service))
                if not _is_as(now, service):  # the service's own rule for failed updates may have done it already
                    self.swarm.take_back(service)
                self.swarm.await_converged(service, self.params["timeout"], "return")
        except OperationError as second:
            raise SwarmRollbackFailed(f"{error} AND it could not be taken back: {second}", hint=second.hint, first=error.reason, **second.details) from error
        if updated:
            names = [service.name for service in updated]
            error.details["taken_back"] = names
            error.args = (f"{error} What ran before runs again ({', '.join(names)}).",)

    def look_again(self) -> None:
        self.look([service.name for service in self.services])

    def facts(self, ready: Optional[Mapping[str, int]] = None, before: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
        now = self.before()
        return {
            "services": [
                {
                    "name": service.short,
                    "full_name": service.name,
                    "mode": service.mode,
                    "before": (before or now)[service.short],
                    "after": now[service.short],
                    "nodes": sorted({task.node for task in right_tasks(service, self.tasks)}),
                    "troubles": troubles(service, self.tasks) if not is_settled(service, self.tasks) else [],
                    "ready_after_ms": (ready or {}).get(service.short),
                }
                for service in self.services
            ],
            "healthy": self.is_settled(),
            "table": table(self.services, self.tasks),
            "elapsed_ms": round((time.monotonic() - self._began) * 1000),
        }


def ledger_facts(ledger: Ledger, release: Optional[Release], already_current: bool = False) -> Dict[str, Any]:
    target = rollback_target(ledger)
    return {
        "release": release.to_dict() if release else {},
        "current": ledger.current,
        "previous": target.id if target else "",
        "staged": ledger.staged,
        "already_current": already_current,
    }


def plan_of(context: SwarmContext, changes: Sequence[Change], wanted: Mapping[str, Mapping[str, Any]], steps: Sequence[Step]) -> Plan:
    """``wanted`` has what differs afterwards, by the short names of services."""
    before = context.before()
    after = {name: {**found, **wanted.get(name, {})} for name, found in before.items()}
    facts = context.facts()
    for service in facts["services"]:
        service["after"] = after[service["name"]]
    return Plan(before, after, (*steps, *(change.step for change in changes)), facts)


def _is_as(now: SwarmService, before: SwarmService) -> bool:
    return (now.image, now.replicas, now.force_update) == (before.image, before.replicas, before.force_update)
