# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From when on a number of a server is a problem: what is given, in place of defaults."""

from __future__ import annotations

import math
from typing import Any, Dict, Mapping

from .errors import BadInput


def read_thresholds(given: Mapping[str, Any], defaults: Mapping[str, float]) -> Dict[str, float]:
    """All thresholds, with those that are given in place of the defaults; refuses names and values that mean nothing."""
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise BadInput(f"There is no threshold {', '.join(unknown)}.", hint=f"Choose from: {', '.join(defaults)}.", thresholds=unknown)
    return {**defaults, **{name: _number(name, value) for name, value in given.items()}}


def _number(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise BadInput(f"The threshold {name} is {value!r}, which is not a number of 0 or more.", threshold=name)
    return number
