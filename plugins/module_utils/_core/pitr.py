# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which times of a server's past can be reached: base backups, and the log received since."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .backup_manifest import is_id
from .errors import BadInput, OperationError
from .timestamps import parse_timestamp
from .wal import Wal, parse_lsn

SCHEMA = 1
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class BaseUnreadable(OperationError):
    """What a base backup says of itself cannot be trusted."""

    reason = "base_backup_unreadable"


class BaseNotVerified(OperationError):
    """A base backup that was just taken is not what its manifest says."""

    reason = "base_backup_not_verified"


class TimeUnreachable(OperationError):
    """No base backup and no received log lead to this time."""

    reason = "time_unreachable"


class WalGap(OperationError):
    """A part of the log between a base backup and the wanted time is missing."""

    reason = "wal_gap"


class RecoveryFailed(OperationError):
    """A server on a copy of a base backup did not reach the time."""

    reason = "recovery_failed"


@dataclass(frozen=True)
class Base:
    """A base backup. Times are ISO 8601 in UTC by the server's clock; ``settings`` are what a server on it has to be started with."""

    id: str
    started_at: str
    finished_at: str
    start_lsn: str
    end_lsn: str
    timeline: int
    segment_bytes: int
    bytes: int
    system_identifier: str
    server_version: int
    image_id: str
    image: str
    superuser: str
    settings: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def finished(self) -> datetime:
        return parse_time(self.finished_at)

    @property
    def first_segment(self) -> int:
        return parse_lsn(self.start_lsn) // self.segment_bytes

    @property
    def last_segment(self) -> int:
        """Recovery needs all up to here before the base is consistent. The end is a byte after the last record."""
        return max(0, parse_lsn(self.end_lsn) - 1) // self.segment_bytes

    def to_bytes(self) -> bytes:
        return (json.dumps(asdict(self), indent=1, sort_keys=True) + "\n").encode()


def parse_base(content: bytes, where: str) -> Base:
    """Raises BaseUnreadable, and nothing else, for whatever the bytes are."""
    try:
        value = json.loads(content)
        if value["schema"] != SCHEMA:
            raise ValueError(f"schema {value['schema']!r}")
        base = Base(**value)
        _check(base)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise BaseUnreadable(
            f"{where} is not the description of a base backup ({type(error).__name__}).",
            hint="Take a new base backup (state=base_backup); remove this directory by hand if its data are of no use.",
            path=where,
        ) from error
    return base


def _check(base: Base) -> None:
    whole = ("timeline", "segment_bytes", "bytes", "server_version")
    for item in fields(base):
        value = getattr(base, item.name)
        wanted = dict if item.name == "settings" else int if item.name in (*whole, "schema") else str
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise ValueError(item.name)
    if not is_id(base.id) or base.segment_bytes < 1 << 20 or base.segment_bytes & (base.segment_bytes - 1):
        raise ValueError("id or segment_bytes")
    if not all(isinstance(text, str) for pair in base.settings.items() for text in pair):
        raise ValueError("settings")
    times = (parse_time(base.started_at), parse_time(base.finished_at))
    if times[1] < times[0] or base.last_segment < base.first_segment:
        raise ValueError("order")


def parse_time(text: str) -> datetime:
    """Raises ValueError."""
    return datetime.strptime(text, _TIME_FORMAT).replace(tzinfo=timezone.utc)


def time_text(moment: Optional[datetime]) -> str:
    return moment.astimezone(timezone.utc).strftime(_TIME_FORMAT) if moment else ""


def parse_target(text: str) -> datetime:
    """What a person wrote as ``target_time``. A time without a zone could mean two different moments, so it is refused."""
    moment = parse_timestamp(text)
    has_zone = text.strip()[-1:] in ("Z", "z") or "+" in text[10:] or "-" in text[10:]
    if moment is None or not has_zone:
        raise BadInput(
            f"target_time {text!r} is not a time with its zone.",
            hint="Write for example 2026-11-21T03:15:00Z, or 2026-11-21 04:15:00+01:00.",
            target_time=text,
        )
    return moment.astimezone(timezone.utc)


@dataclass(frozen=True)
class Reach:
    """How far one base backup leads. ``gap`` names the first missing segment after it; empty when the log simply ends."""

    base: Base
    last_segment: int
    gap: str = ""


def reaches(bases: Iterable[Base], wal: Wal) -> List[Reach]:
    """Oldest first, without bases whose own log is missing."""
    found = []
    for base in sorted(bases, key=lambda base: base.finished):
        last = wal.run_end(base.first_segment)
        if last is not None and last >= base.last_segment:
            gaps = wal.gaps(base.first_segment)
            found.append(Reach(base, last, gaps[0] if gaps else ""))
    return found


# Until when all commits are received; None when there is none after the base.
Until = Callable[[Reach], Optional[datetime]]


def intervals(found: Sequence[Reach], until: Until) -> List[Dict[str, Any]]:
    """What people are shown: from the end of the oldest base of an unbroken log to its last commit."""
    shown: Dict[int, Dict[str, Any]] = {}
    for reach in found:
        if reach.last_segment not in shown:
            end = until(reach)
            latest = max(end, reach.base.finished) if end else reach.base.finished
            shown[reach.last_segment] = {"start": time_text(reach.base.finished), "end": time_text(latest), "bases": [], "gap": reach.gap}
        shown[reach.last_segment]["bases"].append(reach.base.id)
    return list(shown.values())


@dataclass(frozen=True)
class Route:
    """The base backup to begin with, and the segments (first, last) to go through."""

    base: Base
    first_segment: int
    last_segment: int


def route(found: Sequence[Reach], target: datetime, until: Until) -> Route:
    """From the newest base that was finished by then. Raises WalGap or TimeUnreachable.

    The log must hold a commit after ``target``: without one, nobody can tell whether everything up to then was received.
    """
    earlier = [reach for reach in reversed(found) if reach.base.finished <= target]
    for reach in earlier:
        end = until(reach)
        if end is not None and end > target:
            return Route(reach.base, reach.base.first_segment, reach.last_segment)
    shown = describe(intervals(found, until))
    broken = next((reach for reach in earlier if reach.gap), None)
    if broken is not None:
        raise WalGap(
            f"The log from base backup {broken.base.id} to {time_text(target)} has a gap: segment {broken.gap} is missing or incomplete. {shown}",
            hint="Choose a time before the gap, or one after a later base backup. Nothing was done.",
            base=broken.base.id,
            segment=broken.gap,
            target_time=time_text(target),
        )
    raise TimeUnreachable(
        f"{time_text(target)} cannot be reached. {shown}",
        hint="Choose a time within, or restore a dump (playbooks/restore/postgres.yml). Nothing was done.",
        target_time=time_text(target),
    )


def describe(shown: Sequence[Mapping[str, Any]]) -> str:
    if not shown:
        return "There is no base backup with its log, so no time can be reached."
    return "Reachable: " + ", ".join(f"{each['start']} to {each['end']}" for each in shown) + "."


def superfluous(bases: Sequence[Base], keep: int) -> Tuple[List[Base], Optional[int]]:
    """Bases beyond the newest ``keep``, and the first segment that the others need (None: no segment may go)."""
    newest_first = sorted(bases, key=lambda base: base.finished, reverse=True)
    kept = newest_first[:keep]
    return newest_first[keep:], min((base.first_segment for base in kept), default=None)
