# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time of the target. Decisions get it handed in."""

from __future__ import annotations

import time
from datetime import datetime, timezone

from .._core.lease import Moment
from .files import read_text

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def utc_now() -> datetime:
    """The wall clock, in UTC and aware of it."""
    return datetime.now(timezone.utc)


def moment() -> Moment:
    """Now by both clocks: the one people read, and the one that nobody can set (it also runs while the host sleeps)."""
    boot_id = (read_text(_BOOT_ID) or "").strip()
    return Moment(wall=utc_now(), boottime=time.clock_gettime(time.CLOCK_BOOTTIME), boot_id=boot_id)
