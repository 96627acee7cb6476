# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads nginx configuration by nginx' own rules: one file, or all files as ``nginx -T`` prints them."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from dataclasses import dataclass, field, replace
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from .errors import BadInput, OperationError

_FILE = re.compile(r"^# configuration file (.+):$", re.MULTILINE)
_MARKS, _QUOTES = ";{}", "\"'"
_ESCAPED = {'"': '"', "'": "'", "\\": "\\", "t": "\t", "r": "\r", "n": "\n"}
_LUA = re.compile(r"""--\[(?P<remark>=*)\[|--[^\n]*|\[(?P<long>=*)\[|(?P<quote>["'])|(?P<mark>[{}])""")
_LUA_BLOCK = "_by_lua_block"
_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "M": 2592000.0, "y": 31536000.0}
_DEEPEST = 20


class NginxTextUnreadable(OperationError):
    """What nginx printed is not a configuration as we know them."""

    reason = "nginx_text_unreadable"


@dataclass(frozen=True)
class Directive:
    """``block`` is None for a simple directive. ``start`` and ``end`` are places in its file, and ``inner`` is where its block begins.

    ``within`` names the blocks around it.
    """

    name: str
    words: Tuple[str, ...] = ()
    block: "Optional[Tuple[Directive, ...]]" = None
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)
    inner: int = field(default=0, compare=False)
    within: Tuple[str, ...] = field(default=(), compare=False)

    def inside(self, name: str) -> "Iterator[Directive]":
        return (found for found in self.block or () if found.name == name)


@dataclass
class _Open:
    """A block whose end is not reached yet; the outermost one is the file."""

    words: Tuple[str, ...] = ()
    start: int = 0
    inner: int = 0
    held: List[Directive] = field(default_factory=list)


def parse(text: str) -> Tuple[Directive, ...]:
    """The directives of one file. Raises BadInput for what nginx would not read either."""
    levels, place, began = [_Open()], 0, 0
    words: List[str] = []
    while True:
        place = _next_token(text, place)
        if place >= len(text):
            break
        if text[place] not in _MARKS:
            began = began if words else place
            word, place = _quoted(text, place) if text[place] in _QUOTES else _plain(text, place)
            words.append(word)
            continue
        mark, within = text[place], tuple(one.words[0] for one in levels[1:])
        if (mark == "}" and (words or len(levels) == 1)) or (mark != "}" and not words):
            raise _malformed(text, place)
        place += 1
        if mark == "{":
            levels.append(_Open(tuple(words), began, place))
            place = _after_lua(text, place) - 1 if words[0].endswith(_LUA_BLOCK) else place
        elif mark == "}":
            one = levels.pop()
            levels[-1].held.append(Directive(one.words[0], one.words[1:], tuple(one.held), one.start, place, one.inner, within[:-1]))
        else:
            levels[-1].held.append(Directive(words[0], tuple(words[1:]), None, began, place, 0, within))
        words = []
    if len(levels) > 1 or words:
        raise BadInput("The nginx configuration ends in the middle of a block or directive.", hint="Look at braces and semicolons.")
    return tuple(levels[0].held)


def every(directives: Sequence[Directive]) -> Iterator[Directive]:
    """All of them, those of a block before the block."""
    for one in directives:
        yield from every(one.block or ())
        yield one


def parse_dump(text: str) -> Tuple[Directive, ...]:
    """The directives of the main file, with what it includes put in the place of ``include``."""
    files = files_of(text)
    if not files:
        raise NginxTextUnreadable("nginx printed no configuration.", hint="Look at what 'nginx -T' says there.")
    main = next(iter(files))
    return tuple(_expanded(_readable(files[main], main), files, posixpath.dirname(main), 0))


def files_of(dump: str) -> Dict[str, str]:
    """Path to text, the main file first."""
    pieces = _FILE.split(dump)
    files: Dict[str, str] = {}
    for path, content in zip(pieces[1::2], pieces[2::2]):
        files.setdefault(path, content)
    return files


def seconds_of(text: str) -> Optional[float]:
    """A time as nginx writes it (``60``, ``60s``, ``5m``, ``1h 30m``, ``500ms``), or None for what is none."""
    found: List[Tuple[str, str]] = re.findall(r"(\d+)(ms|[smhdwMy]?)", text)
    if not found or "".join(number + unit for number, unit in found) != text.replace(" ", ""):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in found)


def _expanded(found: Sequence[Directive], files: Dict[str, str], base: str, depth: int) -> Iterator[Directive]:
    if depth > _DEEPEST:
        raise NginxTextUnreadable("Files of nginx include each other without end.", hint="Look at the include directives.")
    for directive in found:
        if directive.name == "include" and directive.words and directive.block is None:
            pattern = posixpath.join(base, directive.words[0])
            for path in sorted(path for path in files if _fits(path, pattern)):
                yield from _expanded(_readable(files[path], path), files, base, depth + 1)
        elif directive.block is not None:
            yield replace(directive, block=tuple(_expanded(directive.block, files, base, depth + 1)))
        else:
            yield directive


def _fits(path: str, pattern: str) -> bool:
    """A star stands for no slash."""
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)


def _readable(text: str, path: str) -> Tuple[Directive, ...]:
    try:
        return parse(text)
    except BadInput as error:
        raise NginxTextUnreadable(
            f"The configuration in {path} cannot be read as nginx prints it.", hint="Look at what 'nginx -T' says there.", file=path
        ) from error


def _next_token(text: str, place: int) -> int:
    while place < len(text) and (text[place].isspace() or text[place] == "#"):
        place = (text.find("\n", place) + 1 or len(text)) if text[place] == "#" else place + 1
    return place


def _plain(text: str, start: int) -> Tuple[str, int]:
    """A word ends at a blank, a semicolon, or a brace that no variable begins with; a closing brace is a part of it."""
    place = start
    while place < len(text) and not text[place].isspace() and text[place] not in ";{":
        place += 2 if text[place] == "\\" or text.startswith("${", place) else 1
    return _unescaped(text[start:place]), place


def _quoted(text: str, start: int) -> Tuple[str, int]:
    place = _quote_end(text, start)
    if place >= len(text):
        raise BadInput("A quote in the nginx configuration is not closed.", hint="Look at its quotes.")
    after = text[place + 1 : place + 2]
    if after and not after.isspace() and after not in ";{)":
        raise _malformed(text, place)
    return _unescaped(text[start + 1 : place]), place + 1


def _unescaped(word: str) -> str:
    """Only these are escapes: a backslash before anything else stays, as regular expressions need it."""
    return re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[1], found[0]), word, flags=re.DOTALL)


def _after_lua(text: str, start: int) -> int:
    """Behind the brace that ends a block of Lua: braces in its texts and remarks do not count."""
    depth, place = 1, start
    while depth:
        found = _LUA.search(text, place)
        if found is None:
            raise _malformed(text, start)
        place = found.end()
        level = found["long"] if found["remark"] is None else found["remark"]
        if level is not None:
            place = text.find(f"]{level}]", place)
            if place < 0:
                raise _malformed(text, start)
        elif found["quote"]:
            place = _quote_end(text, found.start()) + 1
        elif found["mark"]:
            depth += 1 if found["mark"] == "{" else -1
    return place


def _quote_end(text: str, start: int) -> int:
    place = start + 1
    while place < len(text) and text[place] != text[start]:
        place += 2 if text[place] == "\\" else 1
    return place


def _malformed(text: str, place: int) -> BadInput:
    line = text.count("\n", 0, place) + 1
    return BadInput(f"The nginx configuration is malformed at line {line}.", hint="Look at braces, quotes and semicolons there.", line=line)
