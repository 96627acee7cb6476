"""The probe against a server that does on purpose what an edge does when it is reloaded, and worse."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.rollout_probe import RolloutProbe
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout_probe import figures, parse_aim

WORKERS = 8  # at 100 requests a second


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        server.seen.append((self.command, self.headers.get("Idempotency-Key"), self.headers["Connection"]))
        number = len(server.seen)
        if server.way == "closes kept ones" and number > 10 and getattr(self, "used", False):
            self.close_connection = True
            return
        self.used = True
        if server.way == "hangs up" and number > 10:
            self.close_connection = True
            return
        if server.way == "is slow":
            time.sleep(1)
        body = b"ok"
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(server.status(number) if self.command == "GET" else server.post_status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format, *args) -> None:
        """Silent."""


class Server(ThreadingHTTPServer):
    """Connections wait for it, however long it takes to get the processor: one that is dropped comes again after a second only."""

    request_queue_size = 128


@contextlib.contextmanager
def serving(way: str):
    with Server(("127.0.0.1", 0), Page) as server:
        server.daemon_threads, server.way, server.seen = True, way, []
        server.status = lambda number: 503 if way == "is closed" and number > 10 else 200
        server.post_status = 200
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def probed(server: ThreadingHTTPServer, enough=lambda found: found["requests"], **probe: object) -> tuple[dict, list]:
    """Figures and samples of half a second, and of as much more as it takes until they are ``enough``."""
    aim = parse_aim(f"http://127.0.0.1:{server.server_port}", {"rate": 100, "timeout": 5, **probe}, {"X-Pass": "yes"})
    with RolloutProbe(aim) as probe_:
        time.sleep(0.5)
        probe_.enter_phase("during")
        moment = time.monotonic()
        time.sleep(0.25)
        while not (enough(figures([probe_.samples])) and probe_.since(moment)):
            assert time.monotonic() < moment + 60, figures([probe_.samples])
            time.sleep(0.02)
    assert all(one.began >= moment for one in probe_.since(moment))
    return figures([probe_.samples]), probe_.samples


def test_it_asks_as_often_as_it_should_half_of_it_over_new_connections():
    with serving("well") as server:
        found, samples = probed(server, lambda found: found["requests"] >= 50 and found["p99_ms"]["during"], post={"path": "/orders", "body": "{}", "every": 4})
    assert found["errors"] == found["reopened"] == 0 and found["p99_ms"]["before"] and found["p99_ms"]["during"] and not found["p99_ms"]["after"]
    seconds = max(one.began for one in samples) - min(one.began for one in samples)
    # What the machine had no time for is left out, and never made up for.
    assert 0.2 * 100 * seconds <= found["requests"] <= 100 * seconds + WORKERS
    kept = [connection for unused, unused_too, connection in server.seen if connection == "keep-alive"]
    assert 0.25 <= len(kept) / len(server.seen) <= 0.75
    keys = {key for method, key, unused in server.seen if method == "POST"}
    assert len(keys) == 1 and None not in keys
    assert {key for method, key, unused in server.seen if method == "GET"} == {None}
    assert all(one.ended >= one.began for one in samples)


def test_a_kept_connection_that_was_closed_is_opened_again():
    with serving("closes kept ones") as server:
        found, unused = probed(server, lambda found: found["reopened"])
    assert (found["errors"], found["kinds"]) == (0, {}) and found["reopened"] > 0


@pytest.mark.parametrize(("way", "kind"), [("hangs up", "reset"), ("is closed", "status 503"), ("is slow", "timeout")])
def test_what_goes_wrong_is_an_error_of_its_kind(way, kind):
    with serving(way) as server:
        found, unused = probed(server, lambda found: found["errors"], **({"timeout": 0.3} if kind == "timeout" else {}))
    assert found["errors"] > 0 and list(found["kinds"]) == [kind]


def test_a_server_that_is_gone_refuses():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # nobody else gets it, and it does not listen
        found, unused = probed(SimpleNamespace(server_port=reserved.getsockname()[1]))
    assert found["errors"] == found["requests"] > 0 and list(found["kinds"]) == ["refused"]


def test_a_page_that_is_not_there_any_more_is_an_error():
    with serving("well") as server, RolloutProbe(parse_aim(f"http://127.0.0.1:{server.server_port}", {"rate": 100}, {})) as probe_:
        while not probe_.samples:
            time.sleep(0.01)
        probe_.enter_phase("during")
        server.status = lambda number: 404
        until = time.monotonic() + 60
        while not figures([probe_.samples])["errors"] and time.monotonic() < until:
            time.sleep(0.01)
        assert list(figures([probe_.samples])["kinds"]) == ["status 404"]


def test_what_was_refused_before_is_no_error_and_is_known_of_each_kind_of_request():
    with serving("is slow") as server:
        server.status, server.post_status = (lambda number: 404), 401
        aim = parse_aim(f"http://127.0.0.1:{server.server_port}", {"rate": 10, "post": {"path": "/auth/login", "every": 50}}, {})
        with RolloutProbe(aim) as probe_:
            began = time.monotonic()
            probe_.listen(0.1)
            assert 1 <= time.monotonic() - began < 10
            probe_.enter_phase("during")
            time.sleep(1.5)
    assert (figures([probe_.samples])["errors"], figures([probe_.samples])["kinds"]) == (0, {})
    assert [method for method, unused, unused_too in server.seen].count("POST") == 1


def test_it_is_listened_to_until_a_request_of_this_phase_has_ended():
    with serving("is slow") as server, RolloutProbe(parse_aim(f"http://127.0.0.1:{server.server_port}", {"rate": 10}, {})) as probe_:
        for phase in ("before", "after"):
            probe_.enter_phase(phase)
            probe_.listen(0)
            assert phase in {one.phase for one in probe_.samples}


def test_a_server_that_never_answers_is_not_listened_to_for_ever():
    with serving("hangs up") as server:
        server.seen.extend([("", "", "")] * 11)
        with RolloutProbe(parse_aim(f"http://127.0.0.1:{server.server_port}", {"rate": 50, "timeout": 0.2}, {})) as probe_:
            began = time.monotonic()
            probe_.listen(0.05)
            assert time.monotonic() - began < 30
    assert figures([probe_.samples])["kinds"]
