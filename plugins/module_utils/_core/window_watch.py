# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that were asked for a while: how many failed, how slow they were, and whether that is worse than before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Sequence

from .errors import BadInput, OperationError

_FEWEST, _HALF = 5, 50.0


class WatchBreached(OperationError):
    """After the window the stack answers worse than before it."""

    reason = "watch_breached"


class BaselineUseless(OperationError):
    """Before the window most requests fail: nothing that comes after could be worse."""

    reason = "baseline_useless"


@dataclass(frozen=True)
class Answered:
    """One request: ``milliseconds`` until the whole answer was there."""

    good: bool
    milliseconds: float


@dataclass(frozen=True)
class Limits:
    """``error_percent`` more failed requests than before, and ``p95_factor`` times as slow (but never below ``p95_floor_ms``) are too many."""

    error_percent: float = 1.0
    p95_factor: float = 2.0
    p95_floor_ms: float = 250.0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Limits":
        unknown = sorted(set(given) - {"error_percent", "p95_factor", "p95_floor_ms"})
        if unknown:
            raise BadInput(f"limits has {', '.join(unknown)}; it knows error_percent, p95_factor and p95_floor_ms.", hint="Correct it.", unknown=unknown)
        try:
            limits = cls(**{name: float(value) for name, value in given.items()})
        except (TypeError, ValueError):
            raise BadInput("limits has to hold numbers.", hint="Correct it.") from None
        if not (0 <= limits.error_percent <= 100 and limits.p95_factor >= 1 and limits.p95_floor_ms >= 0):
            raise BadInput("error_percent is 0 to 100, p95_factor at least 1, p95_floor_ms at least 0.", hint="Correct limits.")
        return limits


def summary(answers: Sequence[Answered], seconds: float) -> Dict[str, Any]:
    errors = sum(not one.good for one in answers)
    times = sorted(one.milliseconds for one in answers if one.good)
    return {
        "requests": len(answers),
        "errors": errors,
        "error_percent": round(100 * errors / len(answers), 2) if answers else 0.0,
        "p50_ms": _percentile(times, 50),
        "p95_ms": _percentile(times, 95),
        "seconds": round(seconds, 1),
    }


def breaches(seen: Mapping[str, Any], before: Mapping[str, Any], limits: Limits) -> Sequence[str]:
    """What is too much, in words. Without anything measured before, only errors count; of a few requests, only that most of them failed."""
    if not seen["requests"]:
        return ["nothing was asked"]
    found = []
    allowed = before.get("error_percent", 0.0) + limits.error_percent
    few = seen["requests"] < _FEWEST  # one of them that fails, or is slow, says little
    if seen["error_percent"] > (max(allowed, _HALF) if few else allowed):
        found.append(f"{seen['error_percent']:g} % of {seen['requests']} requests failed, {allowed:g} % are allowed")
    if before.get("p95_ms") and not few:
        slowest = max(limits.p95_floor_ms, before["p95_ms"] * limits.p95_factor)
        if seen["p95_ms"] > slowest:
            found.append(f"95 % of the answers took up to {seen['p95_ms']:g} ms, {slowest:g} ms are allowed (before: {before['p95_ms']:g} ms)")
    return found


def require_useful(baseline: Mapping[str, Any]) -> None:
    """Raises BaselineUseless for a baseline that every stack, however broken, is as good as."""
    if 2 * baseline["errors"] >= baseline["requests"]:
        raise BaselineUseless(
            f"{baseline['errors']} of {baseline['requests']} requests failed before the window has begun, so nothing could be worse after it.",
            hint="Correct stack_window.urls (or the stack): they have to answer with a status below 400.",
            measured=dict(baseline),
        )


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """The nearest rank."""
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 1) if ordered else 0.0
