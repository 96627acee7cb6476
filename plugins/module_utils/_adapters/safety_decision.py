# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is about to be exchanged needs a new backup, and has all that one takes."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from .._core.backup_catalogue import Backup
from .._core.backup_request import MIB, BackupRequest, DatabaseSize, Decision, decide
from .._core.restore_plan import SAFETY
from .backup_files import now_naive
from .backup_preflight import programs_for, require_encryption, require_programs, require_space

_FLOOR_BYTES = 256 * MIB


def safety_request(restore: Any, subject: str, min_age: int, verify: str = "none") -> BackupRequest:
    """The backup that a request for a ``restore`` implies."""
    return BackupRequest(
        state="present",
        backup_dir=restore.backup_dir,
        databases=(subject,),
        purpose=SAFETY,
        min_age=min_age,
        verify=verify,
        timeout=restore.timeout,
        floor_bytes=_FLOOR_BYTES,
        recipients=restore.recipients,
        identity_file=restore.identity_file,
    )


class SafetyDecision:
    """Of one subject."""

    def __init__(self, request: BackupRequest) -> None:
        self.request = request
        self.taken: Decision

    def decide(self, size: int, backups: Sequence[Backup]) -> str:
        """``new``, or the id of one that is young enough. Raises for what a new one lacks."""
        request = self.request
        self.taken = decide([DatabaseSize(request.databases[0], size)], backups, request, now_naive())[0]
        if self.kept is not None:
            return self.kept
        require_programs(programs_for(request.recipients, request.identity_file))
        require_encryption(request.recipients, request.identity_file)
        require_space(request.backup_dir, self.taken.estimate_bytes, request.floor_bytes)
        return "new"

    @property
    def kept(self) -> Optional[str]:
        """The id of one that is young enough."""
        return self.taken.kept.id if self.taken.kept else None
