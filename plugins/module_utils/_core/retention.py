# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups of one subject are kept, and why; all others may go. Grandfather, father, son, and never the last good one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .backup_catalogue import DAMAGED, VERIFIED, Backup
from .retention_policy import BackupStale, Policy, RetentionRefused

_HELD_FOR_A_TIME = ("safety", "pre_deploy")
# Named after what people call the period; the key of a period is what it has in common.
_PERIODS: Tuple[Tuple[str, Callable[[datetime], str]], ...] = (
    ("hourly", lambda at: at.strftime("%Y-%m-%d %Hh")),
    ("daily", lambda at: at.strftime("%Y-%m-%d")),
    ("weekly", lambda at: "{0}-W{1:02d}".format(*at.isocalendar())),
    ("monthly", lambda at: at.strftime("%Y-%m")),
    ("yearly", lambda at: at.strftime("%Y")),
)


@dataclass(frozen=True)
class Refusal:
    """Why nothing may go. ``reason`` is that of the error it becomes."""

    reason: str
    message: str


@dataclass(frozen=True)
class RetentionPlan:
    """``keep`` and ``delete`` have every backup once, with reasons. With a refusal nothing is deleted, and ``unwanted`` is what would have been."""

    keep: Mapping[str, Tuple[str, ...]]
    delete: Mapping[str, str] = field(default_factory=dict)
    refusal: Optional[Refusal] = None
    unwanted: Mapping[str, str] = field(default_factory=dict)
    warnings: Tuple[str, ...] = ()


def plan(
    backups: Iterable[Backup], policy: Policy, now: datetime, held: Optional[Mapping[str, str]] = None, retired: bool = False
) -> RetentionPlan:
    """Decides for all backups of one subject. ``held`` says of ids who else needs them; ``retired``: no new ones are expected any more."""
    known = sorted(backups, key=_age_key, reverse=True)
    past = [backup for backup in known if backup.manifest.created <= now]
    future = {backup.id: ("from the future: the clock was or is wrong",) for backup in known if backup.manifest.created > now}
    reasons = _Reasons(past)
    reasons.by_policy(policy, now)
    reasons.whatever_the_policy(policy, now, held or {})
    keep, delete = {**future, **reasons.kept()}, reasons.not_kept()
    refusal = _refusal(past, delete, policy, now, retired)
    warnings = tuple(f"{backup_id} is from the future, and neither counted nor deleted." for backup_id in future)
    if refusal is None:
        return RetentionPlan(keep, delete, warnings=warnings)
    return RetentionPlan({**keep, **{name: ("held back: " + refusal.message,) for name in delete}}, {}, refusal, delete, warnings)


def is_sound(backup: Backup) -> bool:
    """Whole and, as far as is known, undamaged: only such a backup counts."""
    return not backup.manifest.partial and backup.state != DAMAGED


def newest_counted(backups: Iterable[Backup], now: datetime, verified: bool) -> Optional[Backup]:
    """The newest sound backup that is not from the future, or the newest verified one."""
    counted = [one for one in backups if is_sound(one) and one.manifest.created <= now and (one.state == VERIFIED or not verified)]
    return max(counted, key=_age_key, default=None)


class _Reasons:
    """Collects why backups are kept; they come newest first."""

    def __init__(self, backups: Sequence[Backup]) -> None:
        self._all = backups
        self._sound = [backup for backup in backups if is_sound(backup)]
        self._proven = [backup for backup in self._sound if backup.state == VERIFIED]
        self._found: Dict[str, List[str]] = {backup.id: [] for backup in backups}

    def kept(self) -> Dict[str, Tuple[str, ...]]:
        return {name: tuple(found) for name, found in self._found.items() if found}

    def not_kept(self) -> Dict[str, str]:
        """Oldest first."""
        gone = [backup for backup in reversed(self._all) if not self._found[backup.id]]
        return {one.id: "no rule keeps it" if is_sound(one) else "damaged or partial, and a newer one is verified" for one in gone}

    def by_policy(self, policy: Policy, now: datetime) -> None:
        for backup in self._sound[: policy.keep_last]:
            self._keep(backup, f"one of the last {policy.keep_last}")
        for name, key in _PERIODS:
            self._newest_of_each(self._sound, lambda backup, key=key: key(backup.manifest.created), getattr(policy, name), name)
        if policy.keep_within:
            self._window(timedelta(seconds=policy.keep_within), now)

    def whatever_the_policy(self, policy: Policy, now: datetime, held: Mapping[str, str]) -> None:
        for backup in self._sound[:1]:
            self._keep(backup, "newest")
        for backup in self._proven[:1]:
            self._keep(backup, "newest verified")
        self._newest_of_each(self._proven, _major, len(self._proven), "newest verified of Postgres")
        self._newest_of_each(self._proven, _schema, policy.keep_schemas, "newest verified of schema")
        for backup in self._all:
            age = (now - backup.manifest.created).total_seconds()
            self._keep(backup, *([f"pinned: {backup.pinned}"] if backup.pinned else []), *([held[backup.id]] if backup.id in held else []))
            if backup.manifest.purpose in _HELD_FOR_A_TIME and age < policy.safety_ttl:
                self._keep(backup, f"made as {backup.manifest.purpose} less than {policy.safety_ttl} s ago")
            if policy.require_offsite and is_sound(backup) and not backup.is_offsite:
                self._keep(backup, "not off-site yet")
            if not is_sound(backup) and (age < policy.damaged_ttl or not self._superseded(backup)):
                self._keep(backup, "damaged or partial, and young, or no newer one is verified")

    def _superseded(self, backup: Backup) -> bool:
        return bool(self._proven) and _age_key(self._proven[0]) > _age_key(backup)

    def _window(self, window: timedelta, now: datetime) -> None:
        """Everything younger, and what the beginning of the window can still be reached with."""
        for backup in self._sound:
            if now - backup.manifest.created < window:
                self._keep(backup, f"within {int(window.total_seconds())} s")
        for candidates in (self._sound, self._proven):
            for backup in [one for one in candidates if now - one.manifest.created >= window][:1]:
                self._keep(backup, "reaches back to the beginning of the window")

    def _newest_of_each(self, backups: Sequence[Backup], key: Callable[[Backup], str], count: int, name: str) -> None:
        """Of the newest ``count`` periods that have backups: the newest verified one, else the newest."""
        periods: Dict[str, Backup] = {}
        for backup in backups:
            period = key(backup)
            if period and (period not in periods or (backup.state == VERIFIED and periods[period].state != VERIFIED)):
                periods[period] = backup  # a dict keeps the place of its first entry: newest period first
        for period, backup in list(periods.items())[:count]:
            self._keep(backup, f"{name} {period}")

    def _keep(self, backup: Backup, *reasons: str) -> None:
        self._found[backup.id] += reasons


def _refusal(past: Sequence[Backup], delete: Mapping[str, str], policy: Policy, now: datetime, retired: bool) -> Optional[Refusal]:
    newest = newest_counted(past, now, verified=policy.min_verified > 0)
    word = "verified backup" if policy.min_verified else "whole backup"
    if past and not retired and newest is None:
        return Refusal(BackupStale.reason, f"there is no {word}")
    if past and not retired and newest and now - newest.manifest.created > timedelta(seconds=policy.stale_freeze):
        return Refusal(BackupStale.reason, f"the newest {word} is of {newest.manifest.started}, more than {policy.stale_freeze} s ago")
    sound = [backup for backup in past if is_sound(backup)]
    left = [backup for backup in sound if backup.id not in delete]
    proven, gone = len([backup for backup in left if backup.state == VERIFIED]), len(sound) - len(left)
    if not gone:
        return None
    if len(left) < policy.min_copies:
        return Refusal(RetentionRefused.reason, f"{len(left)} backups would be left, fewer than min_copies={policy.min_copies}")
    if proven < policy.min_verified:
        return Refusal(RetentionRefused.reason, f"{proven} verified backups would be left, fewer than min_verified={policy.min_verified}")
    if gone > policy.max_delete_fraction * len(sound):
        return Refusal(RetentionRefused.reason, f"{gone} of {len(sound)} backups would go, more than max_delete_fraction={policy.max_delete_fraction}")
    return None


def _age_key(backup: Backup) -> Tuple[datetime, str]:
    return backup.manifest.created, backup.id


def _major(backup: Backup) -> str:
    version = backup.manifest.source.get("server_version")
    return str(version // 10000) if isinstance(version, int) else ""


def _schema(backup: Backup) -> str:
    return str(backup.manifest.content.get("schema_fingerprint") or "").replace("sha256:", "")[:12]
