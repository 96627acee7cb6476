# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether something keeps the clock of this host in time, as the kernel knows it."""

from __future__ import annotations

import ctypes
from typing import Any, Dict

# What systemd takes for synchronized as well: the kernel lets the error grow to this when nobody corrects it.
_UNSYNCHRONIZED_MICROSECONDS = 16_000_000
_UNSYNCHRONIZED = 0x0040


class _Timex(ctypes.Structure):
    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("maximum_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    ]


def clock_state() -> Dict[str, Any]:
    """``synchronized`` and the error in milliseconds; both None where the kernel does not tell."""
    told = _Timex()  # modes 0: nothing is set
    try:
        outcome = ctypes.CDLL(None).adjtimex(ctypes.byref(told))
    except (OSError, AttributeError):
        outcome = -1
    if outcome < 0:
        return {"synchronized": None, "error_ms": None}
    kept = told.maximum_error < _UNSYNCHRONIZED_MICROSECONDS and not told.status & _UNSYNCHRONIZED
    return {"synchronized": kept, "error_ms": round(told.maximum_error / 1000, 1)}
