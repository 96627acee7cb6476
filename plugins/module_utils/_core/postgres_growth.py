# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a database grows, from looks at its size that were kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .report_scale import growth_per_day
from .timestamps import parse_timestamp

_DAY = timedelta(days=1)
_ENOUGH_LOOKS, _ENOUGH_DAYS = 3, 7.0


@dataclass(frozen=True)
class Look:
    """One look: sizes in bytes, ``tables`` by ``schema.name``. None is what could not be known."""

    at: datetime
    database_bytes: int
    disk_free_bytes: Optional[int] = None
    connections: Optional[int] = None
    tables: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> Dict[str, Any]:
        return {
            "at": self.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "database_bytes": self.database_bytes,
            "disk_free_bytes": self.disk_free_bytes,
            "connections": self.connections,
            "tables": dict(self.tables),
        }

    def to_line(self) -> str:
        return json.dumps(self.to_dict(), sort_keys=True)


def parse_history(text: str) -> Tuple[List[Look], int]:
    """The looks in order of time, and how many lines are none: a host that went down may have left a part of one."""
    looks: List[Look] = []
    unreadable = 0
    for line in text.splitlines():
        if line.strip():
            look = _parse_line(line)
            looks += [look] if look else []
            unreadable += look is None
    return sorted(looks, key=lambda look: look.at), unreadable


def kept_looks(looks: Sequence[Look], now: datetime, keep_days: int) -> List[Look]:
    return [look for look in looks if now - look.at <= keep_days * _DAY]


def looks_until(looks: Sequence[Look], look: Look, keep_days: int) -> List[Look]:
    """Those kept and the new one, which is the newest: one from the future, after a clock was set back, tells nothing yet."""
    return kept_looks([one for one in looks if one.at <= look.at], look.at, keep_days) + [look]


def is_due(looks: Sequence[Look], now: datetime, min_interval: float) -> bool:
    """Whether a look belongs into the history. One from the future, after a clock was set back, does not keep others away."""
    past = [look.at for look in looks if look.at <= now]
    return not past or (now - max(past)).total_seconds() >= min_interval


def growth_of(looks: Sequence[Look], table_limit: int) -> Dict[str, Any]:
    """What the looks say: the slope of all of them, not the difference of two."""
    if not looks:
        return {**_NOTHING, "tables": []}
    newest = looks[-1]
    days = (newest.at - looks[0].at) / _DAY
    database = growth_per_day([(look.at, float(look.database_bytes)) for look in looks])
    free = [(look.at, float(look.disk_free_bytes)) for look in looks if look.disk_free_bytes is not None]
    disk = -growth_per_day(free) + 0.0
    return {
        "looks": len(looks),
        "days": round(days, 3),
        "certainty": "high" if len(looks) >= _ENOUGH_LOOKS and days >= _ENOUGH_DAYS else "low",
        "database_bytes_per_day": round(database),
        "disk_bytes_per_day": round(disk) if free else None,
        "days_until_full": _days_until_full(newest.disk_free_bytes, max(database, disk)),
        "tables": _tables(looks, table_limit),
    }


_NOTHING: Dict[str, Any] = {
    "looks": 0,
    "days": 0.0,
    "certainty": "low",
    "database_bytes_per_day": 0,
    "disk_bytes_per_day": None,
    "days_until_full": None,
}


def _days_until_full(free: Optional[int], per_day: float) -> Optional[float]:
    """None when it does not get full: nothing grows, or the free space is not known."""
    return round(free / per_day, 1) if free is not None and per_day >= 1 else None


def _tables(looks: Sequence[Look], limit: int) -> List[Dict[str, Any]]:
    """Tables of the newest look, those that grow fastest first. Of one that was seen once nothing is known."""
    found = []
    for name, size in looks[-1].tables.items():
        points = [(look.at, float(look.tables[name])) for look in looks if name in look.tables]
        found.append({"table": name, "bytes": size, "bytes_per_day": round(growth_per_day(points)) if len(points) > 1 else None})
    return sorted(found, key=lambda row: (-(row["bytes_per_day"] or 0), -row["bytes"], row["table"]))[:limit]


def _parse_line(line: str) -> Optional[Look]:
    try:
        read = json.loads(line)
        at, tables = parse_timestamp(read["at"]), read.get("tables") or {}
        look = Look(at, read["database_bytes"], read.get("disk_free_bytes"), read.get("connections"), tables) if at else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return look if look and _is_plain(look) else None


def _is_plain(look: Look) -> bool:
    numbers = [look.database_bytes, look.disk_free_bytes or 0, look.connections or 0]
    if not isinstance(look.tables, dict):
        return False
    return all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in [*numbers, *look.tables.values()])
