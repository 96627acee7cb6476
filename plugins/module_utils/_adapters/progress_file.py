# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a long operation is, in a file that others may look at while it runs."""

from __future__ import annotations

import os
import time
from typing import Optional

from .._core.backup_catalogue import timestamp
from .._core.backup_manifest import directory_name
from .._core.stack import Stack
from .clock import utc_now
from .files import make_private_directory, write_json
from .repeating import Repeating

_WRITE_SECONDS = 1.0
_SMOOTHING = 0.7  # of the rate: this much of the old value stays at every writing


class ProgressFile:
    """``<state_dir>/<stack>/progress/<operation>-<subject>.json``, whole at any time, and gone when the work has ended.

    ``unit`` is what is counted; where it is not bytes, every count here is one of it.
    """

    def __init__(self, stack: Stack, operation: str, subject: str, unit: str = "bytes") -> None:
        self._path = stack.in_state("progress", f"{operation}-{directory_name(subject)}.json")
        self._subject = subject
        self._unit = unit
        self._started = utc_now()
        self._before = (time.monotonic(), 0)
        self._rate = 0.0
        self.phase = "starting"
        self.bytes = 0
        self.expected_bytes: Optional[int] = None

    def __enter__(self) -> "ProgressFile":
        make_private_directory(os.path.dirname(self._path))
        self._writing = Repeating(self._write, _WRITE_SECONDS)
        self._writing.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._writing.__exit__(None, None, None)
        if os.path.exists(self._path):
            os.unlink(self._path)

    def begin(self, phase: str, expected_bytes: Optional[int] = None) -> None:
        """A part of the work that has its own count of bytes."""
        self.phase, self.bytes, self.expected_bytes = phase, 0, expected_bytes
        self._rate = 0.0

    def moved(self, size: int) -> None:
        self.bytes += size

    def _write(self) -> None:
        now, moved = time.monotonic(), self.bytes
        passed = now - self._before[0]
        if passed > 0:
            fresh = max(0, moved - self._before[1]) / passed
            self._rate = fresh if not self._rate else _SMOOTHING * self._rate + (1 - _SMOOTHING) * fresh
        self._before = (now, moved)
        write_json(
            self._path,
            {
                "subject": self._subject,
                "phase": self.phase,
                "unit": self._unit,
                self._unit: moved,
                f"expected_{self._unit}": self.expected_bytes,
                f"rate_{self._unit}_per_second": round(self._rate),
                "estimate_seconds": self._estimate(),
                "started": timestamp(self._started),
                "written": timestamp(utc_now()),
                "process": os.getpid(),
            },
        )

    def _estimate(self) -> Optional[int]:
        left = (self.expected_bytes or 0) - self.bytes
        return round(left / self._rate) if left > 0 and self._rate >= 1 else None
