# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hours in which a stack may be worked on, in its own time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from .errors import BadInput, OperationError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|24:00")
_WEEK = 8


class OutsideHours(OperationError):
    """The window would not lie within the hours that are declared for it."""

    reason = "outside_hours"


@dataclass(frozen=True)
class Hours:
    """On these days (0 is Monday) from one minute of the day to another; what ends before it begins ends on the next day."""

    days: FrozenSet[int]
    first: int
    last: int

    def spans(self, day: datetime) -> Optional[Tuple[datetime, datetime]]:
        if day.weekday() not in self.days:
            return None
        begin = day + timedelta(minutes=self.first)
        return begin, day + timedelta(minutes=self.last, days=1 if self.last <= self.first else 0)


def parse_hours(given: Sequence[Mapping[str, Any]]) -> Tuple[Hours, ...]:
    """Each entry has ``from``, ``to`` and perhaps ``days``."""
    return tuple(_hours(entry) for entry in given)


def require_hours(hours: Sequence[Hours], local: datetime, minutes: int, override_reason: str) -> str:
    """Why it is allowed outside the hours, empty within them. Without declared hours every time is fine. ``local`` is naive."""
    if not hours:
        return ""
    ends = local + timedelta(minutes=minutes)
    spans = _spans(hours, local)
    if any(begin <= local and ends <= end for begin, end in spans):
        return ""
    if override_reason.strip():
        return override_reason.strip()
    following = min((begin for begin, unused in spans if begin > local), default=None)
    then = f" The next ones begin {following:%Y-%m-%d %H:%M}." if following else ""
    raise OutsideHours(
        f"{local:%Y-%m-%d %H:%M} to {ends:%H:%M} is not within the hours for maintenance.{then} Nothing was done.",
        hint="Wait, shorten the window, or say why it cannot wait: -e override_reason='<why>'.",
        now=local.isoformat(timespec="minutes"),
        minutes=minutes,
        next_begin=following.isoformat(timespec="minutes") if following else "",
    )


def announced_begin(text: str, now: datetime) -> datetime:
    """The begin of a window that is planned for later, in the same time zone as ``now``, which is naive."""
    try:
        begin = datetime.fromisoformat(text)
    except ValueError:
        begin = datetime.min
    if begin.tzinfo is not None or begin < now:
        raise BadInput(f"starts_at is {text!r}, and has to be a time to come such as 2026-11-28T01:00, in the time zone of the hours.", starts_at=text)
    return begin


def require_announced(starts_at: str, local: datetime, override_reason: str) -> str:
    """Why a window may begin before it was announced to; empty when it does not."""
    if not starts_at or local >= datetime.fromisoformat(starts_at):
        return ""
    if override_reason.strip():
        return override_reason.strip()
    raise OutsideHours(
        f"The window was announced for {starts_at}, and it is {local:%Y-%m-%d %H:%M}. Nothing was done.",
        hint="Wait, plan it anew, or say why it cannot wait: -e override_reason='<why>'.",
        now=local.isoformat(timespec="minutes"),
        next_begin=starts_at,
    )


def _spans(hours: Sequence[Hours], local: datetime) -> List[Tuple[datetime, datetime]]:
    """From yesterday's on (they may reach into today) to those in a week, joined where one ends as another begins."""
    today = local.replace(hour=0, minute=0, second=0, microsecond=0)
    found = sorted(span for one in hours for later in range(-1, _WEEK) for span in [one.spans(today + timedelta(days=later))] if span)
    joined: List[Tuple[datetime, datetime]] = []
    for begin, end in found:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _hours(entry: Mapping[str, Any]) -> Hours:
    days = [str(day).lower()[:3] for day in entry.get("days") or _DAYS]
    if any(day not in _DAYS for day in days):
        raise BadInput(f"hours has the days {', '.join(days)}; they are {', '.join(_DAYS)}.", hint="Correct stack_window.hours.", days=days)
    return Hours(frozenset(_DAYS.index(day) for day in days), _minute(entry, "from"), _minute(entry, "to"))


def _minute(entry: Mapping[str, Any], name: str) -> int:
    match = _TIME.fullmatch(str(entry.get(name) or ""))
    if match is None:
        raise BadInput(f"hours has {name}: {entry.get(name)}, and a time is HH:MM in quotes.", hint="Correct stack_window.hours.", name=name)
    return int(match[1]) * 60 + int(match[2]) if match[1] else 24 * 60
