"""Every unfinished rollout against every state that may be asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from tests.support.service_samples import APP, container, observed

from ansible_collections.runbook.compose.plugins.module_utils._core.plan import Step
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout import (
    BAKING,
    BESIDE,
    SHIFTED,
    Change,
    NothingBaking,
    Rollout,
    Rollouts,
    RolloutTerms,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout_endings import decide_endings, step_of_change, step_of_ending
from ansible_collections.runbook.compose.plugins.module_utils._core.service_plan import Work

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=timezone.utc)
OLD, NEW = container("app", 1), container("app", 2)
OTHER = "another configuration"


def endings(phase, state, old=OLD, new=NEW, until="2026-11-22T09:00:00Z"):
    rollouts = Rollouts().with_open(Rollout("app", "blue_green", phase, (OLD.id,), "", until))
    return [step_of_ending(one).action for one in decide_endings(rollouts, observed(old, new), (state, ("app",)), NOW)]


@pytest.mark.parametrize(("state", "expected"), [("finished", ["finish"]), ("switched_back", ["switch_back"]), ("settled", []), ("rolled_out", [])])
def test_a_bake_time_that_runs(state, expected):
    assert endings(BAKING, state) == expected


def test_a_bake_time_that_is_over_is_ended_by_who_settles():
    assert endings(BAKING, "settled", until="2026-11-22T07:59:59Z") == ["finish"]
    assert endings(BAKING, "rolled_out", until="2026-11-22T07:59:59Z") == []


def test_files_that_mean_the_old_colour_are_the_way_back():
    assert endings(BAKING, "rolled_out", new=replace(NEW, config_hash=OTHER)) == ["switch_back"]
    assert endings(BAKING, "rolled_out", new=replace(NEW, config_hash=OTHER), old=replace(OLD, config_hash=OTHER)) == ["finish"]


@pytest.mark.parametrize("state", ["rolled_out", "finished", "switched_back", "settled"])
@pytest.mark.parametrize(("phase", "expected"), [(BESIDE, "undo"), (SHIFTED, "finish")])
def test_what_a_dead_run_left_is_ended_by_everybody(phase, expected, state):
    assert endings(phase, state) == ["undo" if state == "switched_back" else expected]


def test_what_somebody_decided_is_not_turned_into_its_opposite():
    """A colour that is asked for and does not run is said, and the other one is not taken for it."""
    stopped = {"state": "exited"}
    assert endings(BAKING, "finished", new=replace(NEW, **stopped)) == ["finish"]
    assert endings(BAKING, "settled", new=replace(NEW, **stopped)) == ["switch_back"]
    with pytest.raises(NothingBaking):
        endings(BAKING, "switched_back", old=replace(OLD, **stopped))


def test_without_an_old_colour_there_is_no_way_back():
    with pytest.raises(NothingBaking):
        decide_endings(Rollouts(), observed(OLD), ("switched_back", ("app",)), NOW)
    assert decide_endings(Rollouts().with_ended("app", "old"), observed(OLD), ("switched_back", ("app",)), NOW) == ()
    assert decide_endings(Rollouts(), observed(OLD), ("finished", ("app",)), NOW) == ()


def test_a_bake_time_of_another_service_is_left_alone():
    rollouts = Rollouts().with_open(Rollout("app", "blue_green", BAKING, (OLD.id,), "", ""))
    assert decide_endings(rollouts, observed(OLD, NEW), ("finished", ("store",)), NOW) == ()


@pytest.mark.parametrize(
    ("strategy", "words"), [("rolling", "image changed; beside"), ("canary", "beside, 10, 100 %"), ("blue_green", "beside, the old stays for 60 s")]
)
def test_the_plan_says_how(strategy, words):
    terms = RolloutTerms(strategy, (10, 100), 1, 1, 60, 60, 30, None)
    step = step_of_change(Change(APP.name, "beside", Work("recreate", "app", "image changed")), terms)
    assert step.action == "roll_out" and step.detail.endswith(words)
    why = Change("app", "stop_first", Work("recreate", "app", "image changed"), "owns the volume x")
    assert step_of_change(why, terms) == Step("recreate", "app", "image changed; owns the volume x")
