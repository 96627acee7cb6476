# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a report as aligned text: its problems, and lists of rows below a head."""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, Sequence, Tuple

from .problem import bytes_text, seconds_text

Column = Tuple[str, Callable[[Mapping[str, Any]], Any]]
_WIDEST = 60


def problem_lines(problems: Sequence[Mapping[str, str]]) -> List[str]:
    return [f"{one['severity'].upper()}: {one['message']} {one['hint']}" for one in problems] or ["No problems found."]


def columns_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> List[str]:
    """A header and a line a row, as wide as need be."""
    cells = [[title for title, unused in columns], *([_cell(read(row)) for unused, read in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells]


def _cell(value: Any) -> str:
    text = "-" if value is None or value == "" else str(value)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


def in_bytes(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda row: None if row[name] is None else bytes_text(row[name])


def in_seconds(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda row: None if row[name] is None else seconds_text(row[name])


def plain(name: str, unit: str = "") -> Callable[[Mapping[str, Any]], Any]:
    return lambda row: f"{row[name]:g}{unit}" if unit and row[name] is not None else row[name]


def listed(head: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> List[str]:
    return [head, *columns_of(rows, columns)] if rows else [head]
