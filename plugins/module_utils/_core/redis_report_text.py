# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report on a Redis server as aligned text, the problems first."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from .problem import bytes_text, seconds_text
from .report_text import columns_of, in_bytes, in_seconds, listed, plain, problem_lines

Section = Mapping[str, Any]


def report_text(sections: Mapping[str, Any], problems: Sequence[Mapping[str, str]]) -> str:
    """Sections that were not read are left out."""
    lines = problem_lines(problems)
    for name, write in _WRITERS.items():
        section = sections.get(name)
        if section:
            lines += ["", *write(section)]
    return "\n".join(lines)


def _share(value: Any, what: str = "") -> str:
    return "n/a" if value is None else f"{value:g} %{' of ' + what if what else ''}"


def _milliseconds(row: Mapping[str, Any]) -> Any:
    return round(row["seconds"] * 1000, 3)


def _server(section: Section) -> List[str]:
    return [f"SERVER {section['version']} ({section['role']}, {section['mode']}), up {seconds_text(section['uptime_seconds'])}"]


def _memory(section: Section) -> List[str]:
    limit = bytes_text(section["maxmemory_bytes"]) if section["maxmemory_bytes"] else "none"
    container = bytes_text(section["container_limit_bytes"]) if section["container_limit_bytes"] else "no limit"
    used, share = bytes_text(section["used_bytes"]), _share(section["used_percent"], section["percent_of"])
    return [
        f"MEMORY {used} used ({share}), peak {bytes_text(section['peak_bytes'])}, maxmemory {limit}, container {container}, policy {section['policy']}",
        f"  fragmentation {section['fragmentation_ratio']}, evicted {section['evicted']}, expired {section['expired']} keys since the start",
    ]


def _hits(section: Section) -> List[str]:
    return [f"HITS {_share(section['hit_percent'])} since the start ({section['hits']} hits, {section['misses']} misses)"]


def _clients(section: Section) -> List[str]:
    head = f"CLIENTS {section['connected']} connected, {section['blocked']} of them wait for a key, {section['max']} at most, {section['rejected']} refused"
    columns = [
        ("NAME", plain("name")), ("ADDRESS", plain("address")), ("USER", plain("username")), ("DATABASE", plain("database")),
        ("CONNECTIONS", plain("connections")), ("BLOCKED", plain("blocked")), ("LONGEST IDLE", in_seconds("longest_idle_seconds")),
    ]  # fmt: skip
    return listed(head, section["by_client"], columns)


def _persistence(section: Section) -> List[str]:
    age = section["last_save_age_seconds"]
    points = section["save_points"]
    saved = "unknown save points" if points is None else f"{len(points)} save points" if points else "no save points"
    aof = f"on ({'ok' if section['aof_ok'] else 'FAILED'})" if section["aof_enabled"] else "off"
    last = "never" if age is None else f"{seconds_text(age)} ago ({'ok' if section['last_save_ok'] else 'FAILED'})"
    where = f"{section['dir'] or 'unknown'} on {section['volume'] or 'no volume'}"
    return [f"PERSISTENCE {saved}, last save {last}, {section['changes_since_save']} changes since, AOF {aof}, {where}"]


def _replication(section: Section) -> List[str]:
    of = f" of {section['primary']}, link {'up' if section['link_up'] else 'DOWN'}" if section["primary"] else ""
    columns = [("REPLICA", plain("address")), ("STATE", plain("state")), ("BEHIND", in_bytes("lag_bytes")), ("SILENT FOR", in_seconds("lag_seconds"))]
    return listed(f"REPLICATION {section['role']}{of}, {len(section['replicas'])} replicas", section["replicas"], columns)


def _slowlog(section: Section) -> List[str]:
    columns = [
        ("AT", plain("at")), ("MS", _milliseconds), ("COMMAND", plain("command")), ("PREFIX", plain("prefix")),
        ("CLIENT", lambda row: row["client_name"] or row["client"]),
    ]  # fmt: skip
    return listed(f"SLOW COMMANDS {section['total']} kept, slower than {section['slower_than_ms']} ms", section["entries"], columns)


def _latency(section: Section) -> List[str]:
    columns = [("EVENT", plain("event")), ("AT", plain("at")), ("LAST MS", plain("last_ms")), ("LONGEST MS", plain("longest_ms"))]
    return listed(f"LATENCY {section['ping_median_ms']} ms an answer, {section['ping_longest_ms']} ms at most", section["events"], columns)


def _keyspace(section: Section) -> List[str]:
    columns = [
        ("DATABASE", plain("database")), ("KEYS", plain("key_count")), ("WITH EXPIRY", plain("expiring")), ("WITHOUT", plain("without_expiry")),
        ("AVERAGE LIFE", in_seconds("average_ttl_seconds")),
    ]  # fmt: skip
    return listed(f"KEYS {section['total']}, {section['without_expiry']} without expiry", section["databases"], columns)


def _prefixes(section: Section) -> List[str]:
    columns = [
        ("DATABASE", plain("database")), ("PREFIX", lambda row: row["prefix"] or "(none)"), ("KEYS, ABOUT", plain("key_count")),
        ("MEMORY, ABOUT", in_bytes("bytes")), ("OF ALL", plain("share_percent", " %")), ("A KEY", in_bytes("bytes_per_key")),
        ("WITHOUT EXPIRY", plain("without_expiry")), ("TYPES", lambda row: " ".join(row["types"])),
    ]  # fmt: skip
    return listed(f"PREFIXES from {section['sampled']} of {section['total']} keys ({section['sampled_percent']:g} %)", section["prefixes"], columns)


def _commands(section: Section) -> List[str]:
    columns = [
        ("COMMAND", plain("command")), ("CALLS", plain("calls")), ("TOTAL MS", _milliseconds), ("MEAN MS", plain("mean_ms")), ("P99 MS", plain("p99_ms")),
        ("FAILED", plain("failed")),
    ]  # fmt: skip
    return listed(f"COMMANDS {section['calls']} calls since the counters began", section["commands"], columns)


def _change(section: Section) -> List[str]:
    if not section["valid"]:
        return ["CHANGE is not known: the server was restarted, or its counters were reset meanwhile."]
    rates = ", ".join(f"{value:g} {name.replace('_per_second', '').replace('_', ' ')}" for name, value in section["rates"].items())
    counts = f"hits {_share(section['hit_percent'])}, {section['evicted']} evicted, {section['expired']} expired"
    head = f"CHANGE in {section['seconds']:g} s: {counts}; {rates} a second"
    return listed(head, section["commands"], [("COMMAND", plain("command")), ("CALLS", plain("calls")), ("TOTAL MS", _milliseconds)])


def _observed(section: Section) -> List[str]:
    columns = [("COMMAND", plain("command")), ("PREFIX", plain("prefix")), ("CALLS", plain("calls")), ("CLIENTS", lambda row: " ".join(row["clients"]))]
    head = f"OBSERVED {section['calls']} commands in {section['seconds']:g} s"
    return [head, *columns_of(section["commands"], columns)] if section["commands"] else [head]


_WRITERS: Dict[str, Callable[[Section], List[str]]] = {
    "server": _server,
    "memory": _memory,
    "hits": _hits,
    "clients": _clients,
    "persistence": _persistence,
    "replication": _replication,
    "change": _change,
    "keyspace": _keyspace,
    "prefixes": _prefixes,
    "commands": _commands,
    "slowlog": _slowlog,
    "latency": _latency,
    "observed": _observed,
}
