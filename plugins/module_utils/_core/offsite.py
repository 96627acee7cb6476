# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done so that backups are off-site, are known to be whole there, or are back on this host."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Iterable, List, Mapping, Optional, Sequence, Tuple

from .backup_catalogue import DAMAGED, VERIFIED, Backup, newest_first
from .backup_errors import BackupMissing
from .offsite_errors import OffsiteUnencrypted

COPY, READ_BACK, ADD_PROOF, NOTHING = "copy", "read_back", "add_proof", ""
_DAY_ZERO = datetime(2000, 1, 1)


@dataclass(frozen=True)
class RemoteSet:
    """A backup at the remote whose last file is there. ``place`` is how the tool finds it; ``proven``: the result of a verification is with it."""

    service: str
    subject: str
    id: str
    place: str
    proven: bool = False

    @property
    def subject_key(self) -> Tuple[str, str]:
        return self.service, self.subject


def remote_key(tool: str, remote: str) -> str:
    """Names a remote in the names of files."""
    return hashlib.sha256(f"{tool}\0{remote}".encode()).hexdigest()[:12]


def wanted_backups(backups: Sequence[Backup], ids: Sequence[str], every: bool, state: str) -> Tuple[List[Backup], List[str]]:
    """Those to copy, oldest first, and the subjects that have none. Of every subject the newest one that counts, or all; named ones in any case."""
    if ids:
        known = {backup.id: backup for backup in backups}
        missing = [name for name in ids if name not in known]
        if missing:
            raise BackupMissing(f"There is no backup {', '.join(missing)} here.", hint="playbooks/backup/verify.yml lists them.", missing=missing)
        return sorted((known[name] for name in dict.fromkeys(ids)), key=lambda one: one.id), []
    chosen: List[Backup] = []
    without = []
    for service, subject in sorted({(one.manifest.service, one.manifest.subject) for one in backups}):
        own = [one for one in newest_first(backups) if (one.manifest.service, one.manifest.subject) == (service, subject)]
        counted = [one for one in own if not one.manifest.partial and (one.state == VERIFIED if state == VERIFIED else one.state != DAMAGED)]
        if not counted:
            without.append(f"{service}/{subject}")
        chosen += counted if every else counted[:1]
    return sorted(chosen, key=lambda one: one.id), without


def require_encrypted(backups: Iterable[Backup]) -> None:
    """The whole request is refused: half of it off-site would look like all of it."""
    plain = [backup.id for backup in backups if any(not file.encryption for file in backup.manifest.files)]
    if plain:
        raise OffsiteUnencrypted(
            f"Not encrypted, and rclone would copy them as they are: {', '.join(plain)}. Nothing was copied.",
            hint="Set stack_backup.encryption and make new backups; or use restic, which encrypts; or set accept_unencrypted=true"
            " where the remote itself encrypts (rclone's crypt).",
            backups=plain,
        )


def step_for(backup: Backup, there: Sequence[RemoteSet], key: str) -> str:
    """What is missing for this backup: all of it, the proof that it is whole there, its verification, or nothing."""
    own = [one for one in there if one.subject_key == (backup.manifest.service, backup.manifest.subject) and one.id == backup.id]
    if not own:
        return COPY
    mark = backup.copy_at(key)
    if mark is None or mark.outcome != "passed":
        return READ_BACK
    return ADD_PROOF if backup.state == VERIFIED and not any(one.proven for one in own) else NOTHING


def candidates(there: Sequence[RemoteSet], ids: Sequence[str], about: Mapping[str, Sequence[str]]) -> List[List[RemoteSet]]:
    """What may be brought back or checked: for each named id, or for each subject, its sets with the newest first.

    ``about`` narrows ``services`` and ``subjects``; an empty list narrows nothing. Raises BackupMissing when a named one is not there.
    """
    fitting = [
        one
        for one in sorted(there, key=lambda one: one.id, reverse=True)
        if (not about["services"] or one.service in about["services"]) and (not about["subjects"] or one.subject in about["subjects"])
    ]
    if ids:
        missing = [name for name in ids if name not in {one.id for one in fitting}]
        if missing:
            raise BackupMissing(f"The remote has no backup {', '.join(missing)} of this stack.", hint="Look at what state=checked lists.", missing=missing)
        return [[one for one in fitting if one.id == name] for name in dict.fromkeys(ids)]
    return [[one for one in fitting if one.subject_key == key] for key in sorted({one.subject_key for one in fitting})]


def is_due(backup_id: str, name: str, percent: int, now: datetime) -> bool:
    """Whether this file is part of today's share. Within 100 / percent days, every file is."""
    if percent >= 100:
        return True
    place = int(hashlib.sha256(f"{backup_id}/{name}".encode()).hexdigest()[:8], 16)
    return (place + (now - _DAY_ZERO).days * percent) % 100 < percent


def newest_proven(own: Sequence[Backup]) -> Optional[Backup]:
    """Of those that were looked at, in their order."""
    return next((one for one in own if one.state == VERIFIED), None)
