"""Which backups go: the rules one by one, then what must hold whatever backups and policy there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._core.backup_catalogue import VERIFIED
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.retention import RetentionPlan, is_sound, plan
from ansible_collections.runbook.compose.plugins.module_utils._core.retention_policy import Policy
from tests.support.backup_samples import described

NOW = datetime(2026, 11, 20, 4, 0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PARAMS = {name: getattr(Policy(1), name) for name in Policy.__dataclass_fields__}
EVERYTHING = Policy(1, max_delete_fraction=1, keep_schemas=0)


def days(*ago: float, state: str = "verified") -> list:
    return [described(NOW - age * DAY, state, number) for number, age in enumerate(ago, 1)]


def ages(chosen, backups) -> list[float]:
    """Days ago, oldest first."""
    return sorted(((NOW - one.manifest.created) / DAY for one in backups if one.id in chosen), reverse=True)


def kept(backups: list, policy: Policy, **more: object) -> list[float]:
    decided = plan(backups, policy, NOW, **more)
    assert decided.refusal is None
    assert {*decided.keep} | {*decided.delete} == {one.id for one in backups}
    assert not {*decided.keep} & {*decided.delete}
    return ages(decided.keep, backups)


def refused(backups: list, policy: Policy, now: datetime = NOW, **more: object) -> str:
    decided = plan(backups, policy, now, **more)
    assert decided.refusal and decided.delete == {} and {*decided.keep} == {one.id for one in backups}
    return f"{decided.refusal.reason}: {decided.refusal.message}"


def test_the_last_ones_stay():
    assert kept(days(0.1, 1, 2, 3, 4), replace(EVERYTHING, keep_last=3)) == [2, 1, 0.1]


def test_a_period_keeps_its_newest_verified_one_and_only_periods_with_backups_count():
    backups = [*days(0.1, 1, 9), *days(9.05, state="dumped"), *days(8.95, state="dumped"), *days(20, 21)]
    assert kept(backups, replace(EVERYTHING, daily=4)) == [20, 9, 1, 0.1]


@pytest.mark.parametrize(
    ("name", "ages", "left"),
    [
        ("hourly", [0.02, 0.03, 0.05, 0.1, 0.11], [0.1, 0.05, 0.02]),
        ("weekly", [1, 2, 6, 8, 13, 20, 30], [13, 6, 1]),
        ("monthly", [1, 2, 21, 30, 60, 90], [60, 21, 1]),
        ("yearly", [1, 200, 330, 400, 800], [800, 330, 1]),
    ],
)
def test_periods(name, ages, left):
    assert kept(days(*ages), replace(EVERYTHING, **{name: 3})) == left


def test_a_window_keeps_the_one_that_reaches_back_to_its_beginning():
    policy = replace(EVERYTHING, keep_within=3 * 86400)
    assert kept(days(0.5, 1, 2.5, 4, 5), policy) == [4, 2.5, 1, 0.5]
    # The newest older one is not proven: the newest proven one stays as well.
    assert kept([*days(0.5, 5, 6), *days(4, state="dumped")], policy) == [5, 4, 0.5]


def test_the_newest_verified_one_stays_when_newer_ones_are_unproven_or_damaged():
    backups = [*days(0.1, 0.2, 0.3, state="dumped"), *days(0.4, state="damaged"), *days(1, 2)]
    assert kept(backups, replace(EVERYTHING, keep_last=1)) == [1, 0.4, 0.1]


def test_the_newest_verified_one_stays_for_no_other_reason_than_that():
    backups = [described(NOW - age * DAY, state, number, source={}) for number, (age, state) in enumerate([(0.1, "dumped"), (1, "dumped"), (2, "verified")], 1)]
    assert kept(backups, replace(EVERYTHING, min_verified=0)) == [2, 0.1]


def test_each_version_of_postgres_and_the_last_schemas_keep_their_newest_verified_one():
    old = replace(days(5)[0].manifest, source={"server_version": 140011})
    schema = {"content": {"schema_fingerprint": "sha256:other"}}
    backups = [*days(0.1, 1), replace(days(5)[0], manifest=old), described(NOW - 6 * DAY, number=8, **schema), described(NOW - 7 * DAY, number=9, **schema)]
    assert kept(backups, EVERYTHING) == [5, 0.1]
    assert kept(backups, replace(EVERYTHING, keep_schemas=2, min_copies=2)) == [6, 5, 0.1]


def test_what_somebody_needs_stays():
    backups = [*days(0.1, 0.2, 3, 4), described(NOW - 5 * DAY, number=9, pinned="audit 2026")]
    decided = plan(backups, replace(EVERYTHING, keep_last=2), NOW, {backups[3].id: "release 0002 (v2)"})
    assert ages(decided.keep, backups) == [5, 4, 0.2, 0.1]
    assert (decided.keep[backups[3].id], decided.keep[backups[4].id]) == (("release 0002 (v2)",), ("pinned: audit 2026",))


@pytest.mark.parametrize("purpose", ["safety", "pre_deploy"])
def test_what_was_made_before_a_change_has_its_time(purpose):
    backups = [*days(0.1, 0.2), described(NOW - 2 * DAY, number=8, purpose=purpose), described(NOW - 4 * DAY, number=9, purpose=purpose)]
    assert kept(backups, replace(EVERYTHING, keep_last=2)) == [2, 0.2, 0.1]


def test_damaged_and_partial_ones_count_for_nothing_and_go_when_they_are_old_and_a_newer_one_is_verified():
    partial = described(NOW - 9 * DAY, "dumped", 9, partial=True)
    backups = [*days(0.1, 3), *days(0.05, 2, 8, state="damaged"), partial]
    policy = replace(EVERYTHING, keep_last=2, daily=9)
    assert kept(backups, policy) == [3, 2, 0.1, 0.05]
    assert kept(backups[2:] + days(10, state="verified"), policy, retired=True) == [10, 9, 8, 2, 0.05]


def test_those_from_the_future_are_neither_counted_nor_deleted():
    backups = days(-3, -2, 0.1, 1, 2)
    decided = plan(backups, replace(EVERYTHING, keep_last=2), NOW)
    assert ages(decided.keep, backups) == [1, 0.1, -2, -3]
    assert len(decided.warnings) == 2


def test_when_backups_stop_nothing_goes():
    backups = days(*range(30, 60))
    policy = replace(EVERYTHING, daily=7)
    assert "backup_stale: the newest verified backup is of 2026-10-21" in refused(backups, policy)
    assert "backup_stale" in refused([*backups, *days(0.1, state="dumped")], policy)
    assert "backup_stale: there is no verified backup" in refused(days(1, 2, state="dumped"), policy)
    # One good one lets it go on, within its bounds.
    again = [*backups, *days(0.1)]
    assert "24 of 31 backups would go" in refused(again, replace(policy, max_delete_fraction=0.5))
    assert len(kept(again, policy)) == 7


def test_without_proof_the_newest_whole_one_has_to_be_young():
    unproven = replace(EVERYTHING, min_verified=0, keep_last=2)
    assert kept(days(0.1, 1, 2, state="dumped"), unproven) == [1, 0.1]
    assert "the newest whole backup" in refused(days(5, 6, 7, state="dumped"), unproven)


def test_of_what_is_no_longer_backed_up_the_policy_still_keeps_its_part():
    assert kept(days(100, 101, 102), replace(EVERYTHING, keep_last=2), retired=True) == [101, 100]


@pytest.mark.parametrize(
    ("policy", "cause"),
    [
        (Policy(1, keep_schemas=0, max_delete_fraction=1), "1 backups would be left, fewer than min_copies=2"),
        (Policy(3, min_verified=4, max_delete_fraction=1), "3 verified backups would be left, fewer than min_verified=4"),
        (Policy(3), "7 of 10 backups would go, more than max_delete_fraction=0.5"),
    ],
)
def test_a_plan_that_takes_too_much_is_refused_whole(policy, cause):
    assert refused(days(*(0.1 + age for age in range(10))), policy) == f"retention_refused: {cause}"


@pytest.mark.parametrize("jump", [-3650 * DAY, 3650 * DAY])
def test_a_clock_that_jumps_deletes_nothing(jump):
    backups = days(*(0.1 + age for age in range(40)))
    decided = plan(backups, replace(EVERYTHING, daily=3), NOW + jump)
    assert decided.delete == {}


@pytest.mark.parametrize(
    "change",
    [{"keep_last": None}, {"keep_last": 0}, {"daily": -1}, {"min_copies": 1}, {"min_verified": -1}, {"max_delete_fraction": 0}, {"max_delete_fraction": 1.1},
     {"stale_freeze": 0}, {"keep_within": -1}],
)  # fmt: skip
def test_what_is_no_policy_is_refused(change):
    assert Policy.from_params(PARAMS) == Policy(1)
    with pytest.raises(BadInput):
        Policy.from_params({**PARAMS, **change})


states = some.sampled_from(["verified", "verified", "dumped", "damaged"])
moments = some.integers(-5 * 24, 900 * 24).map(lambda hours: NOW - hours * HOUR / 4)
counts = some.integers(0, 6)
backup_lists = some.lists(
    some.builds(
        lambda at, state, number, purpose, pinned, major, partial: described(
            at, state, number, purpose=purpose, pinned=pinned, source={"server_version": major}, partial=partial
        ),
        moments,
        states,
        some.integers(1, 999999),
        some.sampled_from(["scheduled", "scheduled", "safety", "pre_deploy", "manual"]),
        some.sampled_from(["", "", "", "audit"]),
        some.sampled_from([150018, None, 140011]),
        some.sampled_from([False, False, False, True]),
    ),
    max_size=40,
    unique_by=lambda backup: backup.id,
)
policies = some.builds(
    Policy,
    some.integers(1, 6),
    hourly=counts,
    daily=counts,
    weekly=counts,
    monthly=counts,
    yearly=counts,
    keep_within=some.sampled_from([0, 86400, 30 * 86400]),
    keep_schemas=counts,
    min_copies=some.integers(2, 4),
    min_verified=some.integers(0, 3),
    max_delete_fraction=some.sampled_from([0.1, 0.5, 1.0]),
    stale_freeze=some.sampled_from([3600, 172800, 10**9]),
)


def gone(decided: RetentionPlan) -> set[str]:
    return {*decided.delete}


@given(backup_lists, policies, some.booleans())
def test_every_backup_is_decided_once_and_with_a_reason(backups, policy, retired):
    decided = plan(backups, policy, NOW, retired=retired)
    assert {*decided.keep} | gone(decided) == {one.id for one in backups} and not {*decided.keep} & gone(decided)
    assert all(reasons and all(reasons) for reasons in [*decided.keep.values(), *decided.delete.values()])
    assert not (decided.refusal and decided.delete)


@given(backup_lists, policies, some.booleans())
def test_the_newest_verified_one_never_goes_nor_the_newest_sound_one(backups, policy, retired):
    decided = plan(backups, policy, NOW, retired=retired)
    past = sorted((one for one in backups if one.manifest.created <= NOW and is_sound(one)), key=lambda one: (one.manifest.created, one.id))
    for newest in past[-1:] + [one for one in past if one.state == VERIFIED][-1:]:
        assert newest.id in decided.keep


@given(backup_lists, policies, some.booleans())
def test_what_is_left_is_enough_or_nothing_went(backups, policy, retired):
    decided = plan(backups, policy, NOW, retired=retired)
    sound = [one for one in backups if is_sound(one) and one.manifest.created <= NOW]
    lost = [one for one in sound if one.id in decided.delete]
    left = [one for one in sound if one.id not in decided.delete]
    if lost:
        assert len(left) >= policy.min_copies and len(lost) <= policy.max_delete_fraction * len(sound)
        assert len([one for one in left if one.state == VERIFIED]) >= policy.min_verified
        counted = [one for one in left if one.state == VERIFIED or not policy.min_verified]
        assert retired or max(one.manifest.created for one in counted) >= NOW - timedelta(seconds=policy.stale_freeze)
    spared = [one for one in backups if one.manifest.created > NOW or one.pinned]
    assert not gone(decided) & {one.id for one in spared}


@given(backup_lists, policies, some.booleans())
def test_a_second_run_deletes_nothing_more(backups, policy, retired):
    left = [one for one in backups if one.id not in plan(backups, policy, NOW, retired=retired).delete]
    assert plan(left, policy, NOW, retired=retired).delete == {}


@given(backup_lists, policies, some.randoms())
def test_the_order_in_which_they_are_found_does_not_matter(backups, policy, random):
    mixed = list(backups)
    random.shuffle(mixed)
    assert plan(mixed, policy, NOW) == plan(backups, policy, NOW)


@given(backup_lists, policies)
def test_a_policy_that_keeps_more_deletes_no_other(backups, policy):
    for name in ("keep_last", "hourly", "daily", "weekly", "monthly", "yearly", "keep_schemas"):
        more = replace(policy, **{name: getattr(policy, name) + 1})
        without_bounds = {"max_delete_fraction": 1, "min_verified": 0, "stale_freeze": 10**12}
        fewer = plan(backups, replace(more, **without_bounds), NOW)
        before = plan(backups, replace(policy, **without_bounds), NOW)
        if before.refusal is None:
            assert gone(fewer) <= gone(before)


@given(
    some.lists(moments, min_size=1, max_size=25, unique=True), moments, states, some.sampled_from(["hourly", "daily", "weekly", "monthly", "yearly"]), counts
)
def test_one_more_backup_takes_a_kept_one_only_by_being_better_in_its_period_or_by_opening_a_newer_one(times, at, state, name, count):
    """What keeps because it is the newest, or one of the last, is left aside: that moves on by nature."""
    policy = Policy(1, **{name: count}, keep_schemas=0)
    before = [described(time, number=number) for number, time in enumerate(times, 1)]
    added = described(at, state, 777)
    held = by_period(plan(before, policy, NOW), name)
    after = by_period(plan([*before, added], policy, NOW), name)
    times_of = {one.id: one.manifest.created for one in [*before, added]}
    for period, backup_id in held.items():
        if after.get(period) == backup_id:
            continue
        if period in after:  # replaced
            assert after[period] == added.id and added.state == VERIFIED and added.manifest.created >= times_of[backup_id]
        else:  # pushed out by a newer period
            assert added.id in after.values() and at > times_of[backup_id] and period == min(held)


def by_period(decided: RetentionPlan, name: str) -> dict[str, str]:
    """Periods and what stands for each of them. Reasons are there also when nothing may go."""
    found = {}
    for backup_id, reasons in decided.keep.items():
        for reason in reasons:
            if reason.startswith(f"{name} "):
                found[reason.removeprefix(f"{name} ")] = backup_id
    return found
