# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a long operation is, from its progress files to one line for people."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping

from .backup_report import duration, size


def parse_progress(text: str) -> List[Dict[str, Any]]:
    """Progress files, one after the other. What follows something that is none is left out."""
    decoder, found = json.JSONDecoder(), []
    rest = text.lstrip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            break
        if isinstance(value, dict) and isinstance(value.get("subject"), str) and isinstance(value.get("phase"), str):
            found.append(value)
        rest = rest[end:].lstrip()
    return found


def progress_line(record: Mapping[str, Any]) -> str:
    """``shop: dumping, 812.3 MiB of about 1.2 GiB (66 %), 210.4 MiB/s, 2 s left``; what is no bytes is counted by its own word."""
    unit = _unit(record)
    moved, expected, rate, left = (_number(record.get(name)) for name in (unit, f"expected_{unit}", f"rate_{unit}_per_second", "estimate_seconds"))
    amount = size if unit == "bytes" else lambda count: f"{count:,} {unit}"
    words = [record["phase"]]
    if moved:
        share = f" of about {amount(expected)} ({min(99, 100 * moved // expected)} %)" if expected > moved else ""
        words.append(amount(moved) + share)
    if rate:
        words.append(f"{amount(rate)}/s")
    if left:
        words.append(f"{duration(left)} left")
    return f"{record['subject']}: {', '.join(words)}"


def _unit(record: Mapping[str, Any]) -> str:
    unit = record.get("unit")
    return unit if isinstance(unit, str) else "bytes"


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


class ProgressTeller:
    """Says what is new since it was asked before; a file that a killed run left never changes, so it is never told."""

    def __init__(self) -> None:
        self._before: Dict[Any, Any] = {}
        self._asked = False

    def lines(self, text: str) -> List[str]:
        told = []
        for record in parse_progress(text):
            key, written = (record.get("process"), record["subject"], record.get("started")), (record.get("written"), record.get(_unit(record)))
            before = self._before.get(key)
            if before != written and (before is not None or self._asked):
                told.append(progress_line(record))
            self._before[key] = written
        self._asked = True
        return told
