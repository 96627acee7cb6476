"""What a program that knew one shape of a schema can live with."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.schema_shape import (
    ADDITIVE,
    ASKS_ALWAYS,
    ASKS_FOR_A_VALUE,
    ASKS_NOTHING,
    ASKS_OF_KNOWN_COLUMNS,
    ASKS_UNLESS_FREE,
    DIVERGED,
    SAME,
    UNKNOWN,
    KeptShape,
    LiveShape,
    SchemaObject,
    compare,
    parse_shape,
    require_shape,
)

TABLE = SchemaObject("table orders", "", "t")
ID = SchemaObject("column orders.id", TABLE.key, "c")
NOTE = SchemaObject("column orders.note", TABLE.key, "c")


def shape(*objects: SchemaObject, version: int = 150018, database: str = "shop") -> LiveShape:
    return LiveShape(database, version, objects)


def change(before: LiveShape, after: LiveShape) -> str:
    return compare(before.keep(), after).name


def wanting(one: SchemaObject, asks: str = ASKS_FOR_A_VALUE, *columns: SchemaObject) -> SchemaObject:
    return SchemaObject(one.key, one.owner, one.mark, asks, tuple(column.key for column in columns))


CHECK = SchemaObject("constraint orders.small", TABLE.key, "k")
UNIQUE = SchemaObject("unique index orders_note", TABLE.key, "u")
INDEX = SchemaObject("index orders_id", TABLE.key, "i")


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ((TABLE, ID), (ID, TABLE), SAME),
        ((TABLE, ID), (TABLE, ID, NOTE), ADDITIVE),
        ((TABLE, ID), (TABLE, ID, wanting(NOTE)), DIVERGED),
        ((), (TABLE, wanting(ID), wanting(CHECK, ASKS_ALWAYS)), ADDITIVE),
        ((TABLE, ID, NOTE), (TABLE, ID), DIVERGED),
        ((TABLE, ID), (TABLE, SchemaObject(ID.key, TABLE.key, "other")), DIVERGED),
        ((TABLE, wanting(ID)), (TABLE, ID), ADDITIVE),
        ((TABLE, ID), (TABLE, wanting(ID)), DIVERGED),
        ((TABLE, ID), (TABLE, ID, INDEX), ADDITIVE),
        ((TABLE, ID, INDEX), (TABLE, ID), ADDITIVE),
        ((TABLE, ID), (TABLE, ID, wanting(CHECK, ASKS_OF_KNOWN_COLUMNS, ID)), DIVERGED),
        ((TABLE, ID), (TABLE, ID, NOTE, wanting(CHECK, ASKS_OF_KNOWN_COLUMNS, ID, NOTE)), DIVERGED),
        ((TABLE, ID), (TABLE, ID, NOTE, wanting(CHECK, ASKS_OF_KNOWN_COLUMNS, NOTE)), ADDITIVE),
        ((TABLE, ID), (TABLE, ID, wanting(CHECK, ASKS_OF_KNOWN_COLUMNS)), DIVERGED),
        ((TABLE, ID), (TABLE, ID, NOTE, wanting(UNIQUE, ASKS_UNLESS_FREE, ID, NOTE)), ADDITIVE),
        ((TABLE, ID), (TABLE, ID, NOTE, wanting(UNIQUE, ASKS_UNLESS_FREE)), DIVERGED),
    ],
)
def test_the_name_of_a_change(before, after, name):
    assert change(shape(*before), shape(*after)) == name


def test_every_obstacle_is_named_and_a_sentence_shows_the_first_five():
    before = shape(TABLE, ID, *(SchemaObject(f"column orders.c{number}", TABLE.key, "c") for number in range(6)))
    found = compare(before.keep(), shape(TABLE, SchemaObject(ID.key, TABLE.key, "x"), wanting(NOTE)))
    assert len(found.breaking()) == 8
    assert found.summary().startswith("column orders.c0 is gone, ") and found.summary().endswith(", and 3 more")
    assert found.breaking()[-2:] == ["column orders.id is not what it was", "column orders.note is new and binding"]


@pytest.mark.parametrize("after", [shape(ID, database="other"), shape(ID, version=170002)])
def test_what_cannot_be_compared_is_unknown(after):
    assert change(shape(TABLE, ID), after) == UNKNOWN


def test_a_minor_version_changes_nothing():
    assert change(shape(TABLE, ID), shape(TABLE, ID, version=150020)) == SAME


def test_casts_and_brackets_that_the_server_adds_do_not_count():
    row = {"key": "constraint a.b", "owner": "table a", "said": "c", "asks": "known_columns", "columns": ["column a.c"]}
    one = SchemaObject.described({**row, "expression": "CHECK ((state = 'new'::text))"})
    assert one == SchemaObject.described({**row, "expression": "CHECK (state = 'new')"})
    assert one != SchemaObject.described({**row, "expression": "CHECK (state = 'old')"})


MARKS = st.sampled_from(["m1", "m2"])
COLUMNS = [f"column t{table}.c{number}" for table in (1, 2) for number in (1, 2, 3)]


@st.composite
def shapes(draw) -> LiveShape:
    """Columns, constraints, indexes and what else there is, only of tables that are there."""
    objects = [SchemaObject(table, "", draw(MARKS)) for table in ("table t1", "table t2") if draw(st.booleans())]
    tables = [one.key for one in objects]
    columns = [key for key in COLUMNS if f"table {key[7:9]}" in tables and draw(st.booleans())]
    objects += [SchemaObject(key, f"table {key[7:9]}", draw(MARKS), draw(st.sampled_from([ASKS_NOTHING, ASKS_FOR_A_VALUE]))) for key in columns]
    for kind, asks in (("constraint", ASKS_OF_KNOWN_COLUMNS), ("unique index", ASKS_UNLESS_FREE), ("index", ASKS_NOTHING), ("rule", ASKS_ALWAYS)):
        for owner in tables:
            own = tuple(key for key in columns if f"table {key[7:9]}" == owner and draw(st.booleans()))
            objects += [SchemaObject(f"{kind} {owner}", owner, draw(MARKS), asks, own)] if draw(st.booleans()) else []
    return LiveShape("shop", 150018, tuple(objects))


FINE = (SAME, ADDITIVE)


@given(shapes())
def test_a_shape_is_the_same_as_itself_however_it_is_written(live):
    kept = parse_shape(json.loads(json.dumps(live.keep().to_dict())))
    assert kept == live.keep() and kept.fingerprint == live.keep().fingerprint
    assert compare(kept, LiveShape("shop", 150018, live.objects[::-1])).name == SAME


@given(shapes(), shapes())
def test_equal_fingerprints_are_equal_shapes(one, other):
    assert (one.keep().fingerprint == other.keep().fingerprint) == (change(one, other) == SAME)


@given(shapes(), shapes())
def test_nothing_that_was_there_is_lost_in_an_additive_change(before, after):
    if change(before, after) in FINE:
        lost = {one.key for one in before.objects} - {one.key for one in after.objects}
        assert all(key.startswith("index ") for key in lost)


@given(shapes(), shapes())
def test_more_tables_never_turn_a_change_into_another_verdict_for_the_worse(before, after):
    new = SchemaObject("table t3", "", "m1")
    more = LiveShape("shop", 150018, (*after.objects, new, SchemaObject("column t3.c1", new.key, "m1", ASKS_FOR_A_VALUE)))
    assert (change(before, more) in FINE) == (change(before, after) in FINE)


@given(shapes(), shapes(), shapes())
def test_additive_after_additive_is_additive(first, second, third):
    if change(first, second) in FINE and change(second, third) in FINE:
        assert change(first, third) in FINE


@pytest.mark.parametrize("value", [None, {}, [], "x", {"format": 2}, {"format": 1, "database": "a", "server_version": 1, "objects": {"table a": 1}}])
def test_what_is_no_shape_is_not_taken_for_one(value):
    assert parse_shape(value) is None
    with pytest.raises(BadInput):
        require_shape(value)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_text_of_any_kind_is_an_error_when_it_is_read(value):
    assert parse_shape(value) is None or isinstance(parse_shape(value), KeptShape)
