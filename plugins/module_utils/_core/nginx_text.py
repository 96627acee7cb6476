# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the configuration of nginx as ``nginx -T`` prints it: all files, each below a line with its path."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Tuple

from .errors import OperationError

_FILE = re.compile(r"^# configuration file (.+):$", re.MULTILINE)
_TOKEN = re.compile(r"""\s+|\#[^\n]*|(?P<mark>[{};])|(?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<word>(?:\\.|\$\{[^}]*\}|[^\s{};\\])+)""", re.DOTALL)
_DEEPEST = 20


class NginxTextUnreadable(OperationError):
    """What nginx printed is not a configuration as we know them."""

    reason = "nginx_text_unreadable"


@dataclass(frozen=True)
class Directive:
    """``block`` is None for a simple directive."""

    name: str
    words: Tuple[str, ...] = ()
    block: "Optional[Tuple[Directive, ...]]" = None

    def inside(self, name: str) -> "Iterator[Directive]":
        return (found for found in self.block or () if found.name == name)


def parse_dump(text: str) -> Tuple[Directive, ...]:
    """The directives of the main file, with what it includes put in the place of ``include``."""
    pieces = _FILE.split(text)
    files: Dict[str, str] = {}
    for path, content in zip(pieces[1::2], pieces[2::2]):
        files.setdefault(path, content)
    if not files:
        raise NginxTextUnreadable("nginx printed no configuration.", hint="Look at what 'nginx -T' says there.")
    main = next(iter(files))
    return tuple(_expanded(_parsed(files[main], main), files, posixpath.dirname(main), 0))


def seconds_of(text: str) -> Optional[float]:
    """A time as nginx writes it (``60``, ``60s``, ``5m``, ``1h 30m``, ``500ms``), or None for what is none."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "": 1.0}
    found = re.findall(r"(\d+)(ms|[smhdw]?)", text)
    if not found or "".join(number + unit for number, unit in found) != text.replace(" ", ""):
        return None
    return sum(int(number) * units[unit] for number, unit in found)


def _expanded(found: Tuple[Directive, ...], files: Dict[str, str], base: str, depth: int) -> Iterator[Directive]:
    if depth > _DEEPEST:
        raise NginxTextUnreadable("Files of nginx include each other without end.", hint="Look at the include directives.")
    for directive in found:
        if directive.name == "include" and directive.words and directive.block is None:
            pattern = posixpath.join(base, directive.words[0])
            for path in sorted(path for path in files if fnmatch.fnmatchcase(path, pattern)):
                yield from _expanded(_parsed(files[path], path), files, base, depth + 1)
        elif directive.block is not None:
            yield Directive(directive.name, directive.words, tuple(_expanded(directive.block, files, base, depth + 1)))
        else:
            yield directive


def _parsed(text: str, path: str) -> Tuple[Directive, ...]:
    levels: List[List[Directive]] = [[]]
    open_blocks: List[Tuple[str, ...]] = []
    words: List[str] = []
    for kind, token in _tokens(text, path):
        if kind != "mark":
            words.append(token)
        elif token == "{" and words:
            open_blocks.append(tuple(words))
            levels.append([])
            words = []
        elif token == ";" and words:
            levels[-1].append(Directive(words[0], tuple(words[1:])))
            words = []
        elif token == "}" and open_blocks and not words:
            name, *rest = open_blocks.pop()
            block = tuple(levels.pop())
            levels[-1].append(Directive(name, tuple(rest), block))
        else:
            raise _unreadable(path)
    if open_blocks or words:
        raise _unreadable(path)
    return tuple(levels[0])


def _tokens(text: str, path: str) -> Iterator[Tuple[str, str]]:
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise _unreadable(path)
        position = token.end()
        if token["mark"]:
            yield "mark", token["mark"]
        elif token["quoted"]:
            yield "word", re.sub(r"\\(.)", r"\1", token["quoted"][1:-1])
        elif token["word"]:
            yield "word", token["word"]


def _unreadable(path: str) -> NginxTextUnreadable:
    return NginxTextUnreadable(f"The configuration in {path} cannot be read as nginx prints it.", hint="Look at what 'nginx -T' says there.", file=path)
