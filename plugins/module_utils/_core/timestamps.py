# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points in time as services write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

_ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d+))?\s?(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?"
)
# As seconds this is the year 5138, as milliseconds 1973: a larger number is taken as milliseconds.
_LARGEST_SECONDS = 1e11


def parse_timestamp(value: Any) -> Optional[datetime]:
    """ISO 8601 (without a zone: UTC), or epoch seconds or milliseconds; None when it is neither."""
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value / 1000 if abs(value) > _LARGEST_SECONDS else value, timezone.utc)
        return _parse_iso(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def _parse_iso(text: str) -> Optional[datetime]:
    match = _ISO.fullmatch(text.strip())
    if match is None:
        return None
    moment = datetime.fromisoformat(f"{match['day']}T{match['time']}").replace(tzinfo=_zone(match["zone"]))
    return moment + timedelta(seconds=float(f"0.{match['fraction'] or 0}"))


def _zone(text: Optional[str]) -> timezone:
    if text in (None, "Z", "z"):
        return timezone.utc
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-offset if text[0] == "-" else offset)
