# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares an answer with the part of it that must be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True)
class Mismatch:
    """``path`` is dotted; ``actual`` is MISSING where the answer has no such field or element."""

    path: str
    expected: Any
    actual: Any


def mismatches(expected: Any, actual: Any, path: str = "") -> List[Mismatch]:
    """Where ``actual`` does not hold ``expected``: empty when it does.

    A dict must hold every expected key (a dotted key also reaches into nested dicts), a list an equal or containing
    element for each expected one, in any order; other values must be equal, and a boolean is never a number.
    """
    if isinstance(expected, Mapping):
        return _mismatches_of_dict(expected, actual, path)
    if isinstance(expected, (list, tuple)):
        return _mismatches_of_list(expected, actual, path)
    return [] if _equal(expected, actual) else [Mismatch(path, expected, actual)]


def find(data: Any, field: str) -> Any:
    """The value of a field, MISSING without one. A key that itself has dots wins over the nested field."""
    if not isinstance(data, Mapping):
        return MISSING
    if field in data:
        return data[field]
    head, dot, rest = field.partition(".")
    return find(data[head], rest) if dot and head in data else MISSING


def _mismatches_of_dict(expected: Mapping, actual: Any, path: str) -> List[Mismatch]:
    if not isinstance(actual, Mapping):
        return [Mismatch(path, expected, actual)]
    found: List[Mismatch] = []
    for key, wanted in expected.items():
        field = str(key)
        here = f"{path}.{field}" if path else field
        value = find(actual, field)
        found += [Mismatch(here, wanted, MISSING)] if value is MISSING else mismatches(wanted, value, here)
    return found


def _mismatches_of_list(expected: Any, actual: Any, path: str) -> List[Mismatch]:
    if not isinstance(actual, (list, tuple)):
        return [Mismatch(path, expected, actual)]
    lacking = [wanted for wanted in expected if all(mismatches(wanted, value) for value in actual)]
    return [Mismatch(f"{path}[]", wanted, MISSING) for wanted in lacking]


def _equal(expected: Any, actual: Any) -> bool:
    if isinstance(expected, bool) != isinstance(actual, bool):
        return False
    return actual is not MISSING and expected == actual
