# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings services of a stack to a state: plan from files, containers and images; apply layer by layer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple

from ..._core.compose_model import ComposeModel
from ..._core.container import Container
from ..._core.errors import BadInput
from ..._core.orphans import choose_orphans
from ..._core.plan import Plan, Step
from ..._core.service_plan import UP_ACTIONS, Observed, Wanted, Work, is_ready, plan_services, service_summary, without_leftovers
from ..._core.stack import Stack
from .. import engine_containers
from ..compose_cli import ComposeCli
from ..engine import Engine
from ..health_watch import HealthWatch

_KILLED = 137  # 128 + SIGKILL
_UP_SECONDS = 600


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
        self._work: Tuple[Work, ...] = ()
        self._orphans: List[Container] = []
        self._observed = Observed(ComposeModel(stack.name, ()), (), {})

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "ComposeService":
        if params["state"] == "scaled" and not params["replicas"]:
            raise BadInput("state=scaled needs replicas: a count for each service.", option="replicas")
        return cls(Stack.from_params(params), params, host)

    def plan(self) -> Plan:
        with ThreadPoolExecutor(max_workers=2) as pool:  # two independent questions: as long as the longer one
            model = pool.submit(self._compose.model)
            containers = pool.submit(self._engine.containers, self._stack.name)
            self._observed = self._with_images(model.result(), tuple(containers.result()))
        plan, self._work = plan_services(self._observed, self._wanted())
        self._orphans = choose_orphans(self._observed.model, self._observed.containers, self._params["orphans"])
        steps = plan.steps + tuple(Step("remove_orphan", container.name) for container in self._orphans)
        self._warn_of_drift()
        facts = {"services": self._services(plan.before, plan.after), "healthy": True, "elapsed_ms": 0}
        return Plan(plan.before, plan.after, steps, facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        ready: Dict[str, int] = {}
        for container in self._orphans:
            engine_containers.remove(self._engine, container.id)
        if self._params["state"] in ("stopped", "absent"):
            killed = self._take_down()
        else:
            killed = []
            ready = self._bring_up(self._wanted().services)
        after = plan.before
        if plan.changed:
            now = Observed(self._observed.model, tuple(self._engine.containers(self._stack.name)), self._observed.image_ids)
            after = {name: service_summary(now, name) for name in plan.before}
        return {
            "services": self._services(plan.before, after, ready, killed),
            "healthy": True,
            "elapsed_ms": round((time.monotonic() - self._began) * 1000),
        }

    def _wanted(self) -> Wanted:
        params = self._params
        replicas = {name: int(count) for name, count in params["replicas"].items()}
        if any(count < 0 for count in replicas.values()):
            raise BadInput("A count of replicas must not be negative.", replicas=replicas)
        named = list(replicas) if params["state"] == "scaled" else params["services"]
        if params["orphans"] and params["state"] == "absent" and not named:
            self._observed.model.select(named)
            return Wanted("absent", ())  # only orphans were asked for
        return Wanted(
            state=params["state"],
            services=self._observed.model.select(named),
            replicas=replicas,
            restart_when=params["restart_when"],
            on_drift=params["on_drift"],
        )

    def _with_images(self, model: ComposeModel, containers: Tuple[Container, ...]) -> Observed:
        references = sorted({service.image for service in model.services})
        with ThreadPoolExecutor(max_workers=4) as pool:
            ids = list(pool.map(self._engine.image_id, references))
        return Observed(model, containers, dict(zip(references, ids)))

    def _warn_of_drift(self) -> None:
        if self._params["state"] == "restarted":
            for item in self._work:
                if item.action == "recreate":
                    self._host.warn(f"{item.service}: {item.reason}; a restart would not apply that, so it is recreated.")

    # -- up -----------------------------------------------------------------------------------------------------------

    def _bring_up(self, services: Sequence[str]) -> Dict[str, int]:
        model, doing = self._observed.model, {item.service: item for item in self._work}
        watch = HealthWatch(self._engine, model, self._observed.containers)
        ready: Dict[str, int] = {}
        for layer in model.layers(services):
            work = [doing[name] for name in layer if name in doing]
            self._act(work)
            if self._params["wait"] == "healthy":
                ready.update(watch.wait(self._to_wait_for(layer, doing), self._params["health_timeout"]))
        return ready

    def _act(self, work: Sequence[Work]) -> None:
        ups = [item for item in work if item.action in UP_ACTIONS]
        for item in ups:
            self._clear_leftovers(item)
        self._up([item for item in ups if item.action == "recreate" and item.reason == "asked for"], ["--force-recreate"])
        self._up([item for item in ups if not (item.action == "recreate" and item.reason == "asked for")], [])
        restarts = [one.id for item in work if item.action == "restart" for one in self._observed.of(item.service)]
        self._each(restarts, lambda container: engine_containers.restart(self._engine, container, self._params["stop_timeout"]))

    def _up(self, work: Sequence[Work], options: Sequence[str]) -> None:
        if not work:
            return
        words = list(options)
        for item in work:
            words += ["--scale", f"{item.service}={item.replicas}"]
        if self._params["stop_timeout"] is not None:
            words += ["--timeout", str(self._params["stop_timeout"])]
        self._compose.up([item.service for item in work], _UP_SECONDS, words)

    def _clear_leftovers(self, item: Work) -> None:
        """What an interrupted replacement left goes, and the one that stays gets the name compose will look for."""
        if not item.leftovers:
            return
        for container in item.leftovers:
            engine_containers.remove(self._engine, container)
        service = self._observed.model.service(item.service)
        kept, unused = without_leftovers(self._observed, service, self._observed.of(item.service))
        for container in kept:
            name = f"{self._stack.name}-{item.service}-{container.number}"
            if container.name != name and not service.fixed_name:
                engine_containers.rename(self._engine, container.id, name)

    def _to_wait_for(self, layer: Sequence[str], doing: Mapping[str, Work]) -> Dict[str, int]:
        """Services with the number of their containers: those that are acted on, and those not known to be ready."""
        expected = {name: doing[name].replicas for name in layer if name in doing}
        expected.update({name: len(self._observed.of(name)) for name in layer if name not in doing and not is_ready(self._observed, name)})
        return expected

    # -- down ---------------------------------------------------------------------------------------------------------

    def _take_down(self) -> List[str]:
        doing = {item.service for item in self._work}
        whole = self._params["state"] == "absent" and not self._params["services"] and not self._params["orphans"]
        killed: List[str] = []
        for layer in reversed(self._observed.model.layers(doing)):
            containers = [one for name in layer for one in self._observed.of(name)]
            self._each([one.id for one in containers], self._stop)
            killed += [one.service for one in containers if one.running and self._was_killed(one)]
            if self._params["state"] == "absent" and not whole:
                self._each([one.id for one in containers], lambda container: engine_containers.remove(self._engine, container))
        if whole and doing:
            self._compose.command(["down"], _UP_SECONDS)  # containers and networks; volumes and images stay
        for service in killed:
            self._host.warn(f"{service} did not end within its grace period and was killed.")
        return killed

    def _stop(self, container: str) -> None:
        engine_containers.stop(self._engine, container, self._params["stop_timeout"])

    def _was_killed(self, container: Container) -> bool:
        inspected = self._engine.inspect(container.id)
        return bool(inspected) and (inspected or {})["State"]["ExitCode"] == _KILLED

    def _each(self, containers: Sequence[str], act: Callable[[str], None]) -> None:
        for container in containers:
            act(container)

    def _services(
        self,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        ready: Optional[Mapping[str, int]] = None,
        killed: Sequence[str] = (),
    ) -> List[Dict[str, Any]]:
        return [
            {
                "name": name,
                "before": before[name],
                "after": after[name],
                "ready_after_ms": (ready or {}).get(name),
                "killed": name in killed,
            }
            for name in sorted(before)
        ]
