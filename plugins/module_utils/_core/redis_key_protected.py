# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is protected is still there after a database was emptied."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from .errors import OperationError
from .redis_keys_text import shown

# Of all protected keys, what an application may delete itself meanwhile (a logout).
_OWN_PERCENT = 1


# Names that are kept to know them again: some hundred megabytes at the most. Of more, one that the server shows twice is counted twice.
_MOST_NAMES = 1_000_000


class Once:
    """Of names that come again and again, each once. While its table shrinks, a server may show a key twice, and one counted twice hides a lost one."""

    def __init__(self, most: int = _MOST_NAMES) -> None:
        self._met: Set[bytes] = set()
        self._most = most

    def new(self, names: Sequence[bytes]) -> List[bytes]:
        found = [name for name in dict.fromkeys(names) if name not in self._met]
        self._met.update(found[: max(0, self._most - len(self._met))])
        return found


class ProtectedLost(OperationError):
    """There are fewer protected keys than there must be."""

    reason = "protected_lost"


def protected_rows(before: Mapping[bytes, int], after: Optional[Mapping[bytes, int]]) -> List[Dict[str, Any]]:
    """``after`` is None as long as nothing was done."""
    return [
        {"prefix": shown(prefix), "before": before.get(prefix, 0), "after": None if after is None else after.get(prefix, 0)}
        for prefix in sorted({*before, *(after or {})})
    ]


def require_protected(rows: Sequence[Mapping[str, Any]], expired: int) -> None:
    """``expired`` is how many keys the server let go by itself meanwhile."""
    lost = sum(max(0, row["before"] - row["after"]) for row in rows)
    if lost <= expired + sum(row["before"] for row in rows) * _OWN_PERCENT // 100:
        return
    counted = ", ".join(f"{row['prefix']} {row['before']} -> {row['after']}" for row in rows if row["after"] < row["before"])
    raise ProtectedLost(
        f"Protected keys became fewer while the database was emptied: {counted}; {expired} keys expired meanwhile.",
        hint="Nothing of them was asked to be deleted here. Did somebody else delete them? Restore the backup that was made before, if they are needed.",
        protected=[dict(row) for row in rows],
        expired=expired,
    )
