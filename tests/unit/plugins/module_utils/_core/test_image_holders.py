"""Holders: what they are called, what they are made from, and which are missing."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from tests.support.release_samples import draft

from ansible_collections.runbook.compose.plugins.module_utils._core.image_holders import (
    Holder,
    KeptImage,
    holder_settings,
    holds,
    kept_images,
    without_holder,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import ReleaseImage
from ansible_collections.runbook.compose.plugins.module_utils._core.release_images import kept_reference

STACKS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
SERVICES = st.from_regex(r"[a-zA-Z0-9._-]{1,20}", fullmatch=True)
KEPT = KeptImage("runbook.local/shop/api:0001", "sha256:01", "0001", "api")


def test_a_holder_is_named_after_what_it_holds():
    assert KEPT.holder_name == "runbook-hold-shop.api.0001"


@given(STACKS, SERVICES)
def test_the_engine_accepts_every_name(stack, service):
    name = KeptImage(kept_reference(stack, service, "0001"), "", "0001", service).holder_name
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", name)


@given(st.tuples(STACKS, SERVICES), st.tuples(STACKS, SERVICES))
def test_two_services_of_any_stacks_never_share_a_name(one, other):
    first, second = (KeptImage(kept_reference(*owner, "0001"), "", "0001", owner[1]) for owner in (one, other))
    assert (first.holder_name == second.holder_name) == (one == other)


def test_a_dash_in_a_stack_or_service_does_not_make_two_names_one():
    first, second = (KeptImage(kept_reference(*owner, "0001"), "", "0001", owner[1]) for owner in (("a-b", "c"), ("a", "b-c")))
    assert first.holder_name != second.holder_name


def test_the_settings_say_whose_the_holder_is_and_give_it_nothing():
    assert holder_settings("shop", KEPT, {}) == {
        "Image": "sha256:01",
        "Entrypoint": ["held"],
        "Cmd": [],
        "Labels": {
            "runbook.made": "holder",
            "runbook.holds": "shop",
            "runbook.release": "0001",
            "runbook.service": "api",
            "runbook.kept_as": "runbook.local/shop/api:0001",
        },
        "HostConfig": {"NetworkMode": "none", "Tmpfs": {}},
    }


def test_labels_that_compose_gave_the_image_do_not_make_the_holder_a_part_of_the_stack():
    image = {"Config": {"Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "api", "team": "blue"}}}
    labels = holder_settings("shop", KEPT, image)["Labels"]
    assert (labels["com.docker.compose.project"], labels["com.docker.compose.service"]) == ("", "")
    assert "team" not in labels


def test_a_volume_of_the_image_is_replaced_however_it_is_spelled():
    image = {"Config": {"Volumes": {"/data": {}, "/var/cache/": {}, "/srv//x/.": {}}}}
    assert set(holder_settings("shop", KEPT, image)["HostConfig"]["Tmpfs"]) == {"/data", "/var/cache", "/srv/x"}


def test_only_images_with_a_name_of_ours_are_held():
    images = {"web": ReleaseImage("w:1", "sha256:02", kept_as="runbook.local/shop/web:0001"), "gone": ReleaseImage("g:1", "")}
    assert kept_images([draft(id="0001", images=images)]) == (KeptImage("runbook.local/shop/web:0001", "sha256:02", "0001", "web"),)


def test_a_holder_of_another_image_does_not_count():
    right, wrong = Holder("c1", KEPT.reference, "sha256:01"), Holder("c2", KEPT.reference, "sha256:99")
    assert without_holder([KEPT], []) == (KEPT,)
    assert without_holder([KEPT], iter([wrong])) == (KEPT,)
    assert without_holder([KEPT], iter([wrong, right])) == ()
    assert not holds([wrong], KEPT.reference, KEPT.image_id)
