# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened between two looks at a server's counters."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from .postgres_report_values import ratio_percent

_RATES = ("commits", "rollbacks", "rows_scanned", "rows_fetched", "rows_inserted", "rows_updated", "rows_deleted", "temp_bytes", "log_bytes")
_OF_TABLES = ("inserts", "updates", "deletes", "sequential_scans", "rows_read_sequentially", "index_scans")


def change_between(first: Mapping[str, Any], second: Mapping[str, Any], limit: int) -> Dict[str, Any]:
    """Rates and differences; ``valid`` is false, and there are none, when the counters were reset in between."""
    before, after = first["database"], second["database"]
    seconds = after["moment"] - before["moment"]
    gained = {name: _minus(after[name], before[name]) for name in (*_RATES, "blocks_hit", "blocks_read", "deadlocks")}
    valid = seconds > 0 and before["statistics_since"] == after["statistics_since"] and all(value is None or value >= 0 for value in gained.values())
    if not valid:
        return {"valid": False, "seconds": round(seconds, 3), "rates": {}, "hit_percent": None, "deadlocks": None, "tables": []}
    return {
        "valid": True,
        "seconds": round(seconds, 3),
        "rates": {f"{name}_per_second": None if gained[name] is None else round(gained[name] / seconds, 2) for name in _RATES},
        "hit_percent": ratio_percent(gained["blocks_hit"], gained["blocks_hit"] + gained["blocks_read"]),
        "deadlocks": gained["deadlocks"],
        "tables": _tables(first["tables"], second["tables"])[:limit],
    }


def _tables(before: Mapping[int, Mapping[str, Any]], after: Mapping[int, Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Tables with which something was done, the busiest first. One that is new began with zero."""
    found = []
    for oid, row in after.items():
        earlier = before.get(oid, {})
        gained = {name: row[name] - earlier.get(name, 0) for name in _OF_TABLES}
        if any(gained.values()) and min(gained.values()) >= 0:
            found.append({"schema": row["schema"], "name": row["name"], **gained})
    return sorted(found, key=lambda row: (-_work(row), row["schema"], row["name"]))


def _work(row: Mapping[str, Any]) -> int:
    return sum(row[name] for name in _OF_TABLES)


def _minus(after: Any, before: Any) -> Any:
    return None if after is None or before is None else after - before
