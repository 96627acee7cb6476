"""health/probe.yml and the latencies of health/check.yml: files of a container, scores, providers and WebSockets that are really asked."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from tests.support import sockets
from tests.support.certificates import TlsServer, issue
from tests.support.faulty_service import faulty_service
from tests.support.operated import OperatedStack
from tests.support.stacks import docker, free_port, unique_name

SECRET = "provider-key-of-the-test"
MODEL = "/srv/app/service.py"
NGINX = """
events { worker_connections 64; }
http {
    access_log off;
    server {
        listen 8080;
        location / { proxy_pass http://api:3000; }
        location /plain/ { proxy_pass http://sockets:4000/; }
        location /ws {
            proxy_pass http://sockets:4000;
            proxy_http_version 1.1;
            proxy_read_timeout 5m;
            proxy_send_timeout 5m;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }
    }
}
"""
COMPOSE = """
services:
  api:
    image: runbook-api:v1
    environment: {{PROVIDER_KEY: {secret}}}
    stop_grace_period: 1s
    healthcheck: {{test: [CMD, app, healthcheck], interval: 1s, timeout: 3s, retries: 10}}
  sockets:
    image: runbook-api:v1
    command: [python3, /srv/sockets.py, "4000"]
    stop_grace_period: 1s
    volumes: ["{sockets}:/srv/sockets.py:ro"]
  edge:
    image: runbook-nginx:1
    stop_grace_period: 1s
    ports: ["127.0.0.1:{port}:8080"]
    volumes: [./nginx.conf:/etc/nginx/nginx.conf:ro]
    depends_on: {{api: {{condition: service_healthy}}, sockets: {{condition: service_started}}}}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    url = "http://127.0.0.1:{{ stack_edge_port }}"
    probes = [{"name": "alive", "role": "liveness", "url": f"{url}/health"}, {"name": "writes", "url": f"{url}/nowhere", "method": "POST", "status": ["4xx"]}]
    made = OperatedStack(tmp_path_factory.mktemp("checked"), unique_name("checked"), stack_probes=probes, stack_dependency_probes=[])
    (made.project.directory / "nginx.conf").write_text(NGINX)
    (made.project.directory / "compose.yaml").write_text(COMPOSE.format(secret=SECRET, sockets=Path(sockets.__file__).resolve(), port=made.port))
    made.project.write_env({})
    try:
        made.project.up()
        yield made
    finally:
        made.remove()


@contextlib.contextmanager
def provider(stack):
    """A server of this host, and where the containers of the stack reach it."""
    network = list(stack.project.containers("api")[0]["NetworkSettings"]["Networks"].values())[0]["Gateway"]
    with faulty_service(host="0.0.0.0") as service:  # on all addresses: the container has to reach it
        yield service, f"http://{network}:{service.port}"


def test_a_model_is_whole_loaded_and_ready_or_it_is_told_why_not(stack):
    digest = docker("exec", stack.project.containers("api")[0]["Id"], "sha256sum", MODEL).split()[0]
    ready = {"url": "http://api:3000/health/ready", "via": "network", "json": {"status": "ok"}}
    model = {"files": [{"path": MODEL, "sha256": digest.upper()}], "loaded_pattern": "listening", "readiness": ready}
    proven = stack.must("health/probe", kind="model", stack_checks={"model": model})
    assert (proven.told["result"]["replicas"], proven.told["result"]["problems"], proven.changed) == ([f"{stack.name}-api-1"], [], 0)
    files = [{"path": MODEL, "sha256": "0" * 64}, {"path": "/srv/absent.bin", "sha256": digest}, {"path": "/dev/null"}]
    failed = stack.play(
        "health/probe",
        kind="model",
        health_deadline=1,
        stack_checks={"model": {"files": files, "loaded_pattern": "model loaded", "readiness": {**ready, "json": {"model": "loaded"}}}},
    )
    told = failed.told["result"]["problems"]
    assert (failed.code != 0, failed.failure["reason"], len(told)) == (True, "model_not_proven", 5)
    assert f"is another one: sha256 {digest}" in told[0] and "/srv/absent.bin is not there" in told[1] and "/dev/null is empty" in told[2]
    assert "nothing in its log says that the model was loaded" in told[3] and 'expected model "loaded"' in told[4]


def test_scores_are_plausible_and_marked_as_a_test(stack):
    with faulty_service() as service:
        payloads = [{"name": "low risk", "body": {"amount": 10}, "max": 0.2}, {"name": "high risk", "body": {"amount": 9000}, "min": 0.8}]
        score = {"url": f"http://127.0.0.1:{service.port}/score", "headers": {"X-API-Key": SECRET}, "payloads": payloads, "marked_by": {"merchant": "TEST-1"}}
        proven = stack.must("health/probe", kind="score", stack_checks={"score": score})
        assert [one["score"] for one in proven.told["result"]["scores"]] == [0.001, 0.9]
        assert [json.loads(body)["merchant"] for body in service.bodies] == ["TEST-1", "TEST-1"]
        assert {headers["X-API-Key"] for unused_method, unused_path, headers in service.requests} == {SECRET}
        assert SECRET not in json.dumps(stack.record()) and SECRET not in proven.output

        stuck = stack.play("health/probe", kind="score", stack_checks={"score": {**score, "url": f"http://127.0.0.1:{service.port}/stuck"}})
        told = stuck.told["result"]["problems"]
        assert (stuck.failure["reason"], len(told)) == ("score_not_plausible", 2) and "expected from 0 to 0.2" in told[0]
        sent = len(service.bodies)
        for read_only, words in (({"read_only": True}, "environment_read_only"), ({"marked_by": {}}, "check_not_declared")):
            refused = stack.play("health/probe", kind="score", stack_checks={"score": {**score, **read_only}})
            assert (refused.code != 0, refused.failure["reason"]) == (True, words)
        assert len(service.bodies) == sent


def test_providers_are_asked_with_the_key_of_the_container(stack):
    """T103."""
    header = {"header_from": {"variable": "PROVIDER_KEY"}}
    with provider(stack) as (service, url):
        names = ["ok", "refused", "limited", "failing", "missing"]
        providers = [{"name": name, "url": f"{url}/{name}", **header} for name in names]
        providers.append({"name": "nobody", "url": f"http://127.0.0.1:{free_port()}/", "timeout": 2})
        failed = stack.play("health/probe", kind="provider", stack_checks={"providers": providers})
        assert (failed.code != 0, failed.failure["reason"]) == (True, "provider_unusable")
        found = {one["name"]: one["finding"] for one in failed.told["result"]["providers"]}
        kinds = ["ok", "unauthorized", "limited", "failing", "unexpected", "unreachable"]
        assert found == dict(zip([*names, "nobody"], kinds))
        assert "put a new one in place" in failed.message and "quota is used up" in failed.output
        assert {headers["Authorization"] for unused_method, unused_path, headers in service.requests} == {f"Bearer {SECRET}"}
        assert SECRET not in failed.output and SECRET not in json.dumps(stack.record())


def test_websockets_get_through_the_edge_and_stay_open(stack):
    websocket = {"url": f"ws://127.0.0.1:{stack.port}/ws", "stay_open": 1}
    proven = stack.must("health/probe", kind="websocket", stack_checks={"websocket": websocket}).told["result"]
    assert (proven["status"], proven["open_ms"] >= 1000, proven["problems"]) == (101, True, [])
    assert proven["pages"][0]["places"][0]["read_timeout"] == "5m"
    blocked = stack.play("health/probe", kind="websocket", stack_checks={"websocket": {**websocket, "url": f"ws://127.0.0.1:{stack.port}/plain/ws"}})
    told = " | ".join(blocked.told["result"]["problems"])
    assert (blocked.code != 0, blocked.failure["reason"], blocked.told["result"]["status"]) == (True, "websocket_blocked", 403)
    assert "location /plain/: proxy_read_timeout is 60s" in told and "header Upgrade is not passed on" in told and "expected status 101, got 403" in told


def test_latencies_and_certificates_are_looked_at_where_that_is_asked_for(stack, tmp_path):
    authority = issue("authority of the test")
    shown, renewed = (issue("shop.example", ["shop.example"], days=days, by=authority) for days in (3, 60))
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    (tmp_path / "renewed.pem").write_bytes(renewed.pem)
    with TlsServer(tmp_path / "renewed", renewed) as good, TlsServer(tmp_path / "shown", shown) as old:
        seen = [{"file": str(tmp_path / "renewed.pem"), "server_name": "shop.example", "ca_file": str(tmp_path / "authority.pem")} for unused in range(2)]
        seen = [{**one, "served": f"127.0.0.1:{server.port}"} for one, server in zip(seen, (good, old))]
        measured = stack.must("health/check", measure=20, stack_maintenance={"certificates": seen[:1]})
        limits = {"containers": {}, "latency": {"max_p95_ms": 0.001}, "host": {"certificate_warning_days": 90}}
        slow = stack.play("health/check", measure=5, stack_thresholds=limits, stack_maintenance={"certificates": seen})
    (header,) = [line.split() for line in measured.output.splitlines() if "CONNECT P95" in line]
    alive, writes = [line.split() for line in measured.output.splitlines() if line.strip().startswith(('"alive', '"writes'))]
    assert header[6:9] == ["P50", "P95", "P99"] and alive[-1].startswith("ms") and float(alive[-2]) < 1000
    assert "-" in writes[-1], "what writes is sent once"
    assert "CERTIFICATES 1" in measured.output and "59         yes   yes      shop.example" in measured.output
    # What is critical is in the message, what is a warning in the table only.
    assert f"127.0.0.1:{old.port} expires in 2 days" in slow.message and "expires in 59 days" not in slow.message
    assert "does not serve the certificate of" in slow.output and "expires in 59 days" in slow.output
    assert slow.code != 0 and "expected p95 within 0.001 ms" in slow.message
