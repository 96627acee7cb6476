# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long backups are kept: a policy, and its conditions."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Mapping

from .errors import BadInput, OperationError


class BackupStale(OperationError):
    """There is no backup that is proven and young enough."""

    reason = "backup_stale"


class RetentionRefused(OperationError):
    """What the policy would delete is more than its conditions allow."""

    reason = "retention_refused"


@dataclass(frozen=True)
class Policy:
    """``hourly`` to ``yearly`` count periods that have backups, newest first. All times are seconds.

    ``keep_within`` keeps everything younger, and the newest one older. Nothing goes when that would leave fewer than
    ``min_copies`` backups or ``min_verified`` verified ones, or take more than ``max_delete_fraction`` of them at once, or when the newest
    verified one is older than ``stale_freeze``. With ``require_offsite`` no sound backup goes that is not known to be whole elsewhere.
    """

    keep_last: int
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    keep_within: int = 0
    keep_schemas: int = 5
    min_copies: int = 2
    min_verified: int = 1
    max_delete_fraction: float = 0.5
    stale_freeze: int = 172800
    safety_ttl: int = 259200
    damaged_ttl: int = 604800
    require_offsite: bool = False

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "Policy":
        """Raises BadInput for what would be no policy, or an accident."""
        if params["keep_last"] is None:
            raise BadInput("keep_last is missing: an empty policy would delete every backup that no rule names.", hint="Choose how many are kept in any case.")
        policy = cls(**{one.name: params[one.name] for one in fields(cls)})
        for name, least in _LEAST.items():
            if getattr(policy, name) < least:
                raise BadInput(f"{name} must be at least {least}, but is {getattr(policy, name)}.", hint="Correct stack_backup.retention.", option=name)
        if not 0 < policy.max_delete_fraction <= 1:
            raise BadInput(
                f"max_delete_fraction must be above 0 and at most 1, but is {policy.max_delete_fraction}.",
                hint="Half of them is 0.5.",
                option="max_delete_fraction",
            )
        return policy


_LEAST = {
    **{name: 0 for name in ("hourly", "daily", "weekly", "monthly", "yearly", "keep_within", "keep_schemas", "min_verified", "safety_ttl", "damaged_ttl")},
    "keep_last": 1,
    "min_copies": 2,
    "stale_freeze": 60,
}
