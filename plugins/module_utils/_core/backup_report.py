# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there of backups, whether it is young and proven enough, and the table that people read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .backup_catalogue import VERIFIED, Backup, newest_first
from .errors import OperationError
from .retention import newest_counted
from .retention_policy import BackupStale
from .text_table import aligned

STALE, MISSING, DAMAGED, UNREADABLE, FUTURE = "stale", "missing", "damaged", "unreadable", "future"
DATABASES, SNAPSHOTS = ("DATABASE", "ROWS"), ("SNAPSHOT", "KEYS")
_HEADER = ("SERVICE", "SUBJECT", "BACKUP", "STATE", "AGE", "SIZE", "LEVEL", "RESTORE", "PURPOSE", "OFF-SITE", "PINNED")


class BackupDamaged(OperationError):
    """A backup is not what was written, or was not what had been dumped."""

    reason = "backup_damaged"


@dataclass(frozen=True)
class Problem:
    """``backup`` is an id, or empty where it is about all of a subject."""

    kind: str
    service: str
    subject: str
    backup: str
    message: str


@dataclass(frozen=True)
class Wanted:
    """How young the newest backup has to be (None: as old as it likes), and whether it must be verified; what has no new ones any more is spared."""

    max_age: Optional[int]
    state: str
    retired: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Holding:
    """All backups of one subject of one service."""

    service: str
    subject: str
    backups: Tuple[Backup, ...]

    @property
    def name(self) -> str:
        """Without a service where none is known that has it."""
        return f"{self.service}/{self.subject}" if self.service else self.subject

    def judge(self, wanted: Wanted, now: datetime) -> List[Problem]:
        return [*self._freshness(wanted, now), *self._faults(now)]

    def newest(self, state: str, now: datetime) -> Optional[Backup]:
        return newest_counted(self.backups, now, verified=state == VERIFIED)

    def to_dict(self, problems: Sequence[Problem], wanted: Wanted, now: datetime) -> Dict[str, Any]:
        newest, proven = self.newest("", now), self.newest(VERIFIED, now)
        own = [problem for problem in problems if (problem.service, problem.subject) == (self.service, self.subject)]
        return {
            "service": self.service,
            "subject": self.subject,
            "count": len(self.backups),
            "verified_count": len([backup for backup in self.backups if backup.state == VERIFIED]),
            "total_bytes": sum(backup.manifest.bytes for backup in self.backups),
            "newest": newest.id if newest else None,
            "newest_age_seconds": _age(newest, now),
            "newest_verified": proven.id if proven else None,
            "newest_verified_age_seconds": _age(proven, now),
            "fresh": not any(problem.kind in (STALE, MISSING) for problem in own),
            "retired": self.subject in wanted.retired,
        }

    def _freshness(self, wanted: Wanted, now: datetime) -> List[Problem]:
        if wanted.max_age is None or self.subject in wanted.retired:
            return []
        newest, word = self.newest(wanted.state, now), "verified backup" if wanted.state == VERIFIED else "whole backup"
        if newest is None:
            others = f": none of its {len(self.backups)} counts" if self.backups else ""
            return [self._problem(MISSING, "", f"{self.name} has no {word}{others}.")]
        if now - newest.manifest.created <= timedelta(seconds=wanted.max_age):
            return []
        age, allowed = duration(_age(newest, now)), duration(wanted.max_age)
        return [self._problem(STALE, newest.id, f"The newest {word} of {self.name}, {newest.id}, is {age} old; {allowed} are allowed.")]

    def _faults(self, now: datetime) -> List[Problem]:
        found = []
        for backup in newest_first(self.backups):
            causes = backup.to_dict(now)["problems"]
            if causes:
                found.append(self._problem(DAMAGED, backup.id, f"Backup {backup.id} of {self.name} is damaged: {'; '.join(causes)}."))
            if backup.manifest.created > now:
                found.append(self._problem(FUTURE, backup.id, f"Backup {backup.id} of {self.name} is from the future: the clock was wrong."))
        return found

    def _problem(self, kind: str, backup: str, message: str) -> Problem:
        return Problem(kind, self.service, self.subject, backup, message)


def holdings(backups: Sequence[Backup], expected: Sequence[Tuple[str, str]]) -> List[Holding]:
    """Grouped by service and subject; what is expected and has none is there as well."""
    pairs = {(backup.manifest.service, backup.manifest.subject) for backup in backups} | set(expected)
    return [Holding(*pair, tuple(one for one in backups if (one.manifest.service, one.manifest.subject) == pair)) for pair in sorted(pairs)]


def with_damage(backup: Backup, damage: Sequence[str]) -> Backup:
    """What reading every byte has shown outweighs what the sizes did."""
    return replace(backup, damage=tuple(damage)) if damage else backup


def worst(problems: Sequence[Problem]) -> Optional[OperationError]:
    """The problems as one error: that nothing young is proven comes before damage to one of several."""
    for error, kinds, hint in (
        (BackupStale, (STALE, MISSING), "Look why backups stopped or could not be verified, then make one: playbooks/backup/create.yml."),
        (BackupDamaged, (DAMAGED, UNREADABLE, FUTURE), "Do not restore from it. Copy it back from where it is also kept, and look at the disk."),
    ):
        if any(problem.kind in kinds for problem in problems):
            return error(" ".join(problem.message for problem in problems), hint=hint, problems=[asdict(problem) for problem in problems])
    return None


def backup_table(backups: Sequence[Mapping[str, Any]], problems: Sequence[Problem]) -> str:
    """One line for each backup, newest first within its subject, then the problems. ``backups`` as in the result."""
    rows: List[Sequence[str]] = [_HEADER]
    for one in sorted(backups, key=lambda one: (one["service"], one["subject"])):
        level = "-" if one["verified_level"] is None else f"L{one['verified_level']}"
        restore = "-" if one["restore_seconds"] is None else duration(one["restore_seconds"])
        state = one["state"] + (" (partial)" if one["partial"] else "")
        proven = (state, duration(one["age_seconds"]), size(one["bytes"]), level, restore)
        rows.append((one["service"], one["subject"], one["id"], *proven, one["purpose"], _offsite(one["offsite"]), one["pinned"] or ""))
    lines = aligned(rows) if len(rows) > 1 else ["No backups."]
    return "\n".join([*lines, *(f"{problem.kind.upper()}: {problem.message}" for problem in problems)])


def _offsite(copies: Sequence[Mapping[str, Any]]) -> str:
    """Since when it was last known to be whole elsewhere; a copy that is damaged is said."""
    passed = [copy["at"] for copy in copies if copy["outcome"] == "passed"]
    failed = ["DAMAGED"] if len(passed) < len(copies) else []
    return " ".join([*([max(passed)[:16] + "Z"] if passed else []), *failed]) or "-"


def made_table(backups: Sequence[Mapping[str, Any]], failed: Sequence[Mapping[str, Any]], words: Tuple[str, str] = DATABASES) -> str:
    """One line for each subject of a run that backs up or verifies, with what could not be done at the end; ``words`` are what is counted."""
    rows: List[Sequence[str]] = [(words[0], "BACKUP", "VERDICT", "LEVEL", "SIZE", words[1], "MADE", "RESTORED IN", "PATH")]
    for one in backups:
        level = "-" if one["verified_level"] is None else f"L{one['verified_level']}"
        made = f"in {duration(one['seconds'])}" if one["made"] else f"{duration(one['age_seconds'])} ago"
        restored = "-" if one["restore_seconds"] is None else duration(one["restore_seconds"])
        rows.append((one["subject"], one["id"], one["state"], level, size(one["bytes"]), str(one["rows"]), made, restored, one["directory"]))
    lines = aligned(rows) if len(rows) > 1 else ["No backups."]
    return "\n".join([*lines, *(f"FAILED: {one['database']} ({one['reason']}): {one['msg']}" for one in failed)])


def duration(seconds: float) -> str:
    """Two units at most: ``3 d 4 h``."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 60:
        return f"{round(seconds, 1):g} s"
    for unit, length, below, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= length:
            rest = int(seconds % length // part)
            return f"{int(seconds // length)} {unit}" + (f" {rest} {below}" if rest else "")
    return ""


def size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _age(backup: Optional[Backup], now: datetime) -> Any:
    return round((now - backup.manifest.created).total_seconds()) if backup else None
