# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings services of a stack to a state: plan from files, containers and images; apply layer by layer."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping, Protocol, Tuple

from ..._core.compose_model import ComposeModel
from ..._core.container import Container
from ..._core.errors import BadInput
from ..._core.orphans import choose_orphans
from ..._core.plan import Plan, Step
from ..._core.replica_count import replica_count
from ..._core.rollout import refuse_open
from ..._core.service_drift import Observed
from ..._core.service_plan import DOWN_STATES, UP_ACTIONS, Wanted, Work, is_healthy, plan_services, service_facts, service_summary
from ..._core.stack import Stack
from .. import engine_containers
from ..compose_cli import ComposeCli
from ..engine import Engine
from ..rollout_store import RolloutStore
from ..service_observation import observe
from ..service_work import ServiceWork


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class ComposeService:
    def __init__(self, stack: Stack, params: Mapping[str, Any], host: Host) -> None:
        self._stack = stack
        self._params = params
        self._host = host
        self._began = time.monotonic()
        self._compose = ComposeCli(stack)
        self._engine = Engine.connect(stack)
        self._observed = Observed(ComposeModel(stack.name, ()), (), {})
        self._wanted = Wanted(params["state"], ())
        self._work: Tuple[Work, ...] = ()
        self._orphans: List[Container] = []
        self._networks: List[str] = []

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "ComposeService":
        _refuse_contradictions(params)
        return cls(Stack.from_params(params), params, host)

    def plan(self) -> Plan:
        self._observed = observe(self._stack, self._compose, self._engine)
        self._wanted = self._read_request()
        self._orphans = choose_orphans(self._observed.model, self._observed.containers, self._params["orphans"])
        self._networks = engine_containers.networks(self._engine, self._stack.name) if self._takes_all_down() else []
        plan, self._work = plan_services(self._observed, self._wanted)
        refuse_open(RolloutStore(self._stack).load(), [item.service for item in self._work if item.action in UP_ACTIONS])
        steps = plan.steps + tuple(Step("remove_orphan", container.name) for container in self._orphans)
        steps += tuple(Step("remove_network", name) for name in self._networks)
        self._warn_of_drift()
        facts = {
            "services": service_facts(plan.before, plan.after),
            "healthy": is_healthy(self._observed, self._wanted.services),
            "elapsed_ms": 0,
        }
        return Plan(plan.before, plan.after, steps, facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        work = ServiceWork(self._stack, self._compose, self._engine, self._observed)
        ready: Dict[str, int] = {}
        if self._wanted.state in DOWN_STATES:
            work.take_down(self._work, self._params["stop_timeout"])
            work.remove_orphans(self._orphans, self._params["stop_timeout"])
            if self._networks:
                work.remove_networks()
        else:
            ready = work.bring_up(self._wanted.services, self._work, self._params)
        now = self._observed if not plan.changed else self._look_again()
        for warning in work.prove(now, self._work):
            self._host.warn(warning)
        for service in sorted(work.killed):
            self._host.warn(f"{service} did not end within its grace period and was killed.")
        proven = self._params["wait"] == "healthy" and self._wanted.state not in DOWN_STATES
        return {
            "services": service_facts(plan.before, {name: service_summary(now, name) for name in plan.before}, ready, work.killed),
            "healthy": proven or is_healthy(now, self._wanted.services),
            "elapsed_ms": round((time.monotonic() - self._began) * 1000),
        }

    def _read_request(self) -> Wanted:
        params, select = self._params, self._observed.model.select
        replicas = {name: replica_count(name, count, "containers") for name, count in params["replicas"].items()}
        if params["orphans"] and not params["services"]:
            chosen: Tuple[str, ...] = ()  # only orphans were asked for
        else:
            chosen = select(replicas if params["state"] == "scaled" else params["services"])
        # A name that is given twice is meant once.
        return Wanted(params["state"], tuple(dict.fromkeys(chosen)), replicas, params["restart_when"], params["on_drift"])

    def _takes_all_down(self) -> bool:
        return self._params["state"] == "absent" and not self._params["services"] and not self._params["orphans"]

    def _look_again(self) -> Observed:
        return Observed(self._observed.model, tuple(self._engine.containers(self._stack.name)), self._observed.image_ids)

    def _warn_of_drift(self) -> None:
        for item in self._work:
            if self._wanted.state == "restarted" and item.action == "recreate":
                self._host.warn(f"{item.service}: {item.reason}; a restart would not apply that, so it is recreated.")
            if self._wanted.state == "scaled" and item.replaces == "changed":
                self._host.warn(f"{item.service} has edits that are not in effect; its containers are recreated with them.")


def _refuse_contradictions(params: Mapping[str, Any]) -> None:
    if params["state"] == "scaled" and not params["replicas"]:
        raise BadInput("state=scaled needs replicas: a count for each service.", option="replicas")
    if params["state"] != "scaled" and params["replicas"]:
        raise BadInput(f"replicas has no meaning with state={params['state']}.", hint="Use state=scaled.", option="replicas")
    if params["state"] != "absent" and params["orphans"]:
        raise BadInput(f"orphans has no meaning with state={params['state']}.", hint="Use state=absent.", option="orphans")
