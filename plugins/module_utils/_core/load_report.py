# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a number of requests: statuses, failures, percentiles, and whether that is within the limits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import OperationError
from .latencies import percentiles
from .load_request import LoadRequest
from .redaction import Redactor

_IN_WORDS = {"error_percent": ("errors", "%"), "p95_ms": ("p95", " ms"), "p99_ms": ("p99", " ms")}


class LoadOverLimits(OperationError):
    """The answers were worse than the limits of the call; the result holds all that was measured."""

    reason = "load_over_limits"

    def __init__(self, result: Mapping[str, Any], problems: Sequence[str]) -> None:
        super().__init__(
            f"{'; '.join(problems)}, over {result['requests']} requests in {result['seconds']} s.",
            hint="Look at the load of the host, and at the log of the service.",
            problems=list(problems),
        )
        self._result = result

    def to_result(self) -> Dict[str, Any]:
        return {**self._result, **super().to_result()}


@dataclass(frozen=True)
class Sent:
    """One request, by its place in the order of sending (from 1). ``cause`` says why there was no answer."""

    number: int
    status: Optional[int] = None
    cause: str = ""
    latency_ms: float = 0.0
    headers: Tuple[Tuple[str, str], ...] = ()


def load_result(request: LoadRequest, sent: Sequence[Sent], seconds: float, redactor: Redactor) -> Dict[str, Any]:
    """The module's facts."""
    in_order = sorted(sent, key=lambda one: one.number)
    answered = [one for one in in_order if one.status is not None]
    bad = sum(1 for one in in_order if one.status is None or not request.probe.expect.accepts_status(one.status))
    times = percentiles([one.latency_ms for one in answered])
    return {
        "requests": len(in_order),
        "good": len(in_order) - bad,
        "error_percent": round(100 * bad / len(in_order), 2) if in_order else 0.0,
        "statuses": {str(status): count for status, count in sorted(Counter(one.status for one in answered).items())},
        "by_status": _by_status(request, answered, redactor),
        "failures": dict(sorted(Counter(one.cause for one in in_order if one.status is None).items())),
        "latency_ms": times,
        "seconds": round(seconds, 2),
        "rate": round(len(in_order) / seconds, 1) if seconds > 0 else 0.0,
    }


def problems_of(request: LoadRequest, result: Mapping[str, Any]) -> List[str]:
    """Limits that were crossed, in words."""
    reached = {"error_percent": result["error_percent"], **{f"{name}_ms": value for name, value in result["latency_ms"].items()}}
    found = []
    for option, limit in request.limits:
        name = option.partition("_")[2]
        value = reached[name]
        if value is not None and value > limit:
            word, unit = _IN_WORDS[name]
            found.append(f"expected {word} of at most {limit:g}{unit}, got {value:g}{unit}")
    return found


def _by_status(request: LoadRequest, answered: Sequence[Sent], redactor: Redactor) -> List[Dict[str, Any]]:
    """In the order in which the statuses first came, each with the wanted headers of its first answer."""
    first: Dict[int, Sent] = {}
    for one in answered:
        first.setdefault(one.status or 0, one)
    counts = Counter(one.status for one in answered)
    return [
        {
            "status": status,
            "count": counts[status],
            "first": one.number,
            "headers": {name: redactor.text(value) for name, value in one.headers if name in request.show_headers},
        }
        for status, one in first.items()
    ]
