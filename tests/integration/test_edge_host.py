"""An nginx on the host: found by its pid file, steered by its own command, its site enabled by a link.

The nginx of this test has the host's network and files, and its processes are processes of the host; only its program comes out of an image.
"""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from pathlib import Path

import pytest

from tests.support.edge import at_work
from tests.support.modules import call
from tests.support.stacks import ComposeProject, docker, free_port, unique_name
from tests.support.websocket import WebSocket

COMPOSE = """
services:
  api:
    image: runbook-api:v1
    ports: ["127.0.0.1:{port}:3000"]
    healthcheck: {{test: [CMD, app, healthcheck], interval: 1s, start_period: 10s}}
"""
NGINX = """
daemon off;
worker_processes 2;
error_log stderr;
pid {directory}/nginx.pid;
events {{}}
http {{
    access_log off;
    include {directory}/sites-enabled/*;
}}
"""
SITE = """server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://127.0.0.1:{api};
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade;
    }}
}}
"""


class Host:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port, self.api = free_port(), free_port()
        self.project = ComposeProject(directory, unique_name("edgehost"), COMPOSE.format(port=self.api))
        for name in ("sites-available", "sites-enabled"):
            (directory / name).mkdir()
        (directory / "nginx.conf").write_text(NGINX.format(directory=directory))
        self.name = f"{self.project.name}-nginx"
        self.pid_file = directory / "host.pid"

    def start(self) -> "Host":
        self.project.up()
        directory = str(self.directory)
        docker(
            "run",
            "--detach",
            "--name",
            self.name,
            "--network",
            "host",
            "--volume",
            f"{directory}:{directory}",
            "runbook-nginx:1",
            "nginx",
            "-c",
            f"{directory}/nginx.conf",
        )
        self.pid_file.write_text(docker("inspect", "--format", "{{.State.Pid}}", self.name))
        until = time.monotonic() + 60
        while "worker process" not in docker("top", self.name):
            assert time.monotonic() < until, "nginx did not start"
            time.sleep(0.1)
        return self

    def remove(self) -> None:
        with contextlib.suppress(AssertionError):
            docker("rm", "--force", self.name)
        self.project.down()

    def call(self, module: str, check: bool = False, **options: object) -> dict:
        edge = {
            "kind": "host",
            "directory": str(self.directory / "edge"),
            "pools": {"api": {"port": 3000, "server": f"127.0.0.1:{self.api}"}},
            "url": f"http://127.0.0.1:{self.port}",
            "command": ["docker", "exec", self.name, "nginx", "-c", str(self.directory / "nginx.conf")],
            "pid_file": str(self.pid_file),
        }
        return call(module, {**self.project.options, "edge": edge, **options}, check=check)

    def site(self, text: str, check: bool = False) -> dict:
        places = {"file": str(self.directory / "sites-available" / "shop"), "enabled_as": str(self.directory / "sites-enabled" / "shop")}
        return self.call("edge_site", check, content=text, **places)

    def ask(self, path: str = "/health", source: str = "127.0.0.1") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(source, 0))
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("X-Served-By", "")

    def let_in(self) -> set[str]:
        """Those of a hundred clients that the edge lets in."""
        return {client for number in range(1, 101) for client in [f"127.0.0.{number}"] if self.ask("/x", client)[0] != 503}


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    made = Host(tmp_path_factory.mktemp("edgehost"))
    try:
        yield made.start()
    finally:
        made.remove()


def succeeded(result: dict) -> list[str]:
    assert not result["failed"], result
    return [step["action"] for step in result["actions"]]


def test_a_site_of_the_host_is_enabled_and_steered(host):
    text = SITE.format(port=host.port, api=host.api)
    assert succeeded(host.site(text, check=True)) == ["install", "install", "write", "enable", "reload"]
    assert not (host.directory / "edge").exists()
    # A site that nginx does not take leaves nothing behind.
    refused = host.site(text.replace("location / {", "location / {\n        proxy_buffers 1;"))
    assert refused["reason"] == "edge_refused" and "proxy_buffers" in refused["msg"]
    assert [list((host.directory / name).iterdir()) for name in ("sites-available", "sites-enabled", "edge")] == [[], [], []]
    assert succeeded(host.site(text)) == ["install", "install", "write", "enable", "reload"]
    assert (host.directory / "sites-enabled" / "shop").is_symlink() and host.ask()[0] == 200
    assert succeeded(host.site(text, check=True)) == succeeded(host.site(text)) == []

    closed = host.call("edge_traffic", maintenance={"minutes": 5})
    assert succeeded(closed) == ["close"] and closed["proof"]["outside"] == 503 == host.ask("/x")[0]
    assert succeeded(host.call("edge_traffic", maintenance={"state": "off"})) == ["open"]

    assert succeeded(host.call("edge_traffic", pools={"api": {"containers": [{"name": "api-1"}]}})) == ["pin"]
    # Waited for are requests of nginx only: this one goes past it, and stays.
    with WebSocket(host.api) as direct:
        with WebSocket(host.port):
            late = host.call("edge_traffic", drain=["api"], drain_timeout=0)
        slow: list = []
        running = threading.Thread(target=lambda: slow.append(host.ask("/work?ms=2000")))
        others = at_work("127.0.0.1", host.api)
        running.start()
        until = time.monotonic() + 60
        while at_work("127.0.0.1", host.api) <= others and not slow:
            assert time.monotonic() < until, "the request did not come"
        drained = host.call("edge_traffic", drain=["api"], drain_timeout=120)
        running.join()
        assert direct.echo("still there") == "still there"
    assert late["reason"] == "drain_timed_out" and late["details"]["connections_left"] == 1
    assert succeeded(drained) == ["drain"] and drained["drained"]["connections_left"] == 0 and slow[0][0] == 200
    assert succeeded(host.call("edge_traffic", pools={"api": {}})) == ["rest"] and host.ask()[0] == 200


def test_traffic_comes_back_by_clients_and_each_gets_one_answer(host):
    """T180"""
    closed = host.call("edge_traffic", maintenance={"minutes": 10, "stays": True}, owner="window")
    assert not closed["failed"] and host.let_in() == set()
    shares = []
    for percent in (10, 50):
        wanted = {"maintenance": {"admits": percent, "stays": True}, "owner": "window"}
        done = host.call("edge_traffic", **wanted)
        assert succeeded(done) == ["change"] and f"{percent} % of the clients" in done["actions"][0]["detail"]
        assert done["traffic"]["maintenance"]["until"] == closed["traffic"]["maintenance"]["until"] and done["proof"]["outside"] is None
        assert not host.call("edge_traffic", **wanted)["changed"]
        shares.append(host.let_in())
    assert shares[0] < shares[1] == host.let_in() and 1 <= len(shares[0]) < 30 < len(shares[1]) < 70
    assert host.call("edge_traffic", maintenance={"admits": 100})["reason"] == "bad_input"
    assert succeeded(host.call("edge_traffic", maintenance={"stays": True}, owner="window")) == ["change"] and host.let_in() == set()
    assert succeeded(host.call("edge_traffic", maintenance={"state": "off"})) == ["open"] and len(host.let_in()) == 100


def test_no_nginx_on_the_host_is_told(host):
    host.pid_file.rename(host.directory / "kept.pid")
    try:
        missing = host.call("edge_traffic", maintenance={"minutes": 5})
    finally:
        (host.directory / "kept.pid").rename(host.pid_file)
    assert missing["reason"] == "edge_missing" and str(host.pid_file) in missing["msg"]
