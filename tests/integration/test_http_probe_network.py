"""http_probe against the miniature on the real engine: by service name, every replica, with the containers' own logins."""

from __future__ import annotations

import json

import pytest

from tests.support.modules import call
from tests.support.stacks import ComposeProject, docker, miniature, unique_name

REDIS_PASSWORD = "redis-password-of-tests"
POSTGRES_PASSWORD = "postgres-password-of-tests"
API = {"name": "api", "url": "http://api:3000/health", "via": "network", "json": {"status": "ok", "version": "v1"}}
READY = {"name": "ready", "url": "http://api:3000/health/ready", "via": "network", "role": "readiness"}
REDIS = {"name": "redis", "url": "redis://redis", "role": "dependency"}
POSTGRES = {"name": "postgres", "url": "postgres://postgres", "role": "dependency"}


WITH_SECRET_FILE = """
services:
  redis:
    image: runbook-redis:7
    stop_grace_period: 1s
    environment: {REDIS_PASSWORD_FILE: /run/secrets/redis}
    secrets: [redis]
secrets:
  redis: {file: ./redis.secret}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    project = miniature(tmp_path_factory.mktemp("stack"), unique_name("c-probe"), HEALTH_INTERVAL="1s")
    project.compose("run", "--rm", "-T", "api", "app", "migrate", "deploy")
    project.up()
    yield project
    project.down()


def probing(stack, *probes: dict, check: bool = False, **options) -> dict:
    arguments = {**stack.options, "probes": list(probes), "deadline": 0, **options}
    return call("http_probe", arguments, check=check)


def edge(stack) -> dict:
    port = stack.env_path.read_text().partition("EDGE_PORT=")[2].split()[0]
    return {"name": "edge", "url": f"http://127.0.0.1:{port}/health", "json": {"status": "ok"}}


def verdicts(result: dict) -> dict:
    return {probe["name"]: probe["verdict"] for probe in result["probes"]}


def test_check_do_check_again_do_again(stack):
    names = {"name": "redis seen by the api", "url": "dns://redis", "from_service": "api"}
    ready = {**READY, "json": {"status": "ok", "database": "ok", "redis": "ok"}}
    probes = [API, ready, edge(stack), POSTGRES, REDIS, names, {"name": "port", "url": "tcp://redis:6379", "via": "network"}]
    for check in (True, False, True, False):
        result = probing(stack, *probes, check=check, deadline=90)
        assert (result["failed"], result["verdict"], result["changed"]) == (False, "ok", False), result
        assert set(verdicts(result).values()) == {"ok"}
    by_name = {probe["name"]: probe for probe in result["probes"]}
    assert by_name["postgres"]["version"].startswith("15.")
    assert by_name["api"]["replicas"][0]["container"] == f"{stack.name}-api-1"
    for secret in (REDIS_PASSWORD, POSTGRES_PASSWORD):
        assert secret not in json.dumps(result)


def test_refused_logins_are_wrong_answers_and_show_no_password(stack):
    result = probing(
        stack,
        {**REDIS, "password": "not-the-redis-password"},
        {**POSTGRES, "username": "shop", "password": "not-the-postgres-password"},
        {**POSTGRES, "name": "database", "url": "postgres://postgres/nowhere"},
        {**REDIS, "name": "no login", "url": f"redis://{address(stack, 'redis')}", "via": "host"},
    )
    assert verdicts(result) == dict.fromkeys(("redis", "postgres", "database", "no login"), "wrong_answer")
    assert "NOAUTH" in result["probes"][3]["message"]
    assert "not-the-" not in json.dumps(result)


def test_every_replica_must_pass(stack):
    stack.compose("up", "--detach", "--no-recreate", "--scale", "api=2", "api")
    try:
        both = probing(stack, API, deadline=90)["probes"][0]
        assert [replica["verdict"] for replica in both["replicas"]] == ["ok", "ok"]
        docker("stop", "--time", "1", f"{stack.name}-api-2")
        result = probing(stack, API)
        assert result["verdict"] == "dead"
        assert [replica["verdict"] for replica in result["probes"][0]["replicas"]] == ["ok", "dead"]
        assert f"{stack.name}-api-2 is exited" in result["msg"]
    finally:
        stack.compose("up", "--detach", "--no-recreate", "--scale", "api=1", "api")


def test_a_stopped_store_is_dead_and_the_api_is_not_ready_but_alive(stack):
    ready = {**READY, "json": {"database": "ok", "redis": "ok"}}
    stack.compose("stop", "--timeout", "1", "redis")
    try:
        result = probing(stack, API, ready, REDIS, POSTGRES, deadline=2)
        assert verdicts(result) == {"api": "ok", "ready": "not_ready", "redis": "dead", "postgres": "ok"}
        assert (result["reason"], result["details"]["failing"]) == ("probe_dead", ["ready", "redis"])
    finally:
        stack.compose("start", "redis")
    assert probing(stack, API, ready, REDIS, POSTGRES, deadline=90)["healthy"] is True


def test_names_that_do_not_resolve_inside_are_dead(stack):
    result = probing(stack, {"name": "inside", "url": "dns://no-such-service", "from_service": "api"})
    assert verdicts(result) == {"inside": "dead"}


def test_a_password_file_of_the_container_is_read(tmp_path):
    project = ComposeProject(tmp_path, unique_name("c-files"), WITH_SECRET_FILE)
    secret = project.directory / "redis.secret"
    secret.write_text("password-from-a-file\n")
    try:
        project.up()
        result = probing(project, REDIS, deadline=90)
        assert verdicts(result) == {"redis": "ok"}, result
        assert "password-from-a-file" not in json.dumps(result)
    finally:
        project.down()


def test_a_service_without_containers_is_dead(stack):
    result = probing(stack, {"url": "http://nobody:80/", "via": "network"})
    assert result["verdict"] == "dead"
    assert "no container of service nobody" in result["msg"]


def test_a_wrong_version_is_a_wrong_answer(stack):
    result = probing(stack, {**API, "json": {"version": "v2"}})
    assert (result["reason"], result["probes"][0]["version"]) == ("probe_wrong_answer", "v1")
    assert 'expected version "v2", got "v1"' in result["msg"]


def address(stack, service: str) -> str:
    networks = stack.containers(service)[0]["NetworkSettings"]["Networks"]
    return next(iter(networks.values()))["IPAddress"]
