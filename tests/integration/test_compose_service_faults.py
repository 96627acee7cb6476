"""compose_service where something is wrong: services that fail, bad input, and a run that was killed half way."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.support.modules import call, start
from tests.support.stacks import ComposeProject, docker, miniature, unique_name

SECRET = "password-of-the-fault-test"
COMPOSE = """
services:
  store:
    image: runbook-base:local
    init: true
    stop_grace_period: 1s
    command: [sh, -c, "{store}"]
    environment: {{APP_PASSWORD: {secret}}}
    healthcheck: {{test: [CMD-SHELL, "{check}"], interval: 500ms, timeout: {timeout}, retries: 2}}
    restart: "{restart}"
  app:
    image: runbook-base:local
    init: true
    command: [sleep, "600"]
    depends_on: {{store: {{condition: service_healthy}}}}
"""


def compose(store="sleep 600", check="true", timeout="20s", restart="no") -> str:
    return COMPOSE.format(store=store, check=check, timeout=timeout, restart=restart, secret=SECRET)


@pytest.fixture
def project(tmp_path):
    made = ComposeProject(tmp_path, unique_name("e-fault"), compose())
    yield made
    made.down()


def service(project: ComposeProject, **options) -> dict:
    environment = options.pop("environment", None)
    return call("compose_service", {**project.options, "health_timeout": 60, **options}, environment=environment)


def write(project: ComposeProject, text: str) -> None:
    (project.directory / "compose.yaml").write_text(text)


def failure(result: dict, reason: str) -> dict:
    assert (result["failed"], result.get("reason")) == (True, reason), result
    assert SECRET not in json.dumps(result)
    return result["details"]


def test_an_unhealthy_store_stops_the_run_before_the_application_and_says_what_its_check_said(project):
    write(project, compose(store=f"echo connected with {SECRET} >&2; sleep 600", check=f"echo no table, {SECRET}; exit 1"))
    result = service(project)
    details = failure(result, "service_unhealthy")
    assert (details["service"], details["layer"], details["container"]) == ("store", 1, f"{project.name}-store-1")
    assert details["log_tail"] == ["connected with ********"]
    assert details["health_log"][-1] == {"exit_code": 1, "output": "no table, ********\n"}
    assert "no table, ********" in result["msg"]
    assert project.containers("app") == []
    # Nothing is left to do, and it is no success all the same.
    failure(service(project), "service_unhealthy")


@pytest.mark.parametrize("restart", ["no", "always"])
def test_a_service_that_ends_fails_at_once_and_not_at_the_deadline(project, restart):
    write(project, compose(store="echo no configuration; exit 3", restart=restart))
    began = time.monotonic()
    details = failure(service(project, health_timeout=600), "service_exited")
    assert time.monotonic() - began < 300
    assert (details["exit_code"], details["oom_killed"], details["log_tail"][-1]) == (3, False, "no configuration")


def test_a_service_that_is_neither_healthy_nor_failed_meets_the_deadline(project):
    write(project, compose(check="test -f /never").replace("retries: 2", "retries: 900"))
    details = failure(service(project, health_timeout=2), "health_timeout")
    assert details["state"] == "running"


def test_a_check_that_hangs_is_bounded_and_started_once(project):
    write(project, compose(check="sleep 611", timeout="500ms").replace("retries: 2", "retries: 900"))
    began = time.monotonic()
    details = failure(service(project, health_timeout=4), "health_timeout")
    assert time.monotonic() - began < 120
    assert details["health_log"][-1] == {"exit_code": -1, "output": "no answer within 0.5 s"}


def test_started_does_not_ask_for_health(project):
    write(project, compose(check="exit 1").replace("retries: 2", "retries: 900"))
    result = service(project, wait="started")
    assert (result["failed"], result["healthy"]) == (False, False)
    assert [one["after"]["state"] for one in result["services"]] == ["running", "running"]


def test_a_container_that_cannot_be_made_is_a_failed_start(project):
    before, app = compose().split("  app:")
    write(project, before + "  app:" + app.replace("init: true", "entrypoint: [/no/such/program]"))
    details = failure(service(project), "start_failed")
    assert (details["services"], details["layer"]) == (["app"], 2)


def test_a_service_that_ignores_the_signal_is_killed_and_that_is_said(project):
    write(project, compose(store="trap '' TERM; while true; do sleep 0.1; done").replace("    init: true\n", "", 1))
    service(project)
    for state in ("restarted", "stopped"):
        result = service(project, state=state, services=["store"])
        assert [one["killed"] for one in result["services"]] == [True], result
        assert "was killed" in str(result["warnings"])
    service(project)
    assert [one["killed"] for one in service(project, state="stopped", services=["app"])["services"]] == [False]


def test_a_paused_service_is_continued(project):
    service(project)
    container = project.containers("store")[0]["Id"]
    docker("pause", container)
    result = service(project)
    assert [action["action"] for action in result["actions"]] == ["start"]
    assert (project.containers("store")[0]["Id"], project.containers("store")[0]["State"]["Status"]) == (container, "running")


def test_a_service_without_an_image_name_that_is_built_is_made_once(project):
    (project.directory / "Dockerfile").write_text('FROM runbook-base:local\nCMD ["sleep", "600"]\n')
    write(project, "services:\n  app:\n    build: .\n    init: true\n    scale: 2\n")
    details = failure(service(project), "image_missing")
    assert details["images"] == [f"{project.name}-app"]
    docker("tag", "runbook-base:local", f"{project.name}-app")
    write(project, "services:\n  app:\n    build: .\n    init: true\n    scale: 2\n    command: [sleep, '600']\n")
    try:
        assert [action["action"] for action in service(project)["actions"]] == ["create"]
        assert service(project)["actions"] == []
    finally:
        project.down()
        docker("rmi", f"{project.name}-app")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"services": ["apu"]}, "unknown_service"),
        ({"state": "scaled", "replicas": {"apu": 2}}, "unknown_service"),
        ({"state": "scaled", "replicas": {"app": "many"}}, "bad_input"),
        ({"state": "scaled", "replicas": {"app": -1}}, "bad_input"),
        ({"state": "scaled"}, "bad_input"),
        ({"state": "started", "replicas": {"app": 2}}, "bad_input"),
        ({"state": "stopped", "orphans": ["all"]}, "bad_input"),
        ({"project_dir": "/nonexistent/shop"}, "project_missing"),
        ({"compose_files": ["other.yaml"]}, "project_missing"),
        ({"docker_host": "tcp://127.0.0.1:1"}, "engine_unreachable"),
        ({"stack_name": "Not A Name"}, "bad_input"),
    ],
)
def test_bad_input_touches_nothing(project, options, reason):
    failure(service(project, **options), reason)
    assert project.containers("store") == project.containers("app") == []


def test_files_that_are_no_project_and_images_that_are_not_there(project):
    write(project, "services: [")
    failure(service(project), "compose_config_invalid")
    write(project, compose().replace("runbook-base:local", "runbook-nowhere:1"))
    assert failure(service(project), "image_missing")["images"] == ["runbook-nowhere:1"]
    write(project, compose().replace("depends_on", "ports: ['127.0.0.1:1:1']\n    depends_on"))
    failure(service(project, state="scaled", replicas={"app": 2}), "cannot_scale")
    assert project.containers("store") == []


def test_compose_1_is_too_old(project, tmp_path):
    fake = tmp_path / "bin" / "docker-compose"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 1.29.2\n")
    fake.chmod(0o755)
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    # A plugin of the whole machine would be found first, and rightly so.
    machine = [place for place in ("local/lib", "local/libexec", "lib", "libexec") if os.path.exists(f"/usr/{place}/docker/cli-plugins/docker-compose")]
    result = service(project, environment=environment)
    assert result.get("reason") == (None if machine else "compose_too_old"), result


def await_that(seen) -> None:
    until = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


def is_running(container: str) -> bool:
    """Also of one that is gone."""
    return bool(docker("ps", "--quiet", "--no-trunc", "--filter", f"id={container}").strip())


def test_a_run_that_was_killed_half_way_is_finished_by_the_next(project):
    """While the old container is asked to end, when it has ended, and when the new one runs and is waited for."""
    gate = project.directory / "gate"
    gate.mkdir()
    asked, may_end, well = (gate / name for name in ("asked", "may_end", "well"))
    ends = "trap 'touch /gate/asked; until test -e /gate/may_end; do sleep 0.05; done; exit 0' TERM; while true; do sleep 0.1; done"
    text = compose(store=ends, check="test -e /gate/well").replace("retries: 2", "retries: 900").replace("    init: true\n", "", 1)
    write(project, text.replace("stop_grace_period: 1s", "stop_grace_period: 120s\n    volumes: [./gate:/gate]", 1))
    for file in (may_end, well):
        file.touch()
    service(project)

    def runs(old: str) -> bool:
        return any(one["Id"] != old and one["State"]["Running"] for one in project.containers("store"))

    for number, moment in enumerate(("asked", "ended", "replaced")):
        write(project, (project.directory / "compose.yaml").read_text().replace("environment: {", f"environment: {{NUMBER{number}: '1', ", 1))
        old = project.containers("store")[0]["Id"]
        for file in (asked, may_end, well):
            file.unlink(missing_ok=True)
        process = start("compose_service", {**project.options, "health_timeout": 120, "_ansible_check_mode": False})
        await_that(asked.exists)
        if moment != "asked":
            may_end.touch()
            await_that(lambda: runs(old) if moment == "replaced" else not is_running(old))
        assert process.poll() is None, "it was over before it was killed"
        os.killpg(process.pid, signal.SIGKILL)  # with the compose command that it waits for
        process.wait()
        if moment == "asked":
            assert is_running(old)
        for file in (may_end, well):
            file.touch()
        result = service(project)
        assert not result["failed"], result
        assert [one["Name"] for one in project.containers("store")] == [f"/{project.name}-store-1"]
        assert any(f"NUMBER{number}=1" in entry for entry in project.containers("store")[0]["Config"]["Env"])
        assert service(project)["actions"] == []


def test_the_miniature_comes_up_from_nothing_whatever_the_interval_of_its_checks(tmp_path):
    made = miniature(tmp_path, unique_name("e-mini"), HEALTH_INTERVAL="60s", HEALTH_START_PERIOD="120s")
    try:
        assert call("compose_service", {**made.options, "services": ["postgres", "redis"], "health_timeout": 300})["healthy"]
        made.compose("run", "--rm", "--no-deps", "api", "app", "migrate", "deploy")
        made.compose("down")
        result = call("compose_service", {**made.options, "health_timeout": 300})
        assert not result["failed"], result
        ready = {one["name"]: one["ready_after_ms"] for one in result["services"]}
        assert ready["api"] < 60_000 and ready["redis"] < 60_000
        assert call("compose_service", made.options)["actions"] == []
        made.set_env(APP_VERSION="bad")
        failed = call("compose_service", {**made.options, "health_timeout": 8, "services": ["api"]})
        assert failed["reason"] == "health_timeout"
        assert failed["details"]["log_tail"]
        made.set_env(APP_VERSION="broken")
        assert call("compose_service", {**made.options, "services": ["api"]})["reason"] == "service_exited"
    finally:
        made.down()
