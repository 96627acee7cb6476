"""What can go wrong while the edge is steered: nothing is half done, and what is said is true."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
import time
from collections import Counter
from typing import Callable

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.edge_control import EdgeControl
from ansible_collections.runbook.compose.plugins.module_utils._adapters.engine import Engine
from ansible_collections.runbook.compose.plugins.module_utils._adapters.nginx_server import ContainerNginx, Said
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_errors import EdgeNotPutBack
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_site import EdgeSite
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_traffic import Maintenance
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import EngineFailed
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack
from tests.support.dying import dies_at
from tests.support.edge import REST, EdgeStack, actions, in_minutes, refused
from tests.support.modules import call
from tests.support.stacks import docker, free_port, unique_name


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = EdgeStack(tmp_path_factory.mktemp("edge"), unique_name("edgefault"))
    try:
        # A record is there, so that something can be left as it was.
        assert actions(made.up().traffic(allow=[{"address": "192.0.2.1"}]))
        yield made
    finally:
        made.remove()


@pytest.fixture(autouse=True)
def at_rest(stack):
    yield
    assert actions(stack.traffic(**REST)) is not None


def test_what_nginx_refuses_is_put_back_and_the_old_still_serves(stack):
    """T171."""
    site = stack.project.directory / "nginx.conf"
    good = site.read_text()
    files = [stack.included(name).read_bytes() for name in ("traffic.conf", "site.conf")]
    record = (stack.project.state_dir / stack.name / "edge" / "traffic.json").read_bytes()
    try:
        site.write_text(good.replace("server_tokens off;", "server_tokens off"))
        assert "server_tokens" in refused(stack.traffic(maintenance={"minutes": 5}), "edge_refused")
        # Refused only with what is to come: the name of the group is taken.
        site.write_text(good.replace("    server {", "    upstream runbook_api_pinned { server 127.0.0.1:1; }\n    server {"))
        assert "runbook_api_pinned" in refused(stack.traffic(pools={"api": {"containers": [{"name": "api-1"}]}}), "edge_refused")
        site.write_text(good.replace("include /etc/nginx/runbook/site.conf;", ""))
        assert "site.conf" in refused(stack.traffic(maintenance={"minutes": 5}), "edge_not_prepared")
        site.write_text(good.replace("$runbook_api", "api:3000"))
        assert "$runbook_api" in refused(stack.traffic(pools={"api": {"containers": [{"name": "api-1"}]}}), "edge_not_prepared")
    finally:
        site.write_text(good)
    assert stack.ask().status == 200 and [stack.included(name).read_bytes() for name in ("traffic.conf", "site.conf")] == files
    assert (stack.project.state_dir / stack.name / "edge" / "traffic.json").read_bytes() == record


def test_a_run_that_is_killed_before_any_step_leaves_whole_files_and_the_next_one_finishes(stack):
    """T172."""
    died, step = [], 0
    while True:
        step += 1
        stack.traffic(**REST)
        name = dies_at(step, "edge_traffic", stack.params(maintenance={"minutes": 5}))
        if not name:
            break
        died.append(name)
        stack.nginx("-t", "-q")
        assert stack.ask("/").status in (404, 503)
        assert stack.traffic(maintenance={"minutes": 5})["proof"]["outside"] == 503
    assert Counter(died) == {"EdgeRecordFile.save": 2, "IncludedFiles.write": 1, "ContainerNginx.run": 1, "ContainerNginx.reload": 1}


def test_two_at_once_change_both_what_they_want(stack):
    """T173."""
    wishes = [{"maintenance": {"minutes": 5}}, {"attack": {"minutes": 5}}, {"pools": {"api": {"containers": [{"name": "api-1"}]}}}]
    results: list = []
    threads = [threading.Thread(target=lambda wish=wish: results.append(stack.traffic(**wish))) for wish in wishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result["failed"] for result in results] == [False] * 3
    now = stack.traffic(check=True)
    assert not now["changed"] and all(now["traffic"][part] for part in ("maintenance", "attack", "pools"))
    assert stack.ask("/").status == 503


def test_a_configuration_that_passes_the_test_and_is_not_taken_over_is_put_back(stack):
    """T210."""
    site = stack.project.directory / "nginx.conf"
    good, files = site.read_text(), [stack.included(name).read_bytes() for name in ("traffic.conf", "site.conf")]
    edge = stack.project.containers("edge")[0]["Id"]
    # Another process has the port: only a real reload finds out.
    docker("exec", "--detach", edge, "perl", "-MSocket", "-e", "socket(S,2,1,6);setsockopt(S,1,2,1);bind(S,sockaddr_in(8099,INADDR_ANY));listen(S,1);sleep 600")
    until = time.monotonic() + 60
    while f":{8099:04X} 00000000:0000 0A" not in docker("exec", edge, "cat", "/proc/net/tcp"):
        assert time.monotonic() < until, "nobody listens"
        time.sleep(0.05)
    site.write_text(good.replace("listen 8080;", "listen 8080; listen 8099;"))
    told = stack.traffic(maintenance={"minutes": 5})
    site.write_text(good)
    assert "address in use" in refused(told, "edge_refused") and stack.ask("/").status == 404
    assert [stack.included(name).read_bytes() for name in ("traffic.conf", "site.conf")] == files and not stack.traffic(check=True)["changed"]


def test_workers_that_cannot_start_are_noticed_at_once(stack):
    """T211."""
    site = stack.project.directory / "nginx.conf"
    good = site.read_text()
    fatal = "working_directory /nowhere/at/all;\n" + good
    told = call("edge_site", {**stack.options, "content": fatal})
    # Not only at the deadline: that would be another message.
    assert "no worker of it could start" in refused(told, "edge_refused")
    assert site.read_text() == good and stack.ask().status == 200
    # Nothing of ours can mend a site that somebody else broke: it says that nobody is served.
    site.write_text(fatal)
    told = stack.traffic(maintenance={"minutes": 5})
    site.write_text(good)
    assert "no worker of nginx takes requests" in refused(told, "edge_not_put_back") and told["details"]["cause"] == "edge_refused"
    assert stack.traffic(state="settled")["changed"] and stack.ask("/").status == 404


class Interrupted:
    """The real nginx, of which something happens before it is told to reload."""

    def __init__(self, nginx: ContainerNginx, happens: Callable[[], None]) -> None:
        self._nginx = nginx
        self._happens = happens
        self.name = nginx.name

    def reload(self) -> Said:
        self._happens()
        return self._nginx.reload()

    def __getattr__(self, name: str) -> object:
        return getattr(self._nginx, name)


def test_nginx_that_goes_away_in_the_middle_leaves_what_was_before(stack):
    """T212."""
    given = Stack.from_params(stack.params())
    site = EdgeSite.of(given, stack.edge)
    engine, edge = Engine.connect(given), stack.project.containers("edge")[0]["Id"]
    files = [stack.included(name).read_bytes() for name in ("traffic.conf", "site.conf")]
    end = in_minutes(5)

    def close(happens: Callable[[], None]) -> None:
        control = EdgeControl(given, site, Interrupted(ContainerNginx.find(given, engine, site), happens))
        control.change(lambda traffic: traffic.with_maintenance(Maintenance(end)))

    def broken() -> None:
        raise EngineFailed("the engine is gone for a moment")

    for happens in (broken, lambda: docker("kill", edge)):
        with pytest.raises(EdgeNotPutBack, match="could not be put back whole") as raised:
            close(happens)
        assert raised.value.details["cause"] == "engine_failed"
        assert [stack.included(name).read_bytes() for name in ("traffic.conf", "site.conf")] == files
        docker("start", edge)
        assert stack.until(200) == 200
        assert stack.traffic(state="settled")["traffic"]["maintenance"] is None and stack.until(200) == 200 and stack.ask("/").status == 404
        files = [stack.included(name).read_bytes() for name in ("traffic.conf", "site.conf")]
    # Started anew it has read the new files already, and is closed as was asked for.
    close(lambda: (docker("restart", "--time", "2", edge), stack.until(200)))
    assert stack.ask("/").status == 503 and not stack.traffic(check=True)["changed"]


def test_a_full_disk_changes_nothing(stack):
    """T213."""
    before = stack.traffic(check=True)
    for place in (stack.project.directory / "edge", stack.project.state_dir):
        aside = stack.directory / "aside"
        shutil.copytree(place, aside)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=True)
        try:
            shutil.copytree(aside, place, dirs_exist_ok=True)
            with (place / "filler").open("wb") as filler, contextlib.suppress(OSError):
                while True:
                    filler.write(b"x" * 4096)
                    filler.flush()
            files = {file: file.read_bytes() for file in place.rglob("*.[cj]*") if file.is_file()}
            assert "No space left" in refused(stack.traffic(maintenance={"minutes": 5}), "state_unwritable")
            assert {file: file.read_bytes() for file in place.rglob("*.[cj]*") if file.is_file()} == files and stack.ask("/").status == 404
        finally:
            subprocess.run(["umount", place], check=True)
            shutil.rmtree(aside)
    assert stack.traffic(check=True)["generation"] == before["generation"] and stack.ask("/").status == 404


def test_a_clock_that_is_set_ends_nothing_early(stack):
    """T214."""
    stack.traffic(maintenance={"minutes": 5}, attack={"minutes": 5})
    record = stack.project.state_dir / stack.name / "edge" / "traffic.json"
    kept = json.loads(record.read_text())
    # As if the clock had been set forward by an hour since: by it, both ends are over.
    for part in (kept["traffic"]["maintenance"], kept["traffic"]["attack"], *kept["ends"].values()):
        part["until"] = in_minutes(-55)
    record.write_text(json.dumps(kept))
    settled = stack.traffic(state="settled")
    assert settled["expired"] == [] and settled["traffic"]["maintenance"] and settled["traffic"]["attack"]
    closed = stack.ask("/")
    assert closed.status == 503 and closed.headers["retry-after"] == "30"
    # After a boot only the wall clock is left to go by.
    for end in kept["ends"].values():
        end["boot_id"] = "another"
    record.write_text(json.dumps(kept))
    assert stack.traffic(state="settled")["expired"] == ["attack", "maintenance"] and stack.ask("/").status == 404


def test_an_edge_at_which_nobody_answers_is_not_called_open(stack):
    """T215."""
    nowhere = {**stack.edge, "url": f"http://127.0.0.1:{free_port()}"}
    assert "Nobody answers" in refused(stack.traffic(edge=nowhere, attack={"minutes": 5}), "edge_unproven")
    assert "is exempt" in refused(stack.traffic(maintenance={"minutes": 5}, edge={**stack.edge, "health_paths": ["/x/-runbook/../y"]}), "edge_unproven")
