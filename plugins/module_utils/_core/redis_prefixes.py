# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which prefixes of keys take the memory, estimated from a sample of the keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Optional, Tuple

from .redis_keys_text import key_bytes, shown
from .redis_numbers import percent
from .redis_words import Prefixing

# Asking for type and expiry counts as a read of the key in the server's hit ratio, so only few of each prefix are asked.
_OF_EACH, _OF_ALL = 20, 2000


@dataclass
class _Group:
    seen: int = 0
    bytes: int = 0
    measured: int = 0
    wanted: int = 0
    examined: int = 0
    without_expiry: int = 0
    types: Dict[str, int] = field(default_factory=dict)


class PrefixSample:
    """Takes keys one by one and tells, for each prefix, what all keys would come to if the others are like these."""

    def __init__(self, prefixing: Prefixing, protected: Iterable[str] = ()) -> None:
        self._prefixing = prefixing
        self._protected: Dict[bytes, Tuple[int, int]] = {key_bytes(prefix): (0, 0) for prefix in protected}  # seen, and with an expiry
        self._groups: Dict[Tuple[int, bytes], _Group] = {}
        self._seen: Dict[int, int] = {}
        self._wanted = 0

    def add(self, database: int, key: bytes, size: Optional[int]) -> bool:
        """Takes a key, whose ``size`` is None when the server did not tell. True when its type and expiry are wanted as well."""
        self._seen[database] = self._seen.get(database, 0) + 1
        group = self._groups.setdefault((database, self._prefixing.of(key)), _Group())
        group.seen += 1
        if size is not None:
            group.bytes, group.measured = group.bytes + size, group.measured + 1
        rare = group.wanted < _OF_EACH or any(key.startswith(prefix) and seen < _OF_EACH for prefix, (seen, unused) in self._protected.items())
        wanted = rare and self._wanted < _OF_ALL
        group.wanted, self._wanted = group.wanted + wanted, self._wanted + wanted
        return wanted

    def examine(self, database: int, key: bytes, kind: str, expires: bool) -> None:
        group = self._groups[database, self._prefixing.of(key)]
        group.examined += 1
        group.types[kind] = group.types.get(kind, 0) + 1
        group.without_expiry += not expires
        for prefix, (seen, expiring) in self._protected.items():
            if key.startswith(prefix):
                self._protected[prefix] = (seen + 1, expiring + expires)

    def result(self, totals: Dict[int, int], limit: int) -> Dict[str, Any]:
        """``totals`` is the number of keys of each database."""
        seen, total = sum(self._seen.values()), sum(totals.values())
        rows = [self._row(database, prefix, group, totals.get(database, 0)) for (database, prefix), group in self._groups.items()]
        measured = [row["bytes"] for row in rows if row["bytes"] is not None]
        for row in rows:
            row["share_percent"] = percent(row["bytes"], sum(measured))
        rows.sort(key=lambda row: (-(row["bytes"] or 0), -row["key_count"], row["database"], row["prefix"]))
        return {
            "sampled": seen,
            "total": total,
            "sampled_percent": min(100.0, percent(seen, total) or 100.0),
            "estimated_bytes": sum(measured) if measured else None,
            "prefixes": rows[:limit],
            "protected": [{"prefix": shown(prefix), "sampled": found, "expiring": expiring} for prefix, (found, expiring) in self._protected.items()],
        }

    def _row(self, database: int, prefix: bytes, group: _Group, total: int) -> Dict[str, Any]:
        factor = max(1.0, total / self._seen[database])
        kinds: List[str] = sorted(group.types, key=lambda kind: -group.types[kind])
        return {
            "database": database,
            "prefix": shown(prefix),
            "key_count": round(group.seen * factor),
            "bytes": round(group.bytes / group.measured * group.seen * factor) if group.measured else None,
            "bytes_per_key": round(group.bytes / group.measured) if group.measured else None,
            "without_expiry": round(group.without_expiry / group.examined * group.seen * factor) if group.examined else None,
            "types": kinds,
        }
