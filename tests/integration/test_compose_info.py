"""What compose_info says of a real stack, well and unwell."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.cut_engine import WatchedEngine
from tests.support.modules import call
from tests.support.stacks import ComposeProject, docker, unique_name

SECRET = "correct-horse-battery"
COMPOSE = """
services:
  web:
    image: runbook-base:local
    command: ["sh", "-c", "echo my key is $$API_KEY; exec sleep 600"]
    init: true
    stop_grace_period: 1s
    mem_limit: 64m
    environment: {API_KEY: "${API_KEY:-}", COLOUR: "${COLOUR:-red}", STORE_URL: "redis://shop:${API_KEY:-}@store/0"}
    healthcheck: {test: ["CMD-SHELL", "echo checked with $$API_KEY; test ! -e /tmp/sick"], interval: 1s, retries: 1}
  store:
    image: runbook-base:local
    command: [sleep, "600"]
    init: true
    stop_grace_period: 1s
"""

STARTING = """
services:
  slow:
    image: runbook-base:local
    command: [sleep, "600"]
    init: true
    stop_grace_period: 1s
    healthcheck: {test: ["CMD", "test", "-e", "/tmp/well"], interval: 1s, start_period: 10m}
  sick:
    image: runbook-base:local
    command: [sleep, "600"]
    init: true
    stop_grace_period: 1s
    healthcheck: {test: ["CMD", "false"], interval: 1s, retries: 2}
  never:
    image: runbook-base:local
    command: [sleep, "600"]
    init: true
    stop_grace_period: 1s
    healthcheck: {test: ["CMD", "false"], interval: 1s, start_period: 10m}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = ComposeProject(tmp_path_factory.mktemp("info"), unique_name("info"), COMPOSE, {"API_KEY": SECRET})
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def stack(project):
    """The stack as its files ask for, before and after each test."""
    yield project
    project.write_env({"API_KEY": SECRET})
    project.compose("up", "--detach", "--wait")


def look(stack: ComposeProject, **options: object) -> dict:
    result = call("compose_info", {**stack.options, **options})
    assert SECRET not in json.dumps(result)
    return result


def words(result: dict) -> list[tuple[str, str]]:
    return [(problem["service"], problem["problem"]) for problem in result["problems"]]


def test_a_stack_that_runs_as_it_should(stack):
    result = look(stack, detail="full", compare_environment=True)
    assert (result["failed"], result["changed"], result["healthy"], words(result)) == (False, False, True, [])
    web = next(service for service in result["services"] if service["name"] == "web")
    container = web["containers"][0]
    assert container["limits"]["memory_bytes"] == 64 * 2**20
    assert container["environment"]["API_KEY"] == "********"
    assert "********" in container["health_log"][0]["output"]
    key = next(row for row in web["environment"] if row["key"] == "API_KEY")
    assert (key["equal"], key["length"], "value" in key) == (True, len(SECRET), False)
    assert next(row["value"] for row in web["environment"] if row["key"] == "STORE_URL") == "redis://shop:********@store/0"
    assert container["name"] in result["table"]
    assert result["disk"]["project"]["free_mb"] > 0


def test_check_mode_looks_as_well(stack):
    result = call("compose_info", stack.options, check=True)
    assert result["healthy"] and len(result["services"]) == 2


def test_an_edit_that_is_not_in_effect_is_drift(stack):
    stack.set_env(COLOUR="blue")
    result = look(stack, compare_environment=True)
    assert words(result) == [("web", "config_drift"), ("web", "environment_drift")]
    assert result["healthy"]


def test_what_is_stopped_or_removed_is_found_and_can_fail_the_task(stack):
    stack.compose("stop", "web")
    stack.compose("rm", "--force", "--stop", "store")
    result = look(stack)
    assert words(result) == [("store", "missing"), ("web", "exited")]
    assert not result["healthy"]
    refused = look(stack, on_problem="fail")
    assert (refused["failed"], refused["reason"]) == (True, "stack_unhealthy")
    assert "store has no container" in refused["msg"]


def test_an_unhealthy_container_is_failing(stack):
    container = stack.containers("web")[0]["Id"]
    docker("exec", container, "touch", "/tmp/sick")
    try:
        until = time.monotonic() + 60
        while not words(result := look(stack)):
            assert time.monotonic() < until, "nobody says that it is sick"
        assert words(result) == [("web", "unhealthy")]
    finally:
        docker("exec", container, "rm", "/tmp/sick")
        stack.await_healthy("web", 60)


def test_what_is_starting_is_waited_for_and_then_judged(tmp_path):
    starting = ComposeProject(tmp_path, unique_name("starting"), STARTING, {})
    try:
        starting.compose("up", "--detach", "--no-start")
        starting.compose("start", "slow")
        assert words(look(starting, services=["slow"])) == [("slow", "starting")]
        watched = WatchedEngine("/containers/json", nth=2)
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(look, starting, services=["slow"], wait_starting=300, docker_host=watched.address)
            assert watched.met.wait(60), "it does not look a second time"
            docker("exec", starting.containers("slow")[0]["Id"], "touch", "/tmp/well")
            slow = waiting.result()
        assert (slow["healthy"], words(slow)) == (True, [])
        assert 0 < slow["waited"] < 200
        starting.compose("start", "sick")
        sick = look(starting, services=["sick"], wait_starting=300)
        assert (words(sick), sick["waited"] < 200) == ([("sick", "unhealthy")], True)
        starting.compose("start", "never")
        never = look(starting, services=["never"], wait_starting=2, on_problem="fail")
        assert never["reason"] == "stack_unhealthy"
        assert "never-1 is starting and not healthy yet." in never["msg"]
        at_once = look(starting, wait_starting=600)
        assert (words(at_once), at_once["waited"]) == ([("never", "starting"), ("sick", "unhealthy")], 0)
    finally:
        starting.down()


def test_an_empty_required_key_is_found(stack):
    stack.write_env({})
    result = look(stack, compare_environment=True, required_keys=["API_KEY"])
    assert ("web", "required_key_empty") in words(result)


def test_samples_are_bounded_and_counted(stack):
    result = look(stack, services=["store"], samples=2, period=1)
    assert [one["usage"]["samples"] for service in result["services"] for one in service["containers"]] == [2]
    header, store = result["table"].splitlines()[:2]
    assert header.split()[-4:] == ["CPU", "AVG/MAX", "MEMORY", "AVG/MAX"]
    counted = result["services"][0]["containers"][0]["usage"]["memory_bytes"]
    assert store.endswith("MiB" if counted else "-")
    assert look(stack, samples=1000)["reason"] == "bad_input"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"services": ["nope"]}, "unknown_service"),
        ({"project_dir": "/nowhere/at/all"}, "project_missing"),
        ({"docker_host": "unix:///nowhere.sock"}, "engine_unreachable"),
        ({"stack_name": "Not A Name"}, "bad_input"),
        ({"thresholds": {"max_restarts": "many"}}, "bad_input"),
        ({"thresholds": {"memory": 90}}, "bad_input"),
        ({"wait_starting": -1}, "bad_input"),
    ],
)
def test_bad_input_is_refused_with_a_reason(stack, options, reason):
    result = call("compose_info", {**stack.options, **options})
    assert (result["failed"], result["reason"]) == (True, reason)
