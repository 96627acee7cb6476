# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One SQL statement: that it is one, what it begins with, its parameters, and its text without what it holds."""

from __future__ import annotations

import re
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple, Union

from .errors import BadInput
from .sql_tokens import COMMENT, NUMBER, PARAMETER, SIGN, SPACE, STRING, WORD, Token, tokens

Parameters = Union[Sequence[Any], Mapping[str, Any], None]
_READING = ("select", "with", "values", "table", "show", "explain")
_TRANSACTION = ("begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "prepare", "set", "reset", "discard")
_PLACEHOLDER = re.compile(r"%s(?![A-Za-z0-9_$\x80-\U0010ffff])|%\((?P<name>[^()]*)\)s(?![A-Za-z0-9_$\x80-\U0010ffff])")
_LONGEST = 200
_CUT = "..."


class SeveralStatements(BadInput):
    """More than one statement was given where one is run at a time."""

    reason = "several_statements"


class StatementNotReadOnly(BadInput):
    """A statement that does more than read, where only reading was asked for."""

    reason = "statement_not_read_only"


def one_statement(sql: str) -> str:
    """The statement without what is around it; refuses several, none, and a text that the server may cut in another way."""
    if "\0" in sql or any("\ud800" <= letter <= "\udfff" for letter in sql):
        raise BadInput("The query holds a character that Postgres cannot take.")
    found = tokens(sql)
    _refuse_unclear(found)
    words = [number for number, token in enumerate(found) if token.kind not in (SPACE, COMMENT)]
    ends = [number for number in words if found[number].text == ";"]
    meant = [number for number in words if number not in set(ends)]
    if not meant:
        raise BadInput("The query is empty.")
    if any(meant[0] < end < meant[-1] for end in ends):
        raise SeveralStatements(
            "The query holds several statements.", hint="Run them one by one. A function body belongs into quotes ($$ ... $$)."
        )
    return "".join(token.text for token in found[meant[0] : meant[-1] + 1])


def verb(statement: str) -> str:
    """The first word in lower case; of a statement in parentheses the first one inside."""
    inside = (token for token in tokens(statement) if token.kind not in (SPACE, COMMENT) and token.text != "(")
    first = next(inside, None)
    return first.text.lower() if first and first.kind == WORD else ""


def require_reading(statement: str) -> None:
    """Raises for what cannot be a query. What a query's functions do is the server's read-only transaction to judge."""
    first = verb(statement)
    if first not in _READING:
        raise StatementNotReadOnly(
            f"A statement that begins with {first.upper() or 'no word'} does not only read.",
            hint="Where writing is meant, say so with write and confirm.",
            verb=first,
        )


def require_one_transaction(statement: str) -> None:
    """Raises for what would end the transaction around it, or change the session."""
    first = verb(statement)
    if first in _TRANSACTION:
        raise BadInput(f"{first.upper()} is not to be run here: a query has a transaction and a session of its own.", verb=first)


def is_explainable(statement: str) -> bool:
    """Whether EXPLAIN knows how to show what the server would do."""
    return verb(statement) in ("select", "with", "values", "table", "insert", "update", "delete", "merge")


def bound(statement: str, parameters: Parameters, quote: Callable[[Any], str]) -> str:
    """The statement with literals for its placeholders ``%s`` or ``%(name)s``; none are looked for within texts, names and comments."""
    if not parameters:
        return statement
    given = dict(parameters) if isinstance(parameters, Mapping) else {str(number): value for number, value in enumerate(parameters)}
    named = isinstance(parameters, Mapping)
    used: List[str] = []
    parts = []
    for code, text in _outside_and_inside(statement):
        parts.append(_PLACEHOLDER.sub(lambda match: _literal(match, given, named, (used, quote)), text) if code else text)
    unused = [name for name in given if name not in used]
    if unused:
        raise BadInput(f"The query has no placeholder for {len(unused)} of the parameters.", hint="Placeholders within quotes are not seen.", parameters=unused)
    return "".join(parts)


def normalised(sql: Optional[str], longest: int = _LONGEST) -> str:
    """One line without comments, every text and number a question mark; nothing that a statement was about can be read in it."""
    parts: List[str] = []
    for token in tokens(sql or ""):
        if token.kind in (SPACE, COMMENT):
            parts.append(" ")
        elif token.kind in (STRING, NUMBER):
            parts.append("?")
        else:
            parts.append(token.text)
        if _may_have_ended_elsewhere(token):
            parts.append(_CUT)
            break
    line = " ".join("".join(parts).split())
    return line if len(line) <= longest else line[: longest - len(_CUT)] + _CUT


def _may_have_ended_elsewhere(token: Token) -> bool:
    """With standard_conforming_strings off, a backslash hides the quote after it."""
    return token.kind == STRING and token.text.startswith(("'", "n", "N")) and "\\'" in token.text


def _refuse_unclear(found: Sequence[Token]) -> None:
    if not all(token.closed for token in found):
        raise BadInput("The query has a quote or a comment that does not end.")
    for before, after in zip(found, found[1:]):
        if before.kind in (NUMBER, PARAMETER) and after.kind == WORD and "$" in after.text:
            raise BadInput("The query has a number that runs into a word with '$'.", hint="Put a space between them.")


def _outside_and_inside(statement: str) -> List[Tuple[bool, str]]:
    """Pieces of the statement; whether a piece is code, and not a text, a name or a comment."""
    pieces: List[Tuple[bool, str]] = []
    for token in tokens(statement):
        code = token.kind in (SIGN, WORD, SPACE, NUMBER, PARAMETER)
        if pieces and pieces[-1][0] and code:
            pieces[-1] = (True, pieces[-1][1] + token.text)
        else:
            pieces.append((code, token.text))
    return pieces


def _literal(match: Any, given: Mapping[str, Any], named: bool, collected: Tuple[List[str], Callable[[Any], str]]) -> str:
    used, quote = collected
    if named != (match["name"] is not None):
        raise BadInput("Placeholders are %s for a list of parameters and %(name)s for a dictionary.")
    name = match["name"] if named else str(len(used))
    if name not in given:
        raise BadInput("The query has a placeholder without a parameter.", placeholder=name if named else match[0])
    used.append(name)
    return f" {quote(given[name])} "
