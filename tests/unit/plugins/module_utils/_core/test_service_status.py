from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.compose_model import ComposeModel, Dependency, ServiceDefinition
from ansible_collections.runbook.compose.plugins.module_utils._core.container import Container
from ansible_collections.runbook.compose.plugins.module_utils._core.service_status import Expectation, awaits_start, find_problems, is_healthy

MODEL = ComposeModel(
    "shop",
    (
        ServiceDefinition("api", "shop-api:v1", "hash", (Dependency("migrate", "service_completed_successfully"),), healthcheck=True),
        ServiceDefinition("migrate", "shop-api:v1", "hash"),
    ),
)
API = Container("a", "shop-api-1", "api", health="healthy", image_id="one", config_hash="hash")
MIGRATED = Container("m", "shop-migrate-1", "migrate", state="exited", image_id="one", config_hash="hash")


def problems(*containers: Container, services: tuple = ()) -> list:
    expected = Expectation(MODEL, {"shop-api:v1": "one"}, max_restarts=3)
    return [(one.service, one.problem, one.severity) for one in find_problems(expected, containers, services)]


def test_a_stack_as_the_files_ask_for_has_no_problem_and_a_one_shot_service_may_have_ended():
    assert problems(API, MIGRATED) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"state": "exited", "exit_code": 1}, "exited"),
        ({"state": "created"}, "not_running"),
        ({"state": "paused"}, "paused"),
        ({"health": "unhealthy"}, "unhealthy"),
        ({"health": "starting"}, "starting"),
        ({"state": "restarting"}, "restart_loop"),
        ({"restart_count": 4}, "restart_loop"),
        ({"oom_killed": True}, "oom_killed"),
    ],
)
def test_a_container_that_does_not_run_as_it_should_is_failing(change, problem):
    assert ("api", problem, "failing") in problems(replace(API, **change), MIGRATED)


@pytest.mark.parametrize(("change", "problem"), [({"config_hash": "other"}, "config_drift"), ({"image_id": "two"}, "wrong_image")])
def test_drift_does_not_make_a_stack_unhealthy(change, problem):
    expected = Expectation(MODEL, {"shop-api:v1": "one"})
    found = find_problems(expected, [replace(API, **change), MIGRATED])
    assert [one.problem for one in found] == [problem]
    assert is_healthy(found)


def test_a_service_without_a_container_is_missing():
    found = find_problems(Expectation(MODEL, {}), [MIGRATED])
    assert [(one.service, one.problem) for one in found] == [("api", "missing")]
    assert not is_healthy(found)


def test_a_container_of_no_service_is_an_orphan_unless_services_were_chosen():
    stray = Container("s", "shop-old-1", "old")
    assert problems(API, MIGRATED, stray) == [("old", "orphan", "drift")]
    assert problems(API, MIGRATED, stray, services=("api",)) == []


def test_more_containers_than_asked_for_are_only_a_warning():
    assert problems(API, replace(API, id="b", name="shop-api-2", number=2), MIGRATED) == [("api", "too_many", "warning")]


@pytest.mark.parametrize(
    ("changes", "waited", "at_most", "awaits"),
    [
        ({}, 0, 30, False),
        ({"health": "starting"}, 0, 30, True),
        ({"health": "starting"}, 0, 0, False),
        ({"health": "starting"}, 29.9, 30, True),
        ({"health": "starting"}, 30, 30, False),
        ({"health": "starting", "longest_start": 4.0}, 3.9, 30, True),
        ({"health": "starting", "longest_start": 4.0}, 4, 30, False),
        ({"health": "starting", "config_hash": "other"}, 0, 30, True),
        ({"health": "starting", "restart_count": 4}, 0, 30, False),
        ({"health": "unhealthy"}, 0, 30, False),
        ({"state": "exited", "exit_code": 1}, 0, 30, False),
    ],
)
def test_what_is_starting_is_waited_for_while_nothing_else_fails(changes, waited, at_most, awaits):
    containers = (replace(API, **changes), MIGRATED)
    found = find_problems(Expectation(MODEL, {}), containers)
    assert awaits_start(found, containers, waited, at_most) is awaits


def test_nothing_is_waited_for_when_another_service_has_failed():
    containers = (replace(API, health="starting"), replace(MIGRATED, exit_code=2))
    assert not awaits_start(find_problems(Expectation(MODEL, {}), containers), containers, 0, 30)
