"""Names of images: ours, the registry's, and those that must be given back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.release_samples import draft, ledger_of

from ansible_collections.runbook.compose.plugins.module_utils._core.compose_model import ComposeModel, ServiceDefinition
from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import ReleaseImage
from ansible_collections.runbook.compose.plugins.module_utils._core.release_images import (
    ImageMissing,
    ImagePinned,
    Retag,
    built_before,
    comes_by_pull,
    common_tag,
    digest_of,
    kept_reference,
    kept_repository,
    plan_retags,
    refuse_missing,
    with_kept_tags,
)

# The grammar of a repository path, from the distribution project's reference.
REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
STACKS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
SERVICES = st.from_regex(r"[a-zA-Z0-9._-]{1,20}", fullmatch=True)


def test_a_plain_name_stays_readable():
    assert kept_reference("shop", "api", "0007") == "runbook.local/shop/api:0007"


@given(STACKS, SERVICES)
def test_every_service_has_a_name_the_engine_accepts(stack, service):
    path = kept_repository(stack, service).removeprefix("runbook.local/")
    assert REPOSITORY.fullmatch(path)


@given(st.lists(SERVICES, min_size=2, max_size=2, unique=True))
def test_two_services_never_share_a_name(services):
    assert kept_repository("shop", services[0]) != kept_repository("shop", services[1])


@pytest.mark.parametrize(
    "reference, digests, expected",
    [
        ("shop-api:v2", ["shop-api@sha256:ff"], "shop-api@sha256:ff"),
        ("host:5000/shop/api:v2", ["host:5000/shop/api@sha256:ff"], "host:5000/shop/api@sha256:ff"),
        ("host:5000/shop/api", ["host:5000/shop/api@sha256:ff"], "host:5000/shop/api@sha256:ff"),
        ("docker.io/library/redis:7", ["redis@sha256:ff"], "redis@sha256:ff"),
        ("redis@sha256:ff", ["redis@sha256:ff"], "redis@sha256:ff"),
        ("shop-api:v2", ["elsewhere@sha256:ff"], ""),
        ("shop-api:v2", None, ""),
    ],
)
def test_the_digest_is_that_of_the_very_name(reference, digests, expected):
    assert digest_of(reference, {"RepoDigests": digests}) == expected


def model(**images: str) -> ComposeModel:
    return ComposeModel("shop", tuple(ServiceDefinition(name, image) for name, image in images.items()))


def test_a_name_that_means_another_image_or_nothing_is_given_back():
    release = draft(images={"api": ReleaseImage("shop-api:v1", "sha256:aa"), "db": ReleaseImage("db:15", "sha256:bb")})
    staged = model(api="shop-api:v1", db="db:15")
    assert plan_retags(release, staged, {"shop-api:v1": "sha256:cc", "db:15": "sha256:bb"}) == (
        Retag("shop-api:v1", "sha256:aa", "sha256:cc"),
    )
    assert plan_retags(release, staged, {"db:15": "sha256:bb"}) == (Retag("shop-api:v1", "sha256:aa", ""),)


def test_the_name_is_the_one_that_will_be_live():
    release = draft(images={"api": ReleaseImage("old-name:v1", "sha256:aa")})
    assert plan_retags(release, model(api="new-name:v1"), {}) == (Retag("new-name:v1", "sha256:aa", ""),)


def test_a_pinned_reference_is_never_given_to_another_image():
    release = draft(images={"api": ReleaseImage("api@sha256:11", "sha256:aa")})
    with pytest.raises(ImagePinned):
        plan_retags(release, model(api="api@sha256:22"), {"api@sha256:22": "sha256:bb"})
    assert plan_retags(release, model(api="api@sha256:11"), {"api@sha256:11": "sha256:aa"}) == ()


def test_a_pinned_reference_that_the_engine_lost_comes_back_with_a_pull_of_its_digest():
    image = ReleaseImage("api@sha256:11", "sha256:aa", digest="api@sha256:11")
    assert comes_by_pull(image, "api@sha256:11", {})
    assert plan_retags(draft(images={"api": image}), model(api="api@sha256:11"), {}) == ()
    assert not comes_by_pull(image, "api@sha256:22", {})
    assert not comes_by_pull(image, "api@sha256:11", {"api@sha256:11": "sha256:aa"})
    assert not comes_by_pull(ReleaseImage("api:1", "sha256:aa"), "api:1", {})


def test_one_name_cannot_mean_two_images():
    release = draft(images={"api": ReleaseImage("x:1", "sha256:aa"), "worker": ReleaseImage("x:1", "sha256:bb")})
    with pytest.raises(ImagePinned, match="two different images"):
        plan_retags(release, model(api="x:1", worker="x:1"), {})


def test_missing_images_are_named_all_at_once():
    images = {"api": ReleaseImage("a:1", ""), "db": ReleaseImage("b:1", "sha256:bb"), "edge": ReleaseImage("c:1", "")}
    with pytest.raises(ImageMissing) as caught:
        refuse_missing("shop", images)
    assert caught.value.details["images"] == {"api": "a:1", "edge": "c:1"}


def test_only_images_that_exist_get_a_name_of_ours():
    release = draft(id="0003", images={"api": ReleaseImage("a:1", "sha256:aa"), "db": ReleaseImage("b:1", "")})
    kept = with_kept_tags("shop", release)
    assert [kept.images[name].kept_as for name in ("api", "db")] == ["runbook.local/shop/api:0003", ""]


def test_the_newest_image_of_a_revision_is_found():
    ledger = ledger_of(draft(image="sha256:aa", git_revision="abc"), draft(image="sha256:bb", git_revision="abc"), draft(git_revision="def"))
    assert built_before(ledger, "abc", "api").id == "sha256:bb"
    assert built_before(ledger, "abc", "worker") is None
    assert built_before(ledger, "123", "api") is None


@pytest.mark.parametrize(
    "references, expected",
    [(["a:v1", "b:v1"], "v1"), (["a:v1", "b:v2"], ""), (["host:5000/a"], ""), (["a@sha256:ff"], ""), ([], "")],
)
def test_a_common_tag_is_a_version_to_show(references, expected):
    assert common_tag(references) == expected
