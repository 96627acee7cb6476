# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test run says of itself, and what is made of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from .errors import BadInput, OperationError

_MOST_NAMED = 10


class SuiteFailed(OperationError):
    """Tests failed, or none was run. The live stack was not touched."""

    reason = "tests_failed"


class SuiteUnreadable(OperationError):
    """The tests left no JUnit file, or one that cannot be read."""

    reason = "tests_unreadable"


@dataclass(frozen=True)
class SuiteCounts:
    """Counts of a JUnit file, and the names of the first tests that failed."""

    count: int
    failures: int
    errors: int
    left_out: int
    not_passed: Tuple[str, ...] = ()

    @property
    def passed(self) -> int:
        return self.count - self.failures - self.errors - self.left_out

    def to_dict(self) -> Dict[str, Any]:
        return {**asdict(self), "not_passed": list(self.not_passed), "good": self.passed}


@dataclass(frozen=True)
class SuiteRequest:
    """Which tests to run, of which release, with which stores of their own."""

    service: str
    command: Tuple[str, ...]
    release: str
    stores: Tuple[str, ...]
    environment: Mapping[str, str]
    junit: str
    timeout: int
    store_timeout: int

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "SuiteRequest":
        if not params["command"]:
            raise BadInput("command is a list of words, and has none.", option="command")
        if params["junit"] and not params["junit"].startswith("/"):
            raise BadInput(f"junit is a path in the container and begins with a slash, not {params['junit']!r}.", option="junit")
        if params["timeout"] < 1 or params["store_timeout"] < 1:
            raise BadInput("timeout and store_timeout are at least 1 second.", option="timeout")
        return cls(
            service=params["service"],
            command=tuple(params["command"]),
            release=params["release"],
            stores=tuple(params["stores"]),
            environment={str(name): str(value) for name, value in params["environment"].items()},
            junit=params["junit"],
            timeout=params["timeout"],
            store_timeout=params["store_timeout"],
        )


def counted(cases: Sequence[Tuple[str, str]]) -> SuiteCounts:
    """From pairs of a test's name and its outcome: ``passed``, ``failure``, ``error`` or ``skipped``."""
    outcomes = [outcome for _name, outcome in cases]
    bad = [name for name, outcome in cases if outcome in ("failure", "error")]
    return SuiteCounts(len(cases), outcomes.count("failure"), outcomes.count("error"), outcomes.count("skipped"), tuple(bad[:_MOST_NAMED]))


def judge_suite(exit_code: int, counts: Optional[SuiteCounts], said: Sequence[str], facts: Mapping[str, Any]) -> None:
    """Raises unless the command ended well, and its file says that tests were run and none failed."""
    wrong = _what_is_wrong(exit_code, counts)
    if wrong:
        names = f" Not passed: {', '.join(counts.not_passed)}." if counts and counts.not_passed else ""
        raise SuiteFailed(
            f"{wrong}.{names} {' | '.join(said[-3:])}".strip(),
            hint="The live stack was not touched. The whole output and the JUnit file are kept (details).",
            exit_code=exit_code,
            output=list(said),
            counts=counts.to_dict() if counts else {},
            **facts,
        )


def _what_is_wrong(exit_code: int, counts: Optional[SuiteCounts]) -> str:
    if counts and counts.failures + counts.errors:
        return f"{counts.failures + counts.errors} of {counts.count} tests did not pass"
    if exit_code != 0:
        return f"The tests ended with exit code {exit_code}"
    if counts and not counts.passed:
        return "No test was run"
    return ""
