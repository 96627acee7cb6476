# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A problem of a server, as reports tell it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterable, List, Mapping, Sequence

CRITICAL, WARNING = "critical", "warning"
Section = Mapping[str, Any]
Limits = Mapping[str, float]


@dataclass(frozen=True)
class Problem:
    """``problem`` is a stable word, ``subject`` what it is about (a pid, a table, a setting; empty for the server)."""

    section: str
    problem: str
    severity: str
    subject: str
    message: str
    hint: str

    def to_dict(self) -> Dict[str, str]:
        return asdict(self)


def worst_first(problems: Iterable[Problem]) -> List[Problem]:
    """The critical ones first, otherwise in the order in which they were found."""
    return sorted(problems, key=lambda problem: problem.severity != CRITICAL)


def is_healthy(problems: Sequence[Problem]) -> bool:
    """Warnings are for the day; what is critical is for the night."""
    return not any(problem.severity == CRITICAL for problem in problems)


def bytes_text(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def seconds_text(seconds: float) -> str:
    """A span of time for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"
