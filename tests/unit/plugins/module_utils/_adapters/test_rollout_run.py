"""A rollout whose old container ends between two looks: with a real probe, and an edge that answers as the scene says."""

from __future__ import annotations

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.rollout_run import RolloutRun, Tools
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout import Change, RolloutTerms
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout_probe import Budget, parse_aim
from ansible_collections.runbook.compose.plugins.module_utils._core.service_plan import Work
from tests.support.service_samples import container, observed

OLD, NEW = container("app", 1, health="healthy"), container("app", 2, health="healthy")


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(self.server.scene.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *args) -> None:
        """Silent."""


class Scene:
    """The old container ends right after it was looked at in the first step. The edge then loses requests, or does not, until it is told."""

    def __init__(self, loses: bool) -> None:
        self.loses, self.status = loses, 200
        self.old, self.new = OLD, ()
        self.sent: list[int] = []
        self.looks = 0

    def containers(self, service: str) -> list:
        return [self.old, *self.new]

    def sides(self, entry) -> tuple[list, list]:
        self.looks += 1
        seen = [self.old], list(self.new)
        if self.sent[-1:] == [50] and self.looks == 1:
            self.old = replace(OLD, state="exited")
            self.status = 503 if self.loses else 200
        return seen

    def send(self, service: str, old, new, percent: int) -> list[str]:
        self.sent.append(percent)
        self.status, self.looks = 200, 0
        return [one.id for one in old if one.running]

    def start_beside(self, compose, service: str, replicas: int) -> None:
        self.new = (NEW,)

    def require_answers(self, *asked) -> None:
        """They do."""

    def drain(self, *asked) -> int:
        return 0

    def rest(self, service: str) -> None:
        """Nothing is left to be done."""


class Idle:
    """Records, work and progress are not the matter."""

    def __getattr__(self, name: str):
        return lambda *asked, **named: None


class Engine:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def containers(self, project: str) -> list:
        return self.scene.containers("app")


@pytest.mark.parametrize("loses", [True, False])
def test_an_old_container_that_ends_between_two_looks_is_noticed_and_not_held_against_the_new(loses):
    scene, warnings = Scene(loses), []
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        server.daemon_threads, server.scene = True, scene
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        tools = Tools(
            scene=scene, store=Idle(), compose=Idle(), engine=Engine(scene), work=Idle(), observed=observed(OLD), progress=Idle(),
            aim=parse_aim(f"http://127.0.0.1:{server.server_port}", {"rate": 100}, {}), budget=Budget(errors=0), probes=True, warn=warnings.append,
        )  # fmt: skip
        # The step is over before it would be time for the next look.
        terms = RolloutTerms("canary", (50, 100), hold=0.4, watch=0, bake=0, health_timeout=30, drain_timeout=1, stop_timeout=1)
        done = RolloutRun(tools, terms).roll(Change("app", "beside", Work("recreate", "app")))
        server.shutdown()
    assert (done["state"], scene.sent) == ("new", [0, 50, 50, 100, 100])
    assert [warning for warning in warnings if "ended during the shift" in warning]
