# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aligned text for people."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence

_LONGEST_CELL, _MOST_ROWS = 60, 100


def aligned(rows: Sequence[Sequence[str]]) -> List[str]:
    """One line a row, all columns but the last as wide as their widest cell. The first row is usually the header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def rows_as_text(names: Sequence[str], rows: Sequence[Mapping[str, Any]], more: bool = False) -> str:
    """Rows for people: long cells cut, the first 100 rows, and how many there are."""
    shown = [[_cell(row[name]) for name in names] for row in rows[:_MOST_ROWS]]
    lines = aligned([[_cell(name) for name in names], *shown]) if names else []
    count = f"{'at least ' if more else ''}{len(rows)} {'row' if len(rows) == 1 else 'rows'}"
    return "\n".join([*lines, f"({count})" if len(rows) <= _MOST_ROWS else f"({count}, the first {_MOST_ROWS} are shown)"])


def _cell(value: Any) -> str:
    """One line of what can be printed; NULL is a dash."""
    text = "-" if value is None else " ".join(str(value).split())
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
