"""What counts as a problem of a Redis server, from what the documentation says a look returns."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_problems import RULES, find_problems, unavailable
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_report_text import report_text
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_thresholds import DEFAULTS, parse_thresholds
from tests.support.samples import documented_sample

SAMPLE = documented_sample("redis_info")
MIB = 2**20


def found(limits=None, protected=(), **changes: dict) -> list[tuple[str, str]]:
    """Problems of the sample with these fields of its sections changed."""
    sections = {name: SAMPLE[name] for name in (*RULES, "keyspace", "prefixes")}
    sections["memory"] = {**sections["memory"], "used_percent": 50.0}
    for name, fields in changes.items():
        sections[name] = {**sections[name], **fields}
    return [(problem.problem, problem.severity) for problem in find_problems(sections, parse_thresholds(limits or {"slow_within_seconds": 0}), protected)]


def test_a_server_that_is_well_has_no_problem():
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "problem", "severity"),
    [
        ({"server": {"loading": True, "loading_percent": 40.0, "loading_seconds_left": 9}}, "loading", "critical"),
        ({"memory": {"used_percent": 80.0}}, "memory_high", "warning"),
        ({"memory": {"used_percent": 90.0, "percent_of": "container"}}, "memory_high", "critical"),
        ({"memory": {"used_percent": None, "maxmemory_bytes": 0}}, "memory_unlimited", "warning"),
        ({"memory": {"maxmemory_bytes": 200 * MIB}}, "maxmemory_high", "warning"),
        ({"memory": {"policy": "allkeys-lru", "maxmemory_bytes": 0}}, "policy_without_limit", "warning"),
        ({"memory": {"fragmentation_ratio": 1.6, "fragmentation_bytes": 101 * MIB}}, "fragmented", "warning"),
        ({"hits": {"hits": 400, "misses": 600, "hit_percent": 40.0}}, "cache_misses", "warning"),
        ({"clients": {"used_percent": 80.0}}, "clients_high", "warning"),
        ({"clients": {"used_percent": 90.0}}, "clients_high", "critical"),
        ({"persistence": {"last_save_ok": False}}, "save_failed", "critical"),
        ({"persistence": {"aof_ok": False}}, "aof_failed", "critical"),
        ({"persistence": {"save_points": [], "aof_enabled": False}}, "not_persisted", "warning"),
        ({"persistence": {"on_volume": False}}, "not_on_volume", "critical"),
        ({"persistence": {"volume_anonymous": True}}, "volume_anonymous", "warning"),
        ({"persistence": {"aof_enabled": False, "last_save_age_seconds": 90000}}, "save_old", "warning"),
        ({"replication": {"link_up": False, "link_down_seconds": 90}}, "link_down", "critical"),
        ({"replication": {"link_up": False, "link_down_seconds": None}}, "link_down", "warning"),
        ({"replication": {"replicas": [{"address": "a", "state": "online", "lag_bytes": 11 * MIB}]}}, "replica_behind", "warning"),
        ({"latency": {"ping_median_ms": 150.0}}, "slow_answers", "warning"),
        ({"change": {"evicted": 1}}, "evicting", "warning"),
        ({"change": {"rejected": 1}}, "clients_rejected", "critical"),
        ({"memory": {"policy": "volatile-lru"}, "keyspace": {"without_expiry": 119000}}, "nothing_to_evict", "warning"),
    ],
)
def test_what_is_wrong_is_found(changes, problem, severity):
    assert found(**changes) == [(problem, severity)]


@pytest.mark.parametrize(
    "changes",
    [
        {"memory": {"fragmentation_ratio": 9.0, "fragmentation_bytes": MIB}},
        {"hits": {"hits": 1, "misses": 9, "hit_percent": 10.0}},
        {"persistence": {"on_volume": None, "save_points": None}},
        {"persistence": {"last_save_age_seconds": 90000}},  # the append-only file has it all
        {"latency": {"ping_median_ms": None}},
        {"change": {"valid": False, "evicted": None, "rejected": None}},
        {"replication": {"link_up": True}},
    ],
)
def test_what_is_no_fault_is_not_told(changes):
    assert found(**changes) == []


def test_a_policy_is_a_problem_when_it_could_take_what_is_protected():
    assert found(protected=["token:"]) == []
    assert found(protected=["token:"], memory={"policy": "allkeys-lfu"}) == [("protected_evictable", "critical")]
    assert found(protected=["token:"], memory={"policy": "volatile-ttl"}) == [("protected_evictable", "critical")]
    harmless = {"protected": [{"prefix": "token:", "sampled": 20, "expiring": 0}]}
    assert found(protected=["token:"], memory={"policy": "volatile-ttl"}, prefixes=harmless) == []


def test_a_slow_command_counts_while_it_is_recent():
    assert found({"slow_within_seconds": 300}) == [("slow_commands", "warning")]
    assert found({"slow_within_seconds": 300, "slow_seconds": 0.3}) == []


def test_thresholds_are_named_or_refused():
    assert parse_thresholds({}) == DEFAULTS
    for wrong in ({"memory": 1}, {"hit_percent": "much"}):
        with pytest.raises(BadInput):
            parse_thresholds(wrong)


def test_the_table_tells_every_section_and_what_is_missing():
    missing = unavailable("slowlog", "SLOWLOG GET", "redis_permission_denied", "It is forbidden.")
    table = report_text({**SAMPLE, "slowlog": None}, [missing.to_dict()])
    assert table.startswith("WARNING: SLOWLOG GET is not available, so a part of slowlog is not known. It is forbidden.")
    for word in (
        "SERVER 7.0.15",
        "92 % of maxmemory",
        "HITS 96 %",
        "172.18.0.5",
        "cache:",
        "p99".upper(),
        "OBSERVED 2460",
        "fork",
        "CHANGE in 10 s",
        "REPLICA ",
    ):
        assert word in table, word
    assert "SLOW COMMANDS" not in table
    assert "session:" in report_text(SAMPLE, [])
    assert "not known" in report_text({"change": {"valid": False}}, [])
