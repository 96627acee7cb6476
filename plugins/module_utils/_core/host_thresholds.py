# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From when on a number of a host is a problem."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .thresholds import read_thresholds

DEFAULTS: Dict[str, float] = {
    "disk_warning_percent": 80,
    "disk_critical_percent": 90,
    "inodes_warning_percent": 80,
    "inodes_critical_percent": 90,
    "memory_warning_percent": 85,
    "memory_critical_percent": 95,
    "swap_warning_percent": 50,
    "cpu_warning_percent": 90,
    "load_warning_per_core": 1.5,
    "load_critical_per_core": 5,
    "certificate_warning_days": 30,
    "certificate_critical_days": 7,
    "log_bytes": 2**30,
}


def parse_thresholds(given: Mapping[str, Any]) -> Dict[str, float]:
    return read_thresholds(given, DEFAULTS)
