"""When a service of a swarm is what was asked for, and when it will not become it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.runbook.compose.plugins.module_utils._core.swarm import SwarmService, SwarmTask
from ansible_collections.runbook.compose.plugins.module_utils._core.swarm_convergence import (
    is_settled,
    judge,
    last_word,
    summary,
    table,
    troubles,
    way_back,
)

API = SwarmService("s", "shop_api", "api", image="api:v2", replicas=2)
AGENT = replace(API, mode="global", replicas=0)


def task(name: str, **facts: object) -> SwarmTask:
    return SwarmTask(**{"id": name, "service": "s", "node": name, "state": "running", "desired": "running", "image": "api:v2", **facts})


BOTH = [task("a"), task("b")]


def test_all_that_should_run_do_and_nothing_else():
    assert judge(API, BOTH).verdict == "converged"
    assert judge(API, BOTH).running == ("a", "b")
    assert judge(replace(API, update_state="completed"), BOTH).verdict == "converged"


@pytest.mark.parametrize(
    "tasks",
    [
        [task("a")],
        [task("a"), task("b", state="starting")],
        [task("a"), task("b", image="api:v1")],
        [task("a"), task("b", force_update=1)],
        [task("a"), task("b", desired="shutdown")],
        [*BOTH, task("c")],
        [*BOTH, task("c", state="pending")],
        [task("a"), task("b", service="other")],
        [],
    ],
)
def test_anything_else_is_waited_for(tasks):
    assert judge(API, tasks).verdict == "waiting"


def test_what_ended_long_ago_and_what_is_still_stopping_does_not_count():
    assert judge(API, [*BOTH, task("c", state="failed", desired="shutdown"), task("d", desired="remove")]).verdict == "converged"


def test_none_is_a_number_too():
    assert judge(replace(API, replicas=0), []).verdict == "converged"
    assert judge(replace(API, replicas=0), [task("a")]).verdict == "waiting"


@pytest.mark.parametrize(
    ("state", "goal", "verdict"),
    [
        ("updating", "update", "waiting"),
        ("rollback_started", "update", "waiting"),
        ("rollback_started", "return", "waiting"),
        ("paused", "update", "failed"),
        ("paused", "return", "failed"),
        ("rollback_paused", "return", "failed"),
        ("rollback_completed", "update", "failed"),
        ("rollback_completed", "return", "converged"),
        ("rollback_completed", "look", "converged"),
        ("paused", "look", "converged"),
        ("rollback_paused", "look", "converged"),
    ],
)
def test_what_the_swarm_says_of_its_update_decides_first(state, goal, verdict):
    assert judge(replace(API, update_state=state, update_message="x"), BOTH, goal).verdict == verdict


def test_a_service_on_every_node_has_as_many_as_the_swarm_wants():
    assert judge(AGENT, BOTH).verdict == "converged"
    assert judge(AGENT, [task("a"), task("b", state="starting")]).verdict == "waiting"
    assert judge(AGENT, []).verdict == "waiting"
    # A node that went away wants nothing any more.
    assert judge(AGENT, [task("a"), task("b", desired="shutdown")]).verdict == "converged"


def test_a_failed_update_of_long_ago_does_not_make_what_runs_unwell():
    assert is_settled(replace(API, update_state="rollback_completed"), BOTH)
    assert is_settled(replace(API, update_state="paused"), BOTH)
    assert not is_settled(replace(API, update_state="updating"), BOTH)
    assert not is_settled(API, BOTH[:1])


def test_the_way_back_is_taken_only_where_it_leads_to_what_was_found():
    before, wanted = replace(API, image="api:v1"), API
    by_hand = replace(API, image="api:v9")
    assert way_back(wanted, before, before, wanted) == "previous"
    # The service's own rule has done it, or the swarm never took the change.
    assert way_back(replace(before, update_state="rollback_completed"), None, before, wanted) == "is_back"
    # Somebody changed it after us: what was before that is what failed.
    assert way_back(by_hand, wanted, before, wanted) == "foreign"
    assert way_back(wanted, wanted, before, wanted) == "foreign"
    assert way_back(wanted, None, before, wanted) == "foreign"


def test_the_newest_trouble_of_the_present_specification_has_the_last_word():
    tasks = [
        task("a"),
        task("b", state="failed", desired="shutdown", error="exit 1", exit_code=1, at="2026-11-22T07:00:01Z", slot=2),
        task("c", state="complete", desired="shutdown", at="2026-11-22T07:00:02Z", slot=2),
        task("d", state="pending", error="no suitable node", at="2026-11-22T07:00:03Z", slot=3, node=""),
        task("e", state="failed", image="api:v1", error="old", at="2026-11-22T07:00:04Z"),
        task("f", state="shutdown", desired="shutdown", at="2026-11-22T07:00:05Z"),
    ]
    found = troubles(API, tasks)
    assert [(one["task"], one["error"].partition(",")[0]) for one in found] == [
        ("shop_api.3", "no suitable node"),
        ("shop_api.2", "it ended with exit code 0"),
        ("shop_api.2", "exit 1"),
    ]
    assert last_word(API, tasks) == "Last word of shop_api.3: no suitable node."
    assert "on c: it ended with exit code 0" in last_word(API, tasks[:3])
    assert last_word(API, BOTH) == "No task says why."


def test_people_and_results_see_the_same():
    assert summary(API, BOTH[:1]) == {"image": "api:v2", "replicas": 2, "running": 1, "force_update": 0, "update": ""}
    lines = table([replace(API, image="r:5000/api:v2@sha256:1ad1")], []).splitlines()
    assert lines[0].split()[:3] == ["SERVICE", "MODE", "RUNNING"]
    assert lines[1].split() == ["shop_api", "replicated", "0/2", "r:5000/api:v2", "-", "-", "No", "task", "says", "why."]
