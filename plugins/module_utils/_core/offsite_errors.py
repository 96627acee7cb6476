# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a backup is not off-site, or could not be brought back from there."""

from __future__ import annotations

from .errors import BadInput, OperationError


class OffsiteUnreachable(OperationError):
    """Nothing answers where the remote should be."""

    reason = "offsite_unreachable"


class OffsiteRefused(OperationError):
    """The remote answers, and could not be opened with what was given."""

    reason = "offsite_refused"


class OffsitePasswordWrong(OperationError):
    """The password does not open the repository."""

    reason = "offsite_password_wrong"


class OffsiteFailed(OperationError):
    """restic or rclone ended with an error while it worked at a remote that had been opened."""

    reason = "offsite_failed"


class OffsiteDamaged(OperationError):
    """What is at the remote is not what the manifest says."""

    reason = "offsite_damaged"


class OffsiteUnencrypted(BadInput):
    """A set that is not encrypted would be readable by whoever reads the remote."""

    reason = "offsite_unencrypted"
