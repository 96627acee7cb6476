# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one statement that somebody else wrote, within bounds of time, rows and bytes."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any, Iterator, List, Sequence, Tuple

from .._core.errors import BadInput, OperationError
from .._core.postgres_errors import PostgresFailed, PostgresReadOnly, PostgresTooSlow, PostgresUnreachable
from .._core.postgres_query import Answer, QueryRequest, ReturnedColumn, WriteOutcomeUnknown, texts_in
from .._core.redaction import Redactor
from .._core.sql_statement import bound, is_explainable, one_statement, verb
from .._core.sql_tokens import STRING, tokens
from .postgres_ping import import_psycopg2
from .postgres_session import PostgresSession

_FETCHED_AT_ONCE = 100
_MOST_BYTES = 8 * 2**20  # of an answer; it is passed on as JSON, several times
_CURSOR = "runbook_rows"
_WITH_CURSOR = ("select", "with", "values", "table")
_FORMATS = {
    "standard_conforming_strings": "on",  # by which the statement was read before
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}


class StatementRunner:
    """One statement in one session, which is its own."""

    def __init__(self, session: PostgresSession, request: QueryRequest) -> None:
        self._session = session
        self._request = request
        self._redactor = Redactor(texts_in(request.parameters) if request.parameters else ())
        self._began = time.monotonic()
        self._prepare()
        # Once more as one statement, now that the values are in their places.
        self._statement = one_statement(bound(request.statement, request.parameters, self._quoted))

    @property
    def duration_seconds(self) -> float:
        return round(time.monotonic() - self._began, 4)

    def read(self) -> Answer:
        with self._session.transaction("READ ONLY"):
            if verb(self._statement) not in _WITH_CURSOR:
                return self._run()
            self._execute(f"DECLARE {_CURSOR} NO SCROLL CURSOR WITHOUT HOLD FOR {self._statement}")
            return self._fetched()

    def explain(self) -> List[str]:
        """The server's plan, with its texts hidden; empty for a statement that it does not plan."""
        if not is_explainable(self._statement):
            return []
        with self._session.transaction("READ ONLY"):
            self._limit()
            with self._without_values():
                lines = self._session.rows(f"EXPLAIN {self._statement}")
        return ["".join("?" if token.kind == STRING else token.text for token in tokens(next(iter(line.values())))) for line in lines]

    def write(self) -> Answer:
        if self._session.value("SELECT pg_catalog.pg_is_in_recovery()"):
            raise PostgresReadOnly("The server is a replica: nothing can be written there.", hint="Ask the primary.")
        ran = False
        try:
            with self._session.transaction("READ WRITE"):
                answer = self._run()
                ran = True
            return answer
        except PostgresUnreachable as error:
            if not ran:
                raise
            raise WriteOutcomeUnknown(
                "The connection broke while the transaction was being committed. It is not known whether the data were changed.",
                hint="Read what the statement was to change before running it again.",
            ) from error

    def _prepare(self) -> None:
        read_only = "off" if self._request.write else "on"
        for name, value in {**_FORMATS, "default_transaction_read_only": read_only}.items():
            self._session.execute(f"SET {name} = '{value}'")

    def _quoted(self, value: Any) -> str:
        """A literal. What JSON knows and SQL does not, a dictionary, becomes JSON."""
        extensions = import_psycopg2().extensions
        text = json.dumps(value) if isinstance(value, dict) else value
        try:
            adapted = extensions.adapt(text)
            if hasattr(adapted, "prepare"):
                adapted.prepare(self._session.raw)
            return adapted.getquoted().decode("utf-8")
        except (import_psycopg2().ProgrammingError, UnicodeError, ValueError) as error:
            raise BadInput("A parameter has a value that Postgres cannot take.", type=type(value).__name__) from error

    def _run(self) -> Answer:
        self._limit()
        with self._cursor() as cursor:
            cursor.execute(self._statement)
            if cursor.description is None:
                return Answer(touched=cursor.rowcount, tag=cursor.statusmessage or "")
            rows = cursor.fetchmany(self._request.max_rows + 1)
            kept, truncated = _within_bytes(rows[: self._request.max_rows])
            described, touched, tag = list(cursor.description), cursor.rowcount, cursor.statusmessage or ""
        return Answer(self._columns(described), kept, truncated or len(rows) > len(kept), touched, tag)

    def _fetched(self) -> Answer:
        rows: List[Sequence[Any]] = []
        wanted = self._request.max_rows + 1
        with self._cursor() as cursor:
            while len(rows) < wanted:
                self._limit()
                count = min(_FETCHED_AT_ONCE, wanted - len(rows))
                cursor.execute(f"FETCH {count} FROM {_CURSOR}")
                fetched = cursor.fetchall()
                rows, cut = _within_bytes([*rows, *fetched])
                if cut or len(fetched) < count:
                    break
            columns = list(cursor.description)
        kept = rows[: self._request.max_rows]
        return Answer(self._columns(columns), kept, cut or len(rows) > len(kept))

    def _columns(self, described: Sequence[Any]) -> List[ReturnedColumn]:
        """With the names of types, and of the tables' columns that are shown, under whichever name."""
        oids = [column.type_code for column in described]
        places = [(column.table_oid or 0, column.table_column or 0) for column in described]
        names = self._session.rows(
            "SELECT w.number, pg_catalog.format_type(w.type, NULL) AS type, coalesce(a.attname, '') AS origin "
            "FROM unnest(%s::oid[], %s::oid[], %s::int[]) WITH ORDINALITY AS w(type, relation, place, number) "
            "LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = w.relation AND a.attnum = w.place ORDER BY w.number",
            (oids, [table for table, column in places], [column for table, column in places]),
        )
        return [ReturnedColumn(column.name, column.type_code, row["type"], row["origin"]) for column, row in zip(described, names)]

    def _execute(self, statement: str) -> None:
        self._limit()
        with self._without_values():
            self._session.execute(statement)

    @contextlib.contextmanager
    def _without_values(self) -> Iterator[None]:
        """The server repeats values in its errors; those of parameters are nobody's business."""
        try:
            yield
        except OperationError as error:
            error.args = (self._redactor.text(str(error)),)
            raise

    def _limit(self) -> None:
        """What is left of the time is the limit of the next statement: each FETCH would have the whole of it again."""
        left = self._request.timeout - (time.monotonic() - self._began)
        if left <= 0:
            raise PostgresTooSlow(f"The statement did not end within {self._request.timeout:g} s.", hint="Give it more time (statement_timeout).")
        self._session.execute(f"SET LOCAL statement_timeout = {max(1, round(left * 1000))}")

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        """A cursor that gives values as the server writes them: psycopg2 has no date before Christ, and no infinity."""
        extensions = import_psycopg2().extensions
        as_written = extensions.new_type(tuple(extensions.string_types), "AS_WRITTEN", lambda text, cursor: text)
        try:
            with self._without_values(), self._session.asking(), self._session.raw.cursor() as cursor:
                extensions.register_type(as_written, cursor)
                yield cursor
        except UnicodeDecodeError as error:
            raise PostgresFailed("The answer holds bytes that are no UTF-8.", hint="Ask for such columns with convert_to or as bytea.") from error


def _within_bytes(rows: Sequence[Sequence[Any]]) -> Tuple[List[Sequence[Any]], bool]:
    """The first rows that together are not too long; whether some were left out. The first one stays, whatever its length."""
    size = 0
    for number, row in enumerate(rows):
        size += sum(len(text) for text in row if text is not None)
        if size > _MOST_BYTES and number:
            return list(rows[:number]), True
    return list(rows), False
