# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until services are ready. The engine's health status lags by its interval, so the check is also run by us."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, List, Mapping, Sequence, Tuple

from .._core.compose_model import ComposeModel
from .._core.container import Container
from .._core.errors import OperationError
from .._core.health_wait import HealthTimeout, Look, Readiness, failure, judge_service
from .engine import Engine
from .engine_containers import Checked, redactor_of, run_health_check
from .engine_logs import log_tail

_POLL_SECONDS = 0.1
_SETTLE_MS = 500
_LOG_LINES = 20
_PARALLEL_CHECKS = 8


class HealthWatch:
    """Watches the services of one stack. ``before`` are the containers as they were before anything was done."""

    def __init__(self, engine: Engine, model: ComposeModel, before: Sequence[Container]) -> None:
        self._engine = engine
        self._model = model
        self._restarts: Dict[str, int] = {container.id: container.restart_count for container in before}
        self._passed: Dict[Tuple[str, str], bool] = {}
        self._last_check: Dict[str, Checked] = {}
        self._seen_running: Dict[Tuple[str, str], float] = {}

    def wait(self, expected: Mapping[str, int], timeout: float) -> Dict[str, int]:
        """Returns after how many ms each service was ready; raises when one fails or time is up. ``timeout`` in seconds."""
        began = time.monotonic()
        ready: Dict[str, int] = {}
        with ThreadPoolExecutor(max_workers=_PARALLEL_CHECKS) as pool:
            while True:
                looks = self._look([name for name in expected if name not in ready], pool)
                for name, found in looks.items():
                    verdict = judge_service(found, self._model, expected[name], _SETTLE_MS)
                    if verdict.verdict == "failed":
                        raise self._failure(verdict, name, found)
                    if verdict.verdict == "ready":
                        ready[name] = round((time.monotonic() - began) * 1000)
                    elif time.monotonic() - began > timeout:
                        late = Readiness("failed", HealthTimeout.reason, f"{verdict.message} after {timeout:g} s")
                        raise self._failure(late, name, found)
                if len(ready) == len(expected):
                    return ready
                time.sleep(_POLL_SECONDS)

    def _look(self, names: Sequence[str], pool: ThreadPoolExecutor) -> Dict[str, List[Look]]:
        containers = [one for one in self._engine.containers(self._model.project) if one.service in names]
        checks = list(pool.map(self._check, containers))
        looks: Dict[str, List[Look]] = {name: [] for name in names}
        for container, check in zip(containers, checks):
            first = self._restarts.setdefault(container.id, container.restart_count)
            looks[container.service].append(Look(container, first, check, self._running_ms(container)))
        return looks

    def _check(self, container: Container) -> str:
        """Our own run of the check; what passed counts only after one more look at the same, still running container."""
        if not container.running or container.health in ("none", "healthy") or len(container.health_test) < 2:
            return "unknown"
        start = (container.id, container.started_at)
        if self._passed.get(start):
            return "passed"
        answer = run_health_check(self._engine, container.id, container.health_test)
        self._last_check[container.id] = answer
        if answer.verdict == "passed":
            self._passed[start] = True
            return "unknown"
        return answer.verdict

    def _running_ms(self, container: Container) -> int:
        if not container.running:
            return 0
        start = (container.id, container.started_at)
        return round((time.monotonic() - self._seen_running.setdefault(start, time.monotonic())) * 1000)

    def _failure(self, verdict: Readiness, service: str, looks: Sequence[Look]) -> OperationError:
        worst = next((look.container for look in looks if not look.container.running or look.container.health != "healthy"), None)
        if worst is None:
            return failure(verdict.problem, f"{verdict.message}.", "", {"service": service})
        redactor = redactor_of(self._engine, worst.id)
        tail = log_tail(self._engine, worst.id, _LOG_LINES, redactor)
        checks = list(worst.health_log[-3:])
        own = self._last_check.get(worst.id)
        if own is not None and own.verdict == "failed":
            checks.append((own.exit_code, own.output))
        health = [{"exit_code": code, "output": redactor.text(output)[-500:]} for code, output in checks]
        last = health[-1]["output"].strip() if health and health[-1]["output"].strip() else (tail[-1] if tail else "nothing was logged")
        return failure(
            verdict.problem,
            f"Service {service} of stack {self._model.project} did not become ready: {verdict.message}. Last word: {last}",
            "The last log lines and health checks are in the details.",
            {
                "service": service,
                "container": worst.name,
                "state": worst.state,
                "exit_code": worst.exit_code,
                "oom_killed": worst.oom_killed,
                "log_tail": tail,
                "health_log": health,
            },
        )
