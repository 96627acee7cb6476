# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Percentiles of what was measured."""

from __future__ import annotations

import math
from typing import Dict, Optional, Sequence

_NAMED = (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100))


def percentile(samples: Sequence[float], percent: float) -> Optional[float]:
    """The nearest rank: a value that was really measured, and that so many percent of all do not exceed. None of nothing."""
    if not samples:
        return None
    rank = max(1, math.ceil(len(samples) * percent / 100))
    return sorted(samples)[rank - 1]


def percentiles(samples: Sequence[float]) -> Dict[str, Optional[float]]:
    """``p50``, ``p95``, ``p99`` and ``max`` in tenths."""
    found = {name: percentile(samples, percent) for name, percent in _NAMED}
    return {name: None if value is None else round(value, 1) for name, value in found.items()}
