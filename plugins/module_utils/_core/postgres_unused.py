# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes that nobody seems to use, and how certain that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

HIGH, MEDIUM, LOW = "high", "medium", "low"
_DAY = 86_400


@dataclass(frozen=True)
class Evidence:
    """What the counts of a server are worth. ``since_reset`` says that ``since`` is known, and not only the least that it can be."""

    since: Optional[str]
    age_seconds: Optional[float]
    since_reset: bool
    in_recovery: bool
    counting: bool
    replicas: int


def unused_report(rows: Sequence[Mapping[str, Any]], evidence: Evidence, enough_days: float) -> Dict[str, Any]:
    doubts = doubts_about(evidence, enough_days)
    return {
        "certainty": LOW if doubts else HIGH,
        "doubts": doubts,
        "counted_since": evidence.since or "",
        "counted_seconds": round(evidence.age_seconds or 0, 1),
        "indexes": [_index(row, bool(doubts)) for row in rows],
    }


def doubts_about(evidence: Evidence, enough_days: float) -> List[str]:
    """Why the counts may not tell the truth; each is a reason to wait, or to look elsewhere."""
    found = []
    days = (evidence.age_seconds or 0) / _DAY
    if days < enough_days:
        found.append(f"Scans are known for {days:.1f} days only, and {enough_days:g} are wanted: a report of the month's end may need an index.")
    if evidence.in_recovery:
        found.append("This is a replica: it does not know which indexes the primary uses.")
    if evidence.replicas:
        found.append(f"There are {evidence.replicas} replicas. What they read counts only there: ask each of them.")
    if not evidence.counting:
        found.append("The server does not count (track_counts is off).")
    return found


def _index(row: Mapping[str, Any], doubtful: bool) -> Dict[str, Any]:
    cautions = _cautions(row)
    return {
        **{name: row[name] for name in ("schema", "table", "name", "method", "size_bytes", "partitions", "definition")},
        "certainty": LOW if doubtful else MEDIUM if cautions else HIGH,
        "cautions": cautions,
        "drop_statement": drop_statement(row["schema"], row["name"], bool(row["partitions"])),
    }


def _cautions(row: Mapping[str, Any]) -> List[str]:
    found = []
    if row["foreign_keys"]:
        found.append(f"It begins with the columns of {', '.join(row['foreign_keys'])}: without it, deleting what they refer to reads the whole table.")
    if row["expression"]:
        found.append("It is on an expression: the planner has statistics about the expression only as long as the index is there.")
    if row["clustered"]:
        found.append("CLUSTER sorts the table by it.")
    if row["partitions"]:
        found.append("It is partitioned: it cannot be dropped concurrently, and dropping it locks the table and all its partitions.")
    return found


def drop_statement(schema: str, name: str, partitioned: bool) -> str:
    """For people to run, after a look; nothing here runs it."""
    full = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, name))
    return f"DROP INDEX {full};" if partitioned else f"DROP INDEX CONCURRENTLY {full};"
