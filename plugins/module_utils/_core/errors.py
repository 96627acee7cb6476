# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error hierarchy. Raised where a fault is known, turned into ``fail_json`` only by run_module."""

from __future__ import annotations


class OperationError(Exception):
    """An operation that did not reach its goal, in words for people and codes for machines.

    ``message`` says what happened and where, ``hint`` what to do next; ``details`` are facts for machines
    and never hold a secret. ``reason`` is stable: playbooks may branch on it.
    """

    reason = "operation_failed"

    def __init__(self, message: str, hint: str = "", **details: object) -> None:
        super().__init__(message)
        self.hint = hint
        self.details = details

    def to_result(self) -> dict:
        message = f"{self} {self.hint}".strip()
        return {"msg": message, "reason": self.reason, "details": self.details}


class BadInput(OperationError):
    """The request itself is wrong; nothing was touched."""

    reason = "bad_input"


class ConfirmationMissing(BadInput):
    """What changes data or stops everybody else was not confirmed by the name of what it is done to."""

    reason = "confirmation_missing"


class EngineUnreachable(OperationError):
    """The Docker engine does not answer."""

    reason = "engine_unreachable"


class EngineFailed(OperationError):
    """The engine answered and refused or failed a request."""

    reason = "engine_failed"


class LibraryMissing(OperationError):
    """A Python library is missing on the target."""

    reason = "python_library_missing"


class ComposeMissing(OperationError):
    """No Docker Compose was found on the target."""

    reason = "compose_missing"


class ComposeTooOld(OperationError):
    """Docker Compose is older than version 2."""

    reason = "compose_too_old"


class ComposeFailed(OperationError):
    """Docker Compose was run and failed."""

    reason = "compose_failed"


class ComposeConfigInvalid(BadInput):
    """The compose files and the env file do not make a valid project."""

    reason = "compose_config_invalid"


class ProjectMissing(BadInput):
    """The project directory or one of its files does not exist."""

    reason = "project_missing"


class UnknownService(BadInput):
    """A named service is not in the compose files."""

    reason = "unknown_service"


class TimedOut(OperationError):
    """Something did not end within its deadline."""

    reason = "timed_out"


class StateUnwritable(OperationError):
    """Our own records of the stack, or a file of the stack, cannot be read or written on the target."""

    reason = "state_unwritable"
