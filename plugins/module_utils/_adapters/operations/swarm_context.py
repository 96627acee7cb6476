# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all operations on the services of a swarm share: the look before, changes one after another, and the way back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Protocol, Sequence, Set, Tuple

from ..._core.errors import EngineUnreachable, OperationError
from ..._core.ledger import Ledger, Release
from ..._core.plan import Plan, Step
from ..._core.release_selection import rollback_target
from ..._core.stack import Stack
from ..._core.swarm import SwarmService, SwarmTask, chosen, parse_service, refuse_busy, refuse_jobs
from ..._core.swarm_convergence import SwarmRollbackFailed, is_settled, right_tasks, summary, table, troubles
from ..._core.swarm_health import Door, Port, doors, parse_ports
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
    def __init__(self, params: Mapping[str, Any], host: Host, swarm: Optional[Swarm] = None) -> None:
        self.stack = Stack.from_params(params)
        self.params = params
        self.host = host
        self.store = LedgerStore(self.stack)
        self.swarm = swarm or Swarm.of_manager(self.stack, Engine.connect(self.stack))
        self._began = time.monotonic()
        self._specs: Dict[str, Mapping[str, Any]] = {}
        self._ports: Dict[str, Sequence[Port]] = {}
        self.services: Tuple[SwarmService, ...] = ()
        self.tasks: List[SwarmTask] = []

    @property
    def timestamp(self) -> str:
        return utc_now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def look(self, names: Sequence[str]) -> Tuple[SwarmService, ...]:
        """The services of these names (all of the stack without names), and all tasks."""
        answers = self.swarm.answers()
        self._specs = {answer["ID"]: answer["Spec"] for answer in answers}
        self._ports = {answer["ID"]: parse_ports(answer) for answer in answers}
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

    def doors(self) -> List[Door]:
        nodes = self.swarm.nodes()
        return [door for service in self.services for door in doors(service, self._ports[service.id], nodes, self.tasks)]

    def before(self) -> Dict[str, Any]:
        return {service.short: summary(service, self.tasks) for service in self.services}

    def is_settled(self) -> bool:
        return all(is_settled(service, self.tasks) for service in self.services)

    def carry_out(self, changes: Sequence[Change]) -> Dict[str, int]:
        """One service after the other, each converged before the next. When one fails, it and those before it are taken back."""
        begun: List[Change] = []
        taken: Set[str] = set()
        ready: Dict[str, int] = {}
        try:
            for change in changes:
                begun.append(change)
                self.swarm.update(change.service, change.spec)
                taken.add(change.service.id)
                ready[change.service.short] = self.swarm.await_converged(change.service, self.params["timeout"])
        except OperationError as error:
            self._take_back(begun, taken, error)
            raise
        return ready

    def _take_back(self, begun: Sequence[Change], taken: Set[str], error: OperationError) -> None:
        """Puts into ``error`` what became of the services. ``taken`` are the ids of those of which the swarm said that it took the change."""
        names: List[str] = []
        failures: List[OperationError] = []
        for change in reversed(begun):
            try:
                if self._is_taken_back(change, change.service.id in taken):
                    names.insert(0, change.service.name)
            except OperationError as second:
                failures.append(second)
                if isinstance(second, EngineUnreachable):  # nobody is there to be asked for the others
                    break
        if failures:
            details = {**failures[0].details, "first": error.reason, "taken_back": names}
            told = " ".join(str(second) for second in failures)
            raise SwarmRollbackFailed(f"{error} AND it could not be taken back: {told}", hint=failures[0].hint, **details) from error
        if names:
            error.details["taken_back"] = names
            error.args = (f"{error} What ran before runs again ({', '.join(names)}).",)

    def _is_taken_back(self, change: Change, taken: bool) -> bool:
        """False when the swarm never took the change. An answer may be lost on its way, so what the service is counts."""
        service, timeout = change.service, self.params["timeout"]
        way = self.swarm.way_back(service, change.spec, timeout)
        if way == "foreign" and taken:
            raise SwarmRollbackFailed(
                f"Somebody else changed service {service.name} meanwhile, so it was left as it is now.",
                hint=f"docker service inspect {service.name} shows what it is; then playbooks/incident/rollback.yml, or docker service update by hand.",
            )
        if way == "previous":  # is_back: the service's own rule for failed updates has done it already
            self.swarm.take_back(service)
        if way == "previous" or taken:
            self.swarm.await_converged(service, timeout, "return")
            return True
        return False

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
