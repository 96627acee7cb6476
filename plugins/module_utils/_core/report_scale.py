# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers as people read them, and round marks for axes."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import List, Sequence, Tuple

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEPS = (1, 2, 2.5, 5, 10)
_INDISTINCT = 1e-9  # of the size of the numbers: closer ones have no marks between them
_SPANS = (
    *(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30)),
    *(timedelta(hours=hours) for hours in (1, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 14, 30, 90, 180, 365)),
)


def quantity(value: float, unit: str) -> str:
    """A number with its unit: bytes, percent, seconds, milliseconds, count, or any word."""
    if unit == "bytes":
        return _scaled_bytes(value)
    if unit == "percent":
        return f"{_short(value)} %"
    if unit == "seconds":
        return _scaled_seconds(value)
    if unit == "milliseconds":
        return f"{_short(value)} ms" if abs(value) < 1000 else f"{_short(value / 1000)} s"
    return _short(value) if unit == "count" else f"{_short(value)} {unit}"


def marks(low: float, high: float, unit: str = "", most: int = 5) -> List[float]:
    """Round values from at or below ``low`` to at or above ``high``; powers of two for bytes."""
    if high - low <= max(abs(low), abs(high), 1.0) * _INDISTINCT:
        high = low + max(abs(low), 1.0)
    base = 1024.0 ** max(0, math.floor(math.log(max(high, 1.0), 1024))) if unit == "bytes" else 1.0
    rough = (high - low) / base / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step for step in _STEPS if step * power >= rough * 0.999) * power * base
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def moments(first: datetime, last: datetime, most: int = 6) -> List[Tuple[datetime, str]]:
    """Round times within a span, with what to write at them."""
    span = next((span for span in _SPANS if (last - first) / span <= most), _SPANS[-1])
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = midnight + math.ceil((first - midnight) / span) * span
    found = []
    while moment <= last:
        found.append((moment, moment.strftime("%H:%M" if span < timedelta(days=1) else "%d %b")))
        moment += span
    return found


def growth_per_day(points: Sequence[Tuple[datetime, float]]) -> float:
    """The slope of the line that fits best (least squares), in units a day; 0 with fewer than two moments."""
    if len({moment for moment, value in points}) < 2:
        return 0.0
    days = [(moment - points[0][0]) / timedelta(days=1) for moment, value in points]
    values = [value for moment, value in points]
    day_mean, value_mean = sum(days) / len(days), sum(values) / len(values)
    spread = sum((day - day_mean) ** 2 for day in days)
    return sum((day - day_mean) * (value - value_mean) for day, value in zip(days, values)) / spread


def _scaled_bytes(value: float) -> str:
    power = 0 if abs(value) < 1024 else min(len(_BINARY) - 1, int(math.log(abs(value), 1024)))
    return f"{_short(value / 1024.0**power)} {_BINARY[power]}"


def _scaled_seconds(value: float) -> str:
    if 0 < abs(value) < 1:
        return f"{_short(value * 1000)} ms"
    for seconds, word in ((86400 * 2, "d"), (7200, "h"), (120, "min")):
        if abs(value) >= seconds:
            return f"{_short(value / {'d': 86400, 'h': 3600, 'min': 60}[word])} {word}"
    return f"{_short(value)} s"


def _short(value: float) -> str:
    """Three digits that count; thousands set apart."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.3g}"
