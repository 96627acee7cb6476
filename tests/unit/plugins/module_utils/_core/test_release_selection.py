"""A release that failed, was rolled back or is newer can never be what a rollback leads to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.release_samples import draft, go_live, ledger_of, live_history

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError
from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import FAILED, ROLLED_BACK, VERIFIED, Ledger
from ansible_collections.runbook.compose.plugins.module_utils._core.release_selection import (
    NoReleaseToRollBackTo,
    NoSuchRelease,
    ReleaseFailedBefore,
    ReleaseRolledBackBefore,
    find_release,
    previous_release,
    refuse_unfit,
    rollback_target,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.verdicts import reject


def test_previous_is_the_release_that_was_live_before():
    assert find_release(live_history("v1", "v2", "v3"), "previous").id == "0002"


def test_after_a_rollback_previous_is_neither_the_one_just_left_nor_a_newer_one():
    ledger = go_live(live_history("v1", "v2", "v3"), "0002", how="rollback")
    assert previous_release(ledger).id == "0001"
    ledger = go_live(ledger, "0001", how="rollback")
    assert previous_release(ledger) is None


def test_a_release_that_was_skipped_by_a_rollback_is_not_previous_although_it_is_verified():
    ledger = go_live(live_history("v1", "v2", "v3"), "0001", how="rollback")
    assert ledger.entry("0002").verdict == VERIFIED
    with pytest.raises(NoReleaseToRollBackTo):
        find_release(ledger, "previous")


def test_a_failed_release_is_passed_over():
    ledger = live_history("v1", "v2", "v3")
    ledger = reject(ledger, ledger.entry("0002"), FAILED, "lost orders")
    assert find_release(ledger, "previous").id == "0001"


def test_a_release_that_was_never_live_is_not_previous():
    ledger = live_history("v1", "v2").with_new(draft("v3"))
    assert find_release(ledger, "previous").id == "0001"


def test_an_interrupted_deploy_goes_back_to_the_current_release():
    ledger = replace(live_history("v1", "v2").with_new(draft("v3")), staged="0003")
    assert rollback_target(ledger).id == "0002"
    failed = reject(ledger, ledger.entry("0003"), FAILED, "never healthy")
    assert rollback_target(failed).id == "0002"


def test_an_interrupted_rollback_goes_on_to_the_same_release():
    ledger = replace(live_history("v1", "v2", "v3"), staged="0002")
    assert find_release(ledger, "previous").id == "0002"


def test_a_version_stands_for_its_newest_entry_that_may_become_live():
    ledger = ledger_of(draft("v1"), draft("v2", verdict=VERIFIED), draft("v2", verdict=FAILED), draft("v3"))
    assert find_release(ledger, "v2").id == "0002"
    assert find_release(ledger, "0003").version == "v2"


def test_a_version_that_only_failed_is_found_and_refused():
    ledger = ledger_of(draft("v2", verdict=FAILED, verdict_reason="never healthy"))
    with pytest.raises(ReleaseFailedBefore, match="never healthy"):
        refuse_unfit(find_release(ledger, "v2"))


def test_a_rolled_back_release_is_refused():
    with pytest.raises(ReleaseRolledBackBefore):
        refuse_unfit(draft(verdict=ROLLED_BACK))


@pytest.mark.parametrize("selector", ["v9", "0009", "", "current"])
def test_unknown_releases_are_refused(selector):
    with pytest.raises(NoSuchRelease) as caught:
        find_release(ledger_of(draft("v1")), selector)
    assert caught.value.details["known"] == ["0001"]


def test_nothing_to_roll_back_to_names_the_current_release():
    with pytest.raises(NoReleaseToRollBackTo, match=r"before 0001 \(v1\)"):
        find_release(live_history("v1"), "previous")


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["register", "stage", "verify", "rollback", "fail", "roll_back"]), st.integers(0, 5)), max_size=40
)


def _act(ledger: Ledger, operation: str, position: int) -> Ledger:
    """One thing that people or playbooks may try; what is refused leaves the ledger as it is."""
    if operation == "register" or not ledger.releases:
        return ledger.with_new(draft(f"v{ledger.next_release}"))
    release = ledger.releases[position % len(ledger.releases)]
    try:
        if operation == "stage":
            refuse_unfit(release)
            return replace(ledger, staged=release.id)
        if operation == "verify":
            return go_live(ledger, release.id)
        if operation == "rollback":
            return go_live(ledger, find_release(ledger, "previous").id, how="rollback")
        return reject(ledger, release, FAILED if operation == "fail" else ROLLED_BACK, "seen")
    except OperationError:
        return ledger


@given(OPERATIONS)
def test_whatever_happened_a_rollback_leads_only_to_a_proven_release(operations):
    ledger = Ledger(salt="s")
    for operation, position in operations:
        ledger = _act(ledger, operation, position)
        for target in (previous_release(ledger), rollback_target(ledger)):
            assert target is None or (target.verdict == VERIFIED and target.activations)
        current = ledger.current_release
        assert current is None or current.verdict == VERIFIED
        earlier = previous_release(ledger)
        assert earlier is None or earlier.activations[-1].number < current.activations[0].number


@given(OPERATIONS)
def test_rolling_back_again_and_again_ends_and_never_visits_a_release_twice(operations):
    ledger = Ledger(salt="s")
    for operation, position in operations:
        ledger = _act(ledger, operation, position)
    ledger = replace(ledger, staged="")
    visited = [ledger.current]
    while previous_release(ledger) is not None:
        ledger = go_live(ledger, previous_release(ledger).id, how="rollback")
        assert ledger.current not in visited
        visited.append(ledger.current)
