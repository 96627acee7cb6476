"""Rows as text for people."""

from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.text_table import rows_as_text


def test_rows_are_aligned_and_counted():
    rows = [{"id": 1, "note": None}, {"id": 20, "note": "two\nlines\x1b[0m"}]
    assert rows_as_text(["id", "note"], rows).splitlines() == ["id  note", "1   -", "20  two lines?[0m", "(2 rows)"]


def test_what_is_cut_is_said():
    assert rows_as_text(["a"], [{"a": "x" * 100}], more=True).splitlines() == ["a", "x" * 59 + "…", "(at least 1 row)"]
    many = rows_as_text(["a"], [{"a": number} for number in range(150)]).splitlines()
    assert (len(many), many[-1]) == (102, "(150 rows, the first 100 are shown)")


def test_without_columns_there_is_only_the_count():
    assert rows_as_text([], []) == "(0 rows)"
