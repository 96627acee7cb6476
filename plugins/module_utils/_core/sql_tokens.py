# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL cut into tokens where Postgres' own scanner (scan.l) cuts it, with standard_conforming_strings on.

Only what decides where a text, a name or a comment ends is told apart; everything else is a word, a number or a single character.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Tuple

SPACE, COMMENT, STRING, NAME, NUMBER, PARAMETER, WORD, SIGN = "space", "comment", "string", "name", "number", "parameter", "word", "sign"

_LETTER = r"A-Za-z_\x80-\U0010ffff"
_DOLLAR_QUOTE = re.compile(rf"\$(?:[{_LETTER}][{_LETTER}0-9]*)?\$")
_BLOCK_MARK = re.compile(r"/\*|\*/")
# The longest match wins, as in the scanner: E' begins a text, while eE' is a word and then a text.
_STRING_START = re.compile(r"(?P<prefix>[eEbBxXnN]|[uU]&)?'")
_NAME_START = re.compile(r'(?:[uU]&)?"')
# Later versions read 1_000 and 0x1F as one number; that is the same text in two tokens here.
_SIMPLE = (
    (SPACE, re.compile(r"[ \t\n\r\f\v]+")),
    (COMMENT, re.compile(r"--[^\n\r]*")),
    (PARAMETER, re.compile(r"\$[0-9]+")),
    (NUMBER, re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")),
    (WORD, re.compile(rf"[{_LETTER}][{_LETTER}0-9$]*")),
)


@dataclass(frozen=True)
class Token:
    """``closed`` is false for a text, name or comment that has no end."""

    kind: str
    text: str
    closed: bool = True


def tokens(sql: str) -> List[Token]:
    """All tokens in order; joined, their texts are ``sql`` again."""
    found = []
    at = 0
    while at < len(sql):
        kind, end, closed = _next(sql, at)
        found.append(Token(kind, sql[at:end], closed))
        at = end
    return found


def _next(sql: str, at: int) -> Tuple[str, int, bool]:
    if sql.startswith("/*", at):
        return (COMMENT, *_end_of_comment(sql, at))
    start = _STRING_START.match(sql, at)
    if start:
        return (STRING, *_end_of_string(sql, start.end(), (start["prefix"] or "") in ("e", "E")))
    start = _NAME_START.match(sql, at)
    if start:
        return (NAME, *_end_of_quoted(sql, start.end(), '"', False))
    start = _DOLLAR_QUOTE.match(sql, at)
    if start:
        end = sql.find(start[0], start.end())
        return (STRING, len(sql), False) if end < 0 else (STRING, end + len(start[0]), True)
    for kind, pattern in _SIMPLE:
        match = pattern.match(sql, at)
        if match:
            return kind, match.end(), True
    return SIGN, at + 1, True


def _end_of_comment(sql: str, at: int) -> Tuple[int, bool]:
    """Block comments nest."""
    depth, at = 1, at + 2
    while depth:
        mark = _BLOCK_MARK.search(sql, at)
        if mark is None:
            return len(sql), False
        depth += 1 if mark[0] == "/*" else -1
        at = mark.end()
    return at, True


def _end_of_string(sql: str, at: int, escapes: bool) -> Tuple[int, bool]:
    """A text with escapes goes on, with escapes, at a quote that follows after a line break.

    Without a line break in between, the server refuses the whole; so it is no matter what follows is taken for.
    """
    end, closed = _end_of_quoted(sql, at, "'", escapes)
    if not (escapes and closed):
        return end, closed
    following = _after_blanks(sql, end)
    return _end_of_string(sql, following + 1, True) if sql.startswith("'", following) else (end, True)


def _end_of_quoted(sql: str, at: int, quote: str, escapes: bool) -> Tuple[int, bool]:
    """A doubled quote stands for itself; so does, with escapes, whatever follows a backslash."""
    mark = re.compile(r"['\\]" if escapes else quote)
    while True:
        found = mark.search(sql, at)
        if found is None:
            return len(sql), False
        if found[0] == quote and not sql.startswith(quote, found.end()):
            return found.end(), True
        at = found.end() + 1


def _after_blanks(sql: str, at: int) -> int:
    while at < len(sql):
        if sql.startswith("/*", at):
            at = _end_of_comment(sql, at)[0]
            continue
        blank = _SIMPLE[0][1].match(sql, at) or _SIMPLE[1][1].match(sql, at)
        if blank is None:
            break
        at = blank.end()
    return at
