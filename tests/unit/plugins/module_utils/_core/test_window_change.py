"""A window goes from phase to phase, and one at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.lease import Moment
from ansible_collections.runbook.compose.plugins.module_utils._core.window import WindowMissing, WindowOpen, WindowRecord, WindowUnreadable, parse_window_record
from ansible_collections.runbook.compose.plugins.module_utils._core.window_change import Wish, begin, end, move, note_step, plan_window, renewed, task_step
from ansible_collections.runbook.compose.plugins.module_utils._core.window_plan import PlanDrifted, make_plan
from ansible_collections.runbook.compose.plugins.module_utils._core.window_tasks import parse_tasks

TASKS = parse_tasks([{"release": "v2"}, {"reindex": True}])
NONE = WindowRecord("shop")


def at(seconds: float = 0, boot: str = "boot-1") -> Moment:
    return Moment(datetime(2026, 11, 22, 2, 0, tzinfo=timezone.utc) + timedelta(seconds=seconds), 1000.0 + seconds, boot)


def wish(change: str = "CHG-1", tasks=TASKS, observed: str = "0001", **more) -> Wish:
    return Wish(change, "alice", make_plan(change, tasks, {"release": observed, "services": {}}), tasks, **more)


def opened(**more) -> WindowRecord:
    return begin(NONE, wish(**{"token": "t1", **more}), at()).after


def working(number: int = 1) -> WindowRecord:
    return task_step(opened(), "CHG-1", number, "begun", at(1)).after


def test_the_whole_way():
    planned = plan_window(NONE, wish(), at())
    assert (planned.action, planned.after.window.phase) == ("plan", "planned")
    assert plan_window(planned.after, wish(), at(5)).steps == ()  # the same again
    begun = begin(planned.after, wish(token="t1", minutes=45), at(10))
    assert (begun.action, begun.after.window.phase, begun.after.window.ends_at) == ("begin", "open", "2026-11-22T02:45:10Z")
    record = begun.after
    for number in (1, 2):
        record = task_step(record, "CHG-1", number, "begun", at(20)).after
        assert (record.window.phase, record.window.half_applied) == ("working", TASKS[number - 1].half_applied)
        record = task_step(record, "CHG-1", number, "done", at(25)).after
        assert record.window.half_applied == "none" and record.window.steps[-1]["seconds"] == 5
    assert record.window.tasks_done == (1, 2)
    record = move(record, "CHG-1", "proven", at(30)).after
    record = move(record, "CHG-1", "watching", at(40)).after
    assert move(record, "CHG-1", "watching", at(41)).steps == ()
    ended = end(record, "CHG-1", "succeeded", at(50))
    assert (ended.after.window.phase, ended.after.window.outcome, ended.after.window.lease) == ("closed", "succeeded", None)
    assert end(ended.after, "CHG-1", "failed", at(60)).steps == ()
    following = plan_window(ended.after, wish("CHG-2"), at(70)).after
    assert following.window.change == "CHG-2" and following.former[0]["outcome"] == "succeeded"


def test_a_record_survives_the_disk_and_damage_is_found():
    for record in (NONE, opened(), working(), move(working(), "CHG-1", "abandoned", at(2), because="x").after):
        assert parse_window_record("shop", json.loads(json.dumps(record.to_dict()))) == record
    broken = json.loads(json.dumps(working().to_dict()))
    broken["window"]["phase"] = "somewhere"
    for value in (None, {}, {"window": {}, "former": []}, broken):
        damaged = parse_window_record("shop", value)
        assert damaged.damaged
        for act in (
            lambda record: plan_window(record, wish(), at()),
            lambda record: begin(record, wish(), at()),
            lambda record: end(record, "CHG-1", "x", at()),
        ):
            with pytest.raises(WindowUnreadable):
                act(damaged)


def test_two_windows_at_once_are_refused():
    """T88"""
    for record in (opened(), working(), move(working(), "CHG-1", "abandoned", at(2), because="x").after):
        for act in (plan_window, begin):
            with pytest.raises(WindowOpen) as refused:
                act(record, wish("CHG-2", token="t2"), at(9999))  # however long ago
            assert "CHG-1" in str(refused.value)
    with pytest.raises(WindowOpen):
        plan_window(opened(), wish(), at(5))
    with pytest.raises(WindowOpen):
        begin(opened(), wish(token="t2", tasks=TASKS[:1]), at(5))  # the same change, and other tasks


def test_a_run_that_died_is_taken_over_by_one_of_the_same_change():
    died = task_step(task_step(working(), "CHG-1", 1, "done", at(2)).after, "CHG-1", 2, "begun", at(3)).after
    taken = begin(died, wish(token="t2", observed="0002"), at(500))  # what the tasks did is no drift
    assert (taken.action, taken.after.window.token, taken.after.window.tasks_done) == ("take_over", "t2", (1,))
    assert taken.after.window.lease.seconds_left(at(500)) == 180
    kept = move(died, "CHG-1", "abandoned", at(4), because="x").after
    assert begin(kept, wish(token="t2"), at(500)).after.window.phase == "working"
    assert begin(opened(), wish(token="t1"), at(5)).steps == ()  # the run itself, again
    with pytest.raises(WindowOpen):
        begin(opened(token=""), wish(), at(5))  # without an operation lease nobody knows whether the other one lives
    assert begin(opened(token=""), wish(), at(500)).action == "take_over"


def test_what_was_planned_or_approved_is_what_is_begun():
    """T89"""
    planned = plan_window(NONE, wish(), at()).after
    approved = planned.window.plan["hash"]
    assert begin(planned, wish(approved=approved, needs_approval=True), at(5)).after.window.approver == "alice"
    assert begin(planned, wish(approved=approved, approver="bob"), at(5)).after.window.approver == "bob"
    for other in (wish(observed="0002"), wish(observed="0002", approved=approved), wish(tasks=TASKS[:1], approved=approved)):
        with pytest.raises(PlanDrifted):
            begin(planned, other, at(5))
    assert begin(NONE, wish(), at()).after.window.phase == "open"  # nothing was planned, nothing can have drifted
    assert begin(planned, wish("CHG-2"), at(5)).after.window.change == "CHG-2"


def test_what_is_noted_is_in_the_steps_and_changes_nothing_else():
    noted = note_step(working(), "CHG-1", "0 requests left", at(5))
    assert noted.action == "note" and noted.after.window.steps[-1]["what"] == "0 requests left"
    assert replace(noted.after.window, steps=()) == replace(working().window, steps=())


def test_a_failed_task_leaves_what_it_may_have_left_until_it_is_taken_back():
    failed = task_step(working(), "CHG-1", 1, "failed", at(5)).after
    assert failed.window.half_applied == "schema"
    back = task_step(failed, "CHG-1", 1, "rolled_back", at(9)).after
    assert (back.window.half_applied, back.window.tasks_done) == ("none", ())
    assert end(back, "CHG-1", "failed", at(10)).after.window.outcome == "failed"


@pytest.mark.parametrize(
    "act",
    [
        lambda: task_step(opened(), "CHG-2", 1, "begun", at()),
        lambda: task_step(opened(), "CHG-1", 3, "begun", at()),
        lambda: task_step(NONE, "CHG-1", 1, "begun", at()),
        lambda: move(opened(), "CHG-1", "watching", at()),
        lambda: end(move(opened(), "CHG-1", "abandoned", at(), because="x").after, "CHG-1", "succeeded", at()),
        lambda: end(opened(), "CHG-2", "succeeded", at()),
    ],
)
def test_nothing_is_done_to_a_window_that_is_not_there_or_elsewhere(act):
    with pytest.raises(WindowMissing):
        act()


def test_every_step_renews_the_lease_and_nothing_else_does():
    record = working()
    later = renewed(record, at(100), "t9", 600)
    assert (later.window.lease.seconds_left(at(100)), later.window.token) == (600, "t9")
    assert renewed(NONE, at(), "t9") == NONE
    planned = plan_window(NONE, wish(), at()).after
    assert renewed(planned, at(), "t9") == planned
    assert replace(later, window=None).to_dict()["window"] is None


def test_nobody_is_told_a_token_or_an_alarm():
    facts = opened(alarms=({"kind": "file", "path": "/x", "url": "http://h/secret"},)).window.facts(at(10))
    assert facts["lease_seconds_left"] == 170 and "t1" not in json.dumps(facts) and "secret" not in json.dumps(facts)


@pytest.mark.parametrize(("later", "left"), [(600, 1200), (-36000, 1800), (36000, 0)])
def test_a_clock_that_is_set_makes_no_window_live_longer_than_announced(later, left):
    """T182"""
    assert opened(minutes=30).window.seconds_to_end(at(later)) == left
