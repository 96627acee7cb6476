"""Which containers get which share of the requests, and which ones stay when a rollout was cut short anywhere."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.service_samples import APP, MODEL, container, with_service

from ansible_collections.runbook.compose.plugins.module_utils._core.edge_traffic import Backend
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout import (
    BAKING,
    BEGUN,
    BESIDE,
    DRAINED,
    RETURNING,
    SHIFTED,
    SHIFTING,
    CannotRunBeside,
    Rollout,
    RolloutOpen,
    Rollouts,
    backends,
    changes_of,
    goal,
    parse_rollouts,
    parse_steps,
    refuse_open,
    settled,
    shares,
    why_not_beside,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.service_plan import Work

OLD, NEW = container("app", 1), container("app", 2)


def rollout(phase: str = SHIFTING, until: str = "") -> Rollout:
    return Rollout("app", "rolling", phase, (OLD.id,), "2026-11-22T08:00:00Z", until)


@given(old=st.integers(1, 20), new=st.integers(1, 20), percent=st.integers(1, 100))
def test_the_new_ones_get_their_share(old, new, percent):
    left, right = shares(old, new, percent)
    assert 100 * right * new == percent * (left * old + right * new)


@pytest.mark.parametrize(("counts", "expected"), [((2, 0, 50), (1, 0)), ((0, 2, 10), (0, 1)), ((2, 2, 0), (1, 0)), ((1, 1, 100), (0, 1)), ((1, 1, 10), (9, 1))])
def test_where_there_is_one_side_only_it_gets_everything(counts, expected):
    assert shares(*counts) == expected


def test_a_backend_without_a_share_is_left_out():
    addresses = {"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.3"}
    assert backends(3000, addresses, 1, 100) == (Backend("b", "10.0.0.2", 3000, 1), Backend("c", "10.0.0.3", 3000, 1))
    assert backends(3000, addresses, 3, 0) == tuple(Backend(known, address, 3000, 1) for known, address in addresses.items())
    assert [one.weight for one in backends(3000, addresses, 1, 50)] == [2, 1, 1]


@pytest.mark.parametrize(
    ("strategy", "steps", "expected"),
    [("rolling", [10], (100,)), ("blue_green", [], (100,)), ("canary", [10, 50], (10, 50, 100)), ("canary", [100], (100,)), ("canary", [], (100,))],
)
def test_steps_end_with_all(strategy, steps, expected):
    assert parse_steps(strategy, steps) == expected


@pytest.mark.parametrize("steps", [[0, 50], [50, 10], [50, 50], [120], [-1], [10, 100, 50]])
def test_steps_that_make_no_sense_are_refused(steps):
    with pytest.raises(BadInput):
        parse_steps("canary", steps)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fixed_name": True}, "container_name"),
        ({"fixed_port": True}, "port"),
        ({"fixed_network": True}, "address"),
        ({"volumes": ("uploads",)}, "uploads"),
        ({}, ""),
    ],
)
def test_what_keeps_two_sets_from_running(change, words):
    why = why_not_beside(MODEL, replace(APP, **change))
    assert words in why and bool(why) == bool(words)


def test_only_a_replacement_of_what_serves_is_a_rollout():
    work = [Work("recreate", "app"), Work("recreate", "store"), Work("start", "edge"), Work("create", "migrate")]
    assert [(one.service, one.how) for one in changes_of(MODEL, work, ["app", "edge"], "refuse")] == [("app", "beside")]
    assert changes_of(MODEL, work, [], "refuse") == ()


def test_one_that_cannot_is_refused_or_stopped_first():
    model = with_service("store", volumes=("data",))
    with pytest.raises(CannotRunBeside, match="volume data"):
        changes_of(model, [Work("recreate", "store")], ["store"], "refuse")
    assert [one.how for one in changes_of(model, [Work("recreate", "store")], ["store"], "stop_first")] == ["stop_first"]


def ended(one):
    return replace(one, state="exited")


@pytest.mark.parametrize(
    ("phase", "containers", "expected"),
    [
        *[(phase, (OLD, NEW), "old") for phase in (BEGUN, BESIDE, SHIFTING, RETURNING)],
        *[(phase, (OLD, NEW), "new") for phase in (SHIFTED, DRAINED)],
        (BAKING, (OLD, NEW), "both"),
        # What runs counts more than how far it got.
        *[(phase, (OLD, ended(NEW)), "old") for phase in (BEGUN, BESIDE, SHIFTING, RETURNING, SHIFTED, DRAINED, BAKING)],
        *[(phase, (ended(OLD), NEW), "new") for phase in (BEGUN, BESIDE, SHIFTING, RETURNING, SHIFTED, DRAINED, BAKING)],
        *[(phase, (NEW,), "new") for phase in (BEGUN, SHIFTED, BAKING)],
        (BEGUN, (), "old"),
        (BAKING, (ended(OLD), ended(NEW)), "new"),
    ],
)
def test_what_an_unfinished_rollout_leaves(phase, containers, expected):
    assert goal(rollout(phase), containers) == expected


@pytest.mark.parametrize(("goals", "left"), [("old", [OLD]), ("new", [NEW]), ("both", [NEW])])
def test_one_colour_is_left_for_those_who_know_of_one(goals, left):
    store = container("store")
    assert settled({"app": rollout()}, (store, OLD, NEW), {"app": goals}) == (store, *left)


def test_the_record_comes_back_as_it_was_written():
    written = Rollouts().with_open(rollout(BAKING, "2026-11-22T09:00:00Z")).with_ended("web", "old")
    assert parse_rollouts(json.dumps(written.to_dict())) == written
    assert parse_rollouts("") == Rollouts()
    assert written.with_ended("app", "new") == Rollouts({}, {"web": "old", "app": "new"})


def test_a_service_with_two_colours_is_nobody_elses():
    open_ones = Rollouts().with_open(rollout())
    refuse_open(open_ones, ["store"])
    with pytest.raises(RolloutOpen, match="app"):
        refuse_open(open_ones, ["store", "app"])
