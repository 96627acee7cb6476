# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds, in what ``pg_dumpall --globals-only`` wrote, the statements that make certain roles."""

from __future__ import annotations

import re
from typing import Collection, Iterator, List, Set

from .sql_tokens import STRING, WORD, tokens

_PIECE = re.compile(r"""\\(?:un)?restrict [^\n]*|--[^\n]*|/\*.*?\*/|[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|;|[^-/eE'";\\]+|.""", re.DOTALL)
_NAME = r'("(?:[^"]|"")*"|[a-z_\x80-\U0010ffff][a-z0-9_$\x80-\U0010ffff]*)'
_MADE = re.compile(rf"CREATE ROLE {_NAME}$")
_ABOUT = re.compile(rf"(?:CREATE ROLE|ALTER ROLE|COMMENT ON ROLE) {_NAME}(?:$| (?!IN DATABASE ))")
_MEMBER = re.compile(rf"(GRANT {_NAME} TO {_NAME}.*?)(?: GRANTED BY {_NAME})?$", re.DOTALL)


def roles_made(sql: str) -> Set[str]:
    """Names of the roles that the text makes."""
    found = (_MADE.match(statement) for statement in statements(sql))
    return {_bare(match.group(1)) for match in found if match}


def statements_for(sql: str, roles: Collection[str], there: Collection[str]) -> List[str]:
    """What makes ``roles`` as they were, with their memberships among themselves and with the roles that are ``there``.

    Who granted a membership is left out: he may not be there.
    """
    chosen, known = [], {*roles, *there}
    for statement in statements(sql):
        about, member = _ABOUT.match(statement), _MEMBER.match(statement)
        if about and _bare(about.group(1)) in roles:
            chosen.append(statement)
        elif member:
            pair = {_bare(member.group(2)), _bare(member.group(3))}
            if pair <= known and pair & set(roles):
                chosen.append(member.group(1))
    return chosen


def without_password(statement: str) -> str:
    """For a server that is not to know the passwords of another one."""
    found = tokens(statement)
    cut = {
        place
        for number, token in enumerate(found[:-2])
        if token.kind == WORD and token.text.upper() == "PASSWORD" and found[number + 2].kind == STRING
        for place in range(number - 1, number + 3)
    }
    return "".join(token.text for number, token in enumerate(found) if number not in cut).rstrip()


def statements(sql: str) -> Iterator[str]:
    """Statements without comments, without those of psql itself, and without the semicolon."""
    collected: List[str] = []
    for match in _PIECE.finditer(sql):
        piece = match.group()
        if piece == ";":
            yield "".join(collected).strip()
            collected = []
        elif not piece.startswith(("--", "/*", "\\")):
            collected.append(piece)


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
