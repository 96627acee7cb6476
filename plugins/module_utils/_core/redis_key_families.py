# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Families of keys as the inventory describes them, so that no name of a key is code: all of one, or those of one person or client."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .errors import BadInput
from .redis_key_template import KeyTemplate
from .redis_keys_text import shown

_ALL = {"key": "keys", "prefix": "prefix", "pattern": "pattern"}
_ONE = ("key_of", "prefix_of")


def members(families: Mapping[str, Any], family: str, of: Any) -> Dict[str, Any]:
    """What ``keys``, ``prefix`` or ``pattern`` would have to be, with the ``type`` where the family has one."""
    described = families.get(family)
    if not isinstance(described, Mapping):
        raise BadInput(
            f"Family {family!r} is not described.", hint=f"Described in stack_redis.keys are: {', '.join(sorted(families)) or '(none)'}.", family=family
        )
    ways = tuple(_ALL) if of is None else _ONE
    given = [way for way in ways if described.get(way)]
    if len(given) != 1:
        whose = "all of it" if of is None else "that of one"
        raise BadInput(
            f"Family {family} does not say what {whose} is: it has {' and '.join(given) or 'none'} of {', '.join(ways)}.",
            hint="Give it exactly one of them in stack_redis.keys.",
            family=family,
        )
    text = str(described[given[0]])
    if of is None:
        chosen: Dict[str, Any] = {_ALL[given[0]]: [text] if given[0] == "key" else text}
    else:
        chosen = _of_one(family, text, given[0], of)
    return {**chosen, "type": described["type"]} if described.get("type") else chosen


def _of_one(family: str, text: str, way: str, of: Any) -> Dict[str, Any]:
    template = KeyTemplate.parse(text)
    open_end = way == "prefix_of" and not template.texts[-1]
    if not template.names or open_end:
        raise BadInput(
            f"{way} of family {family} must have a place such as {{user}}{', and something behind it' if open_end else ''}, but is {text!r}.",
            hint="Else what is meant for one would hold for all whose names begin like it.",
            family=family,
        )
    values = _values(family, template, of)
    if way == "prefix_of":
        return {"prefix": shown(template.name(values))}
    return template.selection(values, [name for name in template.names if name not in values])


def _values(family: str, template: KeyTemplate, of: Any) -> Dict[str, str]:
    """A text is the first place."""
    given = dict(of) if isinstance(of, Mapping) else {template.names[0]: of}
    unknown = sorted(set(given) - set(template.names))
    if unknown or not given:
        raise BadInput(
            f"'of' names {', '.join(unknown) or 'nobody'}, but {template.written!r} of family {family} has the places {', '.join(template.names)}.",
            hint="Leave 'of' out to mean all.",
            family=family,
        )
    return {name: str(value) if isinstance(value, int) and not isinstance(value, bool) else value for name, value in given.items()}
