"""http_load against a real server of this host, and against the replicas of a real service."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.modules import call
from tests.support.samples import documented_sample, undocumented
from tests.support.serving import serving
from tests.support.stacks import ComposeProject, docker, free_port, unique_name

METRICS = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:3000/metrics').read().decode())"
COMPOSE = """
services:
  api:
    image: runbook-api:v1
    stop_grace_period: 1s
    scale: 2
"""


class Handler(BaseHTTPRequestHandler):
    """/limited answers 429 from the tenth request on; /closing closes every connection; /sometimes breaks each fifth; /four waits for four connections."""

    protocol_version = "HTTP/1.1"
    server: "Counting"

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def log_message(self, *_words: object) -> None:
        """A test needs no access log."""

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests += 1
            number = self.server.requests
        if self.path == "/closing":
            self.close_connection = True  # and says nothing about it, as a server does whose patience is over
        if self.path == "/slow":
            time.sleep(0.05)
        until = time.monotonic() + 20
        while self.path == "/four" and self.server.connections < 4 and time.monotonic() < until:
            time.sleep(0.005)
        status = 429 if self.path == "/limited" and number >= 10 else 500 if self.path == "/sometimes" and number % 5 == 0 else 200
        self.send_response(status)
        self.send_header("X-Key", self.headers.get("X-Key", "none"))
        self.send_header("Retry-After", str(number))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET


class Counting(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.requests = self.connections = 0


@pytest.fixture
def server():
    with serving(Counting()) as made:
        yield made


def loading(server, path: str, check: bool = False, **options) -> dict:
    url = options.pop("url", None) or f"http://127.0.0.1:{server.server_address[1]}/{path}"
    result = call("http_load", {"stack_name": "runbook-c", "project_dir": "/nonexistent", "url": url, **options}, check=check)
    assert not result.get("changed")
    return result


def test_a_limit_is_found_at_its_request_and_check_mode_sends_nothing(server):
    looked = loading(server, "limited", check=True, count=15)
    assert (looked["requests"], server.requests) == (0, 0)
    result = loading(server, "limited", count=15, concurrency=1, show_headers=["Retry-After"])
    assert (result["statuses"], result["good"], result["error_percent"]) == ({"200": 9, "429": 6}, 9, 40.0)
    assert [(one["status"], one["first"], one["headers"]) for one in result["by_status"]] == [
        (200, 1, {"retry-after": "1"}),
        (429, 10, {"retry-after": "10"}),
    ]
    assert server.connections == 1, "one connection after the other"
    returned = {name: value for name, value in result.items() if name not in ("changed", "failed", "diff", "failures")}
    assert undocumented({**returned, "failures": {}}, documented_sample("http_load")) == []


def test_connections_are_kept_or_new_and_one_that_the_server_closes_is_no_failure(server):
    kept = loading(server, "four", count=40, concurrency=4)
    assert (kept["good"], kept["failures"], server.connections) == (40, {}, 4)
    new = loading(server, "ok", count=10, connections="new")
    assert (new["good"], server.connections) == (10, 14)
    closing = loading(server, "closing", count=20, concurrency=2)
    assert (closing["good"], closing["failures"]) == (20, {})


def test_a_rate_is_kept_and_the_seconds_are_a_bound(server):
    paced = loading(server, "ok", count=20, rate=40, concurrency=4)
    assert (paced["requests"], 0.45 <= paced["seconds"] < 60) == (20, True)
    bounded = loading(server, "slow", count=1000, concurrency=1, seconds=0.5)
    assert 1 <= bounded["requests"] <= 11


def test_limits_of_the_call_fail_it_with_all_that_was_measured(server):
    result = loading(server, "sometimes", count=20, concurrency=1, limits={"max_error_percent": 10, "max_p95_ms": 60_000})
    assert (result["failed"], result["reason"], result["statuses"]) == (True, "load_over_limits", {"200": 16, "500": 4})
    assert "expected errors of at most 10%, got 20%" in result["msg"]
    assert not loading(server, "ok", count=5, limits={"max_error_percent": 0})["failed"]


def test_who_does_not_answer_is_counted_by_cause(server):
    result = loading(server, "", url=f"http://127.0.0.1:{free_port()}/", count=5)
    assert (result["failures"], result["latency_ms"]["p95"], result["error_percent"]) == ({"refused": 5}, None, 100.0)


def test_what_is_not_the_stack_gets_nothing(server):
    """T104."""
    for url in ("http://shop.example/", "http://192.0.2.1/"):
        refused = loading(server, "", url=url)
        assert (refused["failed"], refused["reason"]) == (True, "load_target_refused")
    assert loading(server, "ok", count=0)["reason"] == "bad_input"
    assert server.requests == 0


def test_secrets_of_headers_never_come_back(server):
    result = loading(server, "ok", count=2, method="POST", headers={"X-Key": "load-key-of-the-test"}, body={"a": 1}, show_headers=["X-Key"])
    assert result["by_status"][0]["headers"] == {"x-key": "********"}
    assert "load-key" not in json.dumps(result)


def test_every_replica_of_a_service_gets_its_part(tmp_path):
    project = ComposeProject(tmp_path, unique_name("load"), COMPOSE)
    try:
        project.compose("up", "--detach")
        url = "http://api:3000/health"
        waited = call("http_probe", {**project.options, "deadline": 120, "probes": [{"url": url, "via": "network"}]})
        assert not waited["failed"], waited
        result = loading(None, "", url=url, via="network", count=40, **project.options)
        assert (result["good"], result["statuses"]) == (40, {"200": 40})
        served = [docker("exec", one["Id"], "python3", "-c", METRICS) for one in project.containers("api")]
        assert [number >= 20 for number in map(requests_of, served)] == [True, True], served
        absent = loading(None, "", url="http://absent:3000/", via="network", **project.options)
        assert absent["reason"] == "service_not_running"
    finally:
        project.down()


def requests_of(metrics: str) -> float:
    (line,) = [line for line in metrics.splitlines() if line.startswith("http_requests_total")]
    return float(line.split()[-1])
