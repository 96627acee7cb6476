# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and indexes as maintenance looks at them, and how much of their space is probably wasted."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Optional, Tuple

_PAGE, _PAGE_HEADER = 8192, 24
_ROW_OVERHEAD = 24 + 4  # header of a row, pointer to it
_ENTRY_HEADER, _ENTRY_POINTER, _BTREE_SPECIAL, _BTREE_FILL = 8, 4, 16, 0.9
_ALIGNED = 8
# What REINDEX CONCURRENTLY leaves behind when it is interrupted; the number is there when the name was taken.
_LEFTOVER = re.compile(r".*_cc(new|old)\d*", re.DOTALL)


@dataclass(frozen=True)
class Relation:
    """What tables and indexes have in common. ``size_bytes`` is None while somebody holds it exclusively."""

    oid: int
    schema: str
    name: str
    size_bytes: Optional[int] = 0
    busy: bool = False  # another session (most often autovacuum) maintains it right now
    space: str = ""  # directory of its tablespace in the container; empty for the data directory

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def identity(self) -> Tuple[str, str]:
        return self.schema, self.name


@dataclass(frozen=True)
class Table(Relation):
    """``size_bytes`` counts the table with its indexes and its TOAST table; ``row_bytes`` is None before the first ANALYZE."""

    partition_of: Tuple[str, ...] = ()
    live_rows: int = 0
    dead_rows: int = 0
    modified_rows: int = 0  # since the last ANALYZE
    inserted_rows: int = 0  # since the last VACUUM
    analyzed: bool = True
    heap_bytes: Optional[int] = 0
    row_bytes: Optional[float] = None
    fill_factor: int = 100

    @property
    def dead_ratio(self) -> float:
        return _ratio(self.dead_rows, self.live_rows + self.dead_rows)

    @property
    def modified_ratio(self) -> float:
        return min(1.0, _ratio(self.modified_rows, self.live_rows))

    @property
    def bloat_ratio(self) -> Optional[float]:
        if self.row_bytes is None or self.heap_bytes is None:
            return None
        row = _aligned(self.row_bytes) + _ROW_OVERHEAD
        return _wasted(self.live_rows * row / ((_PAGE - _PAGE_HEADER) * self.fill_factor / 100), self.heap_bytes)


@dataclass(frozen=True)
class Index(Relation):
    """``entry_bytes`` is None where nothing is known about the width of its columns, or it is no B-tree."""

    table: str = ""
    valid: bool = True
    exclusion: bool = False
    entries: float = 0.0
    entry_bytes: Optional[float] = None

    @property
    def leftover(self) -> bool:
        return not self.valid and _LEFTOVER.fullmatch(self.name) is not None

    @property
    def bloat_ratio(self) -> Optional[float]:
        """Equal entries are stored once since Postgres 13, so that of an index with many of them too little is found."""
        if self.entry_bytes is None or self.size_bytes is None or self.entries < 0:
            return None
        entry = _aligned(_ENTRY_HEADER + self.entry_bytes) + _ENTRY_POINTER
        return _wasted(1 + self.entries * entry / ((_PAGE - _PAGE_HEADER - _BTREE_SPECIAL) * _BTREE_FILL), self.size_bytes)


def _wasted(pages: float, size_bytes: int) -> float:
    return max(0.0, 1 - _ratio(math.ceil(pages) * _PAGE, size_bytes)) if size_bytes else 0.0


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float(part > 0)


def _aligned(width: float) -> float:
    return math.ceil(width / _ALIGNED) * _ALIGNED
