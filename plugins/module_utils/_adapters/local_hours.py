# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether it is time for work that people notice, by the clock of the target and in the stack's own time zone."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Sequence

from .._core.errors import BadInput
from .._core.window_hours import OutsideHours, parse_hours, require_hours
from .clock import utc_now


def hours_now(given: Sequence[Mapping[str, Any]], zone: str) -> Dict[str, Any]:
    """Without declared hours every time is fine."""
    local = local_now(zone)
    told = {"local": local.isoformat(timespec="minutes"), "declared": bool(given), "within": True, "next_begin": ""}
    try:
        require_hours(parse_hours(given), local, 0, "")
    except OutsideHours as error:
        return {**told, "within": False, "next_begin": str(error.details.get("next_begin", ""))}
    return told


def local_now(zone: str) -> datetime:
    """Now in the time zone of the hours (that of the target without one), and without the zone."""
    now = utc_now()
    if not zone:
        return now.astimezone().replace(tzinfo=None)
    if zone.upper() == "UTC":  # also where there is no tzdata
        return now.astimezone(timezone.utc).replace(tzinfo=None)
    try:
        from zoneinfo import ZoneInfo

        return now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except (ImportError, KeyError, ValueError, OSError):
        raise BadInput(f"The target does not know the time zone {zone!r}.", hint="Name it as in Europe/Berlin, or install tzdata.", timezone=zone) from None
