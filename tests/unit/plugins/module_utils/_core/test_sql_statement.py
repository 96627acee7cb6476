"""One statement is told from several as Postgres itself would tell them (test_postgres_query.py asks a real one)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.sql_statement import (
    SeveralStatements,
    StatementNotReadOnly,
    bound,
    is_explainable,
    normalised,
    one_statement,
    require_one_transaction,
    require_reading,
    verb,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.sql_tokens import STRING, tokens

NASTY = st.lists(st.sampled_from(["'", '"', "E'", "e'", "U&'", "\\", "$a$", "$$", "$1", "--", "/*", "*/", "\n", " ", ";", "a", "é", "1", "%s", "("]), max_size=25)


def quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


@given(NASTY)
def test_tokens_are_the_text_and_nothing_else(parts):
    text = "".join(parts)
    assert "".join(token.text for token in tokens(text)) == text


@given(NASTY)
def test_what_is_one_statement_stays_one(parts):
    try:
        statement = one_statement("".join(parts))
    except BadInput:
        return
    assert one_statement(statement) == statement
    assert one_statement(f"\n-- {parts!r}\n/* x */ {statement} ; ;") == statement


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ';'",
        "SELECT 'it''s; fine'",
        r"SELECT 'a\'",
        r"SELECT E'a\'; b'",
        'SELECT 1 AS "a;b"',
        'SELECT 1 AS "a"";b"',
        "SELECT $$;$$",
        "SELECT $a$ $$;$b$ ; $a$",
        "SELECT 1 /* ; /* ; */ ; */ + 1",
        "SELECT 1 -- ;\n + 1",
        "SELECT E'a'\n'b\\';c'",
        "SELECT E'a' -- x\n 'b\\';c'",
        "SELECT a$b$ FROM t",
        "SELECT U&'\\0061;'",
    ],
)
def test_a_semicolon_in_quotes_or_comments_ends_nothing(sql):
    assert one_statement(f" {sql} ; -- end") == sql


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "SELECT 1;;; SELECT 2",
        r"SELECT 'a\'; DROP TABLE t; --'",
        r"SELECT eE'a\'; DROP TABLE t; --'",
        r"SELECT U&'a\'; DROP TABLE t; --'",
        "SELECT E'a'\n'\\' '; DROP TABLE t; --'",
        "SELECT E'a' --\n --\n'\\' '; DROP TABLE t; --'",
        "SELECT 1 /* /* */ ; */ ; DROP TABLE t",
        "SELECT 1 -- x\r; DROP TABLE t",
        "SELECT a$b$ ; DROP TABLE t; --$b$",
        "SELECT é$b$ ; DROP TABLE t; --$b$",
        "SELECT $é$ $e$ $é$ ; DROP TABLE t; --$é$",
        "SELECT 1+/* */2; DROP TABLE t",
        "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b)",
    ],
)
def test_several_statements_are_refused(sql):
    with pytest.raises(SeveralStatements) as caught:
        one_statement(sql)
    assert caught.value.reason == "several_statements"


@pytest.mark.parametrize(
    "sql",
    ["", " ; ", "-- x", "SELECT 'a", 'SELECT "a', "SELECT $a$ $b$", "SELECT /* /* */", "SELECT 'a\0'", "SELECT '\ud800'",
     "SELECT 0x1$a$ ; DROP TABLE t; --$a$", "SELECT 1_0$a$ ' $a$; DROP TABLE t; --'", "SELECT $1a$b$ ; --$b$"],
)  # fmt: skip
def test_what_is_empty_or_unclear_is_refused(sql):
    with pytest.raises(BadInput):
        one_statement(sql)


@pytest.mark.parametrize(("sql", "word"), [("select 1", "select"), ("((VALUES (1)))", "values"), ("/* x */ With a", "with"), ("1", ""), ("'a'", ""), ("(", "")])
def test_the_verb_is_the_first_word(sql, word):
    assert verb(sql) == word


@pytest.mark.parametrize("sql", ["UPDATE t SET a = 1", "COPY t TO PROGRAM 'x'", "DO $$ $$", "SET x = 1", "COMMIT", "CALL p()", "LOCK t", "'a'", "VACUUM"])
def test_only_queries_are_for_reading(sql):
    with pytest.raises(StatementNotReadOnly):
        require_reading(sql)


@pytest.mark.parametrize("sql", ["SELECT 1", "WITH a AS (SELECT 1) TABLE a", "(VALUES (1))", "SHOW x", "EXPLAIN SELECT 1"])
def test_queries_are_for_reading(sql):
    require_reading(sql)
    require_one_transaction(sql)


@pytest.mark.parametrize("sql", ["COMMIT", "end", "ROLLBACK TO a", "BEGIN", "START TRANSACTION", "SET a = 1", "PREPARE TRANSACTION 'a'", "DISCARD ALL"])
def test_nobody_ends_the_transaction_around_a_statement(sql):
    with pytest.raises(BadInput):
        require_one_transaction(sql)


@pytest.mark.parametrize(("sql", "yes"), [("MERGE INTO t", True), ("DELETE FROM t", True), ("CREATE TABLE t ()", False), ("DO ''", False)])
def test_what_can_be_explained(sql, yes):
    assert is_explainable(sql) is yes


def test_placeholders_are_seen_only_outside_of_quotes_and_comments():
    sql = "SELECT %s, '%s', \"%s\", $$%s$$, /* %s */ a % b, a %sum, LIKE '%' -- %s\n"
    assert bound(sql, ["x"], quoted) == sql.replace("%s", " 'x' ", 1)
    assert bound("a = %(n)s OR b = %(n)s AND '%(n)s' = c", {"n": 1}, quoted) == "a =  '1'  OR b =  '1'  AND '%(n)s' = c"
    assert bound("SELECT 5 %s", None, quoted) == bound("SELECT 5 %s", [], quoted) == "SELECT 5 %s"


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [("%s", {"a": 1}), ("%(a)s", [1]), ("%(b)s", {"a": 1}), ("%s %s", [1]), ("%s", [1, 2]), ("'%s'", [1]), ("%(a)s", {"a": 1, "b": 2}), ("1", [1])],
)
def test_placeholders_and_parameters_have_to_match(sql, parameters):
    with pytest.raises(BadInput):
        bound(sql, parameters, quoted)


@given(st.text(st.sampled_from("a'\\;$-/*%s\n\""), max_size=12))
def test_a_value_never_becomes_syntax(value):
    statement = bound("SELECT %s, 'x' FROM t WHERE a = %s AND b", [value, "1"], quoted)
    assert one_statement(statement) == statement
    assert [token.text for token in tokens(statement) if token.kind == STRING] == [quoted(value), "'x'", "'1'"]


def test_normalised_shows_what_was_done_and_not_to_what():
    sql = "UPDATE  \"Users\" -- secret\n SET password='it''s', n = -1.5e3, d = $$x$$, e = E'\\'y' /* secret */ WHERE id IN ($1, 2)"
    assert normalised(sql) == 'UPDATE "Users" SET password=?, n = -?, d = ?, e = ? WHERE id IN ($1, ?)'
    assert normalised(None) == normalised("") == ""
    assert normalised("SELECT 'cut off in the mid") == "SELECT ?"
    long = normalised("SELECT " + "a, " * 200)
    assert (len(long), long[-5:]) == (200, " a...")


def test_normalised_says_nothing_after_a_text_that_may_have_ended_elsewhere():
    assert normalised(r"SELECT 'a\' , 'secret' , 1") == "SELECT ?..."


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=20))
def test_no_text_is_ever_seen(value):
    marked = f"<<{value}>>".replace("'", "''").replace("\\", "")
    assert "<<" not in normalised(f"SELECT * FROM t WHERE a = '{marked}' AND b = E'{marked}'", 10_000)
