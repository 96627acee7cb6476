# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Families of keys as the inventory describes them, so that no name of a key is code: all of one, or those of one person or client."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional, Tuple

from .errors import BadInput

_PLACE = re.compile(r"\{[a-z_]+\}")
_ALL = {"key": "keys", "prefix": "prefix", "pattern": "pattern"}
_ONE = {"key_of": "keys", "prefix_of": "prefix"}


def members(families: Mapping[str, Any], family: str, of: Optional[str]) -> Dict[str, Any]:
    """What ``keys``, ``prefix`` or ``pattern`` would have to be, with the ``type`` where the family has one.

    A name is put into an exact name or into a prefix, where no character has a meaning, and never into a pattern.
    """
    described = families.get(family)
    if not isinstance(described, Mapping):
        raise BadInput(
            f"Family {family!r} is not described.", hint=f"Described in stack_redis.keys are: {', '.join(sorted(families)) or '(none)'}.", family=family
        )
    ways = _ALL if of is None else _ONE
    given = [way for way in ways if described.get(way)]
    if len(given) != 1:
        whose = "all of it" if of is None else "that of one"
        raise BadInput(
            f"Family {family} does not say what {whose} is: it has {' and '.join(given) or 'none'} of {', '.join(ways)}.",
            hint="Give it exactly one of them in stack_redis.keys.",
            family=family,
        )
    text = str(described[given[0]])
    if of is not None:
        text = _filled(family, text, given[0], of)
    chosen: Dict[str, Any] = {ways[given[0]]: [text] if ways[given[0]] == "keys" else text}
    return {**chosen, "type": described["type"]} if described.get("type") else chosen


def _filled(family: str, template: str, way: str, of: str) -> str:
    if not of:
        raise BadInput(f"Nobody is named: 'of' is empty, which is not all of family {family}.", hint="Leave 'of' out to mean all.", family=family)
    before, after = _around(family, template, way)
    if after and after[0] in of:
        raise BadInput(
            f"{of!r} has a {after[0]!r}, which ends a name in {template!r}: it could mean keys of somebody else.",
            hint="When exactly that key is meant, name it whole in 'keys'.",
            family=family,
        )
    return before + of + after


def _around(family: str, template: str, way: str) -> Tuple[str, str]:
    """What stands before and behind the one place."""
    parts = _PLACE.split(template)
    if len(parts) != 2 or (way == "prefix_of" and not parts[1]):
        raise BadInput(
            f"{way} of family {family} must have one place such as {{user}}{', and something behind it' if way == 'prefix_of' else ''}, but is {template!r}.",
            hint="Else what is meant for one would hold for all whose names begin like it.",
            family=family,
        )
    return parts[0], parts[1]
