# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One operation for each ``state`` of the module ``swarm_service``."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ..._core.errors import BadInput
from ..._core.plan import Plan, Step
from ..._core.problem import worst_first
from ..._core.replica_count import replica_count
from ..._core.swarm import forced, refuse_unscalable, with_replicas
from ..._core.swarm_health import door_problems, door_rows, image_problems, task_problems
from ..swarm_doors import closed_doors
from .swarm_context import Change, Host, SwarmContext, ledger_facts, plan_of
from .swarm_release import ReleaseToSwarm, ReturnInSwarm

# What an option is for. Given with another state, it would be forgotten silently.
_ONLY_FOR = {"version": "released", "repositories": "released", "replicas": "scaled"}


def swarm_operation(params: Mapping[str, Any], host: Host) -> Any:
    """The operation for the wanted state."""
    for option, state in _ONLY_FOR.items():
        if params[option] and params["state"] != state:
            raise BadInput(f"{option} has no meaning with state={params['state']}.", hint=f"Use state={state}.", option=option)
    if params["state"] == "scaled" and not params["replicas"]:
        raise BadInput("state=scaled needs replicas: a count for each service.", option="replicas")
    if params["published"] == "asked" and params["state"] != "looked":
        raise BadInput(f"published=asked has no meaning with state={params['state']}.", hint="Use state=looked.", option="published")
    if params["timeout"] < 1:
        raise BadInput("timeout must be 1 second or more.", timeout=params["timeout"])
    return _OPERATIONS[params["state"]](SwarmContext(params, host))


class LookAtSwarm:
    def __init__(self, context: SwarmContext) -> None:
        self._context = context

    def plan(self) -> Plan:
        context = self._context
        context.look(context.params["services"])
        ledger = context.store.load()
        asked = context.doors() if context.params["published"] == "asked" else []
        closed = closed_doors(asked)
        problems = worst_first([*task_problems(context.services, context.tasks), *image_problems(context.services, ledger), *door_problems(closed)])
        told = {"problems": [problem.to_dict() for problem in problems], "published": door_rows(asked, closed)}
        return Plan({}, {}, facts={**context.facts(), **ledger_facts(ledger, ledger.current_release), **told})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}


class ScaleInSwarm:
    def __init__(self, context: SwarmContext) -> None:
        self._context = context
        self._changes: List[Change] = []

    def plan(self) -> Plan:
        context = self._context
        counts = {name: replica_count(name, count, "tasks") for name, count in context.params["replicas"].items()}
        services = context.look_to_change(list(counts))
        refuse_unscalable(services)
        wanted = {service.short: counts[service.short if service.short in counts else service.name] for service in services}
        self._changes = [
            Change(
                service,
                with_replicas(context.spec(service), wanted[service.short]),
                Step("scale", service.name, f"{service.replicas} to {wanted[service.short]}"),
            )
            for service in services
            if service.replicas != wanted[service.short]
        ]
        return plan_of(context, self._changes, {name: {"replicas": count, "running": count} for name, count in wanted.items()}, ())

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return _carried_out(self._context, self._changes)


class RestartInSwarm:
    def __init__(self, context: SwarmContext) -> None:
        self._context = context
        self._changes: List[Change] = []

    def plan(self) -> Plan:
        context = self._context
        services = context.look_to_change(context.params["services"])
        self._changes = [Change(service, forced(context.spec(service)), Step("restart", service.name, "asked for")) for service in services]
        return plan_of(context, self._changes, {service.short: {"force_update": service.force_update + 1} for service in services}, ())

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return _carried_out(self._context, self._changes)


def _carried_out(context: SwarmContext, changes: List[Change]) -> Dict[str, Any]:
    before = context.before()
    ready = context.carry_out(changes)
    if changes:
        context.look_again()
    else:  # what is there already has to be well too
        for service in context.services:
            ready[service.short] = context.swarm.await_converged(service, context.params["timeout"], "look")
        context.look_again()
    return context.facts(ready, before)


_OPERATIONS = {
    "released": ReleaseToSwarm,
    "rolled_back": ReturnInSwarm,
    "scaled": ScaleInSwarm,
    "restarted": RestartInSwarm,
    "looked": LookAtSwarm,
}
