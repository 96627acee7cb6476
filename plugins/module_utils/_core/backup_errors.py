# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a backup was not made: the reasons that have nothing to do with Postgres itself."""

from __future__ import annotations

from .errors import BadInput, OperationError


class ProgramMissing(OperationError):
    """A program that the request needs is not installed on the target."""

    reason = "program_missing"


class RecipientInvalid(BadInput):
    """age does not accept a recipient."""

    reason = "recipient_invalid"


class BackupStageFailed(OperationError):
    """One program of the chain that writes a backup ended with an error, or died."""

    reason = "backup_stage_failed"


class BackupNoSpace(OperationError):
    """The disk of the backups has not enough room, or ran out of it."""

    reason = "backup_no_space"


class BackupOnSameDisk(BadInput):
    """The backups would lie on the disk whose loss they are made for."""

    reason = "backup_on_same_disk"


class BackupDisappointing(OperationError):
    """pg_dump said that all went well, and what it wrote says otherwise."""

    reason = "backup_implausible"


class ClockWrong(OperationError):
    """The newest backup is from the future, so the clock was or is wrong."""

    reason = "clock_wrong"


class BackupUnverified(OperationError):
    """A backup was made, and could not be proven."""

    reason = "backup_not_verified"


class BackupsIncomplete(OperationError):
    """Some databases could not be backed up, for different reasons."""

    reason = "backups_incomplete"


class UnknownDatabase(BadInput):
    """A named database is not on the server, or does not accept connections."""

    reason = "unknown_database"


class BackupMissing(BadInput):
    """There is no such backup."""

    reason = "backup_missing"
