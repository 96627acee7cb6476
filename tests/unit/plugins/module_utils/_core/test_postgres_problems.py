"""From when on what a report found is a problem, and how people read it."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.problem import Problem, bytes_text, is_healthy, seconds_text, worst_first
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_problems import RULES, find_problems, section_failed
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_report_text import report_text
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_thresholds import DEFAULTS
from tests.support.samples import documented_sample

SESSION = {"pid": 4711, "username": "app", "application": "api", "state": "active", "statement_seconds": 1.0}
LONG = {**SESSION, "statement_seconds": 300.0}
CONSTRAINT = {"schema": "a", "table": "t", "name": "c", "enforced": False}
WELL = {
    "connections": {"used": 10, "max_connections": 103, "reserved": 3, "free": 90, "used_percent": 10.0, "hidden": 0, "by_state": [], "by_client": [],
                    "longest_idle_in_transaction_seconds": 0.0, "longest_transaction_seconds": 0.0},
    "activity": {"total": 0, "sessions": []},
    "locks": {"waiting_total": 0, "longest_wait_seconds": 0, "blocking": [], "waiting": [], "prepared_total": 0, "prepared": []},
    "settings": {"files_readable": True, "pending_restart": [], "file_errors": [], "changed": [],
                 "safety": {"fsync": True, "full_page_writes": True, "autovacuum": True, "track_counts": True, "track_activities": True}},
    "replication": {"role": "primary", "slot_limit_mb": -1, "senders": [], "slots": [], "replica": {}, "archiver": {"enabled": False, "failing": True}},
    "databases": {"total_bytes": 1, "databases": [{"name": "shop", "wraparound_percent": 1.0, "collation_changed": False, "checksum_failures": None,
                  "hit_percent": None, "size_bytes": None, "connections": 1, "deadlocks": 0, "temp_bytes": 0}]},
    "bloat": {"method": "estimate", "tables": []},
    "integrity": {"invalid_indexes": [], "disabled_triggers": [], "unvalidated_constraints": [], "counts": [], "invalid_indexes_total": 0,
                  "disabled_triggers_total": 0, "unvalidated_constraints_total": 0},
}  # fmt: skip
HOLDER = {"pid": 99, "username": "app", "application": "job", "state": "idle in transaction", "statement": "UPDATE t", "waiters": 2}
SLOT = {"name": "s", "type": "physical", "active": True, "wal_status": "reserved", "invalidation_reason": "", "retained_bytes": 2**31}
SENDER = {"application": "standby", "client": "10.0.0.1", "state": "streaming", "lag_bytes": 0, "lag_seconds": None}
REPLICA = {"streams": True, "receiver": "streaming", "replay_paused": False, "replay_lag_seconds": 0.0, "unreplayed_bytes": 0}
TABLE = {"schema": "public", "name": "t", "dead_rows": 20_000, "dead_percent": 50.0, "wasted_bytes": 0, "wasted_percent": 0.0, "autovacuum": False}
COUNT = {"table": "public.t", "rows": 5, "newest": None, "newest_age_seconds": None, "min_rows": 5, "max_age_seconds": 0}


def problems(section: str, **changes: object) -> list[tuple[str, str, str]]:
    found = find_problems({section: {**copy.deepcopy(WELL[section]), **changes}}, DEFAULTS)
    assert all(problem.message.endswith(".") and problem.hint.endswith(".") for problem in found)
    return [(problem.problem, problem.severity, problem.subject) for problem in found]


def test_nothing_is_wrong_with_what_is_well():
    assert find_problems(WELL, DEFAULTS) == []
    assert set(RULES) == set(WELL)
    assert find_problems({"connections": None}, DEFAULTS) == []


@pytest.mark.parametrize(
    ("section", "changes", "expected"),
    [
        ("connections", {"used_percent": 80.0}, ("connections_high", "warning", "")),
        ("connections", {"used_percent": 90.0}, ("connections_high", "critical", "")),
        ("connections", {"longest_idle_in_transaction_seconds": 300.0}, ("idle_in_transaction", "warning", "")),
        ("connections", {"longest_transaction_seconds": 3600.0}, ("long_transaction", "warning", "")),
        ("connections", {"hidden": 1}, ("sessions_hidden", "warning", "")),
        ("activity", {"sessions": [LONG, SESSION, {**SESSION, "statement_seconds": None}]}, ("long_statement", "warning", "4711")),
        ("locks", {"waiting_total": 2, "longest_wait_seconds": 30.0, "blocking": [HOLDER]}, ("blocked", "critical", "99")),
        ("locks", {"waiting_total": 2, "longest_wait_seconds": 30.0, "blocking": [{**HOLDER, "pid": 0}]}, ("blocked", "critical", "0")),
        ("locks", {"prepared": [{"name": "x", "database": "shop", "age_seconds": 600.0}]}, ("prepared_transaction", "warning", "x")),
        ("settings", {"safety": {"fsync": False}}, ("dangerous_setting", "critical", "fsync")),
        ("settings", {"safety": {"autovacuum": False}}, ("dangerous_setting", "warning", "autovacuum")),
        ("settings", {"pending_restart": [{"name": "a", "value": "1", "new_value": "2"}]}, ("pending_restart", "warning", "a")),
        ("settings", {"file_errors": [{"name": "", "file": "/f", "line": 3, "error": "syntax"}]}, ("settings_file_error", "critical", "/f, line 3")),
        ("replication", {"senders": [{**SENDER, "lag_bytes": 2**30}]}, ("replication_lag", "warning", "standby")),
        ("replication", {"senders": [{**SENDER, "lag_seconds": 60.0}]}, ("replication_lag", "warning", "standby")),
        ("replication", {"slots": [SLOT]}, ("slot_keeps_log", "warning", "s")),
        ("replication", {"slots": [{**SLOT, "active": False}]}, ("slot_keeps_log", "critical", "s")),
        ("replication", {"slots": [{**SLOT, "active": False}], "slot_limit_mb": 5000}, ("slot_keeps_log", "warning", "s")),
        ("replication", {"slots": [{**SLOT, "wal_status": "lost", "retained_bytes": None}]}, ("slot_lost", "critical", "s")),
        ("replication", {"replica": {**REPLICA, "receiver": "stopped"}}, ("replica_cut_off", "critical", "")),
        ("replication", {"replica": {**REPLICA, "replay_paused": True}}, ("replay_paused", "warning", "")),
        ("replication", {"replica": {**REPLICA, "replay_lag_seconds": 60.0, "unreplayed_bytes": 1}}, ("replay_lag", "warning", "")),
        ("replication", {"archiver": {"enabled": True, "failing": True, "last_failed_wal": "0001"}}, ("archiving_fails", "critical", "")),
        ("bloat", {"tables": [TABLE, {**TABLE, "dead_rows": 9_999}, {**TABLE, "dead_percent": 19.0}]}, ("dead_rows", "warning", "public.t")),
        ("bloat", {"tables": [{**TABLE, "dead_rows": 0, "wasted_bytes": 2**28, "wasted_percent": 60.0}]}, ("bloat", "warning", "public.t")),
        ("integrity", {"invalid_indexes": [{"schema": "a", "name": "i", "maintained": True}]}, ("invalid_index", "warning", "a.i")),
        ("integrity", {"disabled_triggers": [{"schema": "a", "table": "t", "name": "g", "of_constraint": True}]}, ("disabled_trigger", "critical", "a.t g")),
        ("integrity", {"disabled_triggers": [{"schema": "a", "table": "t", "name": "g", "of_constraint": False}]}, ("disabled_trigger", "warning", "a.t g")),
        ("integrity", {"unvalidated_constraints": [CONSTRAINT]}, ("unvalidated_constraint", "warning", "a.t c")),
        ("integrity", {"counts": [COUNT, {**COUNT, "rows": 4}]}, ("too_few_rows", "critical", "public.t")),
        ("integrity", {"counts": [{**COUNT, "max_age_seconds": 60}]}, ("rows_too_old", "critical", "public.t")),
        ("integrity", {"counts": [{**COUNT, "max_age_seconds": 60, "newest_age_seconds": 61.0}]}, ("rows_too_old", "critical", "public.t")),
    ],
)
def test_what_is_wrong_is_said_once(section, changes, expected):
    assert problems(section, **changes) == [expected]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"wraparound_percent": 40.0}, ("wraparound", "warning")), ({"wraparound_percent": 75.0}, ("wraparound", "critical")),
     ({"collation_changed": True}, ("collation_changed", "warning")),
     ({"checksum_failures": 1}, ("checksum_failures", "critical")), ({"hit_percent": 89.9}, ("cache_misses", "warning"))],
)  # fmt: skip
def test_what_is_wrong_with_a_database(changes, expected):
    database = {**WELL["databases"]["databases"][0], **changes}
    assert problems("databases", databases=[database]) == [(*expected, "shop")]


def test_just_below_its_threshold_nothing_is_a_problem():
    assert problems("connections", used_percent=79.9, longest_idle_in_transaction_seconds=299.9, longest_transaction_seconds=3599.9) == []
    assert problems("locks", waiting_total=1, longest_wait_seconds=29.9, blocking=[HOLDER]) == []


def test_critical_ones_come_first_and_only_they_make_a_server_sick():
    warning, critical = Problem("a", "w", "warning", "", "m.", "h."), section_failed("locks", "postgres_locked", "No lock.")
    assert worst_first([warning, critical]) == [critical, warning]
    assert (is_healthy([warning]), is_healthy([warning, critical])) == (True, False)
    assert critical.to_dict()["problem"] == "section_failed"


def test_the_text_has_problems_first_and_every_section_that_was_read():
    problem = section_failed("locks", "postgres_locked", "No lock.").to_dict()
    text = report_text({**WELL, "locks": None}, [problem])
    lines = text.splitlines()
    assert lines[0] == "CRITICAL: Section locks could not be read. No lock. The report is not complete."
    heads = [line.split()[0] for line in lines if line]
    assert [head for head in heads if head in ("CONNECTIONS", "LOCKS", "DATABASES", "INTEGRITY")] == ["CONNECTIONS", "DATABASES", "INTEGRITY"]
    assert "shop  -     1            -           0" in text
    assert report_text({}, []) == "No problems found."
    assert all(line == line.rstrip() for line in lines)


def test_the_text_tells_all_that_the_documentation_shows():
    sample = documented_sample("postgres_info")
    text = report_text(sample, sample["problems"])
    for told in (
        "CRITICAL: 3 sessions wait for locks", "SERVER 15.18 (primary), up 24 h", "CONNECTIONS 42 used, 55 free of 100", "blocked",
        "4700 shop_app api idle in transaction holds up 3",
        "  4711 shop_app waits 95 s for ShareLock transactionid", "scanning heap", "per second: 52.1 commits", "99.88 %", "public.orders", "orders_pkey",
        'DROP INDEX CONCURRENTLY "public"."orders_note";', "  Replicas: 1.",
        "312.0 KiB", "SELECT * FROM orders WHERE id = $1", "max_connections", "standby  physical",
        "0 invalid indexes", "public.Order",
    ):  # fmt: skip
        assert told.lower() in text.lower(), told
    assert "pg_stat_statements to" in report_text({"statements": {"available": False, "hint": "Add pg_stat_statements to it."}}, [])
    assert "reset meanwhile" in report_text({"change": {"valid": False}}, [])


def test_numbers_for_people():
    assert [bytes_text(count) for count in (0, 1023, 1536, 2**31, 2**50)] == ["0 B", "1023 B", "1.5 KiB", "2.0 GiB", "1024.0 TiB"]
    assert [seconds_text(seconds) for seconds in (0.4, 119, 120, 7200, 172_800)] == ["0 s", "119 s", "2 min", "2 h", "2 d"]
