# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readings of CPU and memory through the engine, all containers at once, over a bounded time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Sequence

from .._core.errors import OperationError
from .engine import Engine

_PARALLEL = 8


def sample(engine: Engine, containers: Sequence[str], samples: int, period: float) -> Dict[str, List[Dict[str, Any]]]:
    """``samples`` readings of each container spread over ``period`` seconds. A container that ends gives fewer."""
    readings: Dict[str, List[Dict[str, Any]]] = {container: [] for container in containers}
    pause = period / max(1, samples - 1)
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        for turn in range(samples):
            began = time.monotonic()
            for container, reading in zip(containers, pool.map(lambda one: _read(engine, one), containers)):
                readings[container] += reading
            if turn + 1 < samples:
                time.sleep(max(0.0, pause - (time.monotonic() - began)))
    return readings


def _read(engine: Engine, container: str) -> List[Dict[str, Any]]:
    try:
        with engine.calling(f"read the statistics of {container[:12]}"):
            return [engine.client.stats(container, stream=False)]
    except OperationError:
        return []  # it ended between two readings
