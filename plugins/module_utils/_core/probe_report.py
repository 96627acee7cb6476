# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each probe over the rounds of one call, and the result that tells it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .errors import OperationError
from .probe import Probe
from .probe_measure import Measured
from .probe_verdict import NOT_READY, OK, SEVERITY, SKIPPED, TOO_SLOW, Judgement, worst
from .redaction import Redactor
from .text_table import aligned

_COLUMNS = ("PROBE", "ROLE", "VERDICT", "STATUS", "LATENCY", "ATTEMPTS")
_MEASURED = ("P50", "P95", "P99", "CONNECT P95")
_LAST = "MESSAGE"


class ProbesFailed(OperationError):
    """At least one probe was not answered as it should be; ``reason`` is the worst verdict after ``probe_``."""

    def __init__(self, result: Dict[str, Any]) -> None:
        failing = [probe for probe in result["probes"] if probe["verdict"] not in (OK, SKIPPED)]
        lines = [f"{probe['name']} ({probe['url']}) is {probe['verdict']} after {probe['attempts']} attempts: {probe['message']}." for probe in failing]
        seconds = result["elapsed_ms"] / 1000
        super().__init__(
            f"{len(failing)} of {len(result['probes'])} probes failed within {seconds:.1f} s. {' '.join(lines)}",
            hint="Read the log of the service that was asked.",
            failing=[probe["name"] for probe in failing],
        )
        self.reason = f"probe_{result['verdict']}"
        self._result = result

    def to_result(self) -> Dict[str, Any]:
        return {**self._result, **super().to_result()}


@dataclass
class Track:
    """The history of one probe. ``streak`` counts good rounds in a row, ``counts`` rounds by verdict, ``statuses`` answers by HTTP status."""

    probe: Probe
    attempts: int = 0
    streak: int = 0
    first_ok_after_ms: Optional[float] = None
    counts: Counter = field(default_factory=Counter)
    statuses: Counter = field(default_factory=Counter)
    replicas: Tuple[Judgement, ...] = ()
    measured: Optional[Measured] = None

    def record(self, judgements: Sequence[Judgement], elapsed_ms: float) -> None:
        """Takes in one round: a judgement for each replica asked."""
        self.attempts += 1
        verdict = worst(judgement.verdict for judgement in judgements)
        if self.replicas and any(judgement.cut_short and judgement.verdict == verdict for judgement in judgements):
            return  # the deadline ended this attempt: the last complete one says more
        self.counts[verdict] += 1
        self.statuses.update(str(judgement.status) for judgement in judgements if judgement.status is not None)
        self.streak = self.streak + 1 if verdict == OK else 0
        if verdict == OK and self.first_ok_after_ms is None:
            self.first_ok_after_ms = round(elapsed_ms, 1)
        self.replicas = tuple(judgements)

    def skip(self) -> None:
        """The probe was not asked at all."""
        self.replicas = (Judgement(SKIPPED, f"a {self.probe.request.method} request is not sent in check mode"),)

    def proven(self, successes: int) -> bool:
        return self.verdict(successes) in (OK, SKIPPED)

    def verdict(self, successes: int) -> str:
        last = worst(judgement.verdict for judgement in self.replicas)
        if last == OK and self.streak < successes:
            return NOT_READY
        return worst([last, *self._verdicts_of_measure()])

    def _verdicts_of_measure(self) -> List[str]:
        if self.measured is None:
            return []
        return [verdict for verdict, _message in self.measured.failed] + [TOO_SLOW for _problem in self.measured.problems()]

    def _message(self, successes: int, decisive: Judgement) -> str:
        if decisive.verdict != OK or self.verdict(successes) == OK:
            return decisive.message
        if self.streak < successes:
            return f"expected {successes} good answers in a row, got {self.streak} before the deadline"
        if self.measured is None:
            return ""
        failed = self.measured.failed
        told = [f"{len(failed)} of {self.measured.asked} timed requests failed: {failed[0][1]}"] if failed else []
        return "; ".join(told + self.measured.problems())

    def to_result(self, successes: int, redactor: Redactor) -> Dict[str, Any]:
        decisive = max(self.replicas, key=_severity)
        return {
            "name": self.probe.name,
            "url": self.probe.url,
            "role": self.probe.role,
            "via": self.probe.via,
            "verdict": self.verdict(successes),
            "message": redactor.text(self._message(successes, decisive)),
            "status": decisive.status,
            "latency_ms": decisive.latency_ms,
            "version": redactor.text(decisive.version),
            "json": redactor.data(decisive.json),
            "attempts": self.attempts,
            "first_ok_after_ms": self.first_ok_after_ms,
            "verdicts": dict(sorted(self.counts.items())),
            "statuses": dict(sorted(self.statuses.items())),
            "open_ms": decisive.open_ms,
            "measured": self.measured.to_result() if self.measured else None,
            "replicas": [_replica(judgement, redactor) for judgement in self.replicas if judgement.container],
        }


def probe_result(tracks: Sequence[Track], successes: int, elapsed_ms: float, redactor: Redactor) -> Dict[str, Any]:
    """The module's facts: everything about each probe, the worst verdict, and a table for people."""
    probes = [track.to_result(successes, redactor) for track in tracks]
    return {
        "healthy": all(track.proven(successes) for track in tracks),
        "verdict": worst(probe["verdict"] for probe in probes),
        "probes": probes,
        "elapsed_ms": round(elapsed_ms, 1),
        "matrix": table(probes),
    }


def table(probes: Sequence[Dict[str, Any]]) -> str:
    """One line a probe, with aligned columns; percentiles where any was measured."""
    measured = any(probe.get("measured") for probe in probes)
    rows: List[Tuple[str, ...]] = [(*_COLUMNS, *(_MEASURED if measured else ()), _LAST)]
    for probe in probes:
        status = "-" if probe["status"] is None else str(probe["status"])
        row = (probe["name"], probe["role"], probe["verdict"], status, _milliseconds(probe["latency_ms"]), str(probe["attempts"]))
        found = probe.get("measured") or {}
        times = tuple(_milliseconds(found.get(name), 1) for name in ("p50_ms", "p95_ms", "p99_ms", "connect_p95_ms")) if measured else ()
        rows.append((*row, *times, probe["message"]))
    return "\n".join(aligned(rows))


def _milliseconds(value: Optional[float], decimals: int = 0) -> str:
    return "-" if value is None else f"{value:.{decimals}f} ms"


def _severity(judgement: Judgement) -> Tuple[int, float]:
    return SEVERITY.index(judgement.verdict), judgement.latency_ms or 0.0


def _replica(judgement: Judgement, redactor: Redactor) -> Dict[str, Any]:
    return {
        "container": judgement.container,
        "verdict": judgement.verdict,
        "message": redactor.text(judgement.message),
        "status": judgement.status,
        "latency_ms": judgement.latency_ms,
        "version": redactor.text(judgement.version),
    }
