# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until services are ready. The engine's health status lags by its interval, so the check is also run by us."""

from __future__ import annotations

import time
from typing import Any, Collection, Dict, List, Mapping, Sequence, Tuple

from .._core.container import Container
from .._core.errors import OperationError
from .._core.health_wait import HealthTimeout, Look, Readiness, Terms, failure, judge_service, worst_of
from .._core.redaction import Redactor
from .engine import Engine
from .engine_containers import redactor_of
from .engine_logs import log_tail
from .health_checks import HealthChecks

_POLL_SECONDS = 0.1
_LOG_LINES = 20
_HEALTH_LINES = 3
_LONGEST_OUTPUT = 500


class HealthWatch:
    """Watches the services of one stack. ``before`` are the containers as they were before anything was done, ``ignored`` ids of some that do not count."""

    def __init__(self, engine: Engine, terms: Terms, before: Sequence[Container], ignored: Collection[str] = ()) -> None:
        self._engine = engine
        self._ignored = frozenset(ignored)
        self._terms = terms
        self._checks = HealthChecks(engine)
        self._restarts: Dict[str, int] = {container.id: container.restart_count for container in before}
        self._seen_running: Dict[Tuple[str, str], float] = {}

    def wait(self, expected: Mapping[str, int], timeout: float, layer: int = 1) -> Dict[str, int]:
        """Returns after how many ms each service was ready; raises when one fails or time is up. ``timeout`` in seconds."""
        began = time.monotonic()
        ready: Dict[str, int] = {}
        while len(ready) < len(expected):
            late = time.monotonic() - began > timeout
            for name, looks in self._look([name for name in expected if name not in ready]).items():
                verdict = judge_service(looks, self._terms, expected[name])
                if verdict.verdict == "waiting" and late:
                    verdict = Readiness("failed", HealthTimeout.reason, f"{verdict.message} after {timeout:g} s")
                if verdict.verdict == "failed":
                    raise self._failure(verdict, name, layer, looks)
                if verdict.verdict == "ready":
                    ready[name] = round((time.monotonic() - began) * 1000)
            if len(ready) < len(expected):
                time.sleep(_POLL_SECONDS)
        return ready

    def _look(self, names: Sequence[str]) -> Dict[str, List[Look]]:
        looked_at = time.monotonic()
        looks: Dict[str, List[Look]] = {name: [] for name in names}
        for container in self._engine.containers(self._terms.model.project):
            if container.service in looks and container.id not in self._ignored:
                looks[container.service].append(self._look_at(container, looked_at))
        return looks

    def _look_at(self, container: Container, looked_at: float) -> Look:
        # A container that was made just now has not been restarted; the engine counts from 0 again when it starts one by hand.
        first = min(self._restarts.get(container.id, 0), container.restart_count)
        self._restarts[container.id] = first
        start = (container.id, container.started_at)
        since = self._seen_running.setdefault(start, looked_at) if container.running else looked_at
        check = self._checks.verdict(container, looked_at) if self._terms.until == "healthy" else "unknown"
        return Look(container, first, check, round((looked_at - since) * 1000))

    def _failure(self, verdict: Readiness, service: str, layer: int, looks: Sequence[Look]) -> OperationError:
        worst = worst_of(looks, self._terms)
        where = f"Service {service} of stack {self._terms.model.project} (layer {layer})"
        if worst is None:
            return failure(verdict.problem, f"{where} did not become ready: {verdict.message}.", "", {"service": service, "layer": layer})
        evidence = self._evidence(worst[0])
        outputs = [entry["output"] for entry in evidence["health_log"] if entry["exit_code"] != 0] or evidence["log_tail"] or ["nothing was logged"]
        return failure(
            verdict.problem,
            f"{where} did not become ready: {verdict.message}. Last word: {outputs[-1].strip()}",
            "The last log lines and health checks are in the details.",
            {"service": service, "layer": layer, **evidence},
        )

    def _evidence(self, container: Container) -> Dict[str, Any]:
        redactor = redactor_of(self._engine, container.id)
        checks = list(container.health_log[-_HEALTH_LINES:])
        own = self._checks.last_failure(container.id)
        if own is not None:
            checks.append((own.exit_code, own.output))
        return {
            "container": container.name,
            "state": container.state,
            "exit_code": container.exit_code,
            "oom_killed": container.oom_killed,
            "log_tail": self._log_tail(container.id, redactor),
            "health_log": [{"exit_code": code, "output": redactor.text(output)[-_LONGEST_OUTPUT:]} for code, output in checks],
        }

    def _log_tail(self, container: str, redactor: Redactor) -> List[str]:
        try:
            return log_tail(self._engine, container, _LOG_LINES, redactor)
        except OperationError as error:  # a logging driver that cannot be read must not hide the failure itself
            return [f"The log cannot be read: {error}"]
