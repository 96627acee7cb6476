"""Drift, leftovers and orphans as data."""

from __future__ import annotations

import pytest

from tests.support.service_samples import EDGE, IMAGES, MODEL, container, observed, settled

from ansible_collections.runbook.compose.plugins.module_utils._core.orphans import NotAnOrphan, choose_orphans
from ansible_collections.runbook.compose.plugins.module_utils._core.service_drift import (
    changed_keys,
    drift_of,
    final_name,
    has_other_image,
    without_leftovers,
)

STRAY = container("edge", id="stray", service="old", name="shop-old-1")


def test_an_image_that_is_not_on_the_host_is_no_drift():
    other = [container("edge", image_id="sha256:old")]
    assert has_other_image(observed(), EDGE, other)
    assert not has_other_image(observed(images={**IMAGES, "edge:1": None}), EDGE, other)
    assert drift_of(observed(images={}), EDGE, other) == ""


def test_of_two_with_one_number_the_running_one_stays_and_then_the_one_that_is_right():
    running_old = container("edge", id="a", config_hash="older")
    new = container("edge", id="b", state="created")
    stopped_old = container("edge", id="c", config_hash="older", state="exited")
    other = container("edge", 2, id="d")
    for containers, kept, left in [
        ([running_old, new], ["a"], ["b"]),
        ([stopped_old, new], ["b"], ["c"]),
        ([new, stopped_old, other], ["b", "d"], ["c"]),
        ([other], ["d"], []),
    ]:
        found = without_leftovers(observed(), EDGE, containers)
        assert ([one.id for one in found[0]], [one.id for one in found[1]]) == (kept, left)


@pytest.mark.parametrize(
    ("name", "final"),
    [("0123456789ab_shop-edge-1", "shop-edge-1"), ("0123456789ab_own_name", "own_name"), ("shop-edge-1", ""), ("abc_shop", "")],
)
def test_the_interim_name_of_compose_is_known(name, final):
    assert final_name(container("edge", name=name)) == final


def test_changed_keys_are_names_of_the_files():
    assert changed_keys({"A": "1", "B": "2", "C": "3"}, {"A": "1", "B": "3", "PATH": "/bin"}) == ("B", "C")


def test_orphans_are_named_or_all():
    there = [*settled(), STRAY]
    assert choose_orphans(MODEL, there, []) == []
    assert choose_orphans(MODEL, there, ["all"]) == [STRAY]
    assert choose_orphans(MODEL, there, ["shop-old-1", "gone-1"]) == [STRAY]
    assert choose_orphans(MODEL, there, ["old"]) == [STRAY]


@pytest.mark.parametrize("name", ["edge", "shop-edge-1", "app"])
def test_what_belongs_to_the_stack_is_no_orphan(name):
    with pytest.raises(NotAnOrphan) as caught:
        choose_orphans(MODEL, [*settled(), STRAY], ["shop-old-1", name])
    assert caught.value.details == {"orphans": ["shop-old-1"]}
