"""A release goes live only on a database that it knows."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.release_samples import draft, ledger_of, live_history

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import PENDING, VERIFIED
from ansible_collections.runbook.compose.plugins.module_utils._core.schema_history import (
    SchemaIncompatible,
    backup_before_later,
    heavier,
    newest_schema,
    parse_schema,
    refuse_incompatible,
    schema_change,
    unknown_to,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.schema_shape import ShapeChange


def migration(version: str, kind: str = "additive") -> dict:
    return {"version": version, "name": f"m{version}", "kind": kind}


def schema(*applied: dict, pending: tuple = ()) -> dict:
    return {"applied": list(applied), "pending": list(pending)}


V1 = schema(migration("001"), migration("002"))


def test_additive_migrations_since_then_do_not_matter():
    release = draft(verdict=VERIFIED, schema=V1)
    assert unknown_to(release, schema(migration("001"), migration("002"), migration("003"))) == ()


@pytest.mark.parametrize("kind", ["breaking", "", "Additive"])
def test_any_other_kind_since_then_is_refused_with_the_choices(kind):
    release = draft("v3", id="0003", verdict=VERIFIED, schema=V1)
    with pytest.raises(SchemaIncompatible) as caught:
        refuse_incompatible(release, schema(migration("001"), migration("004", kind)), backup_id="nightly-7")
    assert caught.value.details["migrations"] == [migration("004", kind)]
    assert caught.value.details["choices"] == ["restore_backup", "deploy_forward", "accept"]
    assert "004" in str(caught.value)
    assert "nightly-7" in caught.value.hint


def test_the_choices_name_the_command_and_what_it_would_lose():
    backup = "20261121T031000Z-000042-7f3a"
    with pytest.raises(SchemaIncompatible) as caught:
        refuse_incompatible(draft("v3", verdict=VERIFIED, schema=V1), schema(migration("004", "breaking")), backup_id=backup)
    assert f"kind=db -e backup={backup}), which loses what was written since 2026-11-21T03:10:00Z" in caught.value.hint
    assert (caught.value.details["schema_change"], caught.value.details["lost_since"]) == ("diverged", "2026-11-21T03:10:00Z")


def test_without_a_backup_the_choice_says_which_one_to_look_for():
    with pytest.raises(SchemaIncompatible) as caught:
        refuse_incompatible(draft("v3", verdict=VERIFIED, schema=V1), schema(migration("004", "breaking")))
    assert "-e backup=<id>" in caught.value.hint and "loses" not in caught.value.hint
    assert caught.value.details["lost_since"] == ""


def test_a_schema_that_diverged_is_refused_whatever_the_migrations_say():
    shape = ShapeChange("diverged", gone=("column public.orders.note",))
    with pytest.raises(SchemaIncompatible, match=r"verified with: column public\.orders\.note is gone\.") as caught:
        refuse_incompatible(
            draft("v3", verdict=VERIFIED, schema=V1),
            V1,
            "20261121T031000Z-000042-7f3a",
            shape,
            datetime(2026, 11, 21, 3, 51, 30, tzinfo=timezone.utc),
        )
    assert "since 2026-11-21T03:10:00Z (42 minutes); deploy" in caught.value.hint
    details = caught.value.details
    assert (details["schema_change"], details["migrations"], details["lost_minutes"]) == ("diverged", [], 42)
    assert details["objects"] == {"gone": ["column public.orders.note"], "different": [], "demanding": [], "harmless": []}


@pytest.mark.parametrize("name", ["same", "additive", "unknown"])
def test_a_shape_that_did_not_diverge_refuses_nothing_and_excuses_no_migration(name):
    refuse_incompatible(draft(verdict=VERIFIED, schema=V1), V1, shape=ShapeChange(name))
    with pytest.raises(SchemaIncompatible, match="004"):
        refuse_incompatible(draft(verdict=VERIFIED, schema=V1), schema(migration("004", "breaking")), shape=ShapeChange(name))


def test_of_two_answers_the_worse_counts():
    assert [heavier("unknown", "same"), heavier("additive", "same"), heavier("same", "diverged")] == ["same", "additive", "diverged"]


@pytest.mark.parametrize(
    ("recorded", "now", "change"),
    [
        (V1, V1, "same"),
        (V1, schema(migration("001")), "same"),
        (V1, schema(migration("001"), migration("003")), "additive"),
        (V1, schema(migration("003"), migration("004", "breaking")), "diverged"),
        ({}, schema(migration("004", "breaking")), "diverged"),
        ({}, schema(migration("003")), "unknown"),
        (V1, None, "unknown"),
    ],
)
def test_a_change_of_the_schema_has_a_name(recorded, now, change):
    assert schema_change(draft(verdict=VERIFIED, schema=recorded), now) == change


def test_a_breaking_migration_that_the_release_already_knew_is_fine():
    known = schema(migration("001", "breaking"))
    assert unknown_to(draft(verdict=VERIFIED, schema=known), known) == ()


def test_a_release_knows_the_migrations_that_it_brings_itself():
    release = draft(verdict=PENDING, schema=schema(migration("001"), pending=(migration("004", "breaking"),)))
    assert unknown_to(release, schema(migration("001"), migration("004", "breaking"))) == ()


def test_a_verified_release_without_a_record_is_not_trusted_with_a_breaking_migration():
    with pytest.raises(SchemaIncompatible, match="no schema is recorded"):
        refuse_incompatible(draft(verdict=VERIFIED), schema(migration("004", "breaking")))


def test_without_any_knowledge_of_the_database_nothing_is_refused():
    refuse_incompatible(draft(verdict=VERIFIED, schema=V1), None)
    refuse_incompatible(draft(verdict=PENDING), schema(migration("004", "breaking")))


def test_the_newest_schema_is_that_of_the_last_activation():
    ledger = live_history("v1", "v2").with_new(draft("v3"))
    assert newest_schema(ledger) is None
    ledger = ledger.with_changed(draft("v1", id="0001", schema=V1, activations=ledger.entry("0001").activations))
    assert newest_schema(ledger) == V1
    later = schema(migration("009"))
    ledger = ledger.with_changed(draft("v2", id="0002", schema=later, activations=ledger.entry("0002").activations))
    assert newest_schema(ledger) == later


def test_the_backup_to_restore_is_the_one_before_the_next_release():
    ledger = ledger_of(draft("v1", backup_id="b1"), draft("v2", backup_id="b2"), draft("v3", backup_id="b3"))
    assert backup_before_later(ledger, ledger.entry("0001")) == "b2"
    assert backup_before_later(ledger, ledger.entry("0003")) == ""


def test_a_release_that_came_back_is_offered_the_backup_made_since():
    before, since = "20261121T031000Z-000042-7f3a", "20261121T050000Z-000043-7f3b"
    ledger = live_history("v1").with_new(draft("v2", backup_id=before)).with_new(draft("v3", backup_id=since))
    assert backup_before_later(ledger, ledger.entry("0001")) == since  # v1 went live at 04:00
    alone = ledger.without(("0003",))
    assert backup_before_later(alone, alone.entry("0001")) == before


def test_a_schema_is_reduced_to_what_matters():
    parsed = parse_schema({"applied": [{"version": 1, "name": "users", "kind": "additive", "applied_at": "now"}]})
    assert parsed == {"applied": [{"version": "1", "name": "users", "kind": "additive"}], "pending": []}
    assert parse_schema(None) is None


@pytest.mark.parametrize("value", [{"aplied": []}, {"applied": ["001"]}, {"applied": [{"name": "users"}]}])
def test_a_malformed_schema_is_refused(value):
    with pytest.raises(BadInput):
        parse_schema(value)


MIGRATIONS = st.lists(st.builds(migration, st.sampled_from(["001", "002", "003", "004"]), st.sampled_from(["additive", "breaking"])), max_size=6)


@given(MIGRATIONS)
def test_a_release_always_knows_its_own_schema(applied):
    assert unknown_to(draft(verdict=VERIFIED, schema=schema(*applied)), schema(*applied)) == ()
