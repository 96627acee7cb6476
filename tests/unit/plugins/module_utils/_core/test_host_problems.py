from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.host_problems import RULES, find_problems, unavailable
from ansible_collections.runbook.compose.plugins.module_utils._core.host_report_text import report_text
from ansible_collections.runbook.compose.plugins.module_utils._core.host_thresholds import DEFAULTS, parse_thresholds

from tests.support.samples import documented_sample

WELL = {
    **{name: sample for name, sample in documented_sample("host_info").items() if name in RULES},
    "disks": [{**documented_sample("host_info")["disks"][0], "used_percent": 60.0}],
    "certificates": [],
}


def told(section: str, **changes: Any) -> list[tuple[str, str]]:
    sample = WELL[section]
    changed = [{**sample[0], **changes}] if isinstance(sample, list) else {**sample, **changes}
    return [(problem.problem, problem.severity) for problem in find_problems({**WELL, section: changed}, DEFAULTS)]


def test_a_host_without_problems_has_none():
    assert find_problems(WELL, DEFAULTS) == [] and set(WELL) == set(RULES)
    assert report_text(WELL, []).startswith("No problems found.\n\nHOST shop-1")


@pytest.mark.parametrize(
    ("section", "changes", "found"),
    [
        ("disks", {"used_percent": 80.0}, [("disk_full", "warning")]),
        ("disks", {"used_percent": 90.0}, [("disk_full", "critical")]),
        ("disks", {"inodes_used_percent": 85.0}, [("inodes_full", "warning")]),
        ("disks", {"inodes_used_percent": None, "inodes_free": None, "used_percent": None}, []),
        ("disks", {"read_only": True, "inodes_used_percent": 99.0}, [("read_only", "critical"), ("inodes_full", "critical")]),
        ("memory", {"used_percent": 84.9}, []),
        ("memory", {"used_percent": 85.0, "swap_used_percent": 50.0}, [("memory_high", "warning"), ("swap_high", "warning")]),
        ("memory", {"used_percent": 95.0}, [("memory_high", "critical")]),
        ("load", {"per_core_5": 1.5}, [("load_high", "warning")]),
        ("load", {"per_core_5": 9.0, "per_core_15": 4.9}, [("load_high", "warning")]),
        ("load", {"per_core_15": 5.0}, [("load_high", "critical")]),
        ("load", {"cpu": {"busy": 95.0}}, [("cpu_high", "warning")]),
        ("load", {"cpu": None}, []),
        ("listeners", {"listening": False, "listens_on": []}, [("not_listening", "critical")]),
        ("listeners", {"listens_on": ["0.0.0.0"]}, [("exposed", "warning")]),
        ("listeners", {"listens_on": ["0.0.0.0"], "address": ""}, []),
        ("engine", {"reachable": False, "error": "It does not answer."}, [("engine_unreachable", "critical")]),
        ("clock", {"synchronized": False}, [("clock_unsynchronized", "warning")]),
        ("clock", {"synchronized": None}, []),
        ("system", {"reboot_required": True, "reboot_packages": ["linux-image-amd64"]}, [("reboot_required", "warning")]),
        ("logs", {"bytes": 2**30}, [("log_large", "warning")]),
        ("logs", {"unbounded": True}, [("log_unbounded", "warning")]),
        ("logs", {"bytes": None}, []),
        ("packages", {"upgrades": [{"package": f"p{n}", "before": "1", "after": "2", "security": True} for n in range(7)]}, [("security_upgrades", "warning")]),
    ],
)
def test_each_is_found_where_it_begins(section, changes, found):
    assert told(section, **changes) == found


def test_sections_that_were_not_read_are_no_problem_and_the_critical_comes_first():
    assert find_problems({}, DEFAULTS) == []
    sections = {"clock": {"synchronized": False}, "memory": {**WELL["memory"], "used_percent": 99.0}}
    assert [problem.severity for problem in find_problems(sections, DEFAULTS)] == ["critical", "warning"]
    assert unavailable("logs", "The log of a", "Permission denied").severity == "warning"


def test_a_dash_stands_for_what_nobody_asked_for():
    rows = [{**documented_sample("host_info")["certificates"][0], "served": None, "same": None, "chain_trusted": None, "address": ""}]
    text = report_text({**WELL, "certificates": rows, "engine": {"reachable": False}, "load": {**WELL["load"], "cpu": None}}, [])
    assert "39         -          -          -     -        shop.example" in text and "ENGINE does not answer" in text


def test_a_threshold_that_does_not_exist_is_refused():
    assert parse_thresholds({"log_bytes": 5})["log_bytes"] == 5
    with pytest.raises(BadInput):
        parse_thresholds({"disk": 5})
