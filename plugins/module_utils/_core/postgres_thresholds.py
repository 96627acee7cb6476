# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From when on a number of a Postgres server is a problem."""

from __future__ import annotations

import math
from typing import Any, Dict, Mapping

from .errors import BadInput

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
    """All thresholds, with those that are given in place of the defaults; refuses names and values that mean nothing."""
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise BadInput(f"There is no threshold {', '.join(unknown)}.", hint=f"Choose from: {', '.join(DEFAULTS)}.", thresholds=unknown)
    return {**DEFAULTS, **{name: _number(name, value) for name, value in given.items()}}


def _number(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise BadInput(f"The threshold {name} is {value!r}, which is not a number of 0 or more.", threshold=name)
    return number
