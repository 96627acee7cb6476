# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a stack's Redis server and says what is wrong with it."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ..._core import redis_sections
from ..._core.errors import BadInput, OperationError
from ..._core.plan import Plan, facts_only
from ..._core.problem import CRITICAL, Problem, is_healthy, worst_first
from ..._core.redis_answers import observed
from ..._core.redis_change import change_between
from ..._core.redis_prefixes import PrefixSample
from ..._core.redis_problems import find_problems
from ..._core.redis_report_text import report_text
from ..._core.redis_thresholds import parse_thresholds
from ..._core.redis_words import Prefixing
from ..clock import utc_now
from ..redis_reports import sample, state
from ..redis_reports.asking import OF_ONE_PART, Asking
from ..redis_session import RedisSession
from ..redis_target import RedisTarget

_BOUNDS = {
    "limit": (1, 1000), "interval": (0, 300), "prefix_depth": (1, 5), "sample_keys": (1, 1_000_000), "sample_seconds": (0.1, 300),
}  # fmt: skip
_OBSERVED = {"seconds": (0.1, 60), "commands": (1, 100_000)}


class RedisUnhealthy(OperationError):
    """The report has critical problems."""

    reason = "redis_unhealthy"


class RedisInfo:
    def __init__(self, target: RedisTarget, params: Mapping[str, Any]) -> None:
        self._target = target
        self._service = target.service
        self._params = params
        self._limits = parse_thresholds(params["thresholds"])
        self._prefixing = Prefixing(params["separator"].encode(), params["prefix_depth"])

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: object) -> "RedisInfo":
        _require_sense(params)
        return cls(RedisTarget.from_params(params), params)

    def plan(self) -> Plan:
        with self._open() as session:
            asking = Asking(session)
            sections = self._read(asking)
        if self._params["observe"]:
            sections["observed"] = self._observe(asking)
        problems = worst_first([*find_problems(sections, self._limits, self._params["protected_prefixes"]), *asking.missing])
        told = [problem.to_dict() for problem in problems]
        if self._params["on_problem"] == "fail":
            self._refuse(problems)
        return facts_only(
            {
                "at": utc_now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                "healthy": is_healthy(problems),
                "complete": not asking.missing,
                "problems": told,
                **sections,
                "table": report_text(sections, told),
            }
        )

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}

    def _read(self, asking: Asking) -> Dict[str, Any]:
        """The interval comes first: what the report itself asks is not in it."""
        info = asking.session.info("all")
        sections: Dict[str, Any] = {}
        if self._params["interval"]:
            began = time.monotonic()
            time.sleep(self._params["interval"])
            first, info = info, asking.session.info("all")
            sections["change"] = change_between(first, info, time.monotonic() - began, self._params["limit"])
        readers = self._readers(asking, info)
        sections.update({name: read() for name, read in readers.items() if name in self._params["sections"]})
        return sections

    def _readers(self, asking: Asking, info: Mapping[str, str]) -> Dict[str, Callable[[], Any]]:
        params, service = self._params, self._service
        totals = {row["database"]: row["key_count"] for row in redis_sections.keyspace(info)["databases"]}
        return {
            "server": lambda: redis_sections.server(info),
            "memory": lambda: state.memory(asking, info, service),
            "hits": lambda: redis_sections.hits(info),
            "clients": lambda: state.clients(asking, info, params["limit"]),
            "persistence": lambda: state.persistence(asking, info, service),
            "replication": lambda: redis_sections.replication(info),
            "slowlog": lambda: state.slowlog(asking, self._prefixing, params["limit"]),
            "latency": lambda: state.latency(asking),
            "keyspace": lambda: redis_sections.keyspace(info),
            "prefixes": lambda: sample.prefixes(asking, PrefixSample(self._prefixing, params["protected_prefixes"]), totals, params),
            "commands": lambda: redis_sections.commands(info, params["limit"]),
        }

    def _observe(self, asking: Asking) -> Any:
        """On a connection of its own, which MONITOR leaves unusable."""
        began = time.monotonic()
        try:
            with self._open() as session:
                lines = list(sample.watch(session, self._prefixing, self._params["observe"]))
        except OF_ONE_PART as error:
            asking.note("observed", "MONITOR", error)
            return None
        return observed(lines, time.monotonic() - began, self._params["limit"])

    def _open(self) -> RedisSession:
        return self._target.open(reply_seconds=self._params["reply_timeout"])

    def _refuse(self, problems: Sequence[Problem]) -> None:
        critical: List[Problem] = [problem for problem in problems if problem.severity == CRITICAL]
        if critical:
            raise RedisUnhealthy(
                f"Redis is not as it should be: {' '.join(problem.message for problem in critical)}",
                hint=critical[0].hint,
                problems=[problem.to_dict() for problem in critical],
            )


def _require_sense(params: Mapping[str, Any]) -> None:
    parse_thresholds(params["thresholds"])
    if not params["separator"]:
        raise BadInput("separator must not be empty.", separator="")
    if any(not prefix for prefix in params["protected_prefixes"]):
        raise BadInput("A protected prefix must not be empty.", protected_prefixes=params["protected_prefixes"])
    if params["reply_timeout"] <= 0:
        raise BadInput("reply_timeout must be more than 0 seconds.", reply_timeout=str(params["reply_timeout"]))
    _require_bounds(params, _BOUNDS)
    if params["observe"]:
        _require_bounds(params["observe"], _OBSERVED)


def _require_bounds(given: Mapping[str, Any], bounds: Mapping[str, Any]) -> None:
    for name, (least, most) in bounds.items():
        if not least <= given[name] <= most:
            raise BadInput(f"{name} must be {least} to {most}.", **{name: str(given[name])})
