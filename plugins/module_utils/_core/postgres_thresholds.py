# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From when on a number of a Postgres server is a problem."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .thresholds import read_thresholds

MEBIBYTE = 2**20
DEFAULTS: Dict[str, float] = {
    "connections_warning_percent": 80,
    "connections_critical_percent": 90,
    "idle_in_transaction_seconds": 300,
    "transaction_seconds": 3600,
    "statement_seconds": 300,
    "blocked_seconds": 30,
    "prepared_seconds": 600,
    "hit_percent": 90,
    "wraparound_warning_percent": 40,
    "wraparound_critical_percent": 75,
    "dead_percent": 20,
    "dead_rows": 10_000,
    "bloat_percent": 50,
    "bloat_bytes": 100 * MEBIBYTE,
    "unused_index_bytes": MEBIBYTE,
    "statistics_days": 14,
    "replication_lag_bytes": 100 * MEBIBYTE,
    "replication_lag_seconds": 60,
    "slot_retained_bytes": 1024 * MEBIBYTE,
}


def parse_thresholds(given: Mapping[str, Any]) -> Dict[str, float]:
    return read_thresholds(given, DEFAULTS)
