# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements that take from a restored copy what nobody beside production may see, and questions whether they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence, Tuple

from .errors import BadInput, OperationError
from .sql_statement import one_statement, require_one_transaction, require_reading


class MaskingFailed(OperationError):
    """A statement of the masking failed. What it says and what the server answers may hold what is to be masked, and is told nobody."""

    reason = "masking_failed"


class MaskingIncomplete(OperationError):
    """A check after the masking did not give true."""

    reason = "masking_incomplete"


@dataclass(frozen=True)
class Masking:
    """All statements run in one transaction; each check has to give one true value afterwards."""

    statements: Tuple[str, ...] = ()
    checks: Tuple[str, ...] = ()

    @classmethod
    def of(cls, statements: Sequence[str], checks: Sequence[str]) -> "Masking":
        """Raises BadInput for what is more than one statement, or would end the transaction around it."""
        if checks and not statements:
            raise BadInput("masking_checks are there, and there is no masking that they could check.", hint="Give 'masking', or ask 'assertions'.")
        return cls(_each("masking", statements, require_one_transaction), _each("masking_checks", checks, require_reading))

    def __bool__(self) -> bool:
        return bool(self.statements)

    @property
    def summary(self) -> str:
        return f"{len(self.statements)} statements, {len(self.checks)} checks"


def _each(option: str, given: Sequence[str], require: Callable[[str], None]) -> Tuple[str, ...]:
    """Errors say which statement, and not what it is."""
    found = []
    for number, text in enumerate(given, 1):
        try:
            statement = one_statement(text)
            require(statement)
        except BadInput as error:
            error.args = (f"Statement {number} of {option} cannot be run: {error}",)
            raise
        found.append(statement)
    return tuple(found)
