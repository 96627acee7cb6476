# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a database in one statement, checked before anybody is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from .errors import BadInput, ConfirmationMissing, OperationError
from .postgres_values import distinct_names, is_masked, mask_row, value_of
from .sql_statement import Parameters, one_statement, require_one_transaction, require_reading, verb

_MOST_ROWS, _LONGEST = 100_000, 86_400
_COUNTED = ("insert", "update", "delete", "merge")


class WriteOutcomeUnknown(OperationError):
    """The connection broke while a transaction was being committed."""

    reason = "write_outcome_unknown"


@dataclass(frozen=True)
class QueryRequest:
    """``statement`` is one statement, with its placeholders; ``timeout`` is in seconds."""

    statement: str
    parameters: Parameters = None
    write: bool = False
    confirm: str = ""
    timeout: float = 30.0
    max_rows: int = 1000
    mask: Tuple[str, ...] = ()

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "QueryRequest":
        if not 1 <= params["max_rows"] <= _MOST_ROWS:
            raise BadInput(f"max_rows must be 1 to {_MOST_ROWS}.", max_rows=params["max_rows"])
        if not (math.isfinite(params["statement_timeout"]) and 0.001 <= params["statement_timeout"] <= _LONGEST):
            raise BadInput(f"statement_timeout must be 0.001 to {_LONGEST} seconds.", statement_timeout=str(params["statement_timeout"]))
        parameters = params["parameters"]
        if parameters is not None and not isinstance(parameters, (list, dict)):
            raise BadInput("parameters must be a list or a dictionary.")
        statement = one_statement(params["query"])
        (require_one_transaction if params["write"] else require_reading)(statement)
        mask = tuple(pattern for pattern in params["mask"] if pattern)
        return cls(statement, parameters, params["write"], params["confirm"], params["statement_timeout"], params["max_rows"], mask)

    def require_confirmation(self, database: str) -> None:
        if self.write and self.confirm != database:
            raise ConfirmationMissing(
                f"The statement would be run on database {database} with the right to write, and that was not confirmed.",
                hint=f"If that is meant, give confirm: {database}",
                database=database,
            )


@dataclass(frozen=True)
class ReturnedColumn:
    """``origin`` is the name of the table's column that it shows; empty for an expression."""

    name: str
    oid: int
    type_name: str
    origin: str = ""


@dataclass(frozen=True)
class Answer:
    """``rows`` are texts as the server wrote them. ``touched`` is the server's own count, -1 without one."""

    columns: Sequence[ReturnedColumn] = ()
    rows: Sequence[Sequence[Any]] = ()
    truncated: bool = False
    touched: int = -1
    tag: str = ""


def facts_of(answer: Answer, mask: Sequence[str]) -> Dict[str, Any]:
    """Rows as dictionaries of JSON's values, with what is to be masked masked."""
    names = distinct_names([column.name for column in answer.columns])
    hidden = [name for name, column in zip(names, answer.columns) if is_masked(name, mask) or is_masked(column.origin, mask)]
    rows = [{name: value_of(text, column.oid) for name, column, text in zip(names, answer.columns, row)} for row in answer.rows]
    return {
        "columns": [{"name": name, "type": column.type_name} for name, column in zip(names, answer.columns)],
        "rows": [mask_row(row, hidden, mask) for row in rows],
        "row_count": len(rows),
        "truncated": answer.truncated,
        "masked_columns": hidden,
    }


def has_changed(statement: str, answer: Answer) -> bool:
    """Whether anything may have been changed: what counts its rows has to have touched one, anything else is taken at its word."""
    return answer.touched > 0 if verb(statement) in _COUNTED else True


def texts_in(value: Any) -> Iterator[str]:
    """Every single value within parameters as Ansible would hide it."""
    parts: List[Any] = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if not isinstance(value, (dict, list)):
        yield str(value)
    for part in parts:
        yield from texts_in(part)
