# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What redis_info found, as one page. A section that is not there is left out."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from .report_page import Bars, Column, Page, Table, render
from .report_scale import quantity

Part = Union[Table, Bars]
Looked = Mapping[str, Any]
_BARS = 10
_PREFIXES = (
    Column("prefix", "named"),
    Column("database", "database"),
    Column("keys", "key_count", "count"),
    Column("memory", "bytes", "bytes"),
    Column("of all", "share_percent", "percent"),
    Column("a key", "bytes_per_key", "bytes"),
    Column("without expiry", "without_expiry", "count"),
    Column("types", "types"),
)
_DATABASES = (
    Column("database", "database"),
    Column("keys", "key_count", "count"),
    Column("with expiry", "expiring", "count"),
    Column("without", "without_expiry", "count"),
    Column("average life", "average_ttl_seconds", "seconds"),
)
_COMMANDS = (
    Column("command", "command"),
    Column("calls", "calls", "count"),
    Column("total", "seconds", "seconds"),
    Column("mean", "mean_ms", "milliseconds"),
    Column("99 %", "p99_ms", "milliseconds"),
    Column("failed", "failed", "count"),
    Column("rejected", "rejected", "count"),
)
_CALLED = (Column("command", "command"), Column("calls", "calls", "count"), Column("total", "seconds", "seconds"))
_OBSERVED = (
    Column("command", "command"), Column("prefix", "prefix"), Column("calls", "calls", "count"), Column("of all", "share_percent", "percent"),
    Column("clients", "clients"),
)  # fmt: skip
_CLIENTS = (
    Column("name", "name"),
    Column("address", "address"),
    Column("user", "username"),
    Column("database", "database"),
    Column("connections", "connections", "count"),
    Column("wait for a key", "blocked", "count"),
    Column("longest idle", "longest_idle_seconds", "seconds"),
    Column("not read yet", "output_bytes", "bytes"),
)
_SLOW = (Column("at", "at"), Column("took", "seconds", "seconds"), Column("command", "command"), Column("prefix", "prefix"), Column("client", "from"))
_EVENTS = (Column("event", "event"), Column("at", "at"), Column("last", "last_ms", "milliseconds"), Column("longest", "longest_ms", "milliseconds"))
_REPLICAS = (Column("replica", "address"), Column("state", "state"), Column("behind", "lag_bytes", "bytes"), Column("silent for", "lag_seconds", "seconds"))
_STATES = (Column("what", "what"), Column("value", "told"))


def report_page(title: str, looked: Looked) -> str:
    """The page as HTML."""
    server = looked.get("server") or {}
    about = [f"Redis {server['version']}" if server else "", server.get("role", ""), f"looked at {looked.get('at', '')}"]
    parts: List[Part] = [*_prefixes(looked), *_keyspace(looked), *_commands(looked), *_clients(looked), *_change(looked), *_observed(looked)]
    parts += [*_slow(looked), *_persistence(looked), *_replication(looked), *_memory(looked)]
    parts.sort(key=lambda part: isinstance(part, Table))  # plots side by side first, then what is read line by line
    return render(Page(title, ", ".join(part for part in about if part), _facts(looked), looked.get("problems") or [], parts))


def _facts(looked: Looked) -> List[Tuple[str, str]]:
    """The numbers to see first; none is invented."""
    memory, hits, clients, keyspace = (looked.get(name) for name in ("memory", "hits", "clients", "keyspace"))
    latency, persistence = looked.get("latency"), looked.get("persistence")
    facts = []
    if memory:
        limit = memory["maxmemory_bytes"] or memory["container_limit_bytes"]
        of = f" of {quantity(limit, 'bytes')}" if limit else ", no limit"
        facts.append(("memory", f"{quantity(memory['used_bytes'] if memory['maxmemory_bytes'] else memory['rss_bytes'] or memory['used_bytes'], 'bytes')}{of}"))
    if hits:
        facts.append(("reads that found their key", "n/a" if hits["hit_percent"] is None else quantity(hits["hit_percent"], "percent")))
    facts += [("keys", quantity(keyspace["total"], "count"))] if keyspace else []
    facts += [("connections", f"{clients['connected']} of {clients['max']}")] if clients else []
    facts += [("an answer takes", quantity(latency["ping_median_ms"], "milliseconds"))] if latency and latency["ping_median_ms"] is not None else []
    if persistence and persistence["last_save_age_seconds"] is not None:
        facts.append(("since the last snapshot", quantity(persistence["last_save_age_seconds"], "seconds")))
    return facts


def _prefixes(looked: Looked) -> List[Part]:
    found = looked.get("prefixes")
    if not found:
        return []
    rows = [{**row, "named": row["prefix"] or "(no prefix)"} for row in found["prefixes"]]
    bars = [(row["named"], float(row["bytes"])) for row in rows if row["bytes"] is not None]
    note = f"From {quantity(found['sampled'], 'count')} of {quantity(found['total'], 'count')} keys ({quantity(found['sampled_percent'], 'percent')})."
    return [Bars("Memory by prefix", bars[:_BARS], "bytes", note), Table("Biggest prefixes", _PREFIXES, rows, note)]


def _keyspace(looked: Looked) -> List[Part]:
    found = looked.get("keyspace")
    if not found:
        return []
    bars = [(f"database {row['database']}, {name}", float(row[key])) for row in found["databases"] for name, key in _EXPIRY if row[key]]
    return [Bars("Keys with and without expiry", bars[:_BARS], "count"), Table("Databases", _DATABASES, found["databases"])]


_EXPIRY = (("with expiry", "expiring"), ("without", "without_expiry"))


def _commands(looked: Looked) -> List[Part]:
    found = looked.get("commands")
    if not found:
        return []
    bars = [(row["command"], row["seconds"]) for row in found["commands"]]
    note = f"{quantity(found['calls'], 'count')} calls since the counters began."
    return [Bars("Time by command", bars[:_BARS], "seconds"), Table("Commands", _COMMANDS, found["commands"], note)]


def _clients(looked: Looked) -> List[Part]:
    found = looked.get("clients")
    if not found:
        return []
    bars = [(row["name"] or row["address"], float(row["connections"])) for row in found["by_client"]]
    note = f"{quantity(found['rejected'], 'count')} connections were refused since the start."
    return [Bars("Connections by client", bars[:_BARS], "count"), Table("Who is connected", _CLIENTS, found["by_client"], note)]


def _change(looked: Looked) -> List[Part]:
    found = looked.get("change")
    if not found:
        return []
    title = f"Within {quantity(found['seconds'], 'seconds')}"
    if not found["valid"]:
        return [Table(title, _STATES, [], "It is not known: the server was restarted, or its counters were reset meanwhile.")]
    hits = "n/a (nothing was read)" if found["hit_percent"] is None else quantity(found["hit_percent"], "percent")
    rows = [{"what": "reads that found their key", "told": hits}]
    rows += [{"what": f"{name} keys", "told": quantity(found[name], "count")} for name in ("expired", "evicted")]
    rows += [{"what": "refused connections", "told": quantity(found["rejected"], "count")}]
    rows += [{"what": f"{name.replace('_per_second', '').replace('_', ' ')} a second", "told": _rate(name, rate)} for name, rate in found["rates"].items()]
    return [Table(title, _STATES, rows), Table(f"{title}: commands", _CALLED, found["commands"])]


def _rate(name: str, value: float) -> str:
    return quantity(value, "bytes" if "bytes" in name else "count")


def _observed(looked: Looked) -> List[Part]:
    found = looked.get("observed")
    note = f"{quantity(found['calls'], 'count')} commands within {quantity(found['seconds'], 'seconds')}. Values were dropped." if found else ""
    return [Table("Commands as they came", _OBSERVED, found["commands"], note)] if found else []


def _slow(looked: Looked) -> List[Part]:
    parts: List[Part] = []
    slowlog, latency = looked.get("slowlog"), looked.get("latency")
    if slowlog:
        rows = [{**row, "from": row["client_name"] or row["client"]} for row in slowlog["entries"]]
        slower = "unknown" if slowlog["slower_than_ms"] is None else quantity(slowlog["slower_than_ms"], "milliseconds")
        parts.append(Table("Slow commands", _SLOW, rows, f"The server keeps those that take longer than {slower}. What they carried is not shown."))
    if latency:
        parts.append(Table("Latency that the server noticed", _EVENTS, latency["events"], latency["doctor"] or ""))
    return parts


def _persistence(looked: Looked) -> List[Part]:
    found = looked.get("persistence")
    if not found:
        return []
    points = found["save_points"]
    told = None if points is None else ", ".join(f"{point['changes']} changes in {point['seconds']} s" for point in points) or "none"
    state = {
        "save points": told,
        "last snapshot": f"{found['last_save_at'] or 'never'}, {'ok' if found['last_save_ok'] else 'FAILED'}",
        "changes since": quantity(found["changes_since_save"], "count"),
        "append-only file": f"on, {'ok' if found['aof_ok'] else 'FAILED'}" if found["aof_enabled"] else "off",
        "directory": found["dir"],
        "volume": found["volume"] or _volume(found["on_volume"]),
    }
    return [Table("Persistence", _STATES, _lines(state))]


def _volume(on_volume: Optional[bool]) -> str:
    return "unknown" if on_volume is None else "NONE"


def _replication(looked: Looked) -> List[Part]:
    found = looked.get("replication")
    return [Table("Replicas", _REPLICAS, found["replicas"])] if found and found["replicas"] else []


def _memory(looked: Looked) -> List[Part]:
    found = looked.get("memory")
    if not found:
        return []
    state = {
        "used": quantity(found["used_bytes"], "bytes"),
        "peak": quantity(found["peak_bytes"], "bytes"),
        "process": None if found["rss_bytes"] is None else quantity(found["rss_bytes"], "bytes"),
        "fragmentation": found["fragmentation_ratio"],
        "maxmemory": quantity(found["maxmemory_bytes"], "bytes") if found["maxmemory_bytes"] else "none",
        "policy": found["policy"],
        "evicted since the start": quantity(found["evicted"], "count"),
        "expired since the start": quantity(found["expired"], "count"),
    }
    return [Table("Memory", _STATES, _lines(state), found["doctor"] or "")]


def _lines(state: Mapping[str, Any]) -> List[Dict[str, Any]]:
    return [{"what": what, "told": told} for what, told in state.items()]
