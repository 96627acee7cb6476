# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of Postgres settings: what two texts that mean the same have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, List, Tuple, Union

from .errors import BadInput

Canonical = Union[bool, int, float, str, Tuple[str, ...]]

# What ALTER SYSTEM takes as several values. The server does not tell which settings these are.
QUOTED_LISTS = frozenset(
    ("local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories")
)
LISTS = QUOTED_LISTS | {"log_destination", "listen_addresses", "wal_consistency_checking"}
LIBRARY_LISTS = frozenset(("local_preload_libraries", "session_preload_libraries", "shared_preload_libraries"))

_TRUE, _FALSE = ("on", "true", "yes", "t", "y", "1"), ("off", "false", "no", "f", "n", "0")
_NUMBER = re.compile(r"\s*(?P<number>[+-]?(?:0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))\s*(?P<unit>[A-Za-z]*)\s*")
_OCTAL = re.compile(r"0[0-7]+")
_MEMORY = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_TIME = {"us": 1, "ms": 1000, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
_BASE_UNIT = re.compile(r"(\d*)([A-Za-z]+)")  # a block is 8kB
_SIMPLE = re.compile(r'[^",\s]+')
_LIST_ITEM = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^",]*))\s*(?:,|$)')


@dataclass(frozen=True)
class Definition:
    """What the server says about a setting (pg_settings)."""

    name: str
    kind: str = "string"  # bool, integer, real, enum, string
    unit: str = ""
    least: str = ""
    most: str = ""
    choices: Tuple[str, ...] = ()
    context: str = "user"

    @property
    def is_list(self) -> bool:
        return self.name in LISTS

    def refused(self, text: str) -> BadInput:
        return BadInput(f"{text!r} is no value for {self.name}.", hint=f"It takes {self.takes()}.", setting=self.name, value=text, takes=self.takes())

    def takes(self) -> str:
        """What values the setting has, for people."""
        if self.kind == "bool":
            return "on or off"
        if self.kind == "enum":
            return f"one of {', '.join(self.choices)}"
        if self.kind == "string":
            return "a list of texts" if self.is_list else "a text"
        unit = f" in units of {self.unit}, or with a unit of its own ({', '.join(self._units())})" if self.unit else " without a unit"
        return f"a number from {self.least} to {self.most}{unit}"

    def canonical(self, text: str) -> Canonical:
        """Equal for texts that mean the same; raises BadInput for one that the setting does not take."""
        if self.kind == "bool":
            return self._truth(text)
        if self.kind == "enum":
            return self._choice(text)
        if self.kind in ("integer", "real"):
            return self._number(text)
        return tuple(split_list(text)) if self.is_list else text

    def _truth(self, text: str) -> bool:
        word = text.strip().lower()
        if word not in _TRUE + _FALSE:
            raise self.refused(text)
        return word in _TRUE

    def _choice(self, text: str) -> str:
        word = text.strip().lower()
        found = [choice for choice in self.choices if choice.lower() == word]
        if not found and word in _TRUE + _FALSE:  # on and off come out of YAML as truth values
            found = [choice for choice in self.choices if choice == ("on" if word in _TRUE else "off")]
        if not found:
            raise self.refused(text)
        return found[0]

    def _number(self, text: str) -> Union[int, float]:
        match = _NUMBER.fullmatch(text)
        units = self._units()
        if not match or (match["unit"] and match["unit"] not in units):
            raise self.refused(text)
        number = _read_number(match["number"]) * (units[match["unit"]] if match["unit"] else 1)
        number = round(number) if self.kind == "integer" else float(number)
        if not float(self.least or "-inf") <= number <= float(self.most or "inf"):
            raise self.refused(text)
        return number

    def _units(self) -> dict:
        """How many of the setting's own units each unit is."""
        match = _BASE_UNIT.fullmatch(self.unit)
        for family in (_MEMORY, _TIME):
            if match and match[2] in family:
                base = int(match[1] or 1) * family[match[2]]
                return {name: size / base for name, size in family.items()}
        return {}


def to_text(definition: Definition, value: Any) -> str:
    """A value as it stands in YAML, as a text that the setting takes."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list) and definition.is_list:
        return join_list([str(item) for item in value])
    if isinstance(value, (int, float, str)):
        return str(value)
    raise BadInput(f"{definition.name} cannot be a {type(value).__name__}.", hint=f"It takes {definition.takes()}.", setting=definition.name)


def split_list(text: str) -> List[str]:
    """The items of a list as Postgres writes it: ``"$user", public``."""
    items, position = [], 0
    while text.strip() and position < len(text):
        match = _LIST_ITEM.match(text, position)
        if match is None or match.end() == position:
            raise BadInput(f"{text!r} is not a list of texts with commas between them.", value=text)
        items.append(match["plain"].strip() if match["quoted"] is None else match["quoted"].replace('""', '"'))
        position = match.end()
    return items


def join_list(items: List[str]) -> str:
    """A text from which ``split_list`` makes the same items."""
    return ", ".join(item if _SIMPLE.fullmatch(item) else '"' + item.replace('"', '""') + '"' for item in items)


def _read_number(text: str) -> Union[int, float]:
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    return int(text, 0) if text.lower().lstrip("+-").startswith("0x") else float(text)
