from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.container_stats import (
    memory_bytes,
    over_thresholds,
    parse_thresholds,
    summarise,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput


def reading(cpu: int, system: int, usage: int, **cache: int) -> dict:
    return {
        "cpu_stats": {"cpu_usage": {"total_usage": cpu}, "system_cpu_usage": system, "online_cpus": 2},
        "memory_stats": {"usage": usage, "stats": cache},
    }


def test_page_cache_that_is_not_in_use_is_no_memory_of_the_service():
    assert memory_bytes(reading(0, 0, 1000, inactive_file=300)) == 700
    assert memory_bytes(reading(0, 0, 1000, inactive_file=100, total_inactive_file=300)) == 700


def test_usage_is_measured_between_two_readings_and_against_the_limits():
    usage = summarise([reading(100, 1000, 50), reading(300, 2000, 90), reading(400, 3000, 70)], memory_limit=100, nano_cpus=500_000_000)
    assert usage["cpu_percent"] == {"min": 20.0, "avg": 30.0, "max": 40.0}
    assert usage["cpu_percent_of_limit"] == 80.0
    assert usage["memory_bytes"] == {"min": 50, "avg": 70.0, "max": 90}
    assert usage["memory_percent_of_limit"] == 90.0


def test_an_engine_that_counts_nothing_gives_no_number():
    usage = summarise([reading(0, 1000, 0), reading(0, 2000, 0)], memory_limit=100, nano_cpus=0)
    assert (usage["cpu_percent"], usage["memory_bytes"], usage["memory_percent_of_limit"]) == (None, None, None)
    assert over_thresholds("api", "shop-api-1", usage, {"memory_percent": 0}) == []


def test_only_what_is_above_its_threshold_is_a_problem():
    usage = {"memory_percent_of_limit": 91.0, "cpu_percent_of_limit": 20.0}
    found = over_thresholds("api", "shop-api-1", usage, {"memory_percent": 90, "cpu_percent": 90})
    assert [(problem.problem, problem.severity) for problem in found] == [("memory_high", "warning")]


def test_thresholds_may_come_as_text_from_the_command_line():
    assert parse_thresholds({"memory_percent": "90", "max_restarts": 3}) == {"memory_percent": 90.0, "max_restarts": 3.0}


@pytest.mark.parametrize("wrong", [{"memory": 90}, {"max_restarts": "many"}, {"cpu_percent": None}, {"cpu_percent": "nan"}, {"cpu_percent": -1}])
def test_a_threshold_that_would_never_be_compared_is_refused(wrong):
    with pytest.raises(BadInput):
        parse_thresholds(wrong)
