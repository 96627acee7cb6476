# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a Prometheus until its targets are up and what is expected is there, or until the deadline."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping, Optional

from ..._core.plan import Plan, facts_only
from ..._core.probe import parse_probe
from ..._core.probe_verdict import HttpAnswer
from ..._core.problem import Problem
from ..._core.prometheus_state import ANSWERS, Expected, PrometheusUnusable, monitoring_table, parse_answer, problems_of, raise_incomplete, state_of
from ..probe_client import ProbeClient, Target

_PAUSE_SECONDS = 1.0


class PrometheusInfo:
    def __init__(self, params: Mapping[str, Any]) -> None:
        self._expected = Expected.from_params(params)
        self._deadline = params["deadline"]
        self._fails = params["on_problem"] == "fail"
        base = params["url"].rstrip("/")
        shared = {"headers": params["headers"] or {}, "validate_certs": params["validate_certs"]}
        self._probes = {name: parse_probe({**shared, "name": f"Prometheus, {name}", "url": base + path}) for name, path in ANSWERS.items()}

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "PrometheusInfo":
        return cls(params)

    def plan(self) -> Plan:
        until = time.monotonic() + self._deadline
        while True:
            trouble: Optional[PrometheusUnusable] = None
            problems: List[Problem] = []
            try:
                state = state_of({name: self._ask(name) for name in self._probes})
                problems = problems_of(state, self._expected)
            except PrometheusUnusable as error:
                trouble = error
            if not (trouble or problems) or time.monotonic() + _PAUSE_SECONDS >= until:
                break
            time.sleep(_PAUSE_SECONDS)
        if trouble is not None:
            raise trouble
        if self._fails:
            raise_incomplete(problems)
        facts = {**state, "healthy": not problems, "problems": [problem.to_dict() for problem in problems], "table": monitoring_table(state)}
        return facts_only(facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}

    def _ask(self, name: str) -> Mapping[str, Any]:
        probe = self._probes[name]
        answer = ProbeClient().ask(Target(probe), probe.timeout)
        if not isinstance(answer, HttpAnswer):
            raise PrometheusUnusable(
                f"Prometheus does not answer at {probe.url}.", hint="Look whether it runs, and at the URL in the inventory.", url=probe.url
            )
        return parse_answer(name, answer.status, answer.body, answer.complete)
