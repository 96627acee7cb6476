"""More and fewer containers behind the edge: nobody is cut off, everybody serves, and the next deploy keeps the number."""

from __future__ import annotations

import os
import signal
import time

import pytest
import yaml

from tests.support.dying import loses_engine_at
from tests.support.edge import EdgeStack
from tests.support.modules import call, start
from tests.support.stacks import unique_name

HEADER = "X-Served-By"
LIMITED = {"services": {"edge": {"deploy": {"resources": {"limits": {"memory": "96M"}}}}}}
DEFAULTS = {
    "env_file": ".env", "profiles": [], "docker_host": "", "lease_token": "", "drain_timeout": 30, "stop_timeout": None, "path": "/",
}  # fmt: skip
URL = "http://127.0.0.1:{{ stack_edge_port }}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    stack = EdgeStack(
        tmp_path_factory.mktemp("scale"),
        unique_name("scale"),
        stack_compose_files=["compose.yaml", "compose.limits.yaml"],
        stack_edge={"service": "edge", "pools": {"api": {"port": 3000}}, "url": URL},
        stack_scaling={"served_by": HEADER},
        stack_release={"acquire": "never", "services": ["api"], "probe_deadline": 60, "health_timeout": 120},
        stack_probes=[{"name": "alive", "url": f"{URL}/health", "status": ["200"]}],
    )
    limits = stack.project.directory / "compose.limits.yaml"
    limits.write_text(yaml.safe_dump(LIMITED))
    try:
        stack.project.compose("-f", "compose.yaml", "-f", "compose.limits.yaml", "up", "--detach", "--wait")
        yield stack
    finally:
        stack.remove()


def options(shop: EdgeStack, **own: object) -> dict:
    files = ["compose.yaml", "compose.limits.yaml"]
    return {**shop.options, "compose_files": files, "service": "api", "served_by": HEADER, "health_timeout": 120, "serve_timeout": 60, **own}


def scale(shop: EdgeStack, replicas: int, check: bool = False, **own: object) -> dict:
    return call("service_scale", options(shop, replicas=replicas, **own), check=check)


def test_up_and_down_check_do_check_again_do_again(shop):
    first = set(shop.api())
    seen = scale(shop, 3, check=True)
    assert ([step["detail"] for step in seen["actions"]], len(shop.api())) == (["1 to 3"], 1), seen
    done = scale(shop, 3)
    assert (done["changed"], done["healthy"], done["drained"]) == (True, True, {}), done
    assert len(done["answered"]) == 3 and all(done["answered"].values())
    assert first < set(shop.api())
    for check in (True, False):
        again = scale(shop, 3, check=check)
        assert (again["changed"], again["actions"]) == (False, [])

    assert [step["action"] for step in scale(shop, 1, check=True)["actions"]] == ["drain", "drain", "scale"]
    done = scale(shop, 1)
    assert (done["drained"]["connections_left"], len(done["drained"]["containers"]), set(shop.api())) == (0, 2, first), done
    assert shop.traffic(check=True)["changed"] is False
    assert not scale(shop, 1)["changed"]


def test_who_leaves_ends_its_requests_and_gets_no_new_ones(shop):
    scale(shop, 2)
    with shop.asked_by(12, "/work?ms=1500") as answers:
        while not answers:  # from then on all of them wait for an answer, most of the time
            time.sleep(0.02)
        done = scale(shop, 1)
    assert (set(answers), done["drained"]["connections_left"], len(shop.api())) == ({200}, 0, 1), (done, answers)
    assert answers[200] > 20 and done["drained"]["seconds"] > 0


def test_a_run_that_was_killed_while_it_drained_is_cleared_up_by_the_next(shop):
    scale(shop, 2)
    with shop.asked_by(8, "/work?ms=6000", count=1) as answers:
        killed = start("service_scale", options(shop, replicas=1))
        until = time.monotonic() + 60
        while "runbook_api_pinned" not in shop.included().read_text():
            assert time.monotonic() < until
            time.sleep(0.02)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    assert answers == {200: 8}, "nobody was cut off"
    done = scale(shop, 2)
    assert (done["changed"], len(done["answered"]), all(done["answered"].values())) == (True, 2, True), done
    assert not scale(shop, 2)["changed"]
    scale(shop, 1)


@pytest.mark.parametrize(("replicas", "step", "before"), [(1, "EdgeControl.change", "/top?"), (3, "ComposeCli.up", "/containers/create")])
def test_an_engine_that_is_gone_in_the_middle(shop, replicas, step, before):
    """T204."""
    assert not scale(shop, 2)["failed"]
    wanted = {**DEFAULTS, **options(shop, replicas=replicas)}
    with shop.asked_by(1, "/health") as answers:
        told = loses_engine_at(step, "service_scale", wanted, before)
        assert told["reason"] in ("engine_unreachable", "start_failed", "edge_not_put_back"), told
        shop.nginx("-t", "-q")
        assert not scale(shop, replicas)["failed"] and len(shop.api()) == replicas
    assert set(answers) == {200} and sum(answers.values()) > 20
    assert shop.traffic(check=True)["changed"] is False and not scale(shop, replicas)["changed"]
    scale(shop, 1)


def test_what_cannot_be_is_refused_and_nothing_is_touched(shop):
    before = shop.api()
    pinned = {"api": {"containers": [{"name": next(iter(before))}], "minutes": 5}}
    assert scale(shop, 2, service="edge")["reason"] == "cannot_scale"
    assert scale(shop, 2, service="web")["reason"] == "unknown_service"
    assert scale(shop, -1)["reason"] == "bad_input"
    assert shop.traffic(pools=pinned)["changed"]
    assert scale(shop, 2)["reason"] == "pool_pinned"
    assert shop.traffic(pools={"api": {}})["changed"]
    shop.project.set_env(LOG_LEVEL="debug")
    assert scale(shop, 2)["reason"] == "configuration_pending"
    shop.project.set_env(LOG_LEVEL="info")
    assert shop.api() == before


def test_a_container_that_the_edge_does_not_reach_is_told(shop):
    failed = scale(shop, 1, served_by="X-Nobody", serve_timeout=1)
    assert (failed["reason"], failed["details"]["answered"]) == ("replica_not_reached", {f"{shop.name}-api-1": 0}), failed


def test_the_number_is_kept_in_the_files_and_by_the_next_release(shop):
    played = shop.must("scaling/scale", service="api", replicas=2)
    assert (played.told["result"]["after"], played.told["result"]["kept_in"]) == (2, "compose.limits.yaml")
    assert len(played.told["result"]["answered"]) == 2
    kept = yaml.safe_load((shop.project.directory / "compose.limits.yaml").read_text())
    assert kept == {"services": {**LIMITED["services"], "api": {"scale": 2}}}
    assert shop.must("scaling/scale", service="api", replicas=2).changed == 0

    shop.must("deploy/release", version="v2")
    assert (len(shop.api()), shop.version()) == (2, "v2")
    shop.must("service/status")


def test_a_number_that_does_not_do_is_taken_back(shop):
    text = (shop.project.directory / "compose.limits.yaml").read_text()
    played = shop.play("scaling/scale", service="api", replicas=3, scaling_served_by="X-Nobody", scaling_serve_timeout=1)
    assert played.code != 0 and "2 run as before" in played.output, played.output
    assert played.record["failure"]["reason"] == "replica_not_reached"
    assert (len(shop.api()), (shop.project.directory / "compose.limits.yaml").read_text()) == (2, text)
