# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many rows each table had from backup to backup, to find the last one before some were lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .backup_catalogue import Backup
from .backup_report import duration
from .errors import BadInput
from .text_table import aligned

NOW = "now"
_HEADER = ("BACKUP", "STATE", "AGE", "ROWS", "FEWER ROWS THAN BEFORE")
_SHOWN_LOSSES = 5


@dataclass(frozen=True)
class Moment:
    """What was counted at one time; ``backup`` is an id, or ``now`` for the live database."""

    backup: str
    state: str
    age: str
    tables: Mapping[str, int]

    @property
    def rows(self) -> int:
        return sum(self.tables.values())


def rows_of(backup: Backup) -> Dict[str, int]:
    """Rows by table as the manifest tells; empty for a backup that is not of a database."""
    tables = backup.manifest.content.get("tables") or {}
    return {name: table["rows"] for name, table in sorted(tables.items())}


def parse_rows_now(value: Mapping[str, object]) -> Dict[str, int]:
    try:
        return {str(table): int(str(rows)) for table, rows in value.items()}
    except ValueError:
        raise BadInput("rows_now gives each table a whole number of rows.", hint="Count them in the live database.") from None


def history(backups: Sequence[Backup], rows_now: Mapping[str, int], now: datetime) -> List[Moment]:
    """Newest first, as ``backups`` are; those of which nothing is known are left out. All have to be of one database."""
    moments = [Moment(NOW, "live", "-", rows_now)] if rows_now else []
    for backup in backups:
        rows = rows_of(backup)
        if rows and not backup.manifest.partial:
            moments.append(Moment(backup.id, backup.state, duration((now - backup.manifest.created).total_seconds()), rows))
    return moments


def losses(before: Moment, after: Moment) -> List[Tuple[str, int, int]]:
    """Tables that have fewer rows than before, or are gone, the largest loss first."""
    found = [(name, rows, after.tables.get(name, 0)) for name, rows in before.tables.items()]
    found = [one for one in found if one[2] < one[1] or one[0] not in after.tables]
    return sorted(found, key=lambda one: (one[2] - one[1], one[0]))


def before_loss(moments: Sequence[Moment]) -> Optional[str]:
    """The newest undamaged backup after which rows became fewer; None when they never did."""
    for after, before in zip(moments, moments[1:]):
        if losses(before, after) and before.state != "damaged":
            return before.backup
    return None


def row_table(moments: Sequence[Moment]) -> str:
    """One line for each moment, newest first, with what it has lost since the one before."""
    if not moments:
        return "No backup tells how many rows it has."
    rows: List[Sequence[str]] = [_HEADER]
    for moment, before in zip(moments, [*moments[1:], None]):
        lost = losses(before, moment) if before else []
        rows.append((moment.backup, moment.state, moment.age, str(moment.rows), _told(lost, moment)))
    return "\n".join(aligned(rows))


def _told(lost: Sequence[Tuple[str, int, int]], moment: Moment) -> str:
    words = [f"{name} {before} -> {after if name in moment.tables else 'gone'}" for name, before, after in lost[:_SHOWN_LOSSES]]
    return ", ".join(words) + (f" and {len(lost) - _SHOWN_LOSSES} more tables" if len(lost) > _SHOWN_LOSSES else "")
