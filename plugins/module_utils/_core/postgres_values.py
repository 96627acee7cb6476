# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of Postgres, as it writes them, made into values of JSON without loss.

Expects datestyle ISO, time zone UTC and bytea_output hex. A value that JSON cannot hold exactly stays a text.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from .redaction import MASK, Redactor

# Object ids of built-in types; they are the same on every server (pg_type.dat).
_BOOL, _BYTEA, _NUMERIC, _TIMESTAMP, _TIMESTAMPTZ = 16, 17, 1700, 1114, 1184
_INTEGERS, _FLOATS, _JSON = (20, 21, 23, 26), (700, 701), (114, 3802)
_ARRAYS = {
    1000: 16, 1001: 17, 1005: 21, 1007: 23, 1016: 20, 1028: 26, 1021: 700, 1022: 701, 1231: 1700, 1115: 1114, 1185: 1184, 199: 114, 3807: 3802,
    1009: 25, 1015: 1043, 1002: 18, 1014: 1042, 1003: 19, 1182: 1082, 1183: 1083, 1187: 1186, 2951: 2950,
}  # fmt: skip
_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^",{}]+)', re.DOTALL)
_BOUNDS = re.compile(r"(?:\[-?\d+:-?\d+\])+=")
_MOMENT = re.compile(r"(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(\+00)?")
_WHOLE = re.compile(r"-?\d{1,1000}")  # Python refuses to read an endless one
_EXACT_FLOAT = 15  # digits that a float always keeps


def value_of(text: Optional[str], oid: int) -> Any:
    """The value that ``text`` is, for a type with this object id; NULL is None."""
    if text is None:
        return None
    if oid in _ARRAYS:
        return _array(text, _ARRAYS[oid])
    return _READERS.get(oid, str)(text)


def version_text(number: int) -> str:
    """150018 is 15.18 (the numbering since Postgres 10)."""
    return f"{number // 10000}.{number % 10000}"


def mask_row(row: Mapping[str, Any], masked: Sequence[str], patterns: Sequence[str]) -> Dict[str, Any]:
    """The row with the values of the ``masked`` columns hidden, and likewise what is below such a name inside JSON."""
    return {name: _hidden(value) if name in masked else _masked_inside(value, patterns) for name, value in row.items()}


def is_masked(name: str, patterns: Sequence[str]) -> bool:
    """Whether a column's name contains one of the patterns, in any case."""
    return any(pattern.lower() in name.lower() for pattern in patterns)


def distinct_names(names: Sequence[str]) -> List[str]:
    """Column names that can be told apart: the second ``id`` is ``id_2``."""
    found: List[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in found:
            number += 1
            candidate = f"{name}_{number}"
        found.append(candidate)
    return found


def _hidden(value: Any) -> Any:
    return None if value is None else MASK


def _masked_inside(value: Any, patterns: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {name: _hidden(inner) if is_masked(name, patterns) else _masked_inside(inner, patterns) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked_inside(inner, patterns) for inner in value]
    return Redactor().text(value) if patterns and isinstance(value, str) else value


def _integer_or_text(text: str) -> Any:
    """numeric: a whole number without decimal places is one; the others keep their places."""
    return int(text) if _WHOLE.fullmatch(text) else text


def _float(text: str) -> Any:
    number = float(text)
    return number if math.isfinite(number) else text


def _moment(text: str) -> str:
    """ISO 8601; what has no such form (infinity, years before Christ) stays as it is."""
    match = _MOMENT.fullmatch(text)
    return f"{match[1]}T{match[2]}{'Z' if match[3] else ''}" if match else text


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_float=_exact, parse_int=_integer_or_text, parse_constant=str)
    except RecursionError:  # Postgres nests deeper than Python
        return text


def _exact(text: str) -> Any:
    digits = re.sub(r"[eE].*|\D", "", text).strip("0")
    number = float(text)
    return number if len(digits) <= _EXACT_FLOAT and math.isfinite(number) else text


def _bytes(text: str) -> str:
    return text[2:] if text.startswith("\\x") else text


_READERS: Dict[int, Callable[[str], Any]] = {
    _BOOL: lambda text: text == "t",
    _BYTEA: _bytes,
    _NUMERIC: _integer_or_text,
    _TIMESTAMP: _moment,
    _TIMESTAMPTZ: _moment,
    **{oid: int for oid in _INTEGERS},
    **{oid: _float for oid in _FLOATS},
    **{oid: _json for oid in _JSON},
}


def _array(text: str, oid: int) -> List[Any]:
    """``{a,"b,c",NULL,{d}}`` as nested lists; bounds in front are not kept."""
    bounds = _BOUNDS.match(text)
    at = bounds.end() if bounds else 0
    outer: List[Any] = []
    open_lists = [outer]
    while at < len(text):
        if text[at] == "{":
            inner: List[Any] = []
            open_lists[-1].append(inner)
            open_lists.append(inner)
        elif text[at] == "}":
            open_lists.pop()
        elif text[at] != ",":
            element = _ELEMENT.match(text, at)
            open_lists[-1].append(_element(element, oid))
            at = element.end()
            continue
        at += 1
    return outer[0]


def _element(match: Any, oid: int) -> Any:
    if match[1] is not None:
        return value_of(re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL), oid)
    return None if match[2].upper() == "NULL" else value_of(match[2], oid)
