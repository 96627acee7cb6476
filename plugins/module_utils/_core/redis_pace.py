# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much to ask of a server at once, so that others hardly wait."""

from __future__ import annotations

TARGET_SECONDS = 0.005
_FIRST, _LEAST, _MOST = 1000, 10, 5000
_FASTEST_GROWTH = 1.5
_CAREFUL = 0.8  # of the target: a batch that takes this much is left as large as it is


class Pace:
    """The size of the next batch, from how long the one before kept the server from others."""

    def __init__(self) -> None:
        self.size = _FIRST
        self.largest = 0
        self.batches = 0

    def took(self, seconds: float) -> None:
        """Shrinks in one step to what would have fitted, grows slowly."""
        self.batches += 1
        self.largest = max(self.largest, self.size)
        fitting = self.size * TARGET_SECONDS / max(seconds, 1e-6)
        if seconds > TARGET_SECONDS:
            self.size = max(_LEAST, int(fitting))
        elif seconds < TARGET_SECONDS * _CAREFUL:
            self.size = min(_MOST, int(min(fitting, self.size * _FASTEST_GROWTH)) + 1)
