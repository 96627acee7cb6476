# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that Redis tells as text. What is not there, or is no number, is None: versions differ in what they tell."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Dict, Mapping, Optional

Fields = Mapping[str, str]


def whole(fields: Fields, name: str) -> Optional[int]:
    try:
        return int(fields[name])
    except (KeyError, ValueError):
        return None


def counted(fields: Fields, name: str) -> int:
    """A counter that every version has."""
    return whole(fields, name) or 0


def decimal(fields: Fields, name: str) -> Optional[float]:
    try:
        number = float(fields[name])
    except (KeyError, ValueError):
        return None
    return number if math.isfinite(number) else None


def percent(part: Optional[float], of_all: Optional[float]) -> Optional[float]:
    """None without anything to be part of."""
    return None if part is None or not of_all else round(part / of_all * 100, 1)


def pairs(text: str) -> Dict[str, str]:
    """``calls=3,usec=12`` by name."""
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)


def moment(seconds: Optional[float]) -> Optional[str]:
    """UTC in ISO 8601; None for none, and for 0, with which Redis says never."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None
