"""What pruning takes and what it must never take."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.release_samples import draft, go_live, ledger_of, live_history

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.image_holders import Holder
from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import FAILED
from ansible_collections.runbook.compose.plugins.module_utils._core.release_prune import (
    ImageUse,
    KeptTag,
    holders_to_remove,
    plan_prune,
    releases_to_forget,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.release_selection import previous_release

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def forgotten(ledger, keep):
    return [release.id for release in releases_to_forget(ledger, keep, NOW)]


def test_the_oldest_verified_releases_beyond_keep_go():
    assert forgotten(live_history("v1", "v2", "v3", "v4"), keep=2) == ["0001", "0002"]


def test_the_release_to_roll_back_to_stays_even_with_keep_one():
    assert forgotten(live_history("v1", "v2", "v3"), keep=1) == ["0001"]


def test_failed_releases_do_not_push_out_good_ones():
    ledger = live_history("v1", "v2")
    for number in range(5):
        ledger = ledger.with_new(draft(f"bad{number}", verdict=FAILED))
    assert forgotten(ledger, keep=2) == ["0003", "0004", "0005"]


def test_a_young_pending_release_stays_and_an_old_one_goes():
    old = "2026-11-19T11:00:00Z"
    ledger = ledger_of(draft("v1", created_at=old), draft("v2"), draft("v3"))
    assert forgotten(ledger, keep=1) == ["0001"]


def test_the_staged_release_stays():
    ledger = replace(ledger_of(*[draft(f"v{number}", verdict=FAILED) for number in range(3)]), staged="0001")
    assert forgotten(ledger, keep=1) == ["0002"]


def test_keep_must_leave_something():
    with pytest.raises(BadInput):
        releases_to_forget(live_history("v1"), 0, NOW)


@given(st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_current_and_previous_always_stay(count, keep, rolled_back):
    ledger = live_history(*[f"v{number}" for number in range(count)])
    if rolled_back and previous_release(ledger):
        ledger = go_live(ledger, previous_release(ledger).id, how="rollback")
    left = ledger.without(tuple(forgotten(ledger, keep)))
    assert left.current_release == ledger.current_release
    assert previous_release(left) == previous_release(ledger)
    assert forgotten(left, keep) == []


def tag(release: str, image: str, service: str = "api") -> KeptTag:
    return KeptTag(f"runbook.local/shop/{service}:{release}", image)


def prune(ledger, tags, uses, remove_images=False, keep=1):
    return plan_prune(ledger, releases_to_forget(ledger, keep, NOW), tags, uses, remove_images)


LEDGER = live_history("v1", "v2", "v3")
OLD = tag("0001", "sha256:01")


def test_an_image_with_another_name_only_loses_ours():
    plan = prune(LEDGER, [OLD], {"sha256:01": ImageUse((OLD.reference, "shop-api:v1"))})
    assert (plan.forget, plan.untag, plan.remove) == (("0001",), (OLD.reference,), ())


def test_the_last_name_of_an_image_stays_unless_it_may_be_removed():
    uses = {"sha256:01": ImageUse((OLD.reference,), size=7)}
    assert prune(LEDGER, [OLD], uses).untag == ()
    plan = prune(LEDGER, [OLD], uses, remove_images=True)
    assert (plan.untag, plan.remove, plan.removed_bytes) == ((OLD.reference,), ("sha256:01",), 7)


def test_an_image_that_a_container_has_stays():
    plan = prune(LEDGER, [OLD], {"sha256:01": ImageUse((OLD.reference,), containers=1)}, remove_images=True)
    assert (plan.untag, plan.remove) == ((), ())


def test_an_image_that_a_kept_release_shares_only_loses_the_old_name():
    shared = tag("0003", "sha256:01")
    plan = prune(LEDGER, [OLD, shared], {"sha256:01": ImageUse((OLD.reference, shared.reference))}, remove_images=True)
    assert (plan.untag, plan.remove) == ((OLD.reference,), ())


def test_two_leaving_names_of_one_image_count_it_once():
    other = tag("0001", "sha256:01", "worker")
    uses = {"sha256:01": ImageUse((OLD.reference, other.reference), size=7)}
    plan = prune(LEDGER, [OLD, other], uses, remove_images=True)
    assert (len(plan.untag), plan.remove, plan.removed_bytes) == (2, ("sha256:01",), 7)


def test_names_that_an_interrupted_run_left_go_but_not_those_of_the_next_release():
    stray, coming = tag("building-4f1c2ab", "sha256:09"), tag(LEDGER.next_id, "sha256:08")
    uses = {"sha256:09": ImageUse((stray.reference, "x:y")), "sha256:08": ImageUse((coming.reference, "x:z"))}
    assert prune(LEDGER, [stray, coming], uses, keep=5).untag == (stray.reference,)


def holder(release: str, service: str = "api") -> Holder:
    return Holder(f"container-{service}-{release}", f"runbook.local/shop/{service}:{release}", "sha256:01")


def test_holders_go_with_their_releases_and_those_of_nobody_go_too():
    held = [holder("0002"), holder("0099"), holder("0001", "web"), holder("0001"), holder("0003")]
    leaving = holders_to_remove(LEDGER, releases_to_forget(LEDGER, 1, NOW), held)
    assert leaving == (holder("0001"), holder("0099"), holder("0001", "web"))


def test_the_holder_of_a_release_that_is_being_registered_stays():
    assert holders_to_remove(LEDGER, [], [holder(LEDGER.next_id)]) == ()
