"""release: images of kept releases survive docker image prune --all, by containers that are never started."""

from __future__ import annotations

import json

import pytest
from tests.support.modules import call
from tests.support.release_stacks import ReleaseStack, actions, image_exists, image_id, succeeded
from tests.support.stacks import docker, prune, unique_name


@pytest.fixture
def stack(tmp_path):
    stack = ReleaseStack(tmp_path, unique_name("f-hold"))
    yield stack
    stack.remove()


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """v1 was live and v2 is; the tests that share it build on each other."""
    stack = ReleaseStack(tmp_path_factory.mktemp("live"), unique_name("f-held"))
    for version in ("v1", "v2"):
        stack.go_live(version)
    yield stack
    stack.remove()


def holders(name: str) -> list[str]:
    return sorted(docker("ps", "--all", "--format", "{{.Names}}", "--filter", f"label=runbook.holds={name}").split())


def holder(stack: ReleaseStack, release: str, service: str = "web") -> str:
    return f"runbook-hold-{stack.name}.{service}.{release}"


def prune_all(stack: ReleaseStack, version: str) -> None:
    """What an operator or a timer does on the host, kept to one image of this test."""
    prune("image", "--all", "--filter", f"label=runbook.test={stack.name}-{version}")


def held(stack: ReleaseStack) -> dict[str, bool]:
    shown = succeeded(call("release_info", stack.options))["kept_images"]
    return {image["reference"].rpartition("/")[2]: image["held"] for image in shown}


def hold_steps(stack: ReleaseStack, version: str, *releases: str) -> list[dict]:
    targets = [(f"runbook.local/{stack.name}/web:{release}", stack.ids[version]) for release in releases]
    return [{"action": "hold", "target": target, "detail": image} for target, image in targets]


def test_a_kept_release_comes_back_after_prune_all_and_goes_when_it_is_forgotten(stack):
    for version in ("v1", "v2"):
        stack.go_live(version)
    prune_all(stack, "v1")
    # The prune did take what only a name kept: v3 was never registered.
    prune_all(stack, "v3")
    assert not image_exists(stack.ids["v3"])
    assert image_id(f"runbook.local/{stack.name}/web:0001") == stack.ids["v1"]
    succeeded(stack.release("staged", release="previous"))
    stack.up()
    assert succeeded(stack.release("verified", release="0001", how="rollback"))["current"] == "0001"
    assert stack.running_image("web") == stack.ids["v1"]

    docker("rmi", f"{stack.name}-web:v2")  # ours is the last name
    succeeded(stack.register("v1", variables={"APP_VERSION": "v1", "COLOUR": "blue"}))  # so that v2 is not the newest of its kind
    succeeded(stack.release("failed", release="0003", verdict_reason="only to push 0002 out"))
    planned = succeeded(stack.release("pruned", check=True, keep=1, images="remove_unused"))
    assert holder(stack, "0002") in holders(stack.name)
    done = succeeded(stack.release("pruned", keep=1, images="remove_unused"))
    assert done["actions"] == planned["actions"]
    own = f"runbook.local/{stack.name}"
    gone = [(one["action"], one["target"]) for one in done["actions"] if one["action"] in ("let_go", "remove_image")]
    assert gone == [("let_go", f"{own}/store:0002"), ("let_go", f"{own}/web:0002"), ("remove_image", stack.ids["v2"])]
    assert not image_exists(stack.ids["v2"])
    assert holders(stack.name) == sorted(holder(stack, release, service) for release in ("0001", "0003") for service in ("store", "web"))
    for check in (True, False):
        assert not succeeded(stack.release("pruned", check=check, keep=1, images="remove_unused"))["changed"]


def test_lost_holders_of_all_releases_check_do_check_again_do_again(live):
    assert held(live) == {"store:0001": True, "store:0002": True, "web:0001": True, "web:0002": True}
    docker("rm", holder(live, "0001"))  # what docker container prune does
    assert held(live)["web:0001"] is False
    planned = succeeded(live.register("v2", check=True))
    assert planned["actions"] == hold_steps(live, "v1", "0001")
    assert planned["diff"]["before"]["images_not_held"] == [f"runbook.local/{live.name}/web:0001"]
    assert held(live)["web:0001"] is False
    assert succeeded(live.register("v2"))["actions"] == planned["actions"]
    assert held(live)["web:0001"] is True
    for check in (True, False):
        assert not succeeded(live.register("v2", check=check))["changed"]


def test_verifying_makes_lost_holders_again_and_that_is_no_event_of_the_release(live):
    docker("rm", holder(live, "0002"))
    journal = live.state_dir / live.name / "journal.ndjson"
    before = (live.ledger_path.read_bytes(), journal.read_text())
    for check in (True, False):
        assert succeeded(live.release("verified", check=check, release="current"))["actions"] == hold_steps(live, "v2", "0002")
    for check in (True, False):
        assert not succeeded(live.release("verified", check=check, release="current"))["changed"]
    assert held(live)["web:0002"] is True
    assert (live.ledger_path.read_bytes(), journal.read_text()) == before


def test_a_container_of_others_under_a_holders_name_stays_and_stops_no_new_release(live):
    name = holder(live, "0001")
    docker("rm", name)
    docker("create", "--name", name, "--network", "none", "runbook-base:local", "true")
    foreign = docker("inspect", "--format", "{{.Id}}", name)
    result = succeeded(live.register("v3"))
    assert "register" in actions(result)
    assert "web of release 0001" in str(result["warnings"])
    assert docker("inspect", "--format", "{{.Id}}", name) == foreign
    assert {image for image, is_held in held(live).items() if not is_held} == {"web:0001"}
    docker("rm", name)


def test_an_image_lost_with_its_holder_is_refused_and_all_others_are_held_again(live):
    docker("rmi", f"{live.name}-web:v1")
    # docker system prune --all: first all containers that do not run, then images that only have names.
    prune("container", "--filter", f"label=runbook.holds={live.name}")
    assert holders(live.name) == []
    prune_all(live, "v1")
    assert not image_exists(live.ids["v1"])
    result = live.release("staged", release="previous")
    assert (result["reason"], result["details"]["images"]) == ("image_gone", [live.ids["v1"]])
    assert "docker system prune" in result["msg"]
    again = succeeded(live.register("v2"))["actions"]
    kept = [f"{service}:{release}" for release in ("0001", "0002", "0003") for service in ("store", "web")]
    assert [step["target"].rpartition("/")[2] for step in again] == [name for name in kept if name != "web:0001"]


def test_a_holder_is_no_part_of_the_stack_and_has_nothing_of_its_own(stack):
    labels = f"com.docker.compose.project={stack.name} com.docker.compose.service=web com.docker.compose.version=2"
    dockerfile = f"FROM runbook-base:local\nLABEL runbook.test={stack.name}-v2 {labels}\nRUN mkdir /kept && echo x > /kept/x\nVOLUME /kept /var/odd/\n"
    docker("build", "--quiet", "--no-cache", "--tag", f"{stack.name}-web:v2", "-", stdin=dockerfile)
    stack.up()
    own = holder(stack, "0002")
    # An interrupted registration under the same id left its holder.
    left = {"runbook.made": "holder", "runbook.holds": stack.name, "runbook.kept_as": f"runbook.local/{stack.name}/web:0002"}
    docker("create", "--name", own, *[word for name, value in left.items() for word in ("--label", f"{name}={value}")], stack.ids["v3"], "held")
    succeeded(stack.register("v2"))
    inspected = json.loads(docker("inspect", own))[0]
    assert inspected["Image"] == image_id(f"{stack.name}-web:v2")
    assert (inspected["State"]["Status"], inspected["HostConfig"]["NetworkMode"], inspected["Mounts"]) == ("created", "none", [])
    assert own not in stack.compose("ps", "--all").stdout
    assert own not in json.dumps(succeeded(call("compose_info", stack.options)))
    succeeded(call("compose_service", {**stack.options, "state": "absent", "orphans": ["all"]}))
    stack.compose("down", "--remove-orphans")
    assert holders(stack.name) == sorted(holder(stack, release, service) for release in ("0001", "0002") for service in ("store", "web"))
