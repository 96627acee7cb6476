"""A rollout that is killed before each of its steps, or loses its edge in the middle, while users ask: nothing half, and no request lost."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Iterator

import pytest

from tests.support.dying import dies_at, loses_engine_at
from tests.support.modules import ROOT
from tests.support.rollouts import RolloutStack
from tests.support.stacks import docker, unique_name

MOST_STEPS = 30
TABLE = ROOT / ".local" / "rollout-kill-matrix.txt"
DEFAULTS = {
    "compose_files": [], "env_file": ".env", "profiles": [], "docker_host": "", "lease_token": "", "state": "rolled_out", "services": [],
    "strategy": "rolling", "steps": [], "hold": 0, "bake": 600, "fallback": "refuse", "health_timeout": 120, "drain_timeout": 10,
}  # fmt: skip


class KilledStack(RolloutStack):
    def dies_at(self, step: int | str, **options: object) -> str:
        return dies_at(step, "service_rollout", {**DEFAULTS, **self.options, **self.quick(), "watch": 0, **options})

    def loses_engine_at(self, step: str, before: str = "", **options: object) -> dict:
        return loses_engine_at(step, "service_rollout", {**DEFAULTS, **self.options, **self.quick(), "watch": 0, **options}, before)

    @contextlib.contextmanager
    def gated(self) -> Iterator[Callable[[], None]]:
        """New containers become healthy when the yielded function is called, and not before."""
        kept: list = []
        before = {one["Id"] for one in self.project.containers("api")}

        def close(services: dict) -> None:
            kept.append(services["api"]["healthcheck"]["test"])
            services["api"]["healthcheck"]["test"] = ["CMD", "sh", "-c", "test -e /tmp/gate && app healthcheck"]

        def open_gate() -> None:
            self.wait_for(lambda: any(one["Id"] not in before and one["State"]["Running"] for one in self.project.containers("api")))
            for one in self.project.containers("api"):
                if one["Id"] not in before:
                    docker("exec", one["Id"], "touch", "/tmp/gate")

        self.edit(close)
        try:
            yield open_gate
        finally:
            self.edit(lambda services: services["api"]["healthcheck"].update(test=kept[0]))

    def phases(self) -> str:
        return ", ".join(one["phase"] for one in self.open.values()) or "-"

    def other(self) -> str:
        return "v2" if self.version() == "v1" else "v1"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = KilledStack(tmp_path_factory.mktemp("rollout-killed"), unique_name("rollout-killed"), probed=False)
    try:
        yield made.up()
    finally:
        made.remove()


def kill_and_settle(stack: KilledStack, step: int, **options: object) -> str:
    """A row of the table; empty when the operation was not killed any more."""
    old, new = stack.version(), stack.other()
    stack.wants(new)
    with stack.under_load() as seen:
        name = stack.dies_at(step, **options)
        if name:
            phase, answered = stack.phases(), stack.version()
            settled = stack.rollout(state="settled")
            assert not settled["failed"], f"{step} {name}: {settled}"
            runs = stack.version()
            stack.require_settled(runs, 1, f"{step} {name}")
            assert {answered, runs} <= {old, new}, f"{step} {name}"
            assert not stack.rollout(state="settled")["changed"]
    assert seen["errors"] == 0, f"{step} {name}: {seen}"
    return f"{name:<28} {phase:<10} {answered:<9} {runs:<8} {seen['requests']:>5} {seen['errors']:>6}" if name else ""


def test_a_rollout_killed_before_each_step(stack):
    """T85: what it left is brought to its end, back or forward; users see none of it."""
    rows = [f"{'KILLED BEFORE':<28} {'PHASE':<10} {'ANSWERED':<9} {'SETTLED':<8} {'SENT':>5} {'FAILED':>6}"]
    for step in range(1, MOST_STEPS):
        row = kill_and_settle(stack, step)
        if not row:
            break
        rows.append(row)
    else:
        raise AssertionError(f"it has more than {MOST_STEPS} steps")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join([*rows, ""]))
    print(TABLE.read_text())
    assert {"begun", "beside", "shifting", "shifted", "drained"} <= {row[29:39].strip() for row in rows}
    assert stack.version() == stack.versions()[0]


@pytest.mark.parametrize("step", ["RolloutScene.send", "ServiceWork.stop", "RolloutScene.rest"])
def test_a_switch_back_that_is_killed(stack, step):
    """T86."""
    old, new = stack.version(), stack.other()
    stack.wants(new)
    assert not stack.rollout(strategy="blue_green", bake=600, watch=0)["failed"]
    with stack.under_load() as seen:
        assert stack.dies_at(step, state="switched_back") == step
        stack.wants(old)
        again = stack.rollout()
    assert [one["action"] for one in again["actions"]] == ["undo"] and seen["errors"] == 0, (again, seen)
    stack.require_settled(old, 1, step)


def test_an_edge_that_refuses_in_the_middle_of_a_shift(stack):
    """T87: the old ones serve on; the edge names them until its configuration is mended."""
    old, new = stack.version(), stack.other()
    stack.wants(new)
    site = stack.project.directory / "nginx.conf"
    good = site.read_text()
    with stack.gated() as open_gate, ThreadPoolExecutor(max_workers=1) as pool, stack.under_load() as seen:
        run = pool.submit(stack.rollout, health_timeout=120)
        stack.wait_for(lambda: stack.phases() == "beside")
        site.write_text(good.replace("server_tokens off;", "server_tokens maybe;"))
        open_gate()
        result = run.result()
        site.write_text(good)
    assert result["failed"] and result["reason"] == "edge_refused", result
    assert (seen["errors"], stack.version(), stack.versions(), stack.pinned) == (0, old, [old], {"api": [1]})
    stack.wants(old)
    assert [one["action"] for one in stack.rollout()["actions"]] == ["undo"]
    stack.require_settled(old, 1)


@pytest.mark.parametrize(
    ("step", "before", "phase"),
    [
        ("RolloutScene.send:1", "", "-"),
        ("RolloutScene.start_beside", "/start", "beside"),  # it is made, and not started
        ("RolloutScene.send:2", "/top?", "shifting"),  # nginx has been asked about the new files, and not about its workers
        ("ServiceWork.stop", "", "drained"),
        ("RolloutScene.rest", "", "drained"),
    ],
)
def test_an_engine_that_is_gone_in_the_middle(stack, step, before, phase):
    """T200: users notice nothing, the failure is told, what nginx includes is whole, and the next run brings it to one end."""
    old, new = stack.version(), stack.other()
    stack.wants(new)
    with stack.under_load() as seen:
        told = stack.loses_engine_at(step, before)
        assert told["reason"] in ("engine_unreachable", "start_failed", "rollout_stuck", "edge_not_put_back"), told
        assert stack.phases() == phase, told
        stack.nginx("-t", "-q")
        assert stack.version() in (old, new)
        done = stack.rollout()
        assert not done["failed"], done
        stack.require_settled(new, 1, step)
    assert seen["errors"] == 0, (step, seen)
    assert not stack.rollout()["changed"]


def test_an_edge_that_takes_no_new_configuration_in_the_middle(stack):
    """T201: its master takes the test for good and never acts on it. The old ones serve, and no new one is left."""
    old, new = stack.version(), stack.other()
    stack.wants(new)
    edge = stack.project.containers("edge")[0]["Id"]
    with stack.gated() as open_gate, ThreadPoolExecutor(max_workers=1) as pool, stack.under_load() as seen:
        run = pool.submit(stack.rollout, health_timeout=120)
        stack.wait_for(lambda: stack.phases() == "beside")
        docker("kill", "--signal", "STOP", edge)
        open_gate()
        stack.wait_for(lambda: stack.phases() == "returning")
        docker("kill", "--signal", "CONT", edge)
        result = run.result()
    assert result["failed"] and result["reason"] == "edge_refused" and "within 15 s" in result["msg"], result
    assert seen["errors"] == 0, seen
    stack.require_settled(old, 1)
    stack.wants(old)
    assert not stack.rollout()["changed"]


def test_new_ones_that_hang_after_a_kill_are_not_gone_on_with(stack):
    """T207: the old ones still run, serve again, and nobody is told that it went well."""
    old, new = stack.version(), stack.other()
    stack.wants(new)
    assert stack.dies_at("RolloutScene.drain") and stack.phases() == "shifted"
    # The rollout asks by itself whether it is well; for the engine it may be starting still.
    stack.wait_for(lambda: all(one["State"]["Health"]["Status"] == "healthy" for one in stack.project.containers("api")))
    hanging = next(one["Id"] for one in stack.project.containers("api") if one["Config"]["Image"].endswith(new))
    docker("kill", "--signal", "STOP", hanging)
    result = stack.rollout(health_timeout=8, stop_timeout=1)
    assert result["failed"] and result["reason"] == "service_unhealthy" and "old ones serve again" in result["msg"], result
    stack.require_settled(old, 1)
    assert not stack.rollout()["failed"]
    stack.require_settled(new, 1)
