"""http_probe against a real HTTP server of this host; no engine is needed."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
import time

import pytest

from tests.support.faulty_service import FaultyService, faulty_service, self_signed_certificate
from tests.support.modules import call
from tests.support.stacks import free_port

API_KEY = "api-key-of-the-test"
PASSWORD = "pass/word-of-the-test"


@pytest.fixture(scope="module")
def service():
    with faulty_service() as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed_certificate(tmp_path_factory.mktemp("tls") / "server.pem")


def probing(*probes: dict, check: bool = False, environment: dict | None = None, **options) -> dict:
    arguments = {"stack_name": "runbook-c", "project_dir": "/nonexistent", "probes": list(probes), "deadline": 0, **options}
    arguments["_ansible_inject_invocation"] = True  # the module's arguments come back, as they do under -vvv and before core 2.21
    result = call("http_probe", arguments, check=check, environment=environment)
    assert not result.get("changed")
    return result


def at(service: FaultyService, path: str, **options) -> dict:
    return {"name": path, "url": f"http://127.0.0.1:{service.port}/{path}", **options}


def test_check_do_check_again_do_again(service):
    probes = [at(service, "ok", json={"status": "ok"}, header={"X-Served-By": "~^fau"}, max_age={"field": "timestamp", "seconds": 30})]
    for check in (True, False, True, False):
        result = probing(*probes, check=check)
        assert (result["failed"], result["healthy"], result["verdict"], result["actions"]) == (False, True, "ok", [])
        assert (result["probes"][0]["version"], result["probes"][0]["status"]) == ("1.4.2", 200)


def test_every_kind_of_answer_gets_its_verdict_in_one_call(service):
    closed = {"name": "closed", "url": f"http://127.0.0.1:{free_port()}/"}
    expected = {
        "ok": (at(service, "ok", json={"status": "ok"}), "ok"),
        "text": (at(service, "text", contains=["Shop"], absent=["Error"]), "ok"),
        "missing": (at(service, "missing"), "wrong_answer"),
        "not-ready": (at(service, "not-ready", role="readiness", json={"database": "ok", "redis": "ok"}), "not_ready"),
        "old": (at(service, "old", max_age={"field": "timestamp", "seconds": 60}), "stale"),
        "slow": (at(service, "slow", max_latency_ms=100), "too_slow"),
        "hang": (at(service, "hang", timeout=0.5), "dead"),
        "trickle": (at(service, "trickle", timeout=0.5), "dead"),
        "reset": (at(service, "reset"), "dead"),
        "parts": (at(service, "parts", json={"status": "ok"}), "ok"),
        "cut": (at(service, "cut"), "dead"),
        "garbage": (at(service, "garbage"), "wrong_answer"),
        "huge": (at(service, "huge", json={"status": "ok"}), "wrong_answer"),
        "moved": (at(service, "moved"), "wrong_answer"),
        "closed": (closed, "dead"),
        "unknown name": ({"name": "unknown name", "url": "http://no-such-host.invalid/"}, "dead"),
        "tcp": ({"name": "tcp", "url": f"tcp://127.0.0.1:{service.port}"}, "ok"),
        "tcp closed": ({"name": "tcp closed", "url": f"tcp://127.0.0.1:{free_port()}"}, "dead"),
        "dns": ({"name": "dns", "url": "dns://localhost"}, "ok"),
        "not redis": ({"name": "not redis", "url": f"redis://127.0.0.1:{service.port}", "via": "host", "timeout": 20}, "wrong_answer"),
    }
    result = probing(*(probe for probe, _verdict in expected.values()))
    assert {probe["name"]: probe["verdict"] for probe in result["probes"]} == {probe["name"]: verdict for probe, verdict in expected.values()}
    assert (result["failed"], result["reason"], result["verdict"]) == (True, "probe_dead", "dead")
    assert 'expected database "ok", got "error"' in result["msg"]
    assert len(result["matrix"].splitlines()) == 1 + len(expected)
    assert result["elapsed_ms"] < 60_000, "who hangs does so for minutes"


def test_a_late_service_is_waited_for_and_a_good_one_left_alone(service):
    before = service.counts["/ok"]
    result = probing(at(service, "late", role="readiness", json={"database": "ok"}), at(service, "ok"), deadline=60)
    late, fine = result["probes"]
    assert (late["verdict"], fine["attempts"], service.counts["/ok"] - before) == ("ok", 1, 1)
    assert (late["verdicts"]["not_ready"], late["attempts"]) == (3, 4)
    assert 300 <= late["first_ok_after_ms"] < 60_000, "three pauses of at least 100 ms"


def test_the_deadline_bounds_the_call_whatever_the_service_does(service):
    started = time.monotonic()
    result = probing(at(service, "hang", timeout=200), at(service, "not-ready"), deadline=1.5)
    assert time.monotonic() - started < 120
    assert [probe["verdict"] for probe in result["probes"]] == ["dead", "not_ready"]
    assert 1000 < result["elapsed_ms"] < 100_000


def test_several_good_answers_in_a_row(service):
    assert probing(at(service, "ok"), deadline=60, successes=3)["probes"][0]["attempts"] == 3


def test_report_tells_and_does_not_fail(service):
    result = probing(at(service, "missing"), on_failure="report")
    assert (result["failed"], result["healthy"], result["verdict"]) == (False, False, "wrong_answer")


def test_each_verdict_has_its_reason(service):
    assert probing(at(service, "missing"))["reason"] == "probe_wrong_answer"
    assert probing(at(service, "not-ready"))["reason"] == "probe_not_ready"
    assert probing(at(service, "slow", max_latency_ms=50))["reason"] == "probe_too_slow"
    assert probing(at(service, "old", max_age={"field": "timestamp", "seconds": 5}))["reason"] == "probe_stale"


def test_redirects_are_followed_only_when_asked_and_only_to_the_same_place(service):
    result = probing(
        at(service, "moved", redirects="follow", json={"status": "ok"}),
        at(service, "moved", name="expected", status=[302]),
        at(service, "elsewhere", redirects="follow"),
        at(service, "loop", redirects="follow"),
    )
    assert [probe["verdict"] for probe in result["probes"]] == ["ok", "ok", "wrong_answer", "wrong_answer"]
    assert "http://elsewhere.invalid" in result["probes"][2]["message"]
    assert "of-the-redirect" not in json.dumps(result)
    assert service.counts["/loop"] == 6


def test_a_request_that_writes_is_sent_only_outside_check_mode(service):
    order = at(service, "orders", method="POST", body={"sku": "smoke", "quantity": 1}, status=[201])
    skipped = probing(order, at(service, "ok"), check=True)
    assert [probe["verdict"] for probe in skipped["probes"]] == ["skipped", "ok"]
    assert (skipped["healthy"], skipped["verdict"], service.counts["/orders"]) == (True, "skipped", 0)
    assert probing(order)["healthy"] is True
    assert (service.counts["/orders"], json.loads(service.bodies[-1])) == (1, {"sku": "smoke", "quantity": 1})


def test_secrets_never_come_back_not_even_from_a_service_that_repeats_them(service):
    headers = {"X-API-Key": API_KEY, "Authorization": f"Bearer {API_KEY}-bearer", "X-Debug": "1", "Accept": "application/json"}
    body = {"username": "ann", "password": PASSWORD, "quantity": 1}
    probes = [
        at(service, "echo", method="POST", headers=headers, body=body),
        {"name": "basic", "url": f"http://ann:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{service.port}/echo?token=query-secret"},
        {"name": "redis", "url": f"redis://127.0.0.1:{free_port()}", "via": "host", "password": "redis-secret"},
    ]
    result = probing(*probes)
    told = json.dumps(result)
    sent = {method: received for method, path, received in service.requests if path.startswith("/echo")}
    assert (sent["POST"]["X-API-Key"], sent["GET"]["Authorization"].split()[0]) == (API_KEY, "Basic")
    assert "X-Debug" in result["probes"][0]["json"]["headers"]  # the service did repeat what it was sent
    for secret in (API_KEY, PASSWORD, PASSWORD.replace("/", "%2F"), PASSWORD.replace("/", "\\/"), "query-secret", "redis-secret"):
        assert secret not in told
    assert result["invocation"]["module_args"]["probes"][0]["headers"]["Accept"] == "application/json"
    assert result["probes"][0]["attempts"] == 1  # a header of value 1 does not blot out numbers


def test_secrets_do_not_come_back_from_a_refusal():
    wrong = {"url": f"ftp://ann:{API_KEY}@host/", "headers": {"X-API-Key": f"{API_KEY}-2"}, "body": {"token": "token-secret"}}
    for probe in (wrong, {**wrong, "role": "no such role"}):
        result = probing(probe)
        assert result["failed"] is True
        assert f"{API_KEY}-2" not in json.dumps(result)
        assert "token-secret" not in json.dumps(result)
    assert API_KEY not in json.dumps(probing(wrong))


@pytest.mark.parametrize(
    "options",
    [
        {"probes": []},
        {"probes": [{"url": "http://host:port/"}]},
        {"probes": [{"url": "gopher://host/"}]},
        {"probes": [{"name": "a", "url": "dns://a"}, {"name": "a", "url": "dns://b"}]},
        {"deadline": -1},
        {"interval": 0},
        {"successes": 2},
        {"stack_name": "Not A Name"},
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(service, options):
    before = len(service.requests)
    result = probing(**{"probes": [at(service, "ok")], **options})
    assert (result["failed"], result["reason"]) == (True, "bad_input")
    assert len(service.requests) == before


def test_an_engine_that_does_not_answer_is_told_apart_from_a_dead_service(tmp_path):
    probe = {"url": "http://api:3000/", "via": "network"}
    result = probing(probe, docker_host=f"unix://{tmp_path}/no.sock", on_failure="report")
    assert result["reason"] == "engine_unreachable"


def test_tls_is_verified_unless_told_otherwise(certificate):
    with faulty_service(certificate) as service:
        url = f"https://127.0.0.1:{service.port}/ok"
        result = probing({"name": "strict", "url": url}, {"name": "lenient", "url": url, "validate_certs": False})
        assert [probe["verdict"] for probe in result["probes"]] == ["dead", "ok"]
        assert "TLS" in result["probes"][0]["message"]
        trusting = {**os.environ, "SSL_CERT_FILE": str(certificate)}
        assert probing({"url": url}, environment=trusting)["healthy"] is True
        wrong_name = {"url": url.replace("127.0.0.1", "localhost")}
        assert probing(wrong_name, environment=trusting)["verdict"] == "dead"


def answered(url: str, reply: bytes) -> str:
    """The verdict on a server that says ``reply`` to the first question."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _address = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        result = probing({"url": url.format(port=server.getsockname()[1]), "via": "host"}, on_failure="report")
        thread.join()
    return result["verdict"]


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [(b"+PONG\r\n", "ok"), (b"-LOADING data\r\n", "not_ready"), (b"-NOAUTH Authentication required.\r\n", "wrong_answer"), (b"", "dead")],
)
def test_redis_replies(reply, verdict):
    assert answered("redis://127.0.0.1:{port}", reply) == verdict


def postgres_error(sqlstate: str) -> bytes:
    fields = b"SFATAL\0" + b"C" + sqlstate.encode() + b"\0Mwords that may be in any language\0\0"
    return b"E" + struct.pack("!I", len(fields) + 4) + fields


def test_a_postgres_that_starts_up_is_not_ready_and_one_that_hangs_up_is_dead():
    assert answered("postgres://127.0.0.1:{port}", postgres_error("57P03")) == "not_ready"
    assert answered("postgres://127.0.0.1:{port}", postgres_error("53300")) == "not_ready"
    assert answered("postgres://127.0.0.1:{port}", b"") == "dead"
