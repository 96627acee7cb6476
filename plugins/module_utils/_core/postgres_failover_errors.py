# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a replica did not take the place of its primary."""

from __future__ import annotations

from .errors import OperationError


class ReplicaMissing(OperationError):
    """The stack has no running replica."""

    reason = "replica_missing"


class ReplicaUnfit(OperationError):
    """The server that was named is no replica of this primary, or could not take its place."""

    reason = "replica_unfit"


class ReplicaBehind(OperationError):
    """The replica lacks more of the primary's log than allowed."""

    reason = "replica_behind"


class LossUnknown(OperationError):
    """The end of the primary's log is not known, so nobody can tell what the replica lacks."""

    reason = "replica_loss_unknown"


class TwoPrimaries(OperationError):
    """Both servers accept writes."""

    reason = "two_primaries"


class PrimaryNotFenced(OperationError):
    """The primary could not be stopped."""

    reason = "primary_not_fenced"


class PromotionFailed(OperationError):
    """The replica was asked to become the primary, and did not prove it."""

    reason = "promotion_failed"
