# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report on a Postgres server as aligned text, the problems first."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from .postgres_locks import lock_tree
from .postgres_problem import bytes_text, seconds_text

Column = Tuple[str, Callable[[Mapping[str, Any]], Any]]
_WIDEST = 60


def report_text(sections: Mapping[str, Any], problems: Sequence[Mapping[str, str]]) -> str:
    """Sections that were not read are left out."""
    lines = [f"{one['severity'].upper()}: {one['message']} {one['hint']}" for one in problems] or ["No problems found."]
    for name, write in _WRITERS.items():
        section = sections.get(name)
        if section:
            lines += ["", *write(section)]
    return "\n".join(lines)


def _columns(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> List[str]:
    """A header and a line a row, as wide as need be."""
    cells = [[title for title, unused in columns], *([_cell(read(row)) for unused, read in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells]


def _cell(value: Any) -> str:
    text = "-" if value is None or value == "" else str(value)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


def _bytes(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda row: None if row[name] is None else bytes_text(row[name])


def _seconds(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda row: None if row[name] is None else seconds_text(row[name])


def _plain(name: str, unit: str = "") -> Callable[[Mapping[str, Any]], Any]:
    return lambda row: f"{row[name]:g}{unit}" if unit and row[name] is not None else row[name]


def _full_name(row: Mapping[str, Any]) -> str:
    return f"{row['schema']}.{row['name']}"


def _server(section: Mapping[str, Any]) -> List[str]:
    role = "replica" if section["in_recovery"] else "primary"
    return [f"SERVER {section['version']} ({role}), up {seconds_text(section['uptime_seconds'])}, database {section['database']}"]


def _connections(section: Mapping[str, Any]) -> List[str]:
    states = ", ".join(f"{one['sessions']} {one['state']}" for one in section["by_state"]) or "none"
    head = f"CONNECTIONS {section['used']} used, {section['free']} free of {section['max_connections']} ({section['reserved']} reserved): {states}"
    columns = [("DATABASE", _plain("database")), ("ROLE", _plain("username")), ("APPLICATION", _plain("application")), ("CLIENT", _plain("client"))]
    counts = [(name.upper().replace("_", " "), _plain(name)) for name in ("sessions", "active", "idle", "idle_in_transaction")]
    return [head, *(_columns(section["by_client"], [*columns, *counts]) if section["by_client"] else [])]


def _activity(section: Mapping[str, Any]) -> List[str]:
    columns = [
        ("PID", _plain("pid")), ("ROLE", _plain("username")), ("APPLICATION", _plain("application")), ("STATE", _plain("state")),
        ("FOR", _seconds("state_seconds")), ("TRANSACTION", _seconds("transaction_seconds")), ("WAITS FOR", _plain("wait_event")),
        ("BLOCKED BY", lambda row: " ".join(map(str, row["blocked_by"]))), ("STATEMENT", _plain("statement")),
    ]  # fmt: skip
    return _listed(f"ACTIVITY {section['total']} sessions at work or in a transaction", section["sessions"], columns)


def _locks(section: Mapping[str, Any]) -> List[str]:
    return [f"LOCKS {section['waiting_total']} sessions wait, {section['prepared_total']} prepared transactions", *lock_tree(section)]


def _databases(section: Mapping[str, Any]) -> List[str]:
    columns = [
        ("NAME", _plain("name")), ("SIZE", _bytes("size_bytes")), ("CONNECTIONS", _plain("connections")), ("CACHE HITS", _plain("hit_percent", " %")),
        ("DEADLOCKS", _plain("deadlocks")), ("TEMPORARY", _bytes("temp_bytes")), ("WRAPAROUND", _plain("wraparound_percent", " %")),
    ]  # fmt: skip
    return _listed(f"DATABASES {bytes_text(section['total_bytes'])}", section["databases"], columns)


def _tables(section: Mapping[str, Any]) -> List[str]:
    columns = [
        ("NAME", _full_name), ("SIZE", _bytes("total_bytes")), ("HEAP", _bytes("heap_bytes")), ("INDEXES", _bytes("index_bytes")), ("TOAST", _bytes("toast_bytes")),
        ("ROWS", _plain("estimated_rows")), ("INSERTS", _plain("inserts")), ("UPDATES", _plain("updates")), ("DELETES", _plain("deletes")),
        ("SEQUENTIAL SCANS", _plain("sequential_scans")), ("INDEX SCANS", _plain("index_scans")),
    ]  # fmt: skip
    return _listed(f"TABLES {section['total']}, {bytes_text(section['total_bytes'])}", section["tables"], columns)


def _indexes(section: Mapping[str, Any]) -> List[str]:
    columns = [("NAME", _full_name), ("TABLE", _plain("table")), ("KIND", _plain("kind")), ("SIZE", _bytes("size_bytes")), ("SCANS", _plain("scans"))]
    return _listed(f"INDEXES {section['total']}, {bytes_text(section['total_bytes'])}", section["indexes"], columns)


def _unused(section: Mapping[str, Any]) -> List[str]:
    head = f"UNUSED INDEXES {section['total']}, {bytes_text(section['total_bytes'])}, certainty {section['certainty']}"
    columns = [("SIZE", _bytes("size_bytes")), ("CERTAINTY", _plain("certainty")), ("STATEMENT, NEVER RUN BY THIS COLLECTION", lambda row: row["drop_statement"])]
    return [*_listed(head, section["indexes"], columns), *(f"  {doubt}" for doubt in section["doubts"])]


def _bloat(section: Mapping[str, Any]) -> List[str]:
    columns = [
        ("NAME", _full_name), ("HEAP", _bytes("heap_bytes")), ("WASTED, ABOUT", _bytes("wasted_bytes")), ("OF IT", _plain("wasted_percent", " %")),
        ("DEAD ROWS", _plain("dead_rows")), ("OF ALL", _plain("dead_percent", " %")), ("LAST VACUUM", lambda row: max(row["last_vacuum"] or "", row["last_autovacuum"] or "")),
    ]  # fmt: skip
    return _listed(f"BLOAT by {section['method']}", section["tables"], columns)


def _statements(section: Mapping[str, Any]) -> List[str]:
    if not section["available"]:
        return ["STATEMENTS are not counted.", f"  {section['hint']}"]
    columns = [
        ("TOTAL", _seconds("total_seconds")), ("SHARE", _plain("share_percent", " %")), ("CALLS", _plain("calls")), ("MEAN MS", lambda row: round(row["mean_seconds"] * 1000, 2)),
        ("ROWS", _plain("rows")), ("STATEMENT", _plain("statement")),
    ]  # fmt: skip
    return _listed(f"STATEMENTS {section['total']}, by {section['order']}", section["statements"], columns)


def _settings(section: Mapping[str, Any]) -> List[str]:
    columns = [("NAME", _plain("name")), ("VALUE", _plain("value")), ("SOURCE", _plain("source"))]
    return _listed(f"SETTINGS {len(section['changed'])} changed, {len(section['pending_restart'])} waiting for a restart", section["changed"], columns)


def _replication(section: Mapping[str, Any]) -> List[str]:
    lines = [f"REPLICATION {section['role']}, {len(section['senders'])} receivers, {len(section['slots'])} slots"]
    senders = [("RECEIVER", _plain("application")), ("CLIENT", _plain("client")), ("STATE", _plain("state")), ("BEHIND", _bytes("lag_bytes"))]
    slots = [("SLOT", _plain("name")), ("TYPE", _plain("type")), ("ACTIVE", _plain("active")), ("KEEPS", _bytes("retained_bytes")), ("STATUS", _plain("wal_status"))]
    for rows, columns in ((section["senders"], senders), (section["slots"], slots)):
        lines += _columns(rows, columns) if rows else []
    return lines


def _progress(section: Mapping[str, Any]) -> List[str]:
    columns = [
        ("PID", _plain("pid")), ("OPERATION", _plain("operation")), ("RELATION", _plain("relation")), ("PHASE", _plain("phase")), ("DONE", _plain("percent", " %")),
        ("FOR", _seconds("seconds")),
    ]  # fmt: skip
    return _listed(f"PROGRESS {section['total']} long operations", section["operations"], columns)


def _integrity(section: Mapping[str, Any]) -> List[str]:
    names = ("invalid_indexes", "unvalidated_constraints", "disabled_triggers")
    head = "INTEGRITY " + ", ".join(f"{section[f'{name}_total']} {name.replace('_', ' ')}" for name in names)
    return _listed(head, section["counts"], [("TABLE", _plain("table")), ("ROWS", _plain("rows")), ("NEWEST", _plain("newest"))])


def _change(section: Mapping[str, Any]) -> List[str]:
    if not section["valid"]:
        return ["CHANGE is not known: the counters were reset meanwhile."]
    rates = ", ".join(f"{value:g} {name.replace('_per_second', '').replace('_', ' ')}" for name, value in section["rates"].items() if value)
    columns = [("NAME", _full_name), *((name.upper().replace("_", " "), _plain(name)) for name in ("inserts", "updates", "deletes", "sequential_scans", "index_scans"))]
    return _listed(f"CHANGE in {section['seconds']:g} s, per second: {rates or 'nothing'}", section["tables"], columns)


def _listed(head: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> List[str]:
    return [head, *_columns(rows, columns)] if rows else [head]


_WRITERS: Dict[str, Callable[[Mapping[str, Any]], List[str]]] = {
    "server": _server,
    "connections": _connections,
    "activity": _activity,
    "locks": _locks,
    "progress": _progress,
    "change": _change,
    "databases": _databases,
    "tables": _tables,
    "indexes": _indexes,
    "unused_indexes": _unused,
    "bloat": _bloat,
    "statements": _statements,
    "settings": _settings,
    "replication": _replication,
    "integrity": _integrity,
}
