# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the host below a stack and says what is wrong with it."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from ..._core.errors import BadInput, OperationError
from ..._core.host_problems import find_problems
from ..._core.host_report_text import report_text
from ..._core.host_thresholds import parse_thresholds
from ..._core.kernel_texts import Listener, parse_listener
from ..._core.plan import Plan, facts_only
from ..._core.problem import CRITICAL, Problem, is_healthy, worst_first
from ..._core.stack import Stack
from ..certificate_look import look, parse_address
from ..clock import utc_now
from ..host_engine import HostEngine
from ..host_readings import Readings
from ..kernel_clock import clock_state
from ..local_hours import hours_now
from ..package_manager import packages

_LONGEST_INTERVAL, _ENGINE_SECONDS = 60, 20


class HostUnhealthy(OperationError):
    """The host has critical problems."""

    reason = "host_unhealthy"


class HostInfo:
    def __init__(self, stack: Stack, params: Mapping[str, Any]) -> None:
        self._stack = stack
        self._params = params
        self._limits = parse_thresholds(params["thresholds"])
        self._listeners = [_listener(text) for text in params["listeners"]]
        self._readings = Readings()

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: object) -> "HostInfo":
        if not 0 <= params["interval"] <= _LONGEST_INTERVAL:
            raise BadInput(f"interval must be 0 to {_LONGEST_INTERVAL} seconds.", interval=str(params["interval"]))
        _require_certificates(params["certificates"])
        relative = sorted(str(path) for path in params["paths"].values() if not str(path).startswith("/"))
        if relative:
            raise BadInput(f"paths must be absolute: {', '.join(relative)}.", paths=relative)
        return cls(Stack.from_params(params), params)

    def plan(self) -> Plan:
        engine = HostEngine(self._stack, _ENGINE_SECONDS)
        readers = self._readers(engine)
        sections = {name: read() for name, read in readers.items() if name in self._params["sections"]}
        problems = worst_first([*find_problems(sections, self._limits), *self._readings.missing, *engine.missing])
        told = [problem.to_dict() for problem in problems]
        if self._params["on_problem"] == "fail":
            self._refuse(problems)
        return facts_only(
            {
                "at": utc_now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                "healthy": is_healthy(problems),
                "verdict": "ok" if not problems else problems[0].severity,
                "problems": told,
                **sections,
                "table": report_text(sections, told),
            }
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}

    def _readers(self, engine: HostEngine) -> Dict[str, Callable[[], Any]]:
        params, now = self._params, utc_now()
        return {
            "system": self._readings.system,
            "disks": lambda: self._readings.disks(self._uses(engine.root_dir)),
            "memory": self._readings.memory,
            "load": lambda: self._readings.load(params["interval"]),
            "certificates": lambda: [look(one, now) for one in params["certificates"]],
            "listeners": lambda: self._readings.listeners(self._listeners),
            "engine": engine.section,
            "clock": clock_state,
            "logs": engine.logs,
            "containers": engine.containers,
            "packages": packages,
            "hours": lambda: hours_now(params["hours"], params["timezone"]),
        }

    def _uses(self, engine_root: str) -> Dict[str, str]:
        own = {"root": "/", "engine": engine_root, "project": self._stack.project_dir, "state": self._stack.state_dir}
        return {name: path for name, path in {**own, **self._params["paths"]}.items() if path}

    def _refuse(self, problems: Sequence[Problem]) -> None:
        critical: List[Problem] = [problem for problem in problems if problem.severity == CRITICAL]
        if critical:
            raise HostUnhealthy(
                f"The host is not as it should be: {' '.join(problem.message for problem in critical)}",
                hint=critical[0].hint,
                problems=[problem.to_dict() for problem in critical],
            )


def _listener(text: str) -> Listener:
    found = parse_listener(text)
    if found is None:
        raise BadInput(f"{text!r} is no listener.", hint="Write a port, or address:port: 8080, 127.0.0.1:8080, [::1]:8080.", listener=text)
    return found


def _require_certificates(wanted: Sequence[Mapping[str, Any]]) -> None:
    for one in wanted:
        if not (one["file"] or one["served"]):
            raise BadInput("A certificate needs file, served, or both.", certificates=[dict(one)])
        if one["served"] and parse_address(one["served"]) is None:
            raise BadInput(f"{one['served']!r} is not host:port.", served=one["served"])
