"""The phase table: what the target does when the run that held a window is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.plugins.module_utils._core.test_window_change import NONE, at, opened, working

from ansible_collections.runbook.compose.plugins.module_utils._core.lease import LeaseRecord
from ansible_collections.runbook.compose.plugins.module_utils._core.lease_change import Claim, hold
from ansible_collections.runbook.compose.plugins.module_utils._core.window_change import move
from ansible_collections.runbook.compose.plugins.module_utils._core.window_expiry import (
    Evidence,
    Verdict,
    decide,
    ended_by_target,
    is_alive,
    kept_by_target,
    needs_look,
)

WHOLE, SICK, BETWEEN = Evidence(True, True), Evidence(False, True, ("api is unhealthy",)), Evidence(True, False, ("api: wrong_image",))
FREE = LeaseRecord("shop", "operation")


def window(phase: str, half_applied: str = "none"):
    base = working().window
    return replace(base, phase=phase, half_applied=half_applied, number=0 if phase == "open" else 1)


@pytest.mark.parametrize(
    ("phase", "half_applied", "evidence", "verdict"),
    [
        ("planned", "none", WHOLE, "nothing"),
        ("closed", "none", WHOLE, "nothing"),
        ("open", "none", WHOLE, "lift"),
        ("open", "none", SICK, "keep"),
        ("working", "none", WHOLE, "lift"),
        ("working", "none", BETWEEN, "lift"),
        ("working", "none", SICK, "keep"),
        ("working", "swap", WHOLE, "lift"),
        ("working", "swap", BETWEEN, "keep"),
        ("working", "swap", SICK, "keep"),
        ("working", "schema", WHOLE, "keep"),
        ("proven", "none", WHOLE, "lift"),
        ("proven", "none", SICK, "keep"),
        ("watching", "none", SICK, "close"),
        ("abandoned", "none", WHOLE, "lift"),
        ("abandoned", "swap", BETWEEN, "keep"),
        ("abandoned", "schema", WHOLE, "keep"),
    ],
)
def test_the_phase_table(phase, half_applied, evidence, verdict):
    decided = decide(window(phase, half_applied), evidence)
    assert decided.word == verdict and bool(decided.because) == (verdict != "nothing")
    assert needs_look(window(phase, half_applied)) == (phase in ("open", "working", "proven", "abandoned") and half_applied != "schema")


def test_a_run_lives_as_long_as_its_lease_or_any_operation_lease():
    """T90"""
    record = opened().window
    held = hold(FREE, Claim("bob", "rollback", "", "host", "t2"), at(500)).after
    assert is_alive(record, FREE, at(179)) and not is_alive(record, FREE, at(180))
    assert is_alive(record, held, at(600)) and not is_alive(record, held, at(620))
    assert is_alive(record, replace(FREE, damaged=True), at(9999))
    kept = move(working(), "CHG-1", "abandoned", at(2), because="x").after.window
    assert not is_alive(kept, FREE, at(3)) and is_alive(kept, held, at(600))


def test_the_clock_that_people_set_does_not_end_it_and_a_reboot_does_not_keep_it():
    """T91"""
    record = opened().window
    moved = replace(at(10), wall=at(86400).wall)
    assert is_alive(record, FREE, moved)  # a day forward: the lease counts the clock that nobody can set
    assert not is_alive(record, FREE, replace(at(200), wall=at(-86400).wall))
    rebooted = replace(at(10), boot_id="boot-2", boottime=5.0)
    assert is_alive(record, FREE, rebooted) and not is_alive(record, FREE, replace(rebooted, wall=at(181).wall))


def test_what_the_target_ended_is_over():
    record = working()
    ended = ended_by_target(record, record.window, Verdict("lift", "nothing is half applied"), at(500))
    assert (ended.action, ended.after.window.phase, ended.after.window.outcome, ended.after.window.lease) == ("lift", "closed", "expired", None)
    assert ended.facts["because"] == "nothing is half applied" and ended.after.window.steps[-1]["what"] == "the target"


def test_an_alarm_is_repeated_after_a_while_and_not_every_minute():
    record, verdict = working(), Verdict("keep", "cut off")
    first = kept_by_target(record, record.window, verdict, at(500), 30)
    assert (first.action, first.after.window.phase) == ("alarm", "abandoned") and len(first.after.window.steps) == len(record.window.steps) + 1
    second = kept_by_target(first.after, first.after.window, verdict, at(560), 30)
    assert second.action == "" and second.after.window.kept == first.after.window.kept
    third = kept_by_target(second.after, second.after.window, verdict, at(500 + 1800), 30)
    assert third.action == "alarm" and third.after.window.kept["since"] == at(500).text
    assert third.after.window.steps == first.after.window.steps
    assert kept_by_target(third.after, third.after.window, verdict, at(600), 30).action == "alarm"  # the clock was set back
    assert NONE.window is None


def test_what_a_run_left_to_a_person_stays_until_a_person_has_looked():
    record = move(working(), "CHG-1", "abandoned", at(2), because="the release before does not answer").after
    left = replace(record.window, half_applied="none")
    assert not needs_look(left) and decide(left, WHOLE).word == "keep"
    kept = kept_by_target(record, left, decide(left, WHOLE), at(500), 30)
    assert kept.after.window.kept["because"] == "the release before does not answer" and kept.after.window.kept["by"] == "run"
