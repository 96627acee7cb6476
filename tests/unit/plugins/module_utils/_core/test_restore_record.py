from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, strategies

from ansible_collections.runbook.compose.plugins.module_utils._core.restore_record import (
    DROPPING,
    FENCING,
    FINISHED,
    PRESENT,
    RESTORED,
    RESTORING,
    STAGES,
    SWAPPED,
    SWAPPING,
    UNDONE,
    KeptDatabase,
    NeedsAttention,
    RecordUnreadable,
    Recovery,
    RestoreRecord,
    parse_record,
    recovery,
)

OLD, NEW = 16384, 20000
RECORD = RestoreRecord(
    run_id="20261103T021500Z-7f3a01bc",
    service="postgres",
    database="shop",
    system_identifier="7412",
    source="backup x",
    stage=SWAPPING,
    live_oid=OLD,
    coming_name="new",
    coming_oid=NEW,
    aside_name="undo",
    containers=("1a:api",),
)
UNDOING = replace(RECORD, operation=UNDONE, coming_name="undo", aside_name="redo", position=PRESENT, kept=KeptDatabase("undo", NEW, "2026"))
DROPPED = replace(RECORD, dropped=True, aside_name="", safety_backup="b")
FRESH = replace(RECORD, live_oid=None, aside_name="")


def test_what_was_written_is_read_again():
    for record in (RECORD, UNDOING, DROPPED, FRESH, RECORD.concluded("2026-11-03T02:15:00.000000Z")):
        assert parse_record(record.to_bytes(), "x") == record


@given(
    strategies.binary()
    | strategies.recursive(strategies.none() | strategies.integers() | strategies.text(), strategies.lists).map(lambda value: json.dumps(value).encode())
)
def test_whatever_else_is_there_is_refused(content):
    with pytest.raises(RecordUnreadable):
        parse_record(content, "x")


@given(
    strategies.sampled_from(sorted(json.loads(RECORD.to_bytes()))),
    strategies.none() | strategies.integers() | strategies.text() | strategies.lists(strategies.integers()),
)
def test_a_record_with_one_wrong_value_is_read_or_refused(key, value):
    changed = json.dumps({**json.loads(RECORD.to_bytes()), key: value}).encode()
    try:
        assert isinstance(parse_record(changed, "x"), RestoreRecord)
    except RecordUnreadable:
        assert parse_record(RECORD.to_bytes(), "x") == RECORD


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != FINISHED])
def test_before_the_commit_everything_is_taken_back(stage):
    assert recovery(RECORD.at(stage), {"shop": OLD, "new": NEW}, back=False) == Recovery("undone", drop="new", allow="shop")


def test_a_new_database_whose_number_was_not_written_down_is_dropped_by_its_name():
    assert recovery(RECORD.at(RESTORING, coming_oid=None), {"shop": OLD, "new": 30000}, back=False).drop == "new"
    assert recovery(RECORD.at(RESTORING, coming_oid=None), {"shop": OLD}, back=False) == Recovery("undone", allow="shop")


@pytest.mark.parametrize("stage", [FENCING, SWAPPING, SWAPPED])
def test_after_the_commit_it_counts_unless_the_run_finds_fault_with_it(stage):
    there = {"shop": NEW, "undo": OLD}
    assert recovery(RECORD.at(stage), there, back=False) == Recovery("finished", allow="shop")
    back = recovery(RECORD.at(stage), there, back=True)
    assert back == Recovery("undone", (("shop", "new"), ("undo", "shop")), drop="new", allow="shop")


def test_undoing_never_drops_anything():
    assert recovery(UNDOING, {"shop": OLD, "undo": NEW}, back=False) == Recovery("undone", allow="shop")
    assert recovery(UNDOING, {"shop": NEW, "redo": OLD}, back=False) == Recovery("finished", allow="shop")
    assert recovery(UNDOING, {"shop": NEW, "redo": OLD}, back=True) == Recovery("undone", (("shop", "undo"), ("redo", "shop")), allow="shop")


def test_where_nothing_was_before_nothing_is_left():
    assert recovery(FRESH, {"new": NEW}, back=False) == Recovery("undone", drop="new")
    assert recovery(FRESH, {"shop": NEW}, back=True) == Recovery("undone", (("shop", "new"),), drop="new")


def test_a_database_that_was_given_up_comes_from_the_safety_backup():
    assert recovery(DROPPED.at(DROPPING), {"shop": OLD}, back=False) == Recovery("undone", allow="shop")
    for stage in (DROPPING, RESTORING):
        todo = recovery(DROPPED.at(stage), {"new": NEW}, back=False)
        assert (todo.restore_safety_backup, todo.drop, todo.outcome) == (True, "new", "undone")


@pytest.mark.parametrize("stage", [RESTORED, SWAPPING])
def test_a_copy_that_was_compared_takes_the_place_of_one_that_was_given_up(stage):
    assert recovery(DROPPED.at(stage), {"new": NEW}, back=False) == Recovery("finished", (("new", "shop"),), allow="shop")
    assert recovery(DROPPED.at(stage), {"shop": NEW}, back=True) == Recovery("finished", allow="shop")
    assert recovery(DROPPED.at(stage), {"new": NEW}, back=True).restore_safety_backup


@pytest.mark.parametrize("there", [{"shop": 1, "new": NEW}, {"new": NEW}, {"undo": OLD, "new": NEW}, {}])
def test_databases_in_another_order_are_left_to_people(there):
    with pytest.raises(NeedsAttention):
        recovery(RECORD, there, back=False)


def test_nothing_is_swapped_back_onto_a_database_of_somebody_else():
    with pytest.raises(NeedsAttention):
        recovery(RECORD, {"shop": NEW, "undo": 5}, back=True)


def test_what_was_live_is_kept_after_the_exchange():
    done = RECORD.concluded("now")
    assert (done.stage, done.position, done.kept) == (FINISHED, PRESENT, KeptDatabase("undo", OLD, "now"))
    assert DROPPED.concluded("now").kept is None
    assert FRESH.concluded("now").kept is None
    assert UNDOING.reverted().kept == UNDOING.kept
    assert UNDOING.reverted().position == PRESENT


@given(
    strategies.sampled_from([RECORD, UNDOING, DROPPED, FRESH]),
    strategies.sampled_from(STAGES[:-1]),
    strategies.permutations([OLD, NEW, 7, None]).map(lambda oids: {name: oid for name, oid in zip(["shop", "new", "undo", "redo"], oids) if oid}),
    strategies.booleans(),
)
def test_recovery_never_drops_what_was_live_and_ends_with_a_live_database(record, stage, there, back):
    """Invariant I3, whatever state the server is in."""
    try:
        todo = recovery(record.at(stage), there, back)
    except NeedsAttention:
        return
    after = dict(there)
    for old, new in todo.rename:
        assert new not in after, "a rename would fail"
        after[new] = after.pop(old)
    assert todo.drop != "shop"
    if record.live_oid is not None and not todo.restore_safety_backup:
        assert after["shop"] in (record.live_oid, record.coming_oid)
        assert after.get(todo.drop) != record.live_oid
        assert todo.allow == "shop"
