# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a stack as aligned text."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from .text_table import aligned

_HEADER = ("SERVICE", "CONTAINER", "STATE", "HEALTH", "RESTARTS", "IMAGE")
_USAGE_HEADER = ("CPU AVG/MAX", "MEMORY AVG/MAX")
_ORDER = {"failing": 0, "drift": 1, "warning": 2}
_NOT_COUNTED = "The engine counts neither CPU nor memory on this host, so there are no numbers for them."
_MIB = 2**20


def status_table(services: Sequence[Mapping[str, Any]], problems: Sequence[Mapping[str, Any]]) -> str:
    """One line for each container, then one for each problem, the worst first. CPU and memory where they were sampled."""
    usages = [one["usage"] for service in services for one in service["containers"] if one.get("usage")]
    rows: List[Sequence[str]] = [_HEADER + _USAGE_HEADER if usages else _HEADER]
    for service in services:
        rows += [_row(service, one, bool(usages)) for one in service["containers"]] or [_missing(service, bool(usages))]
    lines = aligned(rows)
    if usages and not any(usage["cpu_percent"] or usage["memory_bytes"] for usage in usages):
        lines.append(_NOT_COUNTED)
    worst_first = sorted(problems, key=lambda problem: _ORDER[problem["severity"]])
    return "\n".join(lines + [f"{problem['severity'].upper()}: {problem['message']} See {problem['procedure']}." for problem in worst_first])


def _row(service: Mapping[str, Any], one: Mapping[str, Any], sampled: bool) -> Sequence[str]:
    image = f"{service['image']} {one['image_id'][7:19]}"
    known = (service["name"], one["name"], one["state"], one["health"], str(one["restart_count"]), image)
    return (*known, _cpu(one.get("usage") or {}), _memory(one.get("usage") or {})) if sampled else known


def _missing(service: Mapping[str, Any], sampled: bool) -> Sequence[str]:
    known = (service["name"], "-", "missing", "-", "-", service["image"])
    return (*known, "-", "-") if sampled else known


def _cpu(usage: Mapping[str, Any]) -> str:
    """Percent of one CPU."""
    spread = usage.get("cpu_percent")
    return f"{spread['avg']:g}/{spread['max']:g} %" if spread else "-"


def _memory(usage: Mapping[str, Any]) -> str:
    spread: Dict[str, float] = usage.get("memory_bytes") or {}
    if not spread:
        return "-"
    share = usage.get("memory_percent_of_limit")
    limit = "" if share is None else f" ({share:g} % of the limit)"
    return f"{spread['avg'] / _MIB:.0f}/{spread['max'] / _MIB:.0f} MiB{limit}"
