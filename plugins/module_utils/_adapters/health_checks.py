# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the health checks of containers in the background, at most one at a time for each."""

from __future__ import annotations

import threading
import time
from typing import Dict, Optional, Tuple

from .._core.container import Container
from .engine import Engine
from .engine_containers import Checked, run_health_check


class _Run:
    """One run of one check. The thread is a daemon: a check that hangs does not keep the module from ending."""

    def __init__(self, engine: Engine, container: Container) -> None:
        self.began = time.monotonic()
        self.ended = 0.0
        self.answer: Optional[Checked] = None
        threading.Thread(target=self._ask, args=(engine, container), daemon=True).start()

    def _ask(self, engine: Engine, container: Container) -> None:
        answer = run_health_check(engine, container.id, container.health_test)
        self.ended = time.monotonic()
        self.answer = answer


class HealthChecks:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._runs: Dict[Tuple[str, str], _Run] = {}
        self._failed: Dict[str, Checked] = {}

    def verdict(self, container: Container, looked_at: float) -> str:
        """Passed, failed or unknown. What passed counts when the same container was seen running (at ``looked_at``) after it."""
        if not container.running or container.health in ("none", "healthy") or len(container.health_test) < 2:
            return "unknown"
        start = (container.id, container.started_at)
        run = self._runs.get(start)
        if run is None:
            self._runs[start] = _Run(self._engine, container)
            return "unknown"
        if run.answer is None:
            return self._too_late(container) if time.monotonic() - run.began > container.health_timeout else "unknown"
        if run.answer.verdict == "passed":
            return "passed" if looked_at > run.ended else "unknown"
        if run.answer.verdict == "failed":
            self._failed[container.id] = run.answer
        self._runs[start] = _Run(self._engine, container)
        return run.answer.verdict

    def last_failure(self, container: str) -> Optional[Checked]:
        """The last run of the container's check that failed."""
        return self._failed.get(container)

    def _too_late(self, container: Container) -> str:
        self._failed[container.id] = Checked("failed", -1, f"no answer within {container.health_timeout:g} s")
        return "failed"
