# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of CLIENT LIST, SLOWLOG GET, LATENCY LATEST and MONITOR, reduced to what reports show."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from .redis_numbers import Fields, counted, moment, percent, whole
from .redis_words import Monitored, Prefixing, address_of, tell

Row = Dict[str, Any]


def clients(info: Fields, listing: str, limit: int, own: str = "") -> Row:
    """Connections by who they are, the most first. ``own`` is the id of our connection, which is not one of them."""
    connected, most = max(0, counted(info, "connected_clients") - bool(own)), whole(info, "maxclients")
    groups: Dict[Tuple[str, ...], List[Mapping[str, str]]] = {}
    for one in (dict(word.split("=", 1) for word in line.split(" ") if "=" in word) for line in listing.splitlines()):
        if one.get("id") != own:
            key = (one.get("name", ""), address_of(one.get("addr", "")), one.get("user", "default"), one.get("db", "0"))
            groups.setdefault(key, []).append(one)
    rows = [_group(key, members) for key, members in groups.items()]
    rows.sort(key=lambda row: (-row["connections"], row["name"], row["address"]))
    return {
        "connected": connected,
        "blocked": counted(info, "blocked_clients"),
        "max": most,
        "used_percent": percent(connected, most),
        "rejected": counted(info, "rejected_connections"),
        "by_client": rows[:limit],
    }


def _group(key: Tuple[str, ...], members: Sequence[Mapping[str, str]]) -> Row:
    name, address, username, database = key
    return {
        "name": name,
        "address": address,
        "username": username,
        "database": int(database),
        "connections": len(members),
        "blocked": sum("b" in one.get("flags", "") for one in members),
        "longest_idle_seconds": max(counted(one, "idle") for one in members),
        "output_bytes": sum(counted(one, "omem") for one in members),
    }


def slow_commands(answer: Iterable[Sequence[Any]], prefixing: Prefixing) -> List[Row]:
    """The newest first, as the server tells them, without what the commands carried."""
    rows = []
    for identity, at, microseconds, words, *client in answer:
        told = tell(words, prefixing)
        address, name = (*(part.decode(errors="replace") for part in client), "", "")[:2]
        rows.append(
            {
                "id": identity,
                "at": moment(at),
                "seconds": round(microseconds / 1e6, 6),
                "command": told.command,
                "prefix": told.prefix,
                "client": address_of(address),
                "client_name": name,
            }
        )
    return rows


def latency_events(answer: Iterable[Sequence[Any]]) -> List[Row]:
    rows = [{"event": event[0].decode(errors="replace"), "at": moment(event[1]), "last_ms": event[2], "longest_ms": event[3]} for event in answer]
    return sorted(rows, key=lambda row: -row["longest_ms"])


def round_trips(seconds: Sequence[float]) -> Row:
    if not seconds:
        return {"ping_median_ms": None, "ping_longest_ms": None}
    return {"ping_median_ms": round(median(seconds) * 1000, 3), "ping_longest_ms": round(max(seconds) * 1000, 3)}


def observed(lines: Iterable[Monitored], seconds: float, limit: int) -> Row:
    """Commands by name and key prefix, the most frequent first."""
    calls: Counter = Counter()
    senders: Dict[Any, set] = {}
    for line in lines:
        calls[line.told] += 1
        senders.setdefault(line.told, set()).add(address_of(line.client))
    total = sum(calls.values())
    rows = [
        {"command": told.command, "prefix": told.prefix, "calls": count, "share_percent": percent(count, total), "clients": sorted(senders[told])[:limit]}
        for told, count in calls.most_common(limit)
    ]
    return {"seconds": round(seconds, 3), "calls": total, "per_second": round(total / seconds, 1) if seconds else None, "commands": rows}
