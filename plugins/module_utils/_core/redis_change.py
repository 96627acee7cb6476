# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Redis server did between two looks at its counters."""

from __future__ import annotations

from typing import Any, Dict, List

from .redis_numbers import Fields, counted, pairs, percent

_RATES = {
    "commands_per_second": "total_commands_processed",
    "connections_per_second": "total_connections_received",
    "input_bytes_per_second": "total_net_input_bytes",
    "output_bytes_per_second": "total_net_output_bytes",
}
_COUNTS = {"hits": "keyspace_hits", "misses": "keyspace_misses", "expired": "expired_keys", "evicted": "evicted_keys", "rejected": "rejected_connections"}


def change_between(first: Fields, second: Fields, seconds: float, limit: int) -> Dict[str, Any]:
    """``valid`` is false when the server was started again, or its counters were reset, in between."""
    counters = (*_RATES.values(), *_COUNTS.values())
    valid = first.get("run_id") == second.get("run_id") and all(_grown(first, second, name) >= 0 for name in counters)
    counts = {name: _grown(first, second, field) if valid else None for name, field in _COUNTS.items()}
    read = (counts["hits"] or 0) + (counts["misses"] or 0)
    return {
        "valid": valid,
        "seconds": round(seconds, 3),
        **counts,
        "hit_percent": percent(counts["hits"], read),
        "rates": {name: round(_grown(first, second, field) / seconds, 1) if valid else None for name, field in _RATES.items()},
        "commands": _commands(first, second)[:limit] if valid else [],
    }


def _commands(first: Fields, second: Fields) -> List[Dict[str, Any]]:
    rows = []
    for name, text in second.items():
        if name.startswith("cmdstat_"):
            then, now = pairs(first.get(name, "")), pairs(text)
            calls, microseconds = _grown(then, now, "calls"), _grown(then, now, "usec")
            row = {"command": name[8:].replace("|", " ").upper(), "calls": calls, "seconds": round(microseconds / 1e6, 6)}
            rows += [row] if calls > 0 else []
    return sorted(rows, key=lambda row: (-row["seconds"], row["command"]))


def _grown(first: Fields, second: Fields, name: str) -> int:
    return counted(second, name) - counted(first, name)
