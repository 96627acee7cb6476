"""http_probe opens real WebSockets and measures real answers: of servers of this host, and from within the network of a container."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.faulty_service import faulty_service
from tests.support.modules import call
from tests.support.serving import serving
from tests.support.sockets import CLOSE, PING, PONG, WebsocketService
from tests.support.stacks import ComposeProject, docker, free_port, unique_name

KEY = "provider-key-of-the-test"
COMPOSE = f"""
services:
  gateway:
    image: runbook-base:local
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    environment: {{PROVIDER_KEY: {KEY}, OTHER_KEY_FILE: /etc/hostname}}
  provider:
    image: runbook-api:v1
    command: [python3, -m, http.server, "80"]
    user: root
    healthcheck: {{test: [CMD, python3, -c, "import socket; socket.create_connection(('127.0.0.1', 80))"], interval: 1s, retries: 60}}
    working_dir: /srv
    stop_grace_period: 1s
  redis:
    image: runbook-redis:7
    environment: {{REDIS_PASSWORD: redis-password-of-tests}}
    healthcheck: {{test: [CMD, redis-healthcheck], interval: 1s, retries: 60}}
    stop_grace_period: 1s
"""


@pytest.fixture(scope="module")
def sockets():
    with serving(WebsocketService()) as running:
        yield running


@pytest.fixture(scope="module")
def service():
    with faulty_service() as running:
        yield running


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    project = ComposeProject(tmp_path_factory.mktemp("gateway"), unique_name("inside"), COMPOSE)
    project.up()
    yield project
    project.down()


def probing(*probes: dict, check: bool = False, options: dict | None = None, **more) -> dict:
    arguments = {"stack_name": "runbook-c", "project_dir": "/nonexistent", "deadline": 0, **(options or {}), "probes": list(probes), **more}
    result = call("http_probe", arguments, check=check)
    assert not result.get("changed")
    return result


def at(sockets, path: str, **options) -> dict:
    """Who never answers is given up soon; the others have the time that a busy machine needs."""
    return {"name": path, "url": f"ws://127.0.0.1:{sockets.port}/{path}", "timeout": 3 if path in ("deaf", "silent") else 30, **options}


def test_a_websocket_is_held_open_and_has_to_answer_at_the_end(sockets):
    started = time.monotonic()
    (probe,) = probing(at(sockets, "ws", stay_open=0.7, headers={"Origin": "https://shop.example"}, header={"X-Served-By": "sockets"}))["probes"]
    took_ms = 1000 * (time.monotonic() - started)
    assert (probe["verdict"], probe["status"], probe["open_ms"] >= 700) == ("ok", 101, True)
    assert probe["latency_ms"] <= took_ms - 700, "the handshake alone"
    path, headers = sockets.seen[-1]
    assert (path, headers["origin"], headers["upgrade"], headers["connection"]) == ("/ws", "https://shop.example", "websocket", "Upgrade")
    until = time.monotonic() + 60
    while [opcode for opcode, unused in sockets.received[-2:]] != [PING, CLOSE]:
        assert time.monotonic() < until, sockets.received  # the server reads the last frame when the client has gone already
        time.sleep(0.01)


def test_each_way_to_be_no_websocket_has_its_verdict_and_its_words(sockets):
    """T102."""
    expected = {
        "chatty": ("ok", ""),
        "deaf": ("wrong_answer", "a ping was not answered within 3 s"),
        "closing": ("wrong_answer", "the server closed it (code 1001)"),
        "cut": ("wrong_answer", "the connection was cut"),
        "wrong-key": ("wrong_answer", "no WebSocket server"),
        "refused": ("wrong_answer", "expected status 101, got 403; it said: no"),
        "busy": ("not_ready", "got 503"),
        "garbage": ("wrong_answer", "not HTTP"),
        "silent": ("dead", "no complete answer within 3 s"),
    }
    closed = {"name": "closed", "url": f"ws://127.0.0.1:{free_port()}/ws"}
    probes = [at(sockets, path, stay_open=100 if path in ("closing", "cut") else 0.6) for path in expected]
    result = probing(*probes, closed, check=True)
    told = {probe["name"]: probe for probe in result["probes"]}
    assert {name: told[name]["verdict"] for name in expected} == {name: verdict for name, (verdict, unused) in expected.items()}
    assert {name: text for name, (unused, text) in expected.items() if text not in told[name]["message"]} == {}
    assert (told["closed"]["verdict"], result["reason"]) == ("dead", "probe_dead")
    assert (PONG, b"are you there") in sockets.received, "its pings were answered"


def test_a_websocket_is_waited_for_like_everything_else(sockets):
    result = probing(at(sockets, "ws"), at(sockets, "waking"), deadline=60)
    assert [(probe["verdict"], probe["attempts"]) for probe in result["probes"]] == [("ok", 1), ("ok", 3)]


def test_percentiles_are_measured_and_judged(service):
    url = f"http://127.0.0.1:{service.port}"
    before = service.counts["/ok"]
    result = probing(
        {"name": "fine", "url": f"{url}/ok", "max_latency_ms": 20_000, "measure": {"requests": 30, "max_p95_ms": 20_000, "max_connect_p95_ms": 20_000}},
        {"name": "slow", "url": f"{url}/slow", "measure": {"requests": 30, "seconds": 1, "max_p95_ms": 100}},
        {"name": "port", "url": f"tcp://127.0.0.1:{service.port}", "measure": {"requests": 5}},
        {"name": "absent", "url": f"{url}/missing", "measure": {"requests": 5}},
    )
    fine, slow, port, absent = result["probes"]
    assert (fine["verdict"], fine["measured"]["requests"], service.counts["/ok"] - before) == ("ok", 30, 31)
    assert fine["measured"]["p50_ms"] <= fine["measured"]["p95_ms"] <= fine["measured"]["max_ms"] and 0 < fine["measured"]["connect_p95_ms"] < 20_000
    assert slow["verdict"] == "too_slow" and "expected p95 within 100 ms" in slow["message"]
    assert 1 <= slow["measured"]["requests"] <= 4, "the seconds are a bound as well"
    assert (port["measured"]["requests"], absent["measured"], service.counts["/missing"]) == (5, None, 1)
    assert "P95" in result["matrix"].splitlines()[0]


def test_questions_leave_from_within_a_container(stack):
    inside = {"from_service": "gateway", "timeout": 20}
    result = probing(
        {"name": "by name", "url": "http://provider/", "contains": ["Directory listing"], **inside},
        {"name": "port", "url": "tcp://provider:80", **inside},
        {"name": "unknown", "url": "http://no-such-host.invalid/", **inside},
        {"name": "own loopback", "url": "http://127.0.0.1/", **inside},
        {"name": "from the host", "url": "http://provider/", "timeout": 20},
        {"name": "nobody", "url": "http://provider/", "from_service": "absent"},
        {"name": "redis", "url": "redis://redis", "measure": {"requests": 20, "max_p95_ms": 20_000}},
        options=stack.options,
    )
    verdicts = {probe["name"]: probe["verdict"] for probe in result["probes"]}
    dead = dict.fromkeys(("unknown", "own loopback", "from the host", "nobody"), "dead")
    assert verdicts == {"by name": "ok", "port": "ok", "redis": "ok", **dead}
    told = {probe["name"]: probe for probe in result["probes"]}
    assert told["by name"]["replicas"][0]["container"] == f"{stack.name}-gateway-1"
    assert "does not resolve" in told["unknown"]["message"] and "refused" in told["own loopback"]["message"]
    assert told["redis"]["measured"]["requests"] == 20


def test_the_key_of_a_container_is_sent_and_never_shown(stack, sockets):
    """The server of this host is reached at the gateway of the stack's network."""
    network = next(iter(stack.containers("gateway")[0]["NetworkSettings"]["Networks"].values()))["Gateway"]
    with faulty_service(host="0.0.0.0") as echo:  # on all addresses of this host: the container has to reach it
        url = f"http://{network}:{echo.port}/echo"
        result = probing(
            {"name": "bearer", "url": url, "from_service": "gateway", "header_from": {"variable": "PROVIDER_KEY"}},
            {"name": "plain", "url": url, "from_service": "gateway", "header_from": {"variable": "PROVIDER_KEY", "header": "X-Api-Key", "prefix": ""}},
            {"name": "file", "url": url, "from_service": "gateway", "header_from": {"variable": "OTHER_KEY"}},
            {"name": "none", "url": url, "from_service": "gateway", "header_from": {"variable": "ABSENT"}},
            options=stack.options,
            on_failure="report",
        )
        sent = [headers for unused_method, unused_path, headers in echo.requests]
    hostname = docker("exec", stack.containers("gateway")[0]["Id"], "cat", "/etc/hostname").strip()
    assert sorted(headers.get("Authorization", "") for headers in sent) == ["", f"Bearer {hostname}", f"Bearer {KEY}"]
    assert [headers["X-Api-Key"] for headers in sent if "X-Api-Key" in headers] == [KEY]
    assert "nothing in its variable ABSENT" in result["probes"][3]["message"]
    assert [probe["status"] for probe in result["probes"]] == [500, 500, 500, None]
    assert KEY not in json.dumps(result) and "********" in json.dumps(result["probes"][0]["json"])
