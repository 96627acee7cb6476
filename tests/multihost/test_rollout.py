"""One release on two hosts: both run it, or none does. The hosts are reached over SSH and have engines of their own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.support.modules import ROOT
from tests.support.remote import HOSTS, Remote, reached
from tests.support.stacks import MINIATURE, docker

VERSIONS = ("v1", "v2", "v3", "bad", "slow")
IMAGES = (*(f"runbook-api:{version}" for version in VERSIONS), "runbook-postgres:15", "runbook-redis:7", "runbook-nginx:1")
STACK, PORT = "shop-staging", 18080
LOCAL = ROOT / "inventories" / "local" / "group_vars"


class Fleet(Remote):
    """Two hosts and the inventory that names them."""

    def must(self, playbook: str, **variables: object) -> str:
        code, output = self.play(playbook, **variables)
        assert code == 0, output[-6000:]
        return output

    def inside(self, host: str, *words: str) -> str:
        return docker("exec", host, *words)

    def versions(self) -> list[str]:
        """What answers at the edge of each host, asked on that host."""
        ask = f"import json, urllib.request as r; print(json.load(r.urlopen('http://127.0.0.1:{PORT}/health', timeout=30))['version'])"
        return [self.inside(host, "python3", "-c", ask).strip() for host in HOSTS]

    def await_version(self, number: int, version: str) -> None:
        """Until users of that host get it: a timer of the target may have its minute to come."""
        until = time.monotonic() + 180
        while True:
            with contextlib.suppress(AssertionError):  # nobody answers yet
                if self.versions()[number] == version:
                    return
            assert time.monotonic() < until, self.inside(HOSTS[number], "docker", "ps", "--all")
            time.sleep(1)

    def verdicts(self, host: str) -> dict[str, str]:
        """Version to the verdict of its newest entry in the host's ledger."""
        ledger = json.loads(self.inside(host, "cat", f"/var/lib/runbook/{STACK}/releases/ledger.json"))
        entries = ledger.get("releases") or ledger["entries"]
        return {entry["version"]: entry["verdict"] for entry in sorted(entries, key=lambda one: one["id"])}

    def journal(self, host: str) -> list[dict]:
        return [json.loads(line) for line in self.inside(host, "cat", f"/var/lib/runbook/{STACK}/journal.ndjson").splitlines()]

    def last_in_journal(self, host: str, event: str) -> str:
        return [entry["at"] for entry in self.journal(host) if entry["event"] == event][-1]

    def await_in_journal(self, host: str, event: str, version: str) -> None:
        until = time.monotonic() + 240
        while not any(entry["event"] == event and entry.get("version") == version for entry in self.journal(host)):
            assert time.monotonic() < until, f"no {event} of {version}"
            time.sleep(0.2)


def write_inventory(place: Path) -> None:
    variables = place / "group_vars" / "stack"
    variables.mkdir(parents=True)
    for file in (LOCAL / "stack").glob("*.yml"):
        (variables / file.name).write_text(file.read_text())
    own = {
        "runbook_environment": "staging",
        "stack_name": STACK,
        "stack_project_dir": "/opt/shop/staging",
        "stack_state_dir": "/var/lib/runbook",
        "stack_files": {"directory": str(MINIATURE)},
        "stack_edge_port": str(PORT),
    }
    (variables / "zz_own.yml").write_text(yaml.safe_dump(own))
    hosts = {name: reached(number) for number, name in enumerate(HOSTS)}
    (place / "hosts.yml").write_text(yaml.safe_dump({"stack": {"hosts": hosts}}))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, hosts):
    directory = tmp_path_factory.mktemp("fleet")
    subprocess.run([hosts, "load", *IMAGES], check=True)
    write_inventory(directory / "inventory")
    made = Fleet(directory, "inventory")
    made.must("deploy/install", version="v1")
    return made


def test_a_rollout_reaches_one_host_after_the_other(fleet):
    assert fleet.versions() == ["v1", "v1"]
    fleet.must("deploy/release", version="v2")
    assert fleet.versions() == ["v2", "v2"]
    first, second = (fleet.last_in_journal(host, "release_verified") for host in HOSTS)
    assert first < fleet.last_in_journal(HOSTS[1], "release_registered") < second


def test_a_second_rollout_of_the_same_version_changes_nothing(fleet):
    output = fleet.must("deploy/release", version="v2")
    assert output.count("changed=0") == len(HOSTS) + 1  # and the controller


def test_hosts_that_switched_go_back_when_a_later_one_fails(fleet):
    # On the second host the same name means an image that never becomes healthy.
    good = fleet.inside(HOSTS[1], "docker", "image", "inspect", "--format", "{{.Id}}", "runbook-api:v3").strip()
    fleet.inside(HOSTS[1], "docker", "tag", "runbook-api:bad", "runbook-api:v3")
    try:
        seconds = "{{ 8 if inventory_hostname == '" + HOSTS[1] + "' else 120 }}"
        code, output = fleet.play("deploy/release", version="v3", deploy_health_timeout=seconds)
    finally:
        fleet.inside(HOSTS[1], "docker", "tag", good, "runbook-api:v3")
    assert code != 0
    assert f"v3 was taken back here, because it failed on {HOSTS[1]}" in output
    assert fleet.versions() == ["v2", "v2"]
    assert fleet.verdicts(HOSTS[0])["v3"] == "rolled_back"
    assert fleet.verdicts(HOSTS[1])["v3"] == "failed"


def test_a_host_whose_engine_is_down_stops_the_rollout_and_the_others_go_back(fleet):
    fleet.inside(HOSTS[1], "systemctl", "stop", "docker.socket", "docker")
    try:
        code, output = fleet.play("deploy/release", version="v3")
        assert code != 0
        assert "does not answer" in output
    finally:
        fleet.inside(HOSTS[1], "systemctl", "start", "docker.socket", "docker")
    fleet.must("service/state", state="started")
    assert fleet.versions() == ["v2", "v2"]
    assert fleet.verdicts(HOSTS[0])["v3"] == "rolled_back"


def test_a_rollback_reaches_both_hosts(fleet):
    fleet.must("incident/rollback")
    assert fleet.versions() == ["v1", "v1"]


def test_an_engine_that_stops_in_the_middle_of_a_deploy(fleet):
    # This version takes eight seconds to be ready, and the engine goes away meanwhile.
    run = fleet.start("deploy/release", version="slow", target_hosts=HOSTS[1])
    try:
        fleet.await_in_journal(HOSTS[1], "release_staged", "slow")
        fleet.inside(HOSTS[1], "systemctl", "stop", "docker.socket", "docker")
        output = run.communicate(timeout=900)[0]
    finally:
        run.kill()
        fleet.inside(HOSTS[1], "systemctl", "start", "docker.socket", "docker")
    assert run.returncode != 0
    assert "is DOWN or not proven" in output
    assert fleet.verdicts(HOSTS[1])["v1"] == "verified"
    fleet.must("deploy/release", version="slow", target_hosts=HOSTS[1])
    assert fleet.versions() == ["v1", "slow"]
    assert fleet.verdicts(HOSTS[1])["slow"] == "verified"


def test_an_engine_that_is_restarted_while_two_colours_run(fleet):
    """T229. The containers come back, perhaps with other addresses; the timer of the target sends the requests after them."""
    host = HOSTS[0]
    there = {"target_hosts": host, "deploy_bake_scheduler": "systemd"}
    before = fleet.versions()[0]
    fleet.must("deploy/bluegreen", version="v3", deploy_bake=3600, **there)
    assert fleet.versions()[0] == "v3"
    assert fleet.inside(host, "systemctl", "is-enabled", f"runbook-{STACK}-rollout.timer").strip() == "enabled"
    began = fleet.inside(host, "docker", "inspect", "--format", "{{.State.StartedAt}}", f"{STACK}-edge-1")
    fleet.inside(host, "systemctl", "restart", "docker")
    fleet.await_version(0, "v3")
    assert fleet.inside(host, "docker", "inspect", "--format", "{{.State.StartedAt}}", f"{STACK}-edge-1") != began
    fleet.must("deploy/bluegreen", step="back", **there)
    assert fleet.versions()[0] == before
    assert fleet.verdicts(host)["v3"] == "rolled_back"
    assert "rollout" not in fleet.inside(host, "systemctl", "list-timers", "--all", "--no-legend", f"runbook-{STACK}-*")
