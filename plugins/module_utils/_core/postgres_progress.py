# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a long operation of Postgres is, from what its progress view tells."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence, Tuple

from .postgres_report_values import ratio_percent

# For each operation what is done and what there is, in the order in which to look for a whole that is known.
_COUNTS: Dict[str, Sequence[Tuple[str, str]]] = {
    "vacuum": (("heap_blks_scanned", "heap_blks_total"),),
    "analyze": (("sample_blks_scanned", "sample_blks_total"),),
    "create_index": (("blocks_done", "blocks_total"), ("tuples_done", "tuples_total"), ("lockers_done", "lockers_total")),
    "cluster": (("heap_blks_scanned", "heap_blks_total"),),
    "basebackup": (("backup_streamed", "backup_total"),),
    "copy": (("bytes_processed", "bytes_total"),),
}
_SECOND_PASS = "vacuuming heap"


def progress_of(row: Mapping[str, Any]) -> Dict[str, Any]:
    """``percent`` is of the present phase, and None where the whole is not known."""
    told, operation = row["told"], row["operation"]
    done, whole = _counts(operation, told)
    return {
        "pid": told["pid"],
        "operation": str(told.get("command") or operation).lower().replace(" ", "_"),
        "database": row["database"],
        "relation": row["relation"] or "",
        "phase": str(told.get("phase") or ""),
        "done": done,
        "whole": whole,
        "percent": ratio_percent(done, whole),
        "seconds": row["seconds"],
    }


def _counts(operation: str, told: Mapping[str, Any]) -> Tuple[Any, Any]:
    if told.get("phase") == _SECOND_PASS:
        return told.get("heap_blks_vacuumed"), told.get("heap_blks_total")
    for done, whole in _COUNTS[operation]:
        if told.get(whole):
            return told.get(done), told[whole]
    return told.get(_COUNTS[operation][0][0]), None
