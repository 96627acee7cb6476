# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report on a Postgres server as aligned text, the problems first."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from .postgres_locks import lock_tree
from .problem import bytes_text, seconds_text
from .report_text import columns_of, in_bytes, in_seconds, listed, plain, problem_lines



def report_text(sections: Mapping[str, Any], problems: Sequence[Mapping[str, str]]) -> str:
    """Sections that were not read are left out."""
    lines = problem_lines(problems)
    for name, write in _WRITERS.items():
        section = sections.get(name)
        if section:
            lines += ["", *write(section)]
    return "\n".join(lines)


def _full_name(row: Mapping[str, Any]) -> str:
    return f"{row['schema']}.{row['name']}"


def _server(section: Mapping[str, Any]) -> List[str]:
    role = "replica" if section["in_recovery"] else "primary"
    return [f"SERVER {section['version']} ({role}), up {seconds_text(section['uptime_seconds'])}, database {section['database']}"]


def _connections(section: Mapping[str, Any]) -> List[str]:
    states = ", ".join(f"{one['sessions']} {one['state']}" for one in section["by_state"]) or "none"
    head = f"CONNECTIONS {section['used']} used, {section['free']} free of {section['max_connections']} ({section['reserved']} reserved): {states}"
    columns = [("DATABASE", plain("database")), ("ROLE", plain("username")), ("APPLICATION", plain("application")), ("CLIENT", plain("client"))]
    counts = [(name.upper().replace("_", " "), plain(name)) for name in ("sessions", "active", "idle", "idle_in_transaction")]
    return [head, *(columns_of(section["by_client"], [*columns, *counts]) if section["by_client"] else [])]


def _activity(section: Mapping[str, Any]) -> List[str]:
    columns = [
        ("PID", plain("pid")), ("ROLE", plain("username")), ("APPLICATION", plain("application")), ("STATE", plain("state")),
        ("FOR", in_seconds("state_seconds")), ("TRANSACTION", in_seconds("transaction_seconds")), ("WAITS FOR", plain("wait_event")),
        ("BLOCKED BY", lambda row: " ".join(map(str, row["blocked_by"]))), ("STATEMENT", plain("statement")),
    ]  # fmt: skip
    return listed(f"ACTIVITY {section['total']} sessions at work or in a transaction", section["sessions"], columns)


def _locks(section: Mapping[str, Any]) -> List[str]:
    return [f"LOCKS {section['waiting_total']} sessions wait, {section['prepared_total']} prepared transactions", *lock_tree(section)]


def _databases(section: Mapping[str, Any]) -> List[str]:
    columns = [
        ("NAME", plain("name")), ("SIZE", in_bytes("size_bytes")), ("CONNECTIONS", plain("connections")), ("CACHE HITS", plain("hit_percent", " %")),
        ("DEADLOCKS", plain("deadlocks")), ("TEMPORARY", in_bytes("temp_bytes")), ("WRAPAROUND", plain("wraparound_percent", " %")),
    ]  # fmt: skip
    return listed(f"DATABASES {bytes_text(section['total_bytes'])}", section["databases"], columns)


def _tables(section: Mapping[str, Any]) -> List[str]:
    columns = [
        ("NAME", _full_name), ("SIZE", in_bytes("total_bytes")), ("HEAP", in_bytes("heap_bytes")), ("INDEXES", in_bytes("index_bytes")),
        ("TOAST", in_bytes("toast_bytes")), ("ROWS", plain("estimated_rows")), ("INSERTS", plain("inserts")), ("UPDATES", plain("updates")),
        ("DELETES", plain("deletes")),
        ("SEQUENTIAL SCANS", plain("sequential_scans")), ("INDEX SCANS", plain("index_scans")),
    ]  # fmt: skip
    return listed(f"TABLES {section['total']}, {bytes_text(section['total_bytes'])}", section["tables"], columns)


def _indexes(section: Mapping[str, Any]) -> List[str]:
    columns = [("NAME", _full_name), ("TABLE", plain("table")), ("KIND", plain("kind")), ("SIZE", in_bytes("size_bytes")), ("SCANS", plain("scans"))]
    return listed(f"INDEXES {section['total']}, {bytes_text(section['total_bytes'])}", section["indexes"], columns)


def _unused(section: Mapping[str, Any]) -> List[str]:
    head = f"UNUSED INDEXES {section['total']}, {bytes_text(section['total_bytes'])}, certainty {section['certainty']}"
    statement = ("STATEMENT, NEVER RUN BY THIS COLLECTION", lambda row: row["drop_statement"])
    columns = [("SIZE", in_bytes("size_bytes")), ("CERTAINTY", plain("certainty")), statement]
    return [*listed(head, section["indexes"], columns), *(f"  {doubt}" for doubt in section["doubts"])]


def _bloat(section: Mapping[str, Any]) -> List[str]:
    columns = [
        ("NAME", _full_name), ("HEAP", in_bytes("heap_bytes")), ("WASTED, ABOUT", in_bytes("wasted_bytes")), ("OF IT", plain("wasted_percent", " %")),
        ("DEAD ROWS", plain("dead_rows")), ("OF ALL", plain("dead_percent", " %")),
        ("LAST VACUUM", lambda row: max(row["last_vacuum"] or "", row["last_autovacuum"] or "")),
    ]  # fmt: skip
    return listed(f"BLOAT by {section['method']}", section["tables"], columns)


def _statements(section: Mapping[str, Any]) -> List[str]:
    if not section["available"]:
        return ["STATEMENTS are not counted.", f"  {section['hint']}"]
    columns = [
        ("TOTAL", in_seconds("total_seconds")), ("SHARE", plain("share_percent", " %")), ("CALLS", plain("calls")),
        ("MEAN MS", lambda row: round(row["mean_seconds"] * 1000, 2)),
        ("ROWS", plain("rows")), ("STATEMENT", plain("statement")),
    ]  # fmt: skip
    return listed(f"STATEMENTS {section['total']}, by {section['order']}", section["statements"], columns)


def _settings(section: Mapping[str, Any]) -> List[str]:
    columns = [("NAME", plain("name")), ("VALUE", plain("value")), ("SOURCE", plain("source"))]
    return listed(f"SETTINGS {len(section['changed'])} changed, {len(section['pending_restart'])} waiting for a restart", section["changed"], columns)


def _replication(section: Mapping[str, Any]) -> List[str]:
    lines = [f"REPLICATION {section['role']}, {len(section['senders'])} receivers, {len(section['slots'])} slots"]
    senders = [("RECEIVER", plain("application")), ("CLIENT", plain("client")), ("STATE", plain("state")), ("BEHIND", in_bytes("lag_bytes"))]
    slots = [("SLOT", plain("name")), ("TYPE", plain("type")), ("ACTIVE", plain("active"))]
    slots += [("KEEPS", in_bytes("retained_bytes")), ("STATUS", plain("wal_status"))]
    for rows, columns in ((section["senders"], senders), (section["slots"], slots)):
        lines += columns_of(rows, columns) if rows else []
    return lines


def _progress(section: Mapping[str, Any]) -> List[str]:
    columns = [
        ("PID", plain("pid")), ("OPERATION", plain("operation")), ("RELATION", plain("relation")), ("PHASE", plain("phase")),
        ("DONE", plain("percent", " %")), ("FOR", in_seconds("seconds")),
    ]  # fmt: skip
    return listed(f"PROGRESS {section['total']} long operations", section["operations"], columns)


def _integrity(section: Mapping[str, Any]) -> List[str]:
    names = ("invalid_indexes", "unvalidated_constraints", "disabled_triggers")
    head = "INTEGRITY " + ", ".join(f"{section[f'{name}_total']} {name.replace('_', ' ')}" for name in names)
    return listed(head, section["counts"], [("TABLE", plain("table")), ("ROWS", plain("rows")), ("NEWEST", plain("newest"))])


def _change(section: Mapping[str, Any]) -> List[str]:
    if not section["valid"]:
        return ["CHANGE is not known: the counters were reset meanwhile."]
    rates = ", ".join(f"{value:g} {name.replace('_per_second', '').replace('_', ' ')}" for name, value in section["rates"].items() if value)
    counted = ("inserts", "updates", "deletes", "sequential_scans", "index_scans")
    columns = [("NAME", _full_name), *((name.upper().replace("_", " "), plain(name)) for name in counted)]
    return listed(f"CHANGE in {section['seconds']:g} s, per second: {rates or 'nothing'}", section["tables"], columns)


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
