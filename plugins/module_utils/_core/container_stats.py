# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU and memory of containers from two readings of the engine's statistics."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .errors import BadInput
from .service_status import WARNING, Problem

_THRESHOLDS = ("cpu_percent", "max_restarts", "memory_percent")


def parse_thresholds(given: Mapping[str, Any]) -> Dict[str, float]:
    """Thresholds as numbers; refuses a name or a value that would never be compared with anything."""
    unknown = sorted(set(given) - set(_THRESHOLDS))
    if unknown:
        raise BadInput(f"There is no threshold {', '.join(unknown)}.", hint=f"Choose from: {', '.join(_THRESHOLDS)}.", thresholds=unknown)
    return {name: _parse_number(name, value) for name, value in given.items()}


def _parse_number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise BadInput(f"The threshold {name} is {value!r}, which is not a number of 0 or more.", threshold=name)
    return number


def cpu_percent(first: Mapping[str, Any], second: Mapping[str, Any]) -> Optional[float]:
    """Percent of one CPU between two readings, so that two busy CPUs are 200; None when the engine did not count."""
    used = _total_cpu(second) - _total_cpu(first)
    system = _system_cpu(second) - _system_cpu(first)
    if system <= 0 or _total_cpu(second) == 0:
        return None
    cpus = (second.get("cpu_stats") or {}).get("online_cpus") or 1
    return round(used / system * cpus * 100, 1)


def memory_bytes(reading: Mapping[str, Any]) -> Optional[int]:
    """What cannot be given back: usage without the page cache that is not in use; None when the engine did not count.

    cgroup v1 names that cache ``total_inactive_file``, v2 ``inactive_file`` (as the docker CLI does it).
    """
    memory = reading.get("memory_stats") or {}
    if not memory.get("usage"):
        return None
    cache = memory.get("stats") or {}
    inactive = cache.get("total_inactive_file", cache.get("inactive_file", 0))
    return max(0, memory["usage"] - (inactive or 0))


def summarise(readings: Sequence[Mapping[str, Any]], memory_limit: int, nano_cpus: int) -> Dict[str, Any]:
    """Minimum, average and maximum over all readings; None where the engine counts nothing, or there is no limit."""
    memory = [value for value in map(memory_bytes, readings) if value is not None]
    cpu = [value for value in map(cpu_percent, readings, readings[1:]) if value is not None]
    cpu_limit = nano_cpus / 1e7 if nano_cpus else 0.0
    return {
        "samples": len(readings),
        "cpu_percent": _spread(cpu),
        "cpu_percent_of_limit": round(max(cpu) / cpu_limit * 100, 1) if cpu and cpu_limit else None,
        "memory_bytes": _spread(memory),
        "memory_percent_of_limit": round(max(memory) / memory_limit * 100, 1) if memory and memory_limit else None,
    }


def over_thresholds(service: str, container: str, usage: Mapping[str, Any], thresholds: Mapping[str, float]) -> List[Problem]:
    """Warnings for a container that used more than ``memory_percent`` or ``cpu_percent`` of its limit."""
    found = []
    for what in ("memory", "cpu"):
        limit, used = thresholds.get(f"{what}_percent"), usage.get(f"{what}_percent_of_limit")
        if limit is not None and used is not None and used > limit:
            message = f"{container} used {used} % of its {what} limit, and {limit} % is the threshold."
            found.append(Problem(service, container, f"{what}_high", WARNING, message, "playbooks/service/configure.yml"))
    return found


def _spread(values: Sequence[float]) -> Optional[Dict[str, float]]:
    if not values:
        return None
    return {"min": min(values), "avg": round(sum(values) / len(values), 1), "max": max(values)}


def _total_cpu(reading: Mapping[str, Any]) -> int:
    return ((reading.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage") or 0


def _system_cpu(reading: Mapping[str, Any]) -> int:
    return (reading.get("cpu_stats") or {}).get("system_cpu_usage") or 0
