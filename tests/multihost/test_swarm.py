"""Services of a real swarm of two nodes: released by digest, taken back when that fails, scaled and restarted."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time

import pytest

from tests.support.image_registry import LOGIN, PASSWORD, ImageRegistry
from tests.support.modules import call
from tests.support.stacks import docker
from tests.support.swarm import HOSTS, PORT, PROBES, STACK, VERSIONS, SwarmHosts

BOTH = ["api", "agent"]


@pytest.fixture(scope="module")
def swarm(tmp_path_factory, hosts):
    directory = tmp_path_factory.mktemp("swarm")
    gateway = docker("network", "inspect", "runbook-hosts", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    with ImageRegistry(directory / "images", gateway, VERSIONS) as registry, SwarmHosts(directory, registry).formed() as formed:
        yield formed


def test_a_release_by_digest_check_do_check_again_do_again(swarm):
    options = {"services": BOTH, "version": "v2", "created_by": "ada"}
    seen = swarm.must("released", check=True, **options)
    assert [step["action"] for step in seen["actions"]] == ["adopt", "register", "update", "update"]
    assert seen["diff"]["after"]["api"]["image"] == swarm.pinned("shop/api:v2")
    assert swarm.versions() == ["v1", "v1"] and not (swarm.directory / "state" / STACK / "releases").exists()

    done = swarm.must("released", **options)
    assert (done["actions"], done["release"]["verdict"], done["staged"], done["current"]) == (seen["actions"], "pending", "0002", "0001")
    assert swarm.versions() == ["v2", "v2"]
    assert swarm.images() == {"api": swarm.pinned("shop/api:v2"), "agent": swarm.pinned("shop/api:v2")}
    assert [(service["name"], service["after"]["running"], service["nodes"]) for service in done["services"]] == [
        ("api", 2, ["runbook-host-1", "runbook-host-2"]),
        ("agent", 2, ["runbook-host-1", "runbook-host-2"]),
    ]
    assert "a-key-that-nobody-may-see" not in str(done)
    swarm.verdict("verified", "0002", created_by="ada")

    for check in (True, False):
        again = swarm.must("released", check=check, **options)
        assert (again["changed"], again["already_current"], again["previous"]) == (False, True, "0001")


def test_a_release_that_fails_on_its_second_service_takes_the_first_back_too(swarm):
    """T109"""
    before = swarm.images()
    failed = swarm.call("released", services=BOTH, version="v3", repositories={"agent": f"{swarm.registry.address}/shop/odd"})
    assert failed["reason"] == "swarm_update_failed", failed
    assert failed["details"]["taken_back"] == ["shop_api", "shop_agent"]
    assert failed["details"]["tasks"][0]["error"] and "What ran before runs again" in failed["msg"]
    after = swarm.look()
    assert (after["healthy"], after["staged"], swarm.images(), swarm.versions()) == (True, "", before, ["v2", "v2"])
    # Nothing is in the way of the next release, and what failed is never gone back to.
    assert swarm.call("rolled_back", release="v3")["reason"] == "release_failed_before"


def test_more_than_the_nodes_take_brings_the_number_before_back(swarm):
    """T110: each node has the port once."""
    failed = swarm.call("scaled", replicas={"api": 3}, timeout=4)
    assert (failed["reason"], failed["details"]["running"]) == ("swarm_not_converged", 2), failed
    assert "no suitable node" in failed["msg"] and failed["details"]["taken_back"] == ["shop_api"]
    assert swarm.look()["services"][1]["after"]["replicas"] == 2


def test_scaled_check_do_check_again_do_again(swarm):
    assert swarm.must("scaled", check=True, replicas={"api": 1})["diff"]["after"]["api"]["replicas"] == 1
    done = swarm.must("scaled", replicas={"shop_api": "1"})
    assert (done["actions"][0]["detail"], done["services"][0]["after"]["running"]) == ("2 to 1", 1)
    assert not swarm.must("scaled", check=True, replicas={"api": 1})["changed"]
    assert not swarm.must("scaled", replicas={"api": 1})["changed"]
    assert swarm.must("scaled", replicas={"api": 2})["services"][0]["after"]["running"] == 2


def test_bad_input_touches_nothing(swarm):
    before = [service["after"] for service in swarm.look()["services"]]
    for options, reason, word in (
        ({"state": "restarted", "services": ["web"]}, "unknown_service", "shop_agent, shop_api"),
        ({"state": "scaled", "replicas": {"agent": 3}}, "cannot_scale", "once on every node"),
        ({"state": "scaled", "replicas": {"api": -1}}, "bad_input", "no number"),
        ({"state": "scaled"}, "bad_input", "needs replicas"),
        ({"state": "restarted", "version": "v2"}, "bad_input", "no meaning"),
        ({"state": "released", "version": "v4:x"}, "bad_input", "tag"),
        ({"state": "released", "version": "v3", "repositories": {"web": "shop/web"}}, "bad_input", "web"),
        ({"state": "released", "version": "v404"}, "image_digest_unknown", "v404"),
        ({"state": "rolled_back", "release": "v9"}, "no_such_release", "Known"),
        ({"state": "looked", "stack_name": "other"}, "unknown_service", "no service of stack other"),
    ):
        failed = call("swarm_service", {**swarm.options(), **options})
        assert (failed.get("reason"), word in failed["msg"]) == (reason, True), failed
    assert [service["after"] for service in swarm.look()["services"]] == before


def test_an_engine_that_is_no_manager_says_where_one_is(swarm):
    """T111"""
    failed = call("swarm_service", {**swarm.options(1), "state": "looked"})
    assert failed["reason"] == "not_a_swarm_manager"
    assert ":2377" in failed["details"]["managers"][0] and failed["details"]["managers"][0] in failed["msg"]
    outside = call("swarm_service", {**swarm.options(), "docker_host": "", "state": "looked"})
    assert (outside["reason"], "is in no swarm" in outside["msg"]) == ("not_a_swarm_manager", True)


def test_a_killed_release_is_finished_by_the_next_run(swarm):
    """T112"""
    known = len(swarm.journal())
    killed = swarm.start("released", services=["api"], version="v3")
    until = time.monotonic() + 120
    while not any(entry["event"] == "release_staged" and "services" in entry for entry in swarm.journal()[known:]):
        assert time.monotonic() < until
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert swarm.look()["staged"] == "0004"
    while swarm.call("released", services=["api"], version="v3", created_by="ada").get("reason") == "swarm_update_running":
        assert time.monotonic() < until + 120
        time.sleep(0.5)
    assert swarm.versions() == ["v3", "v3"]
    assert swarm.verdict("verified", "0004")["current"] == "0004"
    back = swarm.must("rolled_back", check=True)
    assert (back["release"]["id"], back["diff"]["after"]["api"]["image"]) == ("0002", swarm.pinned("shop/api:v2"))
    assert [(step["action"], step["target"]) for step in back["actions"]] == [("stage", "0002"), ("update", "shop_api")]


def test_nodes_pull_with_the_login_of_whoever_releases(swarm, tmp_path):
    """T224"""
    options = {**swarm.options(), "state": "released", "services": ["api"], "version": "v2", "repositories": {"api": f"{swarm.registry.private}/shop/api"}}
    environment = {**os.environ, "DOCKER_CONFIG": str(tmp_path)}
    refused = call("swarm_service", options, environment=environment)
    assert refused["reason"] == "image_digest_unknown" and swarm.versions() == ["v3", "v3"], refused
    (tmp_path / "config.json").write_text(json.dumps({"auths": {swarm.registry.private: {"auth": LOGIN}}}))
    done = call("swarm_service", options, environment=environment)
    assert not done["failed"] and swarm.versions() == ["v2", "v2"], done
    assert done["services"][0]["nodes"] == ["runbook-host-1", "runbook-host-2"]
    assert PASSWORD not in str(done) and LOGIN not in str(done)
    swarm.must("rolled_back", release="current")
    assert swarm.versions() == ["v3", "v3"] and swarm.verdict("verified", "current")["staged"] == ""


def test_new_tasks_first_and_the_swarms_own_way_back(swarm):
    """T226"""
    health = ["--health-cmd", "app healthcheck", "--health-interval", "500ms", "--health-retries", "8", "--health-start-period", "1s"]
    rules = ["--update-order", "start-first", "--update-failure-action", "rollback", "--update-monitor", "1s", "--rollback-monitor", "1s"]
    own = ["--detach", "--name", "shop_worker", "--replicas", "2", "--endpoint-mode", "dnsrr", "--stop-grace-period", "1s", "--restart-delay", "500ms"]
    swarm.inside(0, "docker", "service", "create", *own, *health, *rules, swarm.pinned("shop/api:v1"))
    try:
        done = swarm.must("released", services=["worker"], version="v2")
        assert (done["services"][0]["after"]["running"], done["services"][0]["after"]["update"]) == (2, "completed")
        odd = {"worker": f"{swarm.registry.address}/shop/odd"}
        failed = swarm.call("released", services=["worker"], version="v3", repositories=odd)
        assert (failed["reason"], failed["details"]["taken_back"]) == ("swarm_update_failed", ["shop_worker"]), failed
        assert failed["details"]["update"] in ("rollback_started", "rollback_completed")
        after = swarm.look()["services"][-1]
        assert (after["name"], after["after"]["image"], after["after"]["running"]) == ("worker", swarm.pinned("shop/api:v2"), 2)
    finally:
        swarm.inside(0, "docker", "service", "rm", "shop_worker")


def test_the_playbooks_release_take_back_return_scale_and_restart(swarm):
    """From what runs (v3), which the ledger of the manager adopts."""

    def tasks() -> set[str]:
        return set(swarm.inside(0, "docker", "service", "ps", "--quiet", "--filter", "desired-state=running", "shop_api").split())

    code, output, record = swarm.play("deploy/release", version="v2")
    assert code == 0 and swarm.versions() == ["v2", "v2"], output

    code, output, record = swarm.play("deploy/release", version="v1")
    assert code != 0 and "the release before it runs again and answers" in output, output
    assert record["failure"]["reason"] == "probe_wrong_answer" and swarm.versions() == ["v2", "v2"]

    code, output, record = swarm.play("incident/rollback")
    assert code == 0 and swarm.versions() == ["v3", "v3"], output

    before = tasks()
    assert swarm.must("restarted", check=True, services=["api"])["changed"] and tasks() == before
    code, output, record = swarm.play("service/restart", services=["api"])
    assert code == 0 and len(tasks()) == 2 and not tasks() & before, output

    code, output, record = swarm.play("scaling/scale", service="api", replicas=1, stack_probes=[{**PROBES[0], "absent": ["v3"]}])
    # Which of them is left, and whether it is the one that the probe asks, is the swarm's choice.
    assert code == 2 and record["failure"]["reason"] in ("probe_dead", "probe_wrong_answer"), output
    assert len(tasks()) == 2 and "2 run again" in output
    swarm.must("scaled", replicas={"api": 1})
    code, output, record = swarm.play("scaling/scale", service="api", replicas=2)
    assert code == 0 and len(tasks()) == 2, output

    code, output, record = swarm.play("service/status")
    ledger = json.loads(swarm.inside(0, "cat", f"/var/lib/runbook/{STACK}/releases/ledger.json"))
    assert code == 0 and "shop_agent  global" in output, output
    assert [(entry["version"], entry["verdict"]) for entry in ledger["releases"]] == [("v3", "verified"), ("v2", "rolled_back"), ("v1", "failed")]
    assert (ledger["current"], ledger["staged"]) == ("0001", "")


def test_the_health_of_a_swarm_is_its_tasks_its_images_and_its_ports(swarm):
    """T227"""
    code, output, record = swarm.play("health/check")
    assert code == 0 and "shop_agent  global" in output, output
    told = record["custom_stats"]["_run"]["runbook"][HOSTS[0]]["result"]
    assert [(door["node"], door["port"], door["answers"]) for door in told["published"]] == [(host, PORT, True) for host in HOSTS]
    # The swarm remembers an update that it gave up in a test before: a warning.
    assert [one for one in told["problems"] if one["severity"] == "critical"] == []

    swarm.inside(0, "docker", "service", "update", "--detach=false", "--quiet", "--image", swarm.pinned("shop/api:v2"), "shop_api")
    code, output, record = swarm.play("health/check")
    assert code != 0 and "shop_api has the image" in output and f"says {swarm.pinned('shop/api:v3')}" in output, output


@pytest.mark.parametrize(
    ("playbook", "variables", "word"),
    [
        ("service/configure", {"settings": {"A": "1"}}, "service.configure is not there for stack_engine=swarm"),
        ("deploy/release", {"version": "v3", "deploy_migrations": {"status": ["x"]}}, "cannot do stack_release.migrations"),
        ("deploy/release", {"version": "v3", "stack_engine": "kubernetes"}, "stack_engine=kubernetes"),
    ],
)
def test_what_the_engine_has_no_way_to_do_is_refused(swarm, playbook, variables, word):
    before = swarm.look()["services"]
    code, output, record = swarm.play(playbook, **variables)
    assert code != 0 and word in output and "nothing was done" in output, output
    assert record["failure"]["reason"] == "engine_unsupported", record["failure"]
    assert swarm.look()["services"] == before
