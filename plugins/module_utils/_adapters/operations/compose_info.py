# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a stack: what the files expect, what runs, what is wrong."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ..._core.compose_model import ComposeModel
from ..._core.container import Container, parse_container
from ..._core.container_report import environment_of, published_ports, report_container
from ..._core.container_stats import over_thresholds, summarise
from ..._core.environment_drift import compare_environment, empty_required, environment_problems
from ..._core.errors import BadInput, OperationError
from ..._core.plan import Plan, facts_only
from ..._core.service_status import FAILING, Problem, find_problems, is_healthy
from ..._core.stack import Stack
from ..._core.status_table import status_table
from ..clock import utc_now
from ..compose_cli import ComposeCli
from ..engine import Engine
from ..engine_stats import sample
from ..stack_salt import StackSalt

_DEFAULT_RESTARTS = 3
_MOST_SAMPLES, _LONGEST_PERIOD = 60, 300


class StackUnhealthy(OperationError):
    """The stack does not run as its files ask for."""

    reason = "stack_unhealthy"


class ComposeInfo:
    def __init__(self, stack: Stack, params: Mapping[str, Any]) -> None:
        self._stack = stack
        self._params = params
        self._engine = Engine.connect(stack)
        self._compose = ComposeCli(stack)

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: object) -> "ComposeInfo":
        if not 0 <= params["samples"] <= _MOST_SAMPLES or not 0 < params["period"] <= _LONGEST_PERIOD:
            raise BadInput(f"samples must be 0 to {_MOST_SAMPLES} and period 1 to {_LONGEST_PERIOD} seconds.", samples=params["samples"])
        return cls(Stack.from_params(params), params)

    def plan(self) -> Plan:
        now = utc_now()
        with ThreadPoolExecutor(max_workers=2) as pool:
            asked = pool.submit(self._compose.model)
            inspected = {one["Id"]: one for one in pool.submit(self._engine.inspect_project, self._stack.name).result()}
            model = asked.result()
        containers = self._containers(inspected)
        names = model.select(self._params["services"])
        usage = self._usage(model, [one for one in containers if one.service in names and one.running], inspected)
        services = [self._service(model, name, containers, inspected, now, usage) for name in names]
        problems = self._problems(model, containers, inspected, usage)
        facts = {
            "at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "healthy": is_healthy(problems),
            "problems": [problem.to_dict() for problem in problems],
            "services": services,
            "ports": [dict(port, service=one.service) for one in containers for port in published_ports(inspected[one.id])],
            "disk": self._disk(),
        }
        facts["table"] = status_table(services, facts["problems"])
        if self._params["on_problem"] == "fail":
            self._refuse(problems)
        return facts_only(facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}

    def _containers(self, inspected: Mapping[str, Mapping[str, Any]]) -> List[Container]:
        found = [parse_container(one) for one in inspected.values()]
        return sorted((one for one in found if not one.one_off), key=lambda one: (one.service, one.number))

    def _service(
        self,
        model: ComposeModel,
        name: str,
        containers: Sequence[Container],
        inspected: Mapping[str, Mapping[str, Any]],
        now: Any,
        usage: Mapping[str, Dict[str, Any]],
    ) -> Dict[str, Any]:
        service, mine = model.service(name), [one for one in containers if one.service == name]
        full = self._params["detail"] == "full"
        reports = [dict(report_container(one, inspected[one.id], now, full), usage=usage.get(one.id, {})) for one in mine]
        described = {
            "name": name,
            "image": service.image,
            "image_ids": sorted({one.image_id for one in mine}),
            "expected_replicas": service.replicas,
            "running": sum(one.running for one in mine),
            "config_in_effect": bool(mine) and all(one.config_hash == service.config_hash for one in mine),
            "containers": reports,
        }
        if self._params["compare_environment"]:
            described["environment"] = self._environment(service.environment_dict(), mine, inspected)
        return described

    def _environment(
        self, files: Mapping[str, str], containers: Sequence[Container], inspected: Mapping[str, Mapping[str, Any]]
    ) -> List[Dict[str, Any]]:
        salt = StackSalt(self._stack).value
        return [row for one in containers[:1] for row in compare_environment(files, environment_of(inspected[one.id]), salt)]

    def _problems(
        self,
        model: ComposeModel,
        containers: Sequence[Container],
        inspected: Mapping[str, Mapping[str, Any]],
        usage: Mapping[str, Dict[str, Any]],
    ) -> List[Problem]:
        thresholds = self._params["thresholds"]
        limit = int(thresholds.get("max_restarts", _DEFAULT_RESTARTS))
        problems = find_problems(model, containers, self._image_ids(model), limit, self._params["services"])
        for one in containers:
            problems += over_thresholds(one.service, one.name, usage.get(one.id, {}), thresholds)
        if self._params["compare_environment"]:
            for name in model.select(self._params["services"]):
                files = model.service(name).environment_dict()
                problems += empty_required(name, files, self._params["required_keys"])
                for one in (one for one in containers if one.service == name):
                    rows = compare_environment(files, environment_of(inspected[one.id]), "")
                    problems += environment_problems(name, one.name, rows)
        return problems

    def _image_ids(self, model: ComposeModel) -> Dict[str, Any]:
        references = sorted({service.image for service in model.services})
        with ThreadPoolExecutor(max_workers=4) as pool:
            return dict(zip(references, pool.map(self._engine.image_id, references)))

    def _usage(
        self, model: ComposeModel, containers: Sequence[Container], inspected: Mapping[str, Mapping[str, Any]]
    ) -> Dict[str, Dict[str, Any]]:
        if not self._params["samples"]:
            return {}
        readings = sample(self._engine, [one.id for one in containers], self._params["samples"], self._params["period"])
        limits = {one.id: inspected[one.id].get("HostConfig") or {} for one in containers}
        return {one: summarise(readings[one], limits[one].get("Memory") or 0, limits[one].get("NanoCpus") or 0) for one in readings}

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


def _free(path: str) -> Dict[str, Any]:
    room = os.statvfs(path)
    return {"path": path, "free_mb": room.f_bavail * room.f_frsize // 2**20, "free_inodes": room.f_favail}
