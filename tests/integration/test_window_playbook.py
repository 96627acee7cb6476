"""maintenance/window.yml on a real stack behind a real nginx: what is refused, a whole window, and what fails in one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.edge import BYPASS, SECRET
from tests.support.stacks import docker, unique_name
from tests.support.windows import WindowStack

LOOK = """
- name: Ask from outside what everybody gets
  ansible.builtin.uri:
    url: "http://127.0.0.1:{{ stack_edge_port }}/"
    status_code: 503
"""
FAIL = """
- name: Do what cannot be done
  ansible.builtin.fail:
    msg: this file fails
"""
DESTROY = """
- name: Stop the application
  ansible.builtin.command:
    argv: [docker, stop, "{{ stack_name }}-api-1"]
- name: Do what cannot be done
  ansible.builtin.fail:
    msg: the application is gone
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = WindowStack(tmp_path_factory.mktemp("window"), unique_name("window"))
    try:
        made.must("deploy/install", version="v1")
        for name, text in (("look.yml", LOOK), ("fail.yml", FAIL), ("destroy.yml", DESTROY)):
            (made.root / name).write_text(f"---{text}")
        yield made
    finally:
        made.remove()


HALF = {"steps": [50, 100], "hold": 3}
REFUSALS = [
    ({"maintenance_window_disk_free_min_mb": 10**9}, "window_not_ready", "MiB left of the"),
    ({"maintenance_window_return": {"steps": [50, 10], "hold": 1}}, "window_not_ready", "each larger than the one before"),
    ({"stack_services": {"app": "api", "edge": "edge", "redis": "redis"}, "maintenance_window_backups": "required"}, "backup_stale", "redis"),
]


@pytest.mark.parametrize(("variables", "reason", "said"), REFUSALS)
def test_what_cannot_be_done_now_is_refused_before_anything_is_touched(stack, variables, reason, said):
    refused = stack.play("maintenance/window", **stack.window("before", "CHG-0", {"release": "v2"}, **variables))
    assert (refused.code != 0, refused.failure.get("reason")) == (True, reason), refused.output
    assert said in refused.message
    assert not (stack.project.state_dir / stack.name / "window.json").exists() and stack.told() == [] and stack.lease_is_free()


def test_a_whole_window_with_a_release(stack):
    tasks = [{"release": "v2"}, {"file": str(stack.root / "look.yml"), "half_applied": "none", "minutes": 5}]
    asked = stack.window("before,during,after", "CHG-1", *tasks, approver="bob", maintenance_window_return=HALF)
    would = stack.must("maintenance/window", check=True, **asked)
    assert would.told["result"]["outcome"] == "" and not (stack.project.state_dir / stack.name / "window.json").exists()
    assert (stack.told(), stack.has_job(), stack.version(), stack.ask("/").status == 503) == ([], False, "v1", False)
    done = stack.must("maintenance/window", **asked)
    window, result = stack.kept(), done.told["result"]
    assert (window["phase"], window["outcome"], stack.version()) == ("closed", "succeeded", "v2")
    assert [(step["what"].partition(":")[0], step["outcome"]) for step in window["steps"]] == [
        ("window", "begun"),
        ("requests in flight", "done"),
        ("release v2", "begun"),
        ("release v2", "done"),
        (f"file {stack.root}/look.yml", "begun"),
        (f"file {stack.root}/look.yml", "done"),
        ("proven", "done"),
        ("clients let in", "done"),
        ("watching", "done"),
        ("window", "succeeded"),
    ]
    assert window["baseline"]["requests"] >= 1 and window["watched"]["errors"] == 0
    assert stack.told() == ["window_planned", "window_begins", "window_ended"]
    assert not stack.has_job() and stack.lease_is_free() and stack.verdicts()["v2"] == "verified"
    report = json.loads(Path(result["json"]).read_text())
    assert report["window"]["approver"] == "bob" and report["observed"]["version"] == "v2" and report["window"]["plan"]["observed"]["version"] == "v1"
    assert "v1 → v2" in Path(result["page"]).read_text()
    for text in (done.output, json.dumps(done.record), json.dumps(window), stack.feed.read_text(), json.dumps(report)):
        assert SECRET not in text


def test_what_fails_is_taken_back_and_the_edge_is_open(stack):
    """T94"""
    harmless = {"file": str(stack.root / "fail.yml"), "half_applied": "none"}
    planned = stack.must("maintenance/window", **stack.window("before", "CHG-2", {"release": "v3"}, harmless))
    approved = planned.told["result"]["hash"]
    other = stack.play("maintenance/window", **stack.window("during", "CHG-2", {"release": "v3"}, approved=approved))
    assert (other.code != 0, other.reason) == (True, "plan_drifted") and stack.version() == "v2" and not stack.has_job()
    failed = stack.play("maintenance/window", **stack.window("during", "CHG-2", {"release": "v3"}, harmless, approved=approved))
    assert failed.code != 0 and "this file fails" in failed.message and "the edge is open" in failed.message
    assert (stack.version(), stack.verdicts()["v3"]) == ("v2", "rolled_back")
    assert (stack.kept()["outcome"], stack.told()[-1], stack.has_job()) == ("failed", "window_failed", False)
    assert stack.ask("/").status != 503 and stack.lease_is_free()


def test_what_is_worse_with_half_of_the_clients_closes_the_edge_again_and_can_be_taken_back(stack):
    """T185: How the stack answers gets worse while traffic comes back."""
    stack.must("maintenance/window", **stack.window("before", "CHG-4", {"release": "v3"}))
    stack.forget_how_slow_it_was()
    # Of a few answers nothing is said, however slow they are; of many it is said at once, and nobody waits for the end of the step.
    urls = [f"http://127.0.0.1:{stack.port}/health?{number}" for number in range(8)]
    watched = {"maintenance_window_return": {**HALF, "hold": 120}, "maintenance_window_urls": urls}
    watched["maintenance_window_limits"] = {"p95_floor_ms": 0, "p95_factor": 1}
    worse = stack.play("maintenance/window", **stack.window("during,after", "CHG-4", {"release": "v3"}, **watched))
    assert worse.code != 0 and "The page stays" in worse.message and "ms are allowed" in worse.message
    assert (stack.kept()["phase"], stack.told()[-1], stack.verdicts()["v3"]) == ("abandoned", "window_kept", "verified")
    closed = stack.traffic(check=True)["traffic"]["maintenance"]
    assert (closed["admits"], closed["owner"], stack.ask("/").status) == (0, "window CHG-4", 503)
    back = stack.play("maintenance/window", **stack.window("after", "CHG-4", maintenance_window_on_breach="rollback", **watched))
    assert back.code != 0 and "the release before the window runs again" in back.message
    assert (stack.version(), stack.kept()["outcome"], stack.told()[-1], stack.has_job()) == ("v2", "breached", "window_breached", False)
    assert [step["what"] for step in stack.kept()["steps"]].count("clients let in: 50 %") == 2 and stack.lease_is_free()


def test_what_may_have_left_half_a_schema_is_no_open_edge(stack):
    """T189: The stack answers, and nobody can tell what the task that failed has left."""
    failed = stack.play("maintenance/window", **stack.window("during", "CHG-6", {"file": str(stack.root / "fail.yml")}))
    assert failed.code != 0 and "cannot be seen from outside" in failed.message and "the page stays" in failed.message
    assert (stack.kept()["phase"], stack.told()[-1], stack.ask("/").status) == ("abandoned", "window_kept", 503)
    stack.must("maintenance/window", **stack.window("after", "CHG-6"))
    assert stack.ask("/").status != 503 and not stack.has_job()


def test_a_page_that_stays_is_ended_by_a_person(stack):
    """A window whose return failed too, and how a person ends it."""
    destroy = {"file": str(stack.root / "destroy.yml"), "half_applied": "swap"}
    failed = stack.play("maintenance/window", **stack.window("during", "CHG-3", destroy))
    assert failed.code != 0 and "the page stays" in failed.message
    assert (stack.kept()["phase"], stack.told()[-1]) == ("abandoned", "window_kept")
    closed = stack.ask("/")
    assert closed.status == 503 and int(closed.headers["retry-after"]) > 0
    assert stack.tick().returncode == 1 and stack.ask("/").status == 503  # the target leaves it to a person, too
    early = stack.play("maintenance/window", **stack.window("after", "CHG-3"))
    assert early.code != 0 and stack.ask("/").status == 503
    docker("start", f"{stack.name}-api-1")
    stack.project.await_healthy("api")
    assert stack.ask("/health", **BYPASS).status == 200
    done = stack.must("maintenance/window", **stack.window("after", "CHG-3"))
    assert done.told["result"]["outcome"] == "succeeded" and stack.ask("/health").status == 200 and not stack.has_job()
