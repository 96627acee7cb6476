# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the values of an env file must be, before they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Tuple

from .errors import BadInput

_TYPES = ("str", "int", "bool", "enum")
_BOOLEANS = ("true", "false", "yes", "no", "on", "off", "1", "0")
_INTEGER = re.compile(r"[+-]?[0-9]+")


class ValueRefused(BadInput):
    """A value is not what its rule asks for. Nothing was touched."""

    reason = "value_refused"


@dataclass(frozen=True)
class ValueRule:
    """The rule for one variable; ``minimum`` and ``maximum`` are of the number, or of the length of a text."""

    name: str
    type: str = "str"
    minimum: Optional[int] = None
    maximum: Optional[int] = None
    choices: Tuple[str, ...] = ()
    pattern: str = ""

    def check(self, value: str) -> None:
        """Raises ValueRefused. The message never holds the value: it may be a secret."""
        problem = self._problem(value)
        if problem:
            raise ValueRefused(
                f"The value for {self.name} {problem}.", hint="Nothing was changed.", name=self.name, type=self.type
            )

    def _problem(self, value: str) -> str:
        if self.type == "int" and not _INTEGER.fullmatch(value):
            return "is not a whole number"
        if self.type == "bool" and value.lower() not in _BOOLEANS:
            return f"is not a truth value ({', '.join(_BOOLEANS)})"
        if self.choices and value not in self.choices:
            return f"is none of {', '.join(self.choices)}"
        if self.pattern and not re.fullmatch(self.pattern, value):
            return f"does not match {self.pattern}"
        return self._size_problem(value)

    def _size_problem(self, value: str) -> str:
        size = int(value) if self.type == "int" else len(value)
        unit = "" if self.type == "int" else " characters"
        if self.minimum is not None and size < self.minimum:
            return f"is below the minimum of {self.minimum}{unit}"
        if self.maximum is not None and size > self.maximum:
            return f"is above the maximum of {self.maximum}{unit}"
        return ""


def parse_rules(rules: Mapping[str, Any]) -> Tuple[ValueRule, ...]:
    """Reads the option ``validate``: a dictionary of rules by variable."""
    return tuple(_parse_rule(str(name), rule) for name, rule in rules.items())


def _parse_rule(name: str, rule: Any) -> ValueRule:
    if not isinstance(rule, Mapping):
        raise BadInput(f"The rule for {name} in validate is not a dictionary.", name=name)
    unknown = sorted(set(rule) - {"type", "min", "max", "choices", "pattern"})
    if unknown:
        raise BadInput(f"The rule for {name} in validate has unknown keys: {', '.join(unknown)}.", name=name)
    kind = rule.get("type", "str")
    if kind not in _TYPES:
        raise BadInput(f"The rule for {name} in validate has the type {kind!r}.", hint=f"Choose from: {', '.join(_TYPES)}.", name=name)
    choices = tuple(_choice(choice) for choice in rule.get("choices") or ())
    if kind == "enum" and not choices:
        raise BadInput(f"The rule for {name} in validate is an enum without choices.", name=name)
    return ValueRule(name, kind, _number(name, rule, "min"), _number(name, rule, "max"), choices, _pattern(name, rule))


def _choice(choice: Any) -> str:
    return str(choice).lower() if isinstance(choice, bool) else str(choice)


def _number(name: str, rule: Mapping[str, Any], key: str) -> Optional[int]:
    value = rule.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not _INTEGER.fullmatch(str(value)):
        raise BadInput(f"{key} in the rule for {name} is not a whole number.", name=name)
    return int(value)


def _pattern(name: str, rule: Mapping[str, Any]) -> str:
    pattern = str(rule.get("pattern") or "")
    try:
        re.compile(pattern)
    except re.error as error:
        raise BadInput(f"The pattern in the rule for {name} is not a regular expression: {error}.", name=name) from error
    return pattern
