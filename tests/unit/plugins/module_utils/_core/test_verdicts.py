"""Every way from one verdict to another, allowed or not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.release_samples import draft, go_live, ledger_of, live_history

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError
from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import FAILED, PENDING, ROLLED_BACK, VERDICTS, VERIFIED
from ansible_collections.runbook.compose.plugins.module_utils._core.verdicts import (
    ALLOWED,
    ReleaseIsCurrent,
    ReleaseNotStaged,
    Verification,
    VerdictRefused,
    adopt,
    reject,
    verify,
)

DEPLOY = Verification(at="2026-11-21T05:00:00Z", by="ada")


@pytest.mark.parametrize("before", VERDICTS)
@pytest.mark.parametrize("wanted", [VERIFIED, FAILED, ROLLED_BACK])
def test_a_verdict_changes_only_as_the_table_says(before, wanted):
    ledger = live_history("v1").with_new(draft("v2", verdict=before))
    try:
        after = go_live(ledger, "0002") if wanted == VERIFIED else reject(ledger, ledger.entry("0002"), wanted, "seen")
    except OperationError:
        assert (before, wanted) not in ALLOWED
    else:
        assert (before, wanted) in ALLOWED
        assert after.entry("0002").verdict == wanted


def test_verifying_moves_current_and_counts_the_activation():
    ledger = live_history("v1").with_new(draft("v2"))
    after = go_live(ledger, "0002")
    assert (after.current, after.staged) == ("0002", "")
    assert [activation.number for activation in after.entry("0002").activations] == [2]
    assert after.entry("0001").verdict == VERIFIED


def test_verifying_what_is_current_already_changes_nothing():
    ledger = live_history("v1")
    assert verify(ledger, ledger.entry("0001"), DEPLOY) == ledger


def test_a_schema_that_changed_while_the_release_is_live_is_recorded_without_an_activation():
    ledger = live_history("v1")
    schema = {"applied": [{"version": "002", "name": "status", "kind": "additive"}], "pending": []}
    after = verify(ledger, ledger.entry("0001"), replace(DEPLOY, schema=schema))
    assert after.entry("0001").schema == schema
    assert after.entry("0001").activations == ledger.entry("0001").activations
    assert verify(after, after.entry("0001"), replace(DEPLOY, schema=schema)) == after


def test_what_was_not_staged_cannot_be_verified():
    ledger = live_history("v1").with_new(draft("v2"))
    with pytest.raises(ReleaseNotStaged, match="live files mean 0001"):
        verify(ledger, ledger.entry("0002"), DEPLOY)


def test_the_current_release_proven_again_after_a_failed_deploy_counts_as_an_activation():
    ledger = live_history("v1").with_new(draft("v2"))
    ledger = reject(replace(ledger, staged="0002"), ledger.entry("0002"), FAILED, "never healthy")
    after = go_live(ledger, "0001", how="automatic_rollback")
    assert [activation.how for activation in after.entry("0001").activations] == ["deploy", "automatic_rollback"]
    assert after.entry("0001").verdict == VERIFIED
    assert after.entry("0002").verdict == FAILED


@pytest.mark.parametrize(
    "how, replaced, verdict",
    [
        ("deploy", None, VERIFIED),
        ("deploy", "rolled_back", ROLLED_BACK),
        ("rollback", None, ROLLED_BACK),
        ("automatic_rollback", None, ROLLED_BACK),
        ("rollback", "kept", VERIFIED),
    ],
)
def test_what_becomes_of_the_release_that_is_left(how, replaced, verdict):
    ledger = go_live(live_history("v1", "v2"), "0001", how=how, replaced=replaced)
    assert ledger.current == "0001"
    assert ledger.entry("0002").verdict == verdict


@pytest.mark.parametrize("verdict", [FAILED, ROLLED_BACK])
def test_the_current_release_keeps_its_verdict(verdict):
    ledger = live_history("v1")
    with pytest.raises(ReleaseIsCurrent):
        reject(ledger, ledger.entry("0001"), verdict, "seen")


def test_the_first_reason_stays():
    ledger = ledger_of(draft("v1"))
    once = reject(ledger, ledger.entry("0001"), FAILED, "never healthy")
    assert reject(once, once.entry("0001"), FAILED, "other") == once
    assert once.entry("0001").verdict_reason == "never healthy"


def test_a_release_that_never_went_live_cannot_be_rolled_back():
    ledger = ledger_of(draft("v1"))
    with pytest.raises(VerdictRefused) as caught:
        reject(ledger, ledger.entry("0001"), ROLLED_BACK, "seen")
    assert caught.value.details == {"release": "0001", "verdict": PENDING, "wanted": ROLLED_BACK}


def test_verifying_records_the_schema_and_keeps_the_old_one_without():
    schema = {"applied": [{"version": "001", "name": "users", "kind": "additive"}], "pending": []}
    ledger = go_live(ledger_of(draft("v1")), "0001", schema=schema)
    assert ledger.entry("0001").schema == schema
    assert go_live(replace(ledger, staged="0001"), "0001").entry("0001").schema == schema


def test_adopting_makes_what_runs_current():
    ledger = ledger_of(draft("v1", origin="adopted"))
    after = adopt(ledger, ledger.entry("0001"), "2026-11-21T05:00:00Z", "ada")
    assert (after.current, after.entry("0001").verdict, after.entry("0001").activations[0].how) == ("0001", VERIFIED, "adopted")


def test_what_was_not_looked_at_stays_as_it_was_recorded():
    ledger = go_live(live_history("v1").with_new(draft("v2")), "0002", schema_fingerprint="sha256:01")
    assert ledger.entry("0002").schema_fingerprint == "sha256:01"
    assert verify(ledger, ledger.entry("0002"), DEPLOY) == ledger
    later = verify(ledger, ledger.entry("0002"), replace(DEPLOY, schema_fingerprint="sha256:02"))
    assert (later.entry("0002").schema_fingerprint, later.next_activation) == ("sha256:02", ledger.next_activation)
