# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long answers take: a probe asked many times over, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .latencies import percentile, percentiles
from .probe_refusal import positive, refuse

MOST_REQUESTS = 1000
_LIMITS = {"max_p95_ms": "p95", "max_p99_ms": "p99", "max_connect_p95_ms": "connect p95"}


@dataclass(frozen=True)
class Measure:
    """``requests`` at most, within ``seconds`` at most. ``limits``: what is judged, and its milliseconds."""

    requests: int
    seconds: float = 10.0
    limits: Tuple[Tuple[str, float], ...] = ()


@dataclass
class Measured:
    """Milliseconds of each good answer; the messages of those that were not good, with their verdicts."""

    measure: Measure
    total_ms: List[float] = field(default_factory=list)
    connect_ms: List[float] = field(default_factory=list)
    failed: List[Tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    def good(self, total_ms: float, connect_ms: Optional[float]) -> None:
        self.total_ms.append(total_ms)
        if connect_ms is not None:
            self.connect_ms.append(connect_ms)

    @property
    def asked(self) -> int:
        return len(self.total_ms) + len(self.failed)

    def problems(self) -> List[str]:
        """Limits that were exceeded, in words."""
        reached = {
            "p95": percentile(self.total_ms, 95),
            "p99": percentile(self.total_ms, 99),
            "connect p95": percentile(self.connect_ms, 95),
        }
        told = []
        for name, limit in self.measure.limits:
            value = reached[name]
            if value is not None and value > limit:
                told.append(f"expected {name} within {limit:g} ms, got {value:.1f} ms over {self.asked} requests")
        return told

    def to_result(self) -> Dict[str, Any]:
        times = percentiles(self.total_ms)
        return {
            "requests": self.asked,
            "failed_requests": len(self.failed),
            **{f"{name}_ms": value for name, value in times.items()},
            "connect_p95_ms": percentiles(self.connect_ms)["p95"],
            "seconds": round(self.seconds, 2),
        }


def parse_measure(label: str, options: Optional[Mapping[str, Any]]) -> Optional[Measure]:
    """Reads the suboption ``measure`` of one probe."""
    if not options:
        return None
    requests = options.get("requests") or 20
    if not 1 <= requests <= MOST_REQUESTS:
        raise refuse(label, f"measure.requests must be from 1 to {MOST_REQUESTS}, not {requests}.", "For more, use http_load.")
    limits = tuple((word, positive(label, f"measure.{option}", options[option])) for option, word in _LIMITS.items() if options.get(option) is not None)
    return Measure(requests, positive(label, "measure.seconds", options.get("seconds") or 10.0), limits)
