# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backups of one stack as a catalogue: what is there, what was proven of it, which one is the latest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from .backup_manifest import TIME_FORMAT, Manifest, summary

DUMPED, VERIFIED, DAMAGED = "dumped", "verified", "damaged"
# A backup counts as verified from here on: it was restored and compared.
RESTORED_AND_COMPARED = 3


@dataclass(frozen=True)
class Verification:
    """One attempt to prove a backup. ``outcome`` is passed, failed or inconclusive (the verifier itself could not end its work).

    ``level``: 0 hashes, 1 archive read whole, 2 restored, 3 restored and compared, 4 the user's own assertions too.
    ``counted`` is what only the restored copy could tell, for restores to be compared with: plain JSON.
    """

    at: str
    level: int
    outcome: str
    image: str = ""
    seconds: float = 0.0
    differences: Tuple[str, ...] = ()
    counted: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OffsiteCopy:
    """What was found when a copy elsewhere was last read back. ``key`` names the remote in file names, ``remote`` for people and without secrets."""

    key: str
    tool: str
    remote: str
    at: str
    outcome: str  # passed or failed
    differences: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Backup:
    """One published backup. A hash that does not fit any more (``damage``) outweighs what was proven before."""

    manifest: Manifest
    directory: str
    verifications: Tuple[Verification, ...] = ()
    damage: Tuple[str, ...] = ()
    pinned: str = ""
    copies: Tuple[OffsiteCopy, ...] = ()

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def last(self) -> Optional[Verification]:
        """The last attempt that came to a result."""
        concluded = [one for one in self.verifications if one.outcome != "inconclusive"]
        return max(concluded, key=lambda one: one.at, default=None)

    @property
    def proof(self) -> Optional[Verification]:
        """The last time that it was restored and found to be what was dumped."""
        proofs = [one for one in self.verifications if one.outcome == "passed" and one.level >= RESTORED_AND_COMPARED]
        return max(proofs, key=lambda one: one.at, default=None)

    @property
    def counted(self) -> Mapping[str, Any]:
        """What was counted first, in a copy that was found to be what was dumped."""
        told = [one for one in self.verifications if one.outcome == "passed" and one.counted]
        return min(told, key=lambda one: one.at).counted if told else {}

    @property
    def state(self) -> str:
        if self.damage or (self.last and self.last.outcome == "failed"):
            return DAMAGED
        return VERIFIED if self.proof else DUMPED

    @property
    def is_offsite(self) -> bool:
        return any(copy.outcome == "passed" for copy in self.copies)

    def copy_at(self, key: str) -> Optional[OffsiteCopy]:
        return next((copy for copy in self.copies if copy.key == key), None)

    def to_dict(self, now: datetime) -> Dict[str, Any]:
        last, proof = self.last, self.proof if self.state == VERIFIED else None
        return {
            **summary(self.manifest),
            "directory": self.directory,
            "state": self.state,
            "age_seconds": round((now - self.manifest.created).total_seconds()),
            "verified_at": proof.at if proof else None,
            "verified_level": max((one.level for one in self.verifications if one.outcome == "passed"), default=None),
            "restore_seconds": proof.seconds if proof else None,
            "pinned": self.pinned or None,
            "offsite": [{name: getattr(copy, name) for name in ("tool", "remote", "at", "outcome")} for copy in self.copies],
            "problems": [*self.damage, *(last.differences if last and last.outcome == "failed" else ())],
        }


def newest_first(backups: Iterable[Backup]) -> List[Backup]:
    return sorted(backups, key=lambda backup: backup.id, reverse=True)


def latest(backups: Iterable[Backup], subject: str, state: str = "") -> Optional[Backup]:
    """The newest whole backup of a subject, of any state but damaged unless one is asked for."""
    for backup in newest_first(backups):
        fits = backup.state == state if state else backup.state != DAMAGED
        if backup.manifest.subject == subject and fits and not backup.manifest.partial:
            return backup
    return None


def timestamp(now: datetime) -> str:
    """A naive UTC time as manifests and verifications write it."""
    return now.strftime(TIME_FORMAT)
