# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Masks a copy that was just restored, and looks whether it is masked. No error repeats a statement or a value."""

from __future__ import annotations

from typing import Any, Callable, List

from .._core.errors import OperationError
from .._core.masking import Masking, MaskingFailed, MaskingIncomplete
from .postgres_session import PostgresSession

# The statements were read by the first; with the second, a policy that hides rows from us is an error and leaves none unmasked.
_SETTINGS = ("SET standard_conforming_strings = on", "SET row_security = off")
_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
_HINT = "Correct the masking, and run again."


def mask_copy(open_session: Callable[[], PostgresSession], masking: Masking) -> None:
    """Raises MaskingFailed or MaskingIncomplete. Afterwards neither rows nor statistics from before are in its tables."""
    with open_session() as session:
        _run(session, masking)
    with open_session() as session:
        _check(session, masking)
    with open_session() as session:
        _forget(session)


def _run(session: PostgresSession, masking: Masking) -> None:
    number, count = 0, len(masking.statements)
    try:
        _prepare(session)
        with session.transaction("READ WRITE"):
            for number, statement in enumerate(masking.statements, 1):
                session.execute(statement)
            number = 0  # what fails now are constraints that waited for the end
    except OperationError as error:
        sqlstate = error.details.get("sqlstate") or ""
        what = f"Statement {number} of {count}" if number else "The end"
        raise MaskingFailed(
            f"{what} of the masking failed ({f'SQLSTATE {sqlstate}' if sqlstate else error.reason}).", hint=_HINT, statement=number, sqlstate=sqlstate
        ) from error


def _check(session: PostgresSession, masking: Masking) -> None:
    _prepare(session)
    failed: List[int] = [number for number, check in enumerate(masking.checks, 1) if _answer(session, check) != [True]]
    if failed:
        which = ", ".join(str(number) for number in failed)
        raise MaskingIncomplete(
            f"The copy is not masked as was asked for: {len(failed)} of {len(masking.checks)} checks did not give true ({which}).", hint=_HINT, checks=failed
        )


def _answer(session: PostgresSession, check: str) -> List[Any]:
    """Empty for one that fails."""
    try:
        with session.transaction("READ ONLY"):
            return [value for row in session.rows(check) for value in row.values()]
    except OperationError:
        return []


def _forget(session: PostgresSession) -> None:
    """Rows as they were stay in the files until a table is written anew, and common values in the statistics of a table that is empty now."""
    if session.value(_SUPERUSER):
        session.execute("DELETE FROM pg_catalog.pg_statistic")
        session.execute("DELETE FROM pg_catalog.pg_statistic_ext_data")
    session.execute("VACUUM (FULL)")


def _prepare(session: PostgresSession) -> None:
    for setting in _SETTINGS:
        session.execute(setting)
