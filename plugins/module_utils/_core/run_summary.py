# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a run as plain, aligned text for the end of a terminal or a CI log."""

from __future__ import annotations

import textwrap
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from .run_outcome import OK, SKIPPED

WIDTH = 100
_WIDEST_HOST = 20
_MOST_ROWS = 40
_SLOW_MS = 1000
_SLOW_SHARE = 0.2
_SLOW = "  slow"


def run_summary(record: Mapping[str, Any], path: str) -> List[str]:
    """The lines: what ran and how it ended, the steps that were not skipped, and what went wrong."""
    return [*_header(record, path), *_table(record), *_failure(record)]


def seconds(milliseconds: float) -> str:
    """A duration in the unit that people read at once."""
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, rest = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _header(record: Mapping[str, Any], path: str) -> List[str]:
    where = f" in {record['environment']}" if record["environment"] else ""
    mode = ", check mode" if record["check_mode"] else ""
    head = f"{record['playbook']}{where}{mode}: {record['result']} after {seconds(record['duration_ms'])}"
    if not path:
        return [_cut(head, WIDTH)]
    together = f"{head}, record {path}"
    # A path is there to be copied: rather a line of its own than a part of it.
    return [together] if len(together) <= WIDTH else [_cut(head, WIDTH), f"record {path}"]


def _table(record: Mapping[str, Any]) -> List[str]:
    steps, folded = _rows(record)
    if not steps:
        return []
    host_width = min(_WIDEST_HOST, max(len("HOST"), *(len(step["host"]) for step in steps)))
    result_width = max(len("RESULT"), *(len(step["status"]) for step in steps))
    time_width = max(len("TIME"), *(len(seconds(step["duration_ms"])) for step in steps))
    room = WIDTH - host_width - result_width - time_width - len(_SLOW) - 6
    step_width = min(room, max(len("STEP"), *(len(step["name"]) for step in steps)))

    def row(name: str, host: str, result: str, time: str) -> str:
        cells = (f"{_cut(name, step_width):{step_width}}", f"{_cut(host, host_width):{host_width}}")
        return f"{cells[0]}  {cells[1]}  {result:{result_width}}  {time:>{time_width}}"

    lines = [row("STEP", "HOST", "RESULT", "TIME").rstrip()]
    for step in steps:
        slow = step["duration_ms"] >= max(_SLOW_MS, _SLOW_SHARE * record["duration_ms"])
        line = row(step["name"], step["host"], step["status"], seconds(step["duration_ms"]))
        lines.append(line + (_SLOW if slow else ""))
    if folded:
        lines.append(f"and {len(folded)} quick steps that changed nothing ({seconds(sum(folded))} together)")
    return lines


def _rows(record: Mapping[str, Any]) -> Tuple[List[Dict[str, Any]], List[float]]:
    """The steps to show, and the durations of those folded into one line to keep a long run readable."""
    steps = [step for play in record["plays"] for step in play["steps"] if step["status"] != SKIPPED]
    if len(steps) <= _MOST_ROWS:
        return steps, []
    folds = [step["status"] == OK and step["duration_ms"] < _SLOW_MS for step in steps]
    shown = [step for step, fold in zip(steps, folds) if not fold]
    return shown, [step["duration_ms"] for step, fold in zip(steps, folds) if fold]


def _failure(record: Mapping[str, Any]) -> Iterator[str]:
    for unfinished in record["unfinished"]:
        yield _cut(f"UNFINISHED {unfinished['host']}: {unfinished['step']}, since {unfinished['since']}", WIDTH)
    failure = record["failure"]
    if not failure:
        return
    yield from _told("FAILED", failure)
    cause = failure["cause"]
    if cause:
        # A rescue usually repeats why it was needed: once is enough to read.
        yield from _told("CAUSE", {**cause, "msg": ""} if cause["msg"] in failure["msg"] else cause)


def _told(title: str, trouble: Mapping[str, Any]) -> Iterator[str]:
    yield _cut(f"{title} {trouble['host']}: {trouble['step']} ({trouble['reason']})", WIDTH)
    for line in trouble["msg"].splitlines():
        yield from textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _cut(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: max(0, width - 3)].rstrip() + "..."
