# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of an env file: quotes, escapes and references to other variables, as Docker Compose reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import FrozenSet, List, Mapping, Tuple, Union

_ESCAPE = re.compile(r'\\(?:0[0-9]{0,3}|[abcfnrtv$"\\])')
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\"}
_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<brace>\{))")
_BRACED = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<operator>:?[-+?])(?P<operand>.*))?")
# What needs no quotes, neither for compose nor for a shell that sources the file.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=^-]*")
_WRITTEN = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class BadQuoting(ValueError):
    """A quoted value does not end."""


class BadTemplate(ValueError):
    """A reference to a variable is not one, or requires what is not there."""


@dataclass(frozen=True)
class Reference:
    """``$NAME`` or ``${NAME<operator><operand>}``; operators are those of compose: ``-``, ``+``, ``?``, each also after ``:``."""

    name: str
    operator: str = ""
    operand: "Template" = ()


Template = Tuple[Union[str, Reference], ...]


@dataclass(frozen=True)
class Quoted:
    """A value in quotes, and the position behind the closing one."""

    template: Template
    end: int


def encode_value(value: str) -> str:
    """The simplest spelling that compose reads as exactly this value."""
    if _PLAIN.fullmatch(value):
        return value
    if value.isprintable() and "'" not in value and not value.endswith("\\"):
        return f"'{value}'"
    return '"' + "".join(_WRITTEN.get(character, character) for character in value) + '"'


def read_quoted(text: str, start: int) -> Quoted:
    """The value that begins with the quote at ``start``. Within single quotes only an escaped quote is special."""
    quote = text[start]
    characters: List[str] = []
    position, escaped = start + 1, False
    while position < len(text):
        character = text[position]
        if character == "\0":
            break
        if character == quote and not escaped:
            value = "".join(characters)
            return Quoted((value,) if quote == "'" else parse_template(_unescape(value)), position + 1)
        if character == "\\" and not escaped:
            escaped = True
        else:
            characters += ["\\"] if escaped and character != quote else []
            characters.append(character)
            escaped = False
        position += 1
    raise BadQuoting("its quoted value does not end")


def parse_template(text: str) -> Template:
    """Literal parts and references. A dollar sign that begins no name stands for itself."""
    parts: List[Union[str, Reference]] = []
    position = 0
    for match in iter(lambda: _REFERENCE.search(text, position), None):
        parts.append(text[position : match.start()])
        position = match.end()
        if match["dollar"]:
            parts.append("$")
        elif match["name"]:
            parts.append(Reference(match["name"]))
        else:
            closing = _closing_brace(text, match.start("brace"))
            parts.append(_braced(text[position:closing]))
            position = closing + 1
    return _joined([*parts, text[position:]])


def expand(template: Template, values: Mapping[str, str]) -> str:
    """The value; a variable that is not set is empty."""
    return "".join(part if isinstance(part, str) else _resolve(part, values) for part in template)


def references(template: Template) -> FrozenSet[str]:
    """The names of all variables that a value may depend on."""
    found = [frozenset([part.name]) | references(part.operand) for part in template if isinstance(part, Reference)]
    return frozenset().union(*found)


def _unescape(value: str) -> str:
    return _ESCAPE.sub(_unescaped, value)


def _unescaped(match: "re.Match[str]") -> str:
    code = match.group()[1:]
    if code == "$":
        return "$$"  # a reference is looked for afterwards; this is how a literal dollar sign is spelt then
    if code[0] == "0":
        digits = code[1:]
        is_character = len(digits) == 3 and not set(digits) & set("89") and int(digits, 8) <= 0xFF
        return chr(int(digits, 8)) if is_character else f"\\{digits}"
    return _ESCAPED.get(code, match.group())


def _closing_brace(text: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise BadTemplate("a reference that begins with ${ does not end")


def _braced(text: str) -> Reference:
    match = _BRACED.fullmatch(text)
    if match is None:
        raise BadTemplate("a reference ${...} is not one that compose accepts")
    operator = match["operator"] or ""
    # The operand of a question is a message, not a value.
    operand = (match["operand"],) if operator.endswith("?") else parse_template(match["operand"] or "")
    return Reference(match["name"], operator, operand)


def _resolve(reference: Reference, values: Mapping[str, str]) -> str:
    value = values.get(reference.name, "")
    given = bool(value) if reference.operator.startswith(":") else reference.name in values
    kind = reference.operator[-1:]
    if kind == "+":
        return expand(reference.operand, values) if given else ""
    if kind == "?" and not given:
        raise BadTemplate("it requires a variable that no line before it sets")
    return expand(reference.operand, values) if kind == "-" and not given else value


def _joined(parts: List[Union[str, Reference]]) -> Template:
    """Neighbouring literal parts as one, empty ones left out; an empty text has one empty part."""
    joined: List[Union[str, Reference]] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined) or ("",)
