# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of a table's space is probably wasted, told from the rows that it has and how wide they are on average."""

from __future__ import annotations

import math
from typing import Any, Dict, Mapping, Optional

from .postgres_report_values import ratio_percent

_PAGE, _PAGE_HEADER = 8192, 24
_ROW_HEADER, _POINTER, _ALIGNED = 23, 4, 8
_INTERNAL = ("row_estimate", "row_bytes", "columns", "fill_factor")


def wasted_bytes(row: Mapping[str, Any]) -> Optional[int]:
    """Heap bytes, those of dead rows included, beyond what the live rows would need in freshly written pages; None where ANALYZE never looked or the size is unknown.

    Padding between columns is not known, so that of tables with many small columns too much is found.
    """
    if row["row_bytes"] is None or row["heap_bytes"] is None or row["row_estimate"] < 0:
        return None
    header = _aligned(_ROW_HEADER + math.ceil(row["columns"] / 8))
    room = (_PAGE - _PAGE_HEADER) * row["fill_factor"] / 100
    on_a_page = max(1, int(room // (header + _aligned(row["row_bytes"]) + _POINTER)))
    return max(0, int(row["heap_bytes"]) - math.ceil(row["row_estimate"] / on_a_page) * _PAGE)


def with_estimate(row: Mapping[str, Any]) -> Dict[str, Any]:
    """The row of a report: what is counted, and what is estimated."""
    wasted = wasted_bytes(row)
    return {
        **{name: value for name, value in row.items() if name not in _INTERNAL},
        "dead_percent": ratio_percent(row["dead_rows"], row["live_rows"] + row["dead_rows"]),
        "wasted_bytes": wasted,
        "wasted_percent": ratio_percent(wasted, row["heap_bytes"]),
    }


def _aligned(width: float) -> int:
    return math.ceil(width / _ALIGNED) * _ALIGNED
