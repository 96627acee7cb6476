"""The ledger keeps what it was given, and refuses what it did not write."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.support.release_samples import draft, ledger_of, live_history

from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import (
    Activation,
    Ledger,
    LedgerUnreadable,
    ReleaseImage,
    parse_ledger,
)

PATH = "/state/shop/releases/ledger.json"


def test_a_ledger_survives_being_written_and_read():
    ledger = live_history("v1", "v2")
    full = replace(
        ledger.releases[1],
        images={"api": ReleaseImage("shop-api:v2", "sha256:02", "shop-api@sha256:ff", "runbook.local/shop/api:0002")},
        variables=("APP_VERSION",),
        schema={"applied": [{"version": "001", "name": "users", "kind": "additive"}], "pending": []},
        activations=(Activation(2, "2026-11-21T04:00:00Z", "ada", "deploy"),),
    )
    ledger = ledger.with_changed(full)
    assert parse_ledger(json.loads(json.dumps(ledger.to_dict())), PATH) == ledger


def test_ids_are_never_given_twice():
    ledger = ledger_of(draft("v1"), draft("v2")).without(("0001", "0002"))
    assert ledger.with_new(draft("v3")).releases[0].id == "0003"


def test_variable_names_are_those_of_all_releases():
    ledger = ledger_of(draft(variables=("B", "A")), draft(variables=("C",)))
    assert ledger.variable_names == ("A", "B", "C")


def _damaged(**changes) -> dict:
    return {**live_history("v1").to_dict(), **changes}


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "text",
        {},
        _damaged(format=2),
        _damaged(salt=None),
        _damaged(current="0009"),
        _damaged(staged="0009"),
        _damaged(next_release="many"),
        _damaged(releases=[{"id": "0001"}]),
        _damaged(releases=live_history("v1").to_dict()["releases"] * 2),
        _damaged(releases=[{**live_history("v1").to_dict()["releases"][0], "verdict": "fine"}]),
        _damaged(releases=[{**live_history("v1").to_dict()["releases"][0], "verdict": "failed"}]),
        _damaged(releases=[{**live_history("v1").to_dict()["releases"][0], "images": None}]),
        _damaged(releases=[{**live_history("v1").to_dict()["releases"][0], "surprise": 1}]),
    ],
)
def test_a_damaged_ledger_is_refused_with_its_path(value):
    with pytest.raises(LedgerUnreadable) as caught:
        parse_ledger(value, PATH)
    assert caught.value.details == {"path": PATH}
    assert "left as it is" in str(caught.value)


def test_an_empty_ledger_has_no_current_release():
    assert Ledger(salt="s").current_release is None
