"""Which images are newer, who may change them, and what the way back is."""

from __future__ import annotations

import pytest

from tests.support.release_samples import draft

from ansible_collections.runbook.compose.plugins.module_utils._core import service_images as images
from ansible_collections.runbook.compose.plugins.module_utils._core.compose_model import ComposeModel, ServiceDefinition
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput, UnknownService
from ansible_collections.runbook.compose.plugins.module_utils._core.release_images import ImagePinned

MODEL = ComposeModel(
    "shop", (ServiceDefinition("api", "shop-api:v1"), ServiceDefinition("redis", "redis:7"), ServiceDefinition("worker", "shop-worker", builds=True))
)


def candidate(**changes) -> images.Candidate:
    return images.Candidate(**{"service": "redis", "reference": "redis:7", "before_id": "sha256:aa", "before_digest": "redis@sha256:11", **changes})


def update(service: str = "redis", outcome: str = images.VERIFIED) -> images.Update:
    return images.Update(service, "redis:7", "sha256:aa", "", "sha256:bb", "", "2026-11-22T00:00:00Z", "ada", outcome)


def test_what_releases_carry_or_compose_builds_is_left_to_releases():
    assert images.choose_services(MODEL, [], draft()) == ("redis",)
    assert images.choose_services(MODEL, [], None) == ("api", "redis")
    assert images.choose_services(MODEL, ["redis"], draft()) == ("redis",)
    for name in ("api", "worker"):
        with pytest.raises(images.ImageOfRelease, match=name):
            images.choose_services(MODEL, ["redis", name], draft())
    with pytest.raises(UnknownService):
        images.choose_services(MODEL, ["cache"], draft())


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"after_id": "sha256:aa", "after_digest": "redis@sha256:22"}, "unchanged"),
        ({"after_id": "sha256:bb"}, "newer"),
        ({"after_digest": "redis@sha256:11"}, "unchanged"),
        ({"after_digest": "redis@sha256:22"}, "newer"),
        ({"after_digest": "redis@sha256:22", "before_digest": ""}, "newer"),
        ({}, "unknown"),
        ({"reference": "redis@sha256:11", "after_id": "sha256:bb"}, "pinned"),
        ({"reference": "redis@sha256:11", "after_id": "sha256:bb", "source": "redis:8"}, "newer"),
    ],
)
def test_an_image_is_newer_when_it_is_another_one(changes, state):
    assert images.judge(candidate(**changes)) == state


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("redis:7", "redis@sha256:11"),
        ("redis", "redis@sha256:11"),
        ("registry.example:5000/shop/redis:7", "registry.example:5000/shop/redis@sha256:11"),
        ("registry.example:5000/redis", "registry.example:5000/redis@sha256:11"),
        ("redis:7@sha256:00", "redis@sha256:11"),
    ],
)
def test_an_image_is_fetched_by_its_digest_so_that_no_name_moves(reference, name):
    assert images.pull_reference(reference, "sha256:11") == images.pull_reference(reference, "any@sha256:11") == name


def test_our_names_are_not_those_of_releases():
    assert images.own_reference("shop", "redis", "before") == "runbook.images/shop/redis:before"
    assert images.own_reference("shop", "_odd", "before").startswith("runbook.images/shop/odd-")


def test_another_major_version_of_postgres_is_refused():
    old, new, other = ({"Config": {"Env": [f"PG_MAJOR={number}"]}} for number in (15, 15, 17))
    images.refuse_other_major("postgres", old, new)
    images.refuse_other_major("redis", {"Config": {"Env": None}}, other)
    with pytest.raises(images.ImageOtherMajor) as refused:
        images.refuse_other_major("postgres", old, other)
    assert (refused.value.details["before"], refused.value.details["after"]) == ("15", "17")


def test_a_name_with_a_digest_is_never_given_to_another_image():
    images.refuse_pinned("redis", "redis:7")
    with pytest.raises(ImagePinned):
        images.refuse_pinned("redis", "redis@sha256:11")


def test_the_scan_gets_the_name_of_the_candidate():
    assert images.scan_command(["scan", "--image={image}", "x"], "r:c") == ["scan", "--image=r:c", "x"]
    for words in ([], ["scan"], ["scan", ""], ["{image}", 1]):
        with pytest.raises(BadInput):
            images.scan_command(words, "r:c")


def test_two_services_of_one_name_get_one_image():
    images.refuse_two_meanings([candidate(after_id="sha256:bb"), candidate(service="cache", after_id="sha256:bb")])
    with pytest.raises(BadInput):
        images.refuse_two_meanings([candidate(after_id="sha256:bb"), candidate(service="cache", after_id="sha256:cc")])


def test_only_what_is_recorded_can_be_undone():
    known = {"redis": update(), "edge": update("edge", images.RETURNED)}
    assert [one.service for one in images.chosen_updates(known, [], (images.VERIFIED,))] == ["redis"]
    for services in (["edge"], ["redis", "postgres"]):
        with pytest.raises(images.NoUpdateToUndo):
            images.chosen_updates(known, services, (images.VERIFIED,))
    with pytest.raises(images.NoUpdateToUndo):
        images.chosen_updates({}, [], (images.VERIFIED,))


def test_the_table_shows_digests_where_there_are_some():
    table = images.images_table([candidate(after_id="sha256:bb", state="newer")])
    assert table.splitlines()[1].split() == ["redis", "redis:7", "11", "bb", "newer"]
    assert "candidate" in candidate().to_dict() and "source" not in candidate().to_dict()
