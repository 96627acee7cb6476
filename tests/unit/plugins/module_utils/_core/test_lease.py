"""Who holds a lease, for how long, and what becomes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.lease import (
    LeaseHeld,
    LeaseLost,
    LeaseNotYours,
    LeaseRecord,
    LeaseUnreadable,
    Moment,
    parse_lease_record,
    require_lease,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.lease_change import Claim, break_lease, free, hold

START = Moment(datetime(2026, 11, 21, 3, 0, 0, tzinfo=timezone.utc), boottime=1000.0, boot_id="boot-1")
FREE = LeaseRecord("shop", "operation")


def later(seconds: float, wall_step: float = 0, boot_id: str = "boot-1") -> Moment:
    """After so many seconds, with the wall clock moved by ``wall_step``; in another boot the other clock begins anew."""
    wall = START.wall + timedelta(seconds=seconds + wall_step)
    return Moment(wall, START.boottime + seconds if boot_id == "boot-1" else 5.0, boot_id)


def claim(owner: str = "alice@control", token: str = "", expires_after: int | None = 60) -> Claim:
    return Claim(owner, "deploy v2", "planned", "shop-1", new_token=f"new-{owner}", token=token, expires_after=expires_after)


def held(by: str = "alice@control") -> LeaseRecord:
    return hold(FREE, claim(by), START).after


def test_a_free_lease_is_taken_and_journaled():
    change = hold(FREE, claim(), START)
    assert change.lease_facts(START) == {
        "name": "operation",
        "held": True,
        "token": "new-alice@control",
        "owner": "alice@control",
        "operation": "deploy v2",
        "reason": "planned",
        "host": "shop-1",
        "since": "2026-11-21T03:00:00Z",
        "heartbeat": "2026-11-21T03:00:00Z",
        "until": "2026-11-21T03:01:00Z",
        "expires_after": 60,
        "seconds_left": 60,
    }
    assert (change.action, change.event) == ("take", "lease_taken")
    assert "new-alice" not in str(change.event_facts)


def test_a_new_lease_lasts_two_minutes_unless_told_otherwise():
    assert hold(FREE, claim(expires_after=None), START).lease_facts(START)["seconds_left"] == 120


def test_a_second_run_is_told_who_what_since_when_until_when_and_how_to_go_on():
    with pytest.raises(LeaseHeld) as refused:
        hold(held(), claim("bob"), later(10))
    result = refused.value.to_result()
    assert result["reason"] == "lease_held"
    assert result["changed"] is False
    for word in ("deploy v2", "alice@control", "planned", "since 2026-11-21T03:00:00Z", "until 2026-11-21T03:01:00Z", "50 s left", "-e break_lease="):
        assert word in result["msg"]
    assert result["details"]["holder"]["owner"] == "alice@control"
    assert "new-alice" not in json.dumps(result)


def test_its_owner_renews_it_silently_and_keeps_its_duration():
    change = hold(held(), claim(token="new-alice@control", expires_after=None), later(50))
    assert (change.action, change.event) == ("", "")
    assert change.lease_facts(later(50))["seconds_left"] == 60
    assert change.lease_facts(later(50))["since"] == "2026-11-21T03:00:00Z"
    assert not change.to_plan(later(50), with_token=True).changed


@pytest.mark.parametrize(
    ("now", "expired"),
    [
        (later(59), False),
        (later(60), True),
        (later(59, wall_step=+86400), False),
        (later(60, wall_step=-86400), True),
        (later(59, boot_id="boot-2"), False),
        (later(60, boot_id="boot-2"), True),
        (later(10, boot_id=""), False),
        (later(61, boot_id=""), True),
    ],
)
def test_one_boot_ignores_steps_of_the_wall_clock_and_a_reboot_goes_by_it(now, expired):
    assert held().holder.is_expired(now) is expired


def test_an_expired_lease_is_taken_over_and_the_old_holder_is_journaled():
    change = hold(held(), claim("bob"), later(61))
    assert change.event == "lease_taken_over"
    assert change.event_facts["expired"]["owner"] == "alice@control"
    assert change.after.holder.owner == "bob"


def test_only_the_owner_frees_it():
    with pytest.raises(LeaseNotYours) as refused:
        free(held(), "another", "succeeded", later(10))
    assert "alice@control" in str(refused.value)
    with pytest.raises(LeaseNotYours):
        free(held(), "", "succeeded", later(10))
    change = free(held(), "new-alice@control", "succeeded", later(10))
    assert change.after.holder is None
    assert (change.event, change.event_facts["outcome"]) == ("lease_freed", "succeeded")


def test_freeing_what_nobody_holds_changes_nothing():
    assert free(FREE, "any", "", START).action == ""
    freed = free(held(), "new-alice@control", "", START).after
    again = free(freed, "new-alice@control", "", START)
    assert (again.action, again.after) == ("", freed)
    foreign_and_expired = free(held(), "unknown", "", later(61))
    assert (foreign_and_expired.action, foreign_and_expired.after) == ("", held())
    assert foreign_and_expired.lease_facts(later(61))["held"] is False


def test_its_owner_still_frees_an_expired_lease_that_nobody_took():
    change = free(held(), "new-alice@control", "failed", later(100))
    assert change.event_facts["expired"] is True
    assert change.after.holder is None


def test_freeing_a_lease_that_expired_and_was_taken_over_says_so():
    taken_over = hold(held(), claim("bob"), later(61)).after
    with pytest.raises(LeaseLost, match="taken over by bob") as lost:
        free(taken_over, "new-alice@control", "succeeded", later(62))
    assert lost.value.details["ended"] == "expired"
    assert lost.value.details["holder"]["owner"] == "bob"


def test_breaking_is_journaled_with_who_whose_and_why():
    change = break_lease(held(), "bob@control", "control node is dead", later(5))
    assert change.event == "lease_broken"
    assert change.event_facts["by"] == "bob@control"
    assert change.event_facts["reason"] == "control node is dead"
    assert change.event_facts["broken"]["owner"] == "alice@control"
    with pytest.raises(LeaseLost, match=r"broken by bob@control at .*control node is dead"):
        require_lease(change.after, "new-alice@control", later(6))
    assert break_lease(change.after, "bob", "again", later(7)).action == ""


def test_a_lost_lease_is_not_taken_anew_by_its_token_but_a_freed_one_is():
    broken = break_lease(held(), "bob", "why", later(1)).after
    with pytest.raises(LeaseLost):
        hold(broken, claim(token="new-alice@control"), later(2))
    with pytest.raises(LeaseLost, match="expired at"):
        hold(held(), claim(token="new-alice@control"), later(61))
    freed = free(held(), "new-alice@control", "", later(1)).after
    assert hold(freed, claim(token="new-alice@control"), later(2)).action == "take"


def test_a_fence_opens_only_for_the_token_that_holds_it_now():
    assert require_lease(held(), "new-alice@control", later(59)).owner == "alice@control"
    for record, token, now in ((held(), "other", START), (held(), "new-alice@control", later(60)), (FREE, "x", START)):
        with pytest.raises(LeaseLost):
            require_lease(record, token, now)


@pytest.mark.parametrize("value", [None, [], {}, {"holder": {"owner": "x"}, "former": []}, {"holder": 5, "former": []}, {"holder": None, "former": [1]}])
def test_a_damaged_record_is_not_taken_for_a_free_lease(value):
    record = parse_lease_record("shop", "operation", value)
    for act in (lambda: hold(record, claim(), START), lambda: free(record, "t", "", START), lambda: require_lease(record, "t", START)):
        with pytest.raises(LeaseUnreadable):
            act()
    repaired = break_lease(record, "bob", "damaged by hand", START)
    assert repaired.event_facts["damaged"] is True
    assert hold(repaired.after, claim(), START).action == "take"


def test_an_unreadable_time_is_damage():
    value = held().to_dict()
    value["holder"]["until"] = "tomorrow"
    assert parse_lease_record("shop", "operation", value).damaged


STEPS = st.lists(st.tuples(st.sampled_from(["hold", "renew", "free", "break"]), st.sampled_from(["alice", "bob"]), st.integers(0, 90)), max_size=25)


@given(STEPS)
def test_two_tokens_never_open_the_fence_at_once_and_every_record_reads_back(steps):
    record, now, tokens, count = FREE, START, {"alice": "", "bob": ""}, 0
    for action, who, seconds in steps:
        now, count = replace(now, wall=now.wall + timedelta(seconds=seconds), boottime=now.boottime + seconds), count + 1
        try:
            if action in ("hold", "renew"):
                wanted = replace(claim(who, tokens[who] if action == "renew" else ""), new_token=f"{who}-{count}")
                change = hold(record, wanted, now)
                tokens[who] = change.after.holder.token
            elif action == "free":
                change = free(record, tokens[who], "", now)
            else:
                change = break_lease(record, who, "why", now)
        except (LeaseHeld, LeaseLost, LeaseNotYours):
            continue
        record = change.after
        assert parse_lease_record("shop", "operation", json.loads(json.dumps(record.to_dict()))) == record
        assert sum(_opens(record, token, now) for token in set(tokens.values())) <= 1
        assert len(record.former) <= 20


def _opens(record: LeaseRecord, token: str, now: Moment) -> bool:
    try:
        require_lease(record, token, now)
    except LeaseLost:
        return False
    return True
