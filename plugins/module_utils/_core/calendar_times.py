# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a job runs: the five fields of cron, which mean the same to systemd here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import FrozenSet, List, Optional, Tuple

from .errors import BadInput

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_PART = re.compile(r"(?:(\*)|([0-9]{1,4})(?:-([0-9]{1,4}))?)(?:/([0-9]{1,4}))?")
_LONGEST_GAP_DAYS = 366 * 8  # 29 February can be eight years away


@dataclass(frozen=True)
class Calendar:
    """Times of the host's own time zone. Each field holds all its values; one that allows every value is unrestricted."""

    text: str
    minutes: FrozenSet[int]
    hours: FrozenSet[int]
    days: FrozenSet[int]
    months: FrozenSet[int]
    weekdays: FrozenSet[int]  # 0 is Sunday

    @classmethod
    def parse(cls, text: str) -> "Calendar":
        words = text.split()
        if len(words) != len(_FIELDS):
            raise _refused(text, "it does not have the five fields minute, hour, day of month, month, day of week")
        minutes, hours, days, months, weekdays = (_values(text, word, *field) for word, field in zip(words, _FIELDS))
        calendar = cls(" ".join(words), minutes, hours, days, months, frozenset(day % 7 for day in weekdays))
        if len(days) < 31 and len(calendar.weekdays) < 7:
            raise _refused(text, "it restricts the day of the month and the day of the week, which cron and systemd understand differently")
        if calendar.next_after(datetime(2024, 1, 1)) is None:
            raise _refused(text, "no such day exists")
        return calendar

    @property
    def on_calendar(self) -> str:
        """The same for systemd."""
        weekdays = "" if len(self.weekdays) == 7 else ",".join(name for day, name in enumerate(_WEEKDAYS) if day in self.weekdays) + " "
        date = f"*-{_listed(self.months, 12)}-{_listed(self.days, 31)}"
        return f"{weekdays}{date} {_listed(self.hours, 24)}:{_listed(self.minutes, 60)}:00"

    def next_after(self, local: datetime) -> Optional[datetime]:
        """The first time later than this one, both in the time of the host."""
        day = local.replace(hour=0, minute=0, second=0, microsecond=0)
        for later in range(_LONGEST_GAP_DAYS):
            for moment in self._times_of(day + timedelta(days=later)):
                if moment > local:
                    return moment
        return None

    def _times_of(self, day: datetime) -> List[datetime]:
        if day.month not in self.months or day.day not in self.days or day.isoweekday() % 7 not in self.weekdays:
            return []
        return [day.replace(hour=hour, minute=minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)]


def _values(text: str, word: str, name: str, least: int, most: int) -> FrozenSet[int]:
    found: List[int] = []
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None or (match[4] and match[2] and not match[3]):
            raise _refused(text, f"{part!r} is no {name}")
        first, last = _range(match, least, most)
        step = int(match[4] or 1)
        if not least <= first <= last <= most or step < 1:
            raise _refused(text, f"{part!r} is no {name} from {least} to {most}")
        found += range(first, last + 1, step)
    return frozenset(found)


def _range(match: "re.Match[str]", least: int, most: int) -> Tuple[int, int]:
    if match[1]:
        return least, most
    return int(match[2]), int(match[3] or match[2])


def _listed(chosen: FrozenSet[int], every: int) -> str:
    return "*" if len(chosen) == every else ",".join(f"{value:02d}" for value in sorted(chosen))


def _refused(text: str, cause: str) -> BadInput:
    return BadInput(f"calendar {text!r} is not understood: {cause}.", hint="A quarter past two every night is '15 2 * * *'.", calendar=text)
