"""What is done in a window, and what is left when it is cut off."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.window_tasks import parse_tasks, tasks_from, worst


def test_each_kind_has_a_title_and_what_it_can_leave():
    tasks = parse_tasks(
        [{"release": "v2"}, {"vacuum_full": ["orders", "users"]}, {"reindex": True}, {"configure": {"LOG_LEVEL": "debug"}}, {"file": "own.yml"}]
    )
    assert [(task.number, task.title, task.half_applied) for task in tasks] == [
        (1, "release v2", "schema"),
        (2, "vacuum_full orders, users", "none"),
        (3, "reindex", "none"),
        (4, "configure LOG_LEVEL", "swap"),
        (5, "file own.yml", "schema"),
    ]


def test_the_stack_and_the_inventory_know_better():
    release, file = parse_tasks([{"release": "v2"}, {"file": "own.yml", "half_applied": "none", "minutes": 20}], release_leaves="swap")
    assert (release.half_applied, file.half_applied, file.minutes) == ("swap", "none", 20)
    assert tasks_from([task.to_dict() for task in (release, file)]) == (release, file)
    assert (worst([]), worst(["none", "schema", "swap"])) == ("none", "schema")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"dance": True},
        {"release": "v2", "migrate": True},
        {"release": ""},
        {"file": None},
        {"release": "v2", "half_applied": "maybe"},
        {"os_update": True, "minutes": -1},
        {"os_update": True, "minutes": 10000},
    ],
)
def test_a_task_that_is_none_is_refused(wrong):
    with pytest.raises(BadInput):
        parse_tasks([wrong])
