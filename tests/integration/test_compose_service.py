"""compose_service against the real engine: each state four times (check, do, check again, do again), and what it leaves alone."""

from __future__ import annotations

import pytest

from tests.support.modules import call
from tests.support.stacks import ComposeProject, docker, unique_name

COMPOSE = """
x-small: &small
  image: ${IMAGE}
  init: true
  stop_grace_period: 1s
services:
  store:
    <<: *small
    command: [sh, -c, "sleep 0.3; touch /tmp/ready; exec sleep 600"]
    healthcheck: {test: [CMD, test, -f, /tmp/ready], interval: 60s, timeout: 20s, retries: 3, start_period: 1s}
    volumes: [data:/data]
  migrate:
    <<: *small
    command: ["true"]
    depends_on: {store: {condition: service_healthy}}
  app:
    <<: *small
    command: [sleep, "600"]
    env_file: [app.env]
    environment: {COLOUR: "${COLOUR:-blue}", APP_PASSWORD: "${APP_PASSWORD}"}
    deploy: {replicas: 2}
    depends_on: {store: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
  edge:
    <<: *small
    command: [sleep, "600"]
    container_name: ${EDGE_NAME}
    depends_on: [app]
volumes: {data: {}}
"""
PASSWORD = "password-of-the-service-test"
SERVICES = ["app", "edge", "migrate", "store"]


@pytest.fixture(scope="module")
def image():
    """A tag of this test's own, so that it can be moved."""
    tag = f"{unique_name('e')}:test"
    docker("tag", "runbook-base:local", tag)
    yield tag
    docker("rmi", tag)


@pytest.fixture(scope="module")
def project(tmp_path_factory, image):
    name = unique_name("e-service")
    made = ComposeProject(tmp_path_factory.mktemp("service"), name, COMPOSE, {"IMAGE": image, "EDGE_NAME": f"{name}-gate", "APP_PASSWORD": PASSWORD})
    (made.directory / "app.env").write_text("SHAPE=round\n")
    yield made
    made.down()


@pytest.fixture
def settled(project):
    """The stack as its files ask for."""
    result = service(project)
    assert not result["failed"], result
    return project


def service(project: ComposeProject, check: bool = False, **options) -> dict:
    return call("compose_service", {**project.options, "health_timeout": 120, **options}, check=check)


def done(result: dict) -> list[tuple[str, str]]:
    assert not result["failed"], result
    assert result["changed"] == bool(result["actions"])
    return [(action["action"], action["target"]) for action in result["actions"]]


def four_times(project: ComposeProject, **options) -> dict:
    """Check, do, check again, do again; returns what was done."""
    before = ids(project)
    checked = service(project, check=True, **options)
    assert ids(project) == before, "check mode touched a container"
    first = service(project, **options)
    assert done(checked) == done(first) != []
    assert checked["diff"] == first["diff"]
    assert {one["name"]: comparable(one["after"]) for one in checked["services"]} == {one["name"]: comparable(one["after"]) for one in first["services"]}
    settled_ids = ids(project)
    assert done(service(project, check=True, **options)) == done(service(project, **options)) == []
    assert ids(project) == settled_ids
    return first


def comparable(after: dict) -> dict:
    """The names of settings are in the prediction only."""
    return {key: value for key, value in after.items() if key != "settings_changed"}


def ids(project: ComposeProject) -> dict[str, list[tuple[str, str]]]:
    return {name: sorted((one["Id"], one["State"]["StartedAt"]) for one in project.containers(name)) for name in SERVICES}


def states(project: ComposeProject, name: str) -> list[str]:
    return [one["State"]["Status"] for one in project.containers(name)]


def named(result: dict, name: str) -> dict:
    return next(one for one in result["services"] if one["name"] == name)


def test_started_from_nothing_in_order_and_long_before_the_engine_says_healthy(project):
    service(project, state="absent")
    result = four_times(project, state="started")
    assert done(result) == [("create", "store"), ("create", "migrate"), ("create", "app"), ("create", "edge")]
    store, migrate, edge = (project.containers(name)[0] for name in ("store", "migrate", "edge"))
    apps = project.containers("app")
    started = [store["State"]["StartedAt"], migrate["State"]["StartedAt"], min(app["State"]["StartedAt"] for app in apps), edge["State"]["StartedAt"]]
    assert started == sorted(started)
    assert migrate["State"]["FinishedAt"] < min(app["Created"] for app in apps)
    assert (len(apps), result["healthy"], states(project, "migrate")) == (2, True, ["exited"])
    # The engine's own word comes after its interval of 60 s.
    assert 300 < named(result, "store")["ready_after_ms"] < 60_000
    assert named(result, "migrate")["ready_after_ms"] is not None


def test_stopped_and_started_again_are_the_same_containers(settled):
    before = {name: [pair[0] for pair in pairs] for name, pairs in ids(settled).items()}
    assert done(four_times(settled, state="stopped")) == [("stop", "edge"), ("stop", "app"), ("stop", "store")]
    assert states(settled, "app") == ["exited", "exited"]
    result = four_times(settled, state="started")
    assert done(result) == [("start", "store"), ("start", "app"), ("start", "edge")]
    assert {name: [pair[0] for pair in pairs] for name, pairs in ids(settled).items()} == before


def test_an_edit_of_the_env_file_takes_effect_where_it_matters_and_is_named_without_its_value(settled):
    before = ids(settled)
    settled.set_env(COLOUR="green", APP_PASSWORD=PASSWORD + "-new")
    result = four_times(settled, state="started")
    assert done(result) == [("recreate", "app")]
    assert result["diff"]["after"]["app"]["settings_changed"] == ["APP_PASSWORD", "COLOUR"]
    assert PASSWORD not in str(result)
    assert all("COLOUR=green" in one["Config"]["Env"] for one in settled.containers("app"))
    assert {name: pairs for name, pairs in ids(settled).items() if name != "app"} == {name: pairs for name, pairs in before.items() if name != "app"}


def test_an_edit_of_an_env_file_of_a_service_is_seen(settled):
    (settled.directory / "app.env").write_text("SHAPE=square\n")
    assert done(four_times(settled, state="started", services=["app"])) == [("recreate", "app")]
    assert all("SHAPE=square" in one["Config"]["Env"] for one in settled.containers("app"))


def test_a_tag_that_means_another_image_is_a_change(settled, image):
    try:
        docker("tag", "runbook-api:v1", image)
        result = four_times(settled, state="started", services=["edge"])
        assert result["actions"] == [{"action": "recreate", "target": "edge", "detail": "image changed"}]
        assert settled.containers("edge")[0]["Image"] == docker("inspect", "--format", "{{.Id}}", "runbook-api:v1").strip()
    finally:
        docker("tag", "runbook-base:local", image)


def test_restarted_in_place_is_an_action_each_time(settled):
    before = ids(settled)
    checked = service(settled, check=True, state="restarted", services=["app"])
    assert ids(settled) == before
    first, second = (service(settled, state="restarted", services=["app"]) for unused in range(2))
    assert done(checked) == done(first) == done(second) == [("restart", "app")]
    after = ids(settled)
    assert [pair[0] for pair in after["app"]] == [pair[0] for pair in before["app"]]
    assert not set(after["app"]) & set(before["app"])
    assert after["store"] == before["store"]


def test_a_restart_applies_a_waiting_edit_and_says_so(settled):
    settled.set_env(COLOUR="red")
    refused = service(settled, state="restarted", services=["app"], on_drift="fail")
    assert (refused["failed"], refused["reason"]) == (True, "configuration_pending")
    ignored = service(settled, state="restarted", services=["app"], on_drift="ignore")
    assert done(ignored) == [("restart", "app")]
    assert not any("COLOUR=red" in one["Config"]["Env"] for one in settled.containers("app"))
    applied = service(settled, state="restarted", services=["app"])
    assert done(applied) == [("recreate", "app")]
    assert "a restart would not apply that" in str(applied["warnings"])
    assert all("COLOUR=red" in one["Config"]["Env"] for one in settled.containers("app"))


def test_a_restart_of_the_unhealthy_does_nothing_when_all_is_well(settled):
    assert done(service(settled, state="restarted", restart_when="unhealthy")) == []
    docker("stop", "--time", "0", settled.containers("edge")[0]["Id"])
    assert done(four_times(settled, state="restarted", restart_when="unhealthy")) == [("restart", "edge")]


def test_recreated_makes_new_containers_of_the_chosen_and_keeps_the_volume(settled):
    docker("exec", settled.containers("store")[0]["Id"], "touch", "/data/kept")
    before = ids(settled)
    for check in (True, False, True, False):
        assert done(service(settled, check=check, state="recreated", services=["store"])) == [("recreate", "store")]
    after = ids(settled)
    assert not {pair[0] for pair in after["store"]} & {pair[0] for pair in before["store"]}
    assert after["app"] == before["app"]
    assert docker("exec", settled.containers("store")[0]["Id"], "ls", "/data").split() == ["kept"]


def test_scaled_up_and_down_touches_no_other(settled):
    before = ids(settled)
    assert done(four_times(settled, state="scaled", replicas={"app": 3})) == [("scale", "app")]
    assert states(settled, "app") == ["running"] * 3
    assert set(before["app"]) <= set(ids(settled)["app"])
    # More than the files ask for stay.
    assert done(service(settled)) == []
    assert done(four_times(settled, state="scaled", replicas={"app": 0})) == [("scale", "app")]
    assert settled.containers("app") == []
    assert ids(settled)["store"] == before["store"]
    assert done(service(settled)) == [("create", "app")]


def test_absent_takes_the_chosen_and_then_all_with_its_networks_and_never_the_volume(settled):
    assert done(four_times(settled, state="absent", services=["edge"])) == [("remove", "edge")]
    result = four_times(settled, state="absent")
    assert done(result) == [("remove", "app"), ("remove", "migrate"), ("remove", "store"), ("remove_network", f"{settled.name}_default")]
    assert docker("volume", "ls", "--quiet", "--filter", f"name={settled.name}_data").split() == [f"{settled.name}_data"]
    assert settled.name not in docker("network", "ls")


def test_orphans_go_when_named_and_nothing_of_the_stack_does(settled, tmp_path):
    edge = ids(settled)["edge"]
    extra = tmp_path / "extra.yaml"
    sleeper = "{image: '${IMAGE}', command: [sleep, '600'], init: true}"
    extra.write_text(f"services:\n  stray: {sleeper}\n  lost: {sleeper}\n")
    settled.compose("--file", str(settled.directory / "compose.yaml"), "--file", str(extra), "up", "--detach", "--no-deps", "stray", "lost")
    refused = service(settled, state="absent", orphans=["edge"])
    assert (refused["failed"], refused["reason"]) == (True, "not_an_orphan")
    assert done(four_times(settled, state="absent", orphans=[f"{settled.name}-stray-1"])) == [("remove_orphan", f"{settled.name}-stray-1")]
    assert done(four_times(settled, state="absent", orphans=["all"])) == [("remove_orphan", f"{settled.name}-lost-1")]
    assert ids(settled)["edge"] == edge
