"""Releases, rollbacks and switches between two colours by our playbooks, while users ask the edge: none of their requests fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.rollouts import RolloutStack
from tests.support.stacks import unique_name

QUICK = {"strategy": "rolling", "watch": 0.3, "health_timeout": 120, "acquire": "never", "backup": "none", "disk_free_min_mb": 1, "probe_deadline": 10}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    ready = {"name": "ready", "role": "readiness", "url": "http://127.0.0.1:{{ stack_edge_port }}/health/ready", "json": {"status": "ok"}}
    directory = tmp_path_factory.mktemp("bluegreen")
    places = {f"deploy_job_{kind}_dir": str(directory / kind) for kind in ("lib", "unit", "cron")}
    for place in places.values():
        Path(place).mkdir()
    made = RolloutStack(
        directory,
        unique_name("bluegreen"),
        stack_release={"variable": "APP_VERSION", "services": ["api"], **QUICK},
        stack_edge={"service": "edge", "pools": {"api": {"port": 3000}}, "url": "http://127.0.0.1:{{ stack_edge_port }}"},
        stack_probes=[ready],
        stack_dependency_probes=[],
        stack_postgres={},
        stack_environment={},
        stack_required_keys=[],
        deploy_bake_scheduler="cron",
        ansible_python_interpreter=sys.executable,
        **places,
    )
    try:
        yield made.up(2)
    finally:
        made.remove()


def told(played) -> dict:
    assert played.code == 0, played.output
    return played.told["result"]


def run_of_the_job(stack) -> subprocess.CompletedProcess:
    """As cron starts it."""
    lines = [line for file in (stack.directory / "cron").iterdir() for line in file.read_text().splitlines() if line.startswith("* * * * *")]
    command = lines[0].split(None, 6)[6]
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=600, check=False)


def test_a_release_and_its_rollback_under_load(stack):
    """Also one that never becomes healthy; as many containers as before."""
    with stack.under_load(rate=25, timeout=30) as seen:
        result = told(stack.play("deploy/release", version="v2"))
        assert result["traffic"]["errors"] == 0 and result["traffic"]["requests"] > 20, result
        assert result["rollouts"][0]["state"] == "new"
        stack.require_settled("v2", 2)
        before = stack.names()
        refused = stack.play("deploy/release", version="bad", deploy_health_timeout=4)
        assert refused.code != 0 and refused.reason == "health_timeout" and "the release before it runs again" in refused.message, refused.output
        assert stack.names() == before and stack.verdicts()["bad"] == "failed"
        back = told(stack.play("incident/rollback"))
        assert (back["version"], back["traffic"]["errors"]) == ("v1", 0), back
    assert seen["errors"] == 0, seen
    stack.require_settled("v1", 2)


def test_a_switch_back_and_a_finish_under_load(stack):
    with stack.under_load(rate=25, timeout=30) as seen:
        switched = told(stack.play("deploy/bluegreen", version="v2"))
        assert switched["rollouts"][0]["state"] == "baking" and switched["traffic"]["errors"] == 0, switched
        assert (stack.version(), stack.versions(), stack.ledger()["drift"]) == ("v2", ["v1", "v1", "v2", "v2"], [])
        job = run_of_the_job(stack)
        assert job.returncode == 0 and stack.open["api"]["phase"] == "baking", job
        back = told(stack.play("deploy/bluegreen", step="back"))
        assert not list((stack.directory / "cron").iterdir())
        assert back["version"] == "v1" and back["rollouts"][0]["state"] == "old" and back["rollouts"][0]["effect_ms"] > 0, back
        stack.require_settled("v1", 2)
        told(stack.play("deploy/bluegreen", version="v3"))
        finished = told(stack.play("deploy/bluegreen", step="finish"))
        assert finished["changed"] and finished["rollouts"][0]["state"] == "new"
        stack.require_settled("v3", 2)
    assert seen["errors"] == 0, seen
    late = stack.play("deploy/bluegreen", step="back")
    assert late.code != 0 and "No old colour" in late.message, late.output
    assert stack.verdicts()["v2"] == "rolled_back"


def test_settings_and_the_way_back_from_them_under_load(stack):
    """No playbook that only means what the files say recreates in place what is behind the edge."""
    with stack.under_load(rate=25, timeout=30) as seen:
        before = stack.names()
        configured = told(stack.play("service/configure", settings={"LOG_LEVEL": "debug"}))
        assert configured["traffic"]["errors"] == 0 and configured["traffic"]["requests"] > 20 and not set(before) & set(stack.names()), configured
        assert told(stack.play("incident/rollback", kind="config", to="previous"))["changed"]
        stack.edit(lambda services: services["api"].update(labels={"edited": "by hand"}))
        assert told(stack.play("service/state", state="started"))["changed"]
    assert seen["errors"] == 0, seen
    assert len(stack.names()) == 2 and stack.pinned == {} and stack.open == {}
