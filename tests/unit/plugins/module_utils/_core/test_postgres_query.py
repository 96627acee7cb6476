"""What is asked for in one statement, and what its answer becomes."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput, ConfirmationMissing
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_query import (
    Answer,
    QueryRequest,
    ReturnedColumn,
    facts_of,
    has_changed,
    texts_in,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.sql_statement import StatementNotReadOnly

PARAMS = {"query": "SELECT 1;", "parameters": None, "write": False, "confirm": "", "statement_timeout": 30.0, "max_rows": 1000, "mask": ["password", ""]}


def request(**changes) -> QueryRequest:
    return QueryRequest.from_params({**PARAMS, **changes})


def test_a_request_is_one_statement():
    assert request() == QueryRequest("SELECT 1", mask=("password",))


@pytest.mark.parametrize(
    "changes",
    [{"max_rows": 0}, {"max_rows": 100_001}, {"statement_timeout": 0.0}, {"statement_timeout": float("nan")}, {"statement_timeout": 1e9},
     {"parameters": "a"}, {"query": "COMMIT", "write": True}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(changes):
    with pytest.raises(BadInput):
        request(**changes)


def test_writing_needs_to_be_said_and_confirmed():
    with pytest.raises(StatementNotReadOnly):
        request(query="DELETE FROM t")
    asked = request(query="DELETE FROM t", write=True, confirm="shop")
    asked.require_confirmation("shop")
    request().require_confirmation("shop")
    with pytest.raises(ConfirmationMissing):
        asked.require_confirmation("Shop")
    with pytest.raises(ConfirmationMissing):
        request(query="DELETE FROM t", write=True).require_confirmation("shop")


def test_an_answer_is_masked_by_the_columns_own_name_too():
    columns = [ReturnedColumn("id", 23, "integer"), ReturnedColumn("p", 25, "text", "password"), ReturnedColumn("id", 16, "boolean")]
    facts = facts_of(Answer(columns, [("1", "x", "t"), ("2", None, "f")], truncated=True), ["password"])
    assert facts == {
        "columns": [{"name": "id", "type": "integer"}, {"name": "p", "type": "text"}, {"name": "id_2", "type": "boolean"}],
        "rows": [{"id": 1, "p": "********", "id_2": True}, {"id": 2, "p": None, "id_2": False}],
        "row_count": 2,
        "truncated": True,
        "masked_columns": ["p"],
    }


@pytest.mark.parametrize(("statement", "touched", "changed"), [("UPDATE t", 0, False), ("UPDATE t", 2, True), ("DROP TABLE t", -1, True), ("WITH a", 0, True)])
def test_no_row_touched_is_no_change(statement, touched, changed):
    assert has_changed(statement, Answer(touched=touched)) is changed


def test_all_texts_of_parameters_are_found():
    assert sorted(texts_in({"a": 1, "b": ["x", {"c": None}]})) == ["1", "None", "x"]
