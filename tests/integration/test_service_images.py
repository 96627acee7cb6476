"""service_images against the real engine and a real registry: each state four times, and what may not be updated."""

from __future__ import annotations

import json

import pytest

from tests.support.cut_engine import CutEngine
from tests.support.modules import call
from tests.support.registry import Registry
from tests.support.stacks import ComposeProject, docker, prune, unique_name

COMPOSE = """
services:
  store: {image: "${STORE}", init: true, command: [sleep, "600"], stop_grace_period: 1s}
  pinned: {image: "${PINNED}", init: true, command: [sleep, "600"]}
  app: {build: ., image: runbook-never-built}
"""


def image_id(reference: str) -> str:
    return docker("image", "inspect", "--format", "{{.Id}}", reference).strip()


def names(prefix: str) -> list[str]:
    """Also those of images that have nothing but a digest."""
    found = docker("image", "ls", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}", f"{prefix}*").splitlines()
    return [f"{name}@{digest}" if tag == "<none>" else f"{name}:{tag}" for name, tag, digest in map(str.split, found)]


class Stores:
    def __init__(self, directory, registry: Registry) -> None:
        self.name = unique_name("images")
        self.registry = registry
        self.reference = f"{registry.address}/shop/store:v1"
        docker("tag", "runbook-base:local", self.reference)
        pinned = f"{registry.address}/shop/pinned@{registry.manifest_digest}"
        self.project = ComposeProject(directory, self.name, COMPOSE, {"STORE": self.reference, "PINNED": pinned})
        self.project.compose("up", "--detach", "--no-build", "store")
        self.running = image_id("runbook-base:local")

    def call(self, state: str, check: bool = False, **options: object) -> dict:
        return call("service_images", {**self.project.options, "state": state, **options}, check=check)

    def meant(self) -> str:
        return image_id(self.reference)

    def record(self) -> dict:
        return json.loads((self.project.state_dir / self.name / "images.json").read_text())["updates"]

    def remove(self) -> None:
        self.project.down()
        for reference in [*names(f"runbook.images/{self.name}/"), *names(f"{self.registry.address}/shop/")]:
            docker("rmi", reference)
        prune("image", "--filter", f"label=runbook.test={self.name}")


@pytest.fixture
def stores(tmp_path):
    with Registry("newer") as registry:
        made = Stores(tmp_path, registry)
        try:
            yield made
        finally:
            made.remove()


def test_each_state_check_do_check_again_do_again(stores):
    chosen = {"services": ["store"]}
    foreseen = stores.call("prepared", check=True, **chosen)
    assert (foreseen["changed"], foreseen["newer"], [one["action"] for one in foreseen["actions"]]) == (True, ["store"], ["pull", "keep"])
    assert names(f"runbook.images/{stores.name}/") == []
    found = stores.call("prepared", **chosen)
    one = found["services"][0]
    assert (one["before_id"], one["after_id"], one["state"]) == (stores.running, stores.registry.image_id, "newer"), found
    assert one["after_digest"].endswith(stores.registry.manifest_digest)
    assert image_id(one["candidate"]) == stores.registry.image_id and stores.meant() == stores.running
    for check in (True, False):
        assert not stores.call("prepared", check=check, **chosen)["changed"]

    for check, changed in ((True, True), (False, True), (True, True)):
        # As long as no container was recreated, it is still to be applied.
        applied = stores.call("applied", check=check, by="ada", **chosen)
        assert applied["changed"] is changed, applied
    assert (stores.meant(), image_id(f"runbook.images/{stores.name}/store:before")) == (stores.registry.image_id, stores.running)
    assert (stores.record()["store"]["outcome"], stores.record()["store"]["by"]) == ("applied", "ada")
    unproven = stores.call("verified", **chosen)
    assert (unproven["failed"], unproven["reason"]) == (True, "bad_input")

    for check, changed in ((True, True), (False, True), (True, False), (False, False)):
        returned = stores.call("returned", check=check, **chosen)
        assert returned["changed"] is changed, returned
    assert (stores.meant(), stores.record()["store"]["outcome"]) == (stores.running, "returned")
    assert names(f"runbook.images/{stores.name}/store:candidate") == []
    assert names(f"{stores.registry.address}/shop/") == [stores.reference]


def test_an_image_that_somebody_brought_is_verified_when_it_runs(stores):
    docker("build", "--tag", stores.reference, "--label", f"runbook.test={stores.name}", "-f", "-", ".", stdin="FROM runbook-base:local\n")
    brought, chosen = stores.meant(), {"services": ["store"]}
    assert stores.call("prepared", acquire="never", **chosen)["newer"] == ["store"]
    assert stores.call("applied", **chosen)["changed"]
    stores.project.compose("up", "--detach", "--no-build", "store")
    for check, changed in ((True, True), (False, True), (True, False), (False, False)):
        assert stores.call("verified", check=check)["changed"] is changed
    assert not stores.call("applied", **chosen)["failed"] or stores.record()["store"]["outcome"] == "verified"
    assert stores.call("prepared", acquire="never", **chosen)["newer"] == []
    assert stores.call("returned", **chosen)["changed"] and stores.meant() == stores.running != brought


def test_what_is_refused_changes_nothing(stores):
    scan = {"command": ["sh", "-c", "echo found: $0; exit 3", "{image}"], "timeout": 10}
    refused = stores.call("prepared", services=["store"], scan=scan)
    assert (refused["reason"], refused["details"]["exit_code"]) == ("image_refused", 3)
    assert f"found: runbook.images/{stores.name}/store:candidate" in refused["msg"]
    cases = [
        ("timed_out", "prepared", {"services": ["store"], "scan": {"command": ["sh", "-c", "sleep 5", "{image}"], "timeout": 1}}),
        ("bad_input", "prepared", {"services": ["store"], "scan": {"command": ["/no/scanner", "{image}"]}}),
        ("bad_input", "prepared", {"services": ["store"], "scan": {"command": ["true"]}}),
        ("image_of_release", "prepared", {"services": ["app"]}),
        ("unknown_service", "prepared", {"services": ["cache"]}),
        ("image_missing", "prepared", {"images": {"store": "runbook-none:1"}, "acquire": "never"}),
        ("image_pinned", "prepared", {"images": {"pinned": "runbook-base:local"}, "acquire": "never"}),
        ("image_pull_failed", "prepared", {"images": {"store": f"{stores.registry.address}/shop/store:v404"}}),
        ("image_pull_failed", "prepared", {"images": {"store": "127.0.0.1:1/store:v1"}}),
        ("image_missing", "applied", {"services": ["store"]}),
        ("no_update_to_undo", "returned", {"services": ["store"]}),
    ]
    for reason, state, options in cases:
        result = stores.call(state, **options)
        assert (result["failed"], result.get("reason")) == (True, reason), (options, result)
    assert stores.meant() == stores.running and names(f"runbook.images/{stores.name}/") == []
    assert not (stores.project.state_dir / stores.name / "images.json").exists()


@pytest.mark.parametrize("nth", [1, 2])
def test_an_engine_that_is_gone_between_two_names_leaves_the_way_back(stores, nth):
    """T205: before the old image is kept, and before the new one gets the name."""
    chosen = {"services": ["store"]}
    assert stores.call("prepared", **chosen)["newer"] == ["store"]
    cut = CutEngine(before="/tag?", nth=nth)
    told = stores.call("applied", docker_host=cut.address, **chosen)
    assert told["failed"] and told["reason"] == "engine_unreachable" and stores.meant() == stores.running, told
    if nth == 2:
        assert stores.record()["store"]["outcome"] == "applied"
        assert not stores.call("returned", **chosen)["failed"] and stores.meant() == stores.running
        stores.call("prepared", **chosen)
    assert stores.call("applied", **chosen)["changed"] and stores.meant() == stores.registry.image_id
    assert stores.call("returned", **chosen)["changed"] and stores.meant() == stores.running
