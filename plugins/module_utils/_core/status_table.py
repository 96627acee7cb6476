# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a stack as aligned text."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence

from .text_table import aligned

_HEADER = ("SERVICE", "CONTAINER", "STATE", "HEALTH", "RESTARTS", "IMAGE")


def status_table(services: Sequence[Mapping[str, Any]], problems: Sequence[Mapping[str, Any]]) -> str:
    """One line for each container, then one for each problem, the worst first."""
    rows: List[Sequence[str]] = [_HEADER]
    for service in services:
        for one in service["containers"]:
            restarts = str(one["restart_count"])
            rows.append((service["name"], one["name"], one["state"], one["health"], restarts, f"{service['image']} {one['image_id'][7:19]}"))
        if not service["containers"]:
            rows.append((service["name"], "-", "missing", "-", "-", service["image"]))
    order = {"failing": 0, "drift": 1, "warning": 2}
    worst_first = sorted(problems, key=lambda problem: order[problem["severity"]])
    return "\n".join(aligned(rows) + [f"{problem['severity'].upper()}: {problem['message']} See {problem['procedure']}." for problem in worst_first])
