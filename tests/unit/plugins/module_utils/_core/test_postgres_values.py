"""Values as the server writes them, as JSON can hold them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_values import (
    distinct_names,
    is_masked,
    mask_row,
    value_of,
    version_text,
)

TEXT_ARRAY, INT_ARRAY, JSONB = 1009, 1007, 3802


@pytest.mark.parametrize(
    ("text", "oid", "value"),
    [
        (None, 23, None),
        ("t", 16, True),
        ("f", 16, False),
        ("-9223372036854775808", 20, -9223372036854775808),
        ("1.5", 701, 1.5),
        ("NaN", 701, "NaN"),
        ("-Infinity", 701, "-Infinity"),
        ("12345678901234567890123", 1700, 12345678901234567890123),
        ("1.50", 1700, "1.50"),
        ("NaN", 1700, "NaN"),
        ("9" * 5000, 1700, "9" * 5000),
        ("\\x00ff", 17, "00ff"),
        ("2026-11-21 03:10:00.5+00", 1184, "2026-11-21T03:10:00.5Z"),
        ("2026-11-21 03:10:00", 1114, "2026-11-21T03:10:00"),
        ("infinity", 1184, "infinity"),
        ("0044-03-15 00:00:00 BC", 1114, "0044-03-15 00:00:00 BC"),
        ("P1DT2H", 1186, "P1DT2H"),
        ('{"a": [1, null, 1.5, 12345678901234567890.5, 1e400]}', JSONB, {"a": [1, None, 1.5, "12345678901234567890.5", "1e400"]}),
        ("[" * 100000 + "]" * 100000, JSONB, "[" * 100000 + "]" * 100000),
        ("{}", TEXT_ARRAY, []),
        ("{1,NULL,3}", INT_ARRAY, [1, None, 3]),
        ("{{1,2},{3,4}}", INT_ARRAY, [[1, 2], [3, 4]]),
        ('[0:1]={"NULL",a b}', TEXT_ARRAY, ["NULL", "a b"]),
        ('{t,f}', 1000, [True, False]),
        ("(1,2)", 600, "(1,2)"),
    ],
)  # fmt: skip
def test_values_keep_what_they_are(text, oid, value):
    assert value_of(text, oid) == value
    assert type(value_of(text, oid)) is type(value)
    json.dumps(value_of(text, oid), allow_nan=False)


@given(st.lists(st.one_of(st.none(), st.text(max_size=8))))
def test_arrays_of_texts_survive(texts):
    def written(text):
        return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    assert value_of("{" + ",".join(map(written, texts)) + "}", TEXT_ARRAY) == texts


def test_columns_of_the_same_name_can_be_told_apart():
    assert distinct_names(["id", "id", "id_2", "id"]) == ["id", "id_2", "id_2_2", "id_3"]


def test_masks():
    assert is_masked("PasswordHash", ["password"]) and not is_masked("pass", ["password"]) and not is_masked("password", [])
    row = {"id": 1, "pw": "x", "none": None, "data": {"api_Token": "y", "n": [{"token": None, "url": "http://u:p@h"}]}, "url": "postgres://u:p@h/d"}
    assert mask_row(row, ["pw", "none"], ["token"]) == {
        "id": 1,
        "pw": "********",
        "none": None,
        "data": {"api_Token": "********", "n": [{"token": None, "url": "http://u:********@h"}]},
        "url": "postgres://u:********@h/d",
    }
    assert mask_row(row, [], []) == row


def test_versions():
    assert (version_text(150018), version_text(180006)) == ("15.18", "18.6")
