"""What a restored copy must have in common with what was dumped."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.backup_manifest import ManifestInvalid
from ansible_collections.runbook.compose.plugins.module_utils._core.database_content import (
    DatabaseContent,
    SequenceContent,
    TableContent,
    differences,
    qualified,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.schema_queries import normalised

DUMPED = DatabaseContent(
    server_version=150018,
    tables={"public.orders": TableContent(120331, "839"), "public.big": TableContent(7)},
    sequences={"public.orders_id_seq": SequenceContent(120400), "public.unused": SequenceContent(None)},
    large_objects=3,
    schema_fingerprint="sha256:aa",
    extensions={"pgcrypto": "1.3"},
    roles=("reader", "shop"),
    database_bytes=734003200,
)


def test_what_was_written_is_read_again():
    assert DatabaseContent.from_dict(json.loads(json.dumps(DUMPED.to_dict()))) == DUMPED


@pytest.mark.parametrize(
    "damage",
    [
        {"tables": None}, {"tables": {"a": 1}}, {"tables": {"a": {"rows": "1"}}}, {"sequences": {"a": {"last_value": "x"}}}, {"roles": [1]},
        {"extensions": {"a": None}}, {"large_objects": None}, {"schema_fingerprint": 5}, {"unknown": 1}, {"server_version": "15"},
    ],
)  # fmt: skip
def test_what_was_not_written_so_is_refused(damage):
    with pytest.raises(ManifestInvalid):
        DatabaseContent.from_dict({**DUMPED.to_dict(), **damage})


def test_an_equal_copy_has_no_differences():
    assert differences(DUMPED, replace(DUMPED, database_bytes=1, roles=())) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tables": {"public.orders": TableContent(120331, "839")}}, "table public.big is missing"),
        ({"tables": {**DUMPED.tables, "public.new": TableContent(0)}}, "table public.new was not expected"),
        ({"tables": {**DUMPED.tables, "public.big": TableContent(6)}}, "table public.big: 7 rows expected, 6 found"),
        ({"tables": {**DUMPED.tables, "public.orders": TableContent(120331, "840")}}, "checksum 839 expected, 840 found"),
        ({"tables": {**DUMPED.tables, "public.orders": TableContent(120331)}}, "checksum 839 expected, no checksum found"),
        ({"sequences": {**DUMPED.sequences, "public.orders_id_seq": SequenceContent(120399)}}, "120400 expected or later, 120399 found"),
        ({"sequences": {"public.orders_id_seq": SequenceContent(120400)}}, "sequence public.unused is missing"),
        ({"large_objects": 2}, "3 large objects expected, 2 found"),
        ({"schema_fingerprint": "sha256:ab"}, "the schema"),
        ({"extensions": {}}, "extension pgcrypto is missing"),
    ],
)
def test_every_difference_is_named(change, said):
    (sentence,) = differences(DUMPED, replace(DUMPED, **change))
    assert said in sentence


def test_what_another_version_writes_differently_does_not_count():
    newer = replace(DUMPED, server_version=170009, schema_fingerprint="sha256:ff", extensions={"pgcrypto": "1.4"})
    assert differences(DUMPED, newer) == []


@pytest.mark.parametrize(
    ("captured", "restored", "reached"),
    [
        (SequenceContent(5), SequenceContent(6), True),
        (SequenceContent(5), SequenceContent(None), False),
        (SequenceContent(-5, -1), SequenceContent(-6, -1), True),
        (SequenceContent(-5, -1), SequenceContent(-4, -1), False),
        (SequenceContent(3, 1, True), SequenceContent(1, 1, True), True),
        (SequenceContent(None), SequenceContent(4), True),
    ],
)
def test_a_sequence_may_be_further_on_and_never_behind(captured, restored, reached):
    assert captured.is_reached_by(restored) is reached


def test_names_cannot_be_mistaken_for_each_other():
    names = [("public", "orders"), ("public.orders", "x"), ("public", "Orders"), ('a"', "b"), ("a", '"b'), ("a", "b c")]
    assert [qualified(*name) for name in names] == ["public.orders", '"public.orders".x', 'public."Orders"', '"a""".b', 'a."""b"', 'a."b c"']


@pytest.mark.parametrize(
    ("written", "after_restore"),
    [
        (
            "CHECK (((status)::text = ANY ((ARRAY['new'::character varying, 'a::b'::character varying])::text[])))",
            "CHECK (((status)::text = ANY (ARRAY[('new'::character varying)::text, ('a::b'::character varying)::text])))",
        ),
        ("(('x'::\"Odd \"\"type\"\"\"[])::public.t)", "'x'"),
        ("'2026-01-01'::timestamp(3) without time zone", "('2026-01-01')"),
        ("1.50::numeric(10,2)", "1.50"),
    ],
)
def test_two_ways_to_write_one_expression_are_equal(written, after_restore):
    assert normalised(written) == normalised(after_restore)


def test_another_expression_stays_another():
    assert len({normalised(text) for text in ("x > 1", "x > 2", "x < 1", "y > 1", "'a' || 'b'", "'ab'")}) == 6
