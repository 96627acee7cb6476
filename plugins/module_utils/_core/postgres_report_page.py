# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What postgres_info and postgres_growth found, as one page. A section that is not there is left out."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from .report_page import Bars, Column, Lines, Page, Table, render
from .report_plots import Series
from .report_scale import quantity
from .timestamps import parse_timestamp

Part = Union[Table, Lines, Bars]
_BARS = 10
_STATEMENTS = (
    Column("statement", "statement", "code"),
    Column("role", "username"),
    Column("calls", "calls", "count"),
    Column("total", "total_seconds", "seconds"),
    Column("mean", "mean_seconds", "seconds"),
    Column("share", "share_percent", "percent"),
    Column("cache hits", "hit_percent", "percent"),
)
_TABLES = (
    Column("table", "table"),
    Column("rows (estimate)", "estimated_rows", "count"),
    Column("dead", "dead_rows", "count"),
    Column("inserts", "inserts", "count"),
    Column("updates", "updates", "count"),
    Column("deletes", "deletes", "count"),
    Column("sequential scans", "sequential_scans", "count"),
    Column("index scans", "index_scans", "count"),
)
_RATES = (Column("what", "what"), Column("a second", "rate", "count"))
_CHANGED = (
    Column("table", "table"),
    Column("inserts", "inserts", "count"),
    Column("updates", "updates", "count"),
    Column("deletes", "deletes", "count"),
    Column("sequential scans", "sequential_scans", "count"),
    Column("rows read by them", "rows_read_sequentially", "count"),
    Column("index scans", "index_scans", "count"),
)
_UNUSED = (Column("index", "index"), Column("size", "size_bytes", "bytes"), Column("certainty", "certainty"), Column("to drop it", "drop_statement", "code"))
_INDEXES = (Column("index", "index"), Column("kind", "kind"), Column("size", "size_bytes", "bytes"), Column("scans", "scans", "count"))
_BLOAT = (
    Column("table", "table"),
    Column("dead rows", "dead_rows", "count"),
    Column("dead", "dead_percent", "percent"),
    Column("wasted (estimate)", "wasted_bytes", "bytes"),
    Column("wasted", "wasted_percent", "percent"),
    Column("last vacuum", "vacuumed"),
)
_CLIENTS = (
    Column("database", "database"),
    Column("role", "username"),
    Column("application", "application"),
    Column("client", "client"),
    Column("sessions", "sessions", "count"),
    Column("active", "active", "count"),
    Column("idle in transaction", "idle_in_transaction", "count"),
)
_ACTIVITY = (
    Column("pid", "pid"),
    Column("application", "application"),
    Column("state", "state"),
    Column("for", "state_seconds", "seconds"),
    Column("waits for", "blocked_by"),
    Column("statement", "statement", "code"),
)
_GROWTH = (Column("table", "table"), Column("size", "bytes", "bytes"), Column("a day", "bytes_per_day", "bytes"))


def report_page(title: str, looked: Mapping[str, Any], grown: Mapping[str, Any]) -> str:
    """The page as HTML. ``grown`` may be empty."""
    server = looked.get("server") or {}
    about = [f"Database {looked.get('database', '')}", f"Postgres {server['version']}" if server else "", f"looked at {looked.get('at', '')}"]
    parts: List[Part] = [*_growth(grown), *_connections(looked), *_hits(looked), *_change(looked), *_sizes(looked)]
    parts += [*_statements(looked), *_space(looked), *_activity(looked)]
    parts.sort(key=lambda part: isinstance(part, Table))  # plots side by side first, then what is read line by line
    return render(Page(title, ", ".join(part for part in about if part), _facts(looked, grown), looked.get("problems") or [], parts))


def _facts(looked: Mapping[str, Any], grown: Mapping[str, Any]) -> List[Tuple[str, str]]:
    """The numbers to see first; none is invented."""
    connections, tables, growth = looked.get("connections"), looked.get("tables"), grown.get("growth") or {}
    own = _own_database(looked)
    facts = []
    if own.get("size_bytes") is not None:
        facts.append(("database", quantity(own["size_bytes"], "bytes")))
    if growth:
        facts.append(("growth a day", quantity(growth["database_bytes_per_day"], "bytes") if growth["looks"] > 1 else "unknown yet"))
        facts.append(("until the disk is full", _until_full(growth)))
    if connections:
        usable = connections["max_connections"] - connections["reserved"]
        facts.append(("connections in use", f"{connections['used']} of {usable}"))
    if own.get("hit_percent") is not None:
        facts.append(("found in the cache", quantity(own["hit_percent"], "percent")))
    return facts + ([("tables", quantity(tables["total"], "count"))] if tables else [])


def _until_full(growth: Mapping[str, Any]) -> str:
    if growth["looks"] < 2:
        return "unknown yet"
    if growth["days_until_full"] is None:
        return "unknown" if growth["disk_bytes_per_day"] is None else "does not grow"
    return f"{quantity(round(growth['days_until_full']), 'days')}{'' if growth['certainty'] == 'high' else ' (uncertain)'}"


def _growth(grown: Mapping[str, Any]) -> List[Part]:
    if not grown:
        return []
    growth, history = grown["growth"], [(parse_timestamp(look["at"]), look) for look in grown["history"]]

    def series(name: str, key: str) -> Series:
        return Series(name, [(at, float(look[key])) for at, look in history if at and look[key] is not None])

    told = f"{growth['looks']} looks over {quantity(growth['days'], 'days')}; certainty {growth['certainty']}."
    return [
        Lines("Size of the database", [series("database", "database_bytes")], "bytes", told),
        Lines("Free space of its disk", [series("free", "disk_free_bytes")], "bytes"),
        Lines("Connections when looked at", [series("connections", "connections")], "count"),
        Table("Growth of tables", _GROWTH, growth["tables"][:_BARS], "Of the largest tables of the last look."),
    ]


def _connections(looked: Mapping[str, Any]) -> List[Part]:
    found = looked.get("connections")
    if not found:
        return []
    bars = [(state["state"] or "unknown", float(state["sessions"])) for state in found["by_state"]]
    bars.append(("free", float(found["free"])))
    return [
        Bars("Connections by state", bars, "count", f"{found['reserved']} more are reserved for superusers."),
        Table("Who is connected", _CLIENTS, found["by_client"]),
    ]


def _hits(looked: Mapping[str, Any]) -> List[Part]:
    found = looked.get("databases")
    if not found:
        return []
    sizes = [(row["name"], float(row["size_bytes"])) for row in found["databases"] if row["size_bytes"] is not None]
    hits = [(row["name"], row["hit_percent"]) for row in found["databases"] if row["hit_percent"] is not None]
    note = "Of the blocks that were wanted. Databases of which fewer than 10 000 were are left out."
    return [Bars("Databases by size", sizes[:_BARS], "bytes"), Bars("Found in the cache", hits[:_BARS], "percent", note)]


def _change(looked: Mapping[str, Any]) -> List[Part]:
    found = looked.get("change")
    if not found:
        return []
    title = f"Within {quantity(found['seconds'], 'seconds')}"
    if not found["valid"]:
        return [Table(title, _RATES, [], "It is not known: the counters were reset meanwhile.")]
    hits = "no block was wanted" if found["hit_percent"] is None else f"{quantity(found['hit_percent'], 'percent')} of the blocks were found in the cache"
    rates = [{"what": name.replace("_per_second", "").replace("_", " "), "rate": _rate(name, value)} for name, value in found["rates"].items()]
    rows = [{**row, "table": _named(row)} for row in found["tables"]]
    return [
        Table(title, _RATES, rates, f"Between two looks; {hits}. Deadlocks: {found['deadlocks']}. Bytes of the log are those of the whole server."),
        Table(f"{title}: what was done to tables", _CHANGED, rows, "Tables with which something was done, the busiest first."),
    ]


def _rate(name: str, value: Any) -> Any:
    return value if value is None else quantity(value, "bytes" if "bytes" in name else "count")


def _sizes(looked: Mapping[str, Any]) -> List[Part]:
    parts: List[Part] = []
    if looked.get("tables"):
        rows = [{**row, "table": _named(row)} for row in looked["tables"]["tables"]]
        parts.append(Bars("Largest tables", [(row["table"], float(row["total_bytes"])) for row in rows if row["total_bytes"] is not None][:_BARS], "bytes"))
        parts.append(Table("What is done to tables", _TABLES, rows, "Since the server's statistics were reset."))
    if looked.get("indexes"):
        rows = [{**row, "index": _named(row)} for row in looked["indexes"]["indexes"]]
        bars = [(row["index"], float(row["size_bytes"])) for row in rows if row["size_bytes"] is not None]
        parts += [Bars("Largest indexes", bars[:_BARS], "bytes"), Table("Use of indexes", _INDEXES, rows)]
    return parts


def _statements(looked: Mapping[str, Any]) -> List[Part]:
    found = looked.get("statements")
    if found is None:
        return []
    if not found["available"]:
        return [Table("Slow statements", _STATEMENTS, [], found["hint"])]
    rows = found["statements"]
    bars = [(row["statement"], row["total_seconds"]) for row in rows[:_BARS]]
    note = f"{quantity(found['total'], 'count')} statements took {quantity(found['total_seconds'], 'seconds')} together. Values are not shown."
    return [Bars("Time by statement", bars, "seconds"), Table("Slow statements", _STATEMENTS, rows, note)]


def _space(looked: Mapping[str, Any]) -> List[Part]:
    parts: List[Part] = []
    unused, bloat = looked.get("unused_indexes"), looked.get("bloat")
    if unused:
        rows = [{**row, "index": _named(row)} for row in unused["indexes"]]
        told = [f"Scans are counted since {unused['counted_since']}.", *unused["doubts"], "Nothing here drops an index."]
        parts.append(Table("Indexes that nobody used", _UNUSED, rows, " ".join(told)))
    if bloat:
        rows = [{**row, "table": _named(row), "vacuumed": _later(row["last_vacuum"], row["last_autovacuum"])} for row in bloat["tables"]]
        parts.append(Bars("Wasted space by table", [(row["table"], float(row["wasted_bytes"])) for row in rows if row["wasted_bytes"]][:_BARS], "bytes"))
        parts.append(Table("Bloat", _BLOAT, rows, "An estimate from the number of rows and their average width."))
    return parts


def _activity(looked: Mapping[str, Any]) -> List[Part]:
    found = looked.get("activity")
    return [Table("Sessions that work or hold a transaction", _ACTIVITY, found["sessions"])] if found else []


def _own_database(looked: Mapping[str, Any]) -> Dict[str, Any]:
    rows: Sequence[Dict[str, Any]] = (looked.get("databases") or {}).get("databases") or []
    return next((row for row in rows if row["name"] == looked.get("database")), {})


def _named(row: Mapping[str, Any]) -> str:
    """Without the schema that everybody has."""
    return row["name"] if row["schema"] == "public" else f"{row['schema']}.{row['name']}"


def _later(*times: Any) -> str:
    return max((time for time in times if time), default="never")
