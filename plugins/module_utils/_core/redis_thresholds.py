# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From when on a number of a Redis server is a problem."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .thresholds import read_thresholds

DEFAULTS: Dict[str, float] = {
    "memory_warning_percent": 80,
    "memory_critical_percent": 90,
    "fragmentation_ratio": 1.5,
    "fragmentation_bytes": 100 * 2**20,
    "hit_percent": 50,
    "reads": 1000,
    "clients_warning_percent": 80,
    "clients_critical_percent": 90,
    "save_age_seconds": 86_400,
    "changes_since_save": 1,
    "replication_lag_bytes": 10 * 2**20,
    "link_down_seconds": 60,
    "slow_seconds": 0.1,
    "slow_within_seconds": 3600,
    "ping_ms": 100,
    "evicted": 1,
    "without_expiry_percent": 90,
}


def parse_thresholds(given: Mapping[str, Any]) -> Dict[str, float]:
    return read_thresholds(given, DEFAULTS)
