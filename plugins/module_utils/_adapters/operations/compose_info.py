# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a stack: what the files expect, what runs, what is wrong."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..._core.compose_model import ComposeModel
from ..._core.container import Container, parse_container
from ..._core.container_report import environment_of, published_ports, report_container
from ..._core.container_stats import over_thresholds, parse_thresholds, summarise
from ..._core.environment_drift import compare_environment, empty_required, environment_problems
from ..._core.errors import BadInput, OperationError
from ..._core.plan import Plan, facts_only
from ..._core.service_status import FAILING, Expectation, Problem, awaits_start, find_problems, is_healthy
from ..._core.stack import Stack
from ..._core.status_table import status_table
from ..clock import utc_now
from ..compose_cli import ComposeCli
from ..engine import Engine
from ..engine_stats import sample
from ..rollout_store import RolloutStore
from ..stack_salt import StackSalt

_DEFAULT_RESTARTS = 3
_MOST_SAMPLES, _LONGEST_PERIOD, _LONGEST_WAIT = 60, 300, 3600
_POLL_SECONDS = 0.5


class StackUnhealthy(OperationError):
    """The stack does not run as its files ask for."""

    reason = "stack_unhealthy"


@dataclass(frozen=True)
class Seen:
    """One look at a stack. ``inspected`` (by container id) holds secrets; ``usage`` is empty without samples; ``waited`` is in seconds."""

    model: ComposeModel
    inspected: Mapping[str, Mapping[str, Any]]
    containers: Tuple[Container, ...]
    at: datetime
    usage: Mapping[str, Dict[str, Any]] = field(default_factory=dict)
    waited: float = 0.0

    def of(self, service: str) -> List[Container]:
        return [container for container in self.containers if container.service == service]

    def environment(self, container: Container) -> Dict[str, str]:
        return environment_of(self.inspected[container.id])


class ComposeInfo:
    def __init__(self, stack: Stack, params: Mapping[str, Any]) -> None:
        self._stack = stack
        self._params = params
        self._thresholds = parse_thresholds(params["thresholds"])
        self._engine = Engine.connect(stack)
        self._compose = ComposeCli(stack)

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: object) -> "ComposeInfo":
        if not 0 <= params["samples"] <= _MOST_SAMPLES or not 0 < params["period"] <= _LONGEST_PERIOD:
            raise BadInput(f"samples must be 0 to {_MOST_SAMPLES} and period 1 to {_LONGEST_PERIOD} seconds.", samples=params["samples"])
        if not 0 <= params["wait_starting"] <= _LONGEST_WAIT:
            raise BadInput(f"wait_starting must be 0 to {_LONGEST_WAIT} seconds.", wait_starting=params["wait_starting"])
        return cls(Stack.from_params(params), params)

    def plan(self) -> Plan:
        seen = self._look()
        names = seen.model.select(self._params["services"])
        services = [self._service(seen, name) for name in names]
        found = self._problems(seen, names)
        if self._params["on_problem"] == "fail":
            self._refuse(found)
        problems = [problem.to_dict() for problem in found]
        return facts_only(
            {
                "at": seen.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "waited": round(seen.waited, 1),
                "healthy": is_healthy(found),
                "problems": problems,
                "services": services,
                "ports": [dict(port, service=one.service) for one in seen.containers for port in published_ports(seen.inspected[one.id])],
                "disk": self._disk(),
                "table": status_table(services, problems),
            }
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}

    def _look(self) -> Seen:
        with ThreadPoolExecutor(max_workers=2) as pool:
            asked = pool.submit(self._compose.model)
            inspected = self._engine.inspect_project(self._stack.name)
            seen = _seen(asked.result(), inspected)
        began = time.monotonic()
        while self._awaits_start(seen):
            time.sleep(_POLL_SECONDS)
            inspected = self._engine.inspect_project(self._stack.name)
            seen = replace(_seen(seen.model, inspected), waited=time.monotonic() - began)
        return replace(seen, usage=self._usage(seen)) if self._params["samples"] else seen

    def _awaits_start(self, seen: Seen) -> bool:
        seen.model.select(self._params["services"])
        problems = find_problems(self._expectation(seen.model, {}), self._live(seen.containers), self._params["services"])
        return awaits_start(problems, seen.containers, seen.waited, self._params["wait_starting"])

    def _service(self, seen: Seen, name: str) -> Dict[str, Any]:
        service, mine = seen.model.service(name), seen.of(name)
        live = self._live(mine)
        full = self._params["detail"] == "full"
        described = {
            "name": name,
            "image": service.image,
            "image_ids": sorted({one.image_id for one in mine}),
            "expected_replicas": service.replicas,
            "replicas_in_deploy": service.replicas_in_deploy,
            "running": sum(one.running for one in mine),
            "config_in_effect": bool(live) and all(one.config_hash == service.config_hash for one in live),
            "containers": [dict(report_container(one, seen.inspected[one.id], seen.at, full), usage=seen.usage.get(one.id, {})) for one in mine],
        }
        if self._params["compare_environment"] and live:
            salt = StackSalt(self._stack).value
            described["environment"] = compare_environment(service.environment_dict(), seen.environment(live[0]), salt)
        return described

    def _problems(self, seen: Seen, names: Sequence[str]) -> List[Problem]:
        expected = self._expectation(seen.model, self._image_ids(seen.model))
        problems = find_problems(expected, self._live(seen.containers), self._params["services"])
        for one in seen.containers:
            problems += over_thresholds(one.service, one.name, seen.usage.get(one.id, {}), self._thresholds)
        if self._params["compare_environment"]:
            for name in names:
                problems += self._environment_problems(seen, name)
        return problems

    def _live(self, containers: Sequence[Container]) -> Tuple[Container, ...]:
        """An old colour that waits for a switch back is no drift."""
        return RolloutStore(self._stack).live(containers)

    def _expectation(self, model: ComposeModel, image_ids: Mapping[str, Any]) -> Expectation:
        return Expectation(model, image_ids, int(self._thresholds.get("max_restarts", _DEFAULT_RESTARTS)))

    def _environment_problems(self, seen: Seen, name: str) -> List[Problem]:
        files = seen.model.service(name).environment_dict()
        problems = empty_required(name, files, self._params["required_keys"])
        for one in self._live(seen.of(name)):
            problems += environment_problems(name, one.name, compare_environment(files, seen.environment(one), ""))
        return problems

    def _image_ids(self, model: ComposeModel) -> Dict[str, Any]:
        references = sorted({service.image for service in model.services})
        with ThreadPoolExecutor(max_workers=4) as pool:
            return dict(zip(references, pool.map(self._engine.image_id, references)))

    def _usage(self, seen: Seen) -> Dict[str, Dict[str, Any]]:
        chosen = seen.model.select(self._params["services"])
        running = [one.id for one in seen.containers if one.running and one.service in chosen]
        readings = sample(self._engine, running, self._params["samples"], self._params["period"])
        limits = {one: seen.inspected[one].get("HostConfig") or {} for one in running}
        return {one: summarise(readings[one], limits[one].get("Memory") or 0, limits[one].get("NanoCpus") or 0) for one in running}

    def _disk(self) -> Dict[str, Any]:
        root = self._engine.info().get("DockerRootDir", "")
        places: Tuple[Tuple[str, str], ...] = (("engine", root), ("project", self._stack.project_dir))
        return {name: _free(path) for name, path in places if os.path.isdir(path)}

    def _refuse(self, problems: Sequence[Problem]) -> None:
        failing = [problem for problem in problems if problem.severity == FAILING]
        if failing:
            raise StackUnhealthy(
                f"Stack {self._stack.name} does not run as it should: {' '.join(problem.message for problem in failing)}",
                hint=f"Begin with {failing[0].procedure}.",
                problems=[problem.to_dict() for problem in failing],
            )


def _seen(model: ComposeModel, inspected: Sequence[Mapping[str, Any]]) -> Seen:
    found = [parse_container(one) for one in inspected]
    containers = tuple(sorted((one for one in found if not one.one_off), key=lambda one: (one.service, one.number)))
    return Seen(model, {one["Id"]: one for one in inspected}, containers, utc_now())


def _free(path: str) -> Dict[str, Any]:
    room = os.statvfs(path)
    return {"path": path, "free_mb": room.f_bavail * room.f_frsize // 2**20, "free_inodes": room.f_favail}
