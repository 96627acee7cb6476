# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JUnit file: which tests it names, and how each ended."""

from __future__ import annotations

from typing import List, Tuple
from xml.etree import ElementTree

from .._core.suite_results import SuiteUnreadable

_OUTCOMES = ("failure", "error", "skipped")


def junit_cases(text: str, path: str) -> List[Tuple[str, str]]:
    """Name and outcome of each test. Entities are refused: a few lines of them could fill the memory."""
    try:
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise ValueError("it declares a document type or entities")
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise SuiteUnreadable(f"{path} is no JUnit file: {error}.", hint="Look what the tests write (details).", path=path) from None
    return [(_name(case), _outcome(case)) for case in root.iter("testcase")]


def _name(case: ElementTree.Element) -> str:
    return "::".join(part for part in (case.get("classname"), case.get("name")) if part) or "(no name)"


def _outcome(case: ElementTree.Element) -> str:
    found = {child.tag for child in case}
    return next((outcome for outcome in _OUTCOMES if outcome in found), "passed")
