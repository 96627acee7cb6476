# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command printed, kept within bounds while it prints and shown without secrets."""

from __future__ import annotations

from typing import List

from .redaction import Redactor

# More is kept than is shown: a secret that is cut in two where the text is cut would no longer be known as one.
_OVERLAP = 4096
_SHOWN_LINES = 20
_LONGEST_LINE = 500


class Capture:
    """The first ``limit`` bytes of a stream, and its last lines."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head = bytearray()
        self._tail = b""
        self._total = 0

    def add(self, data: bytes) -> None:
        room = self._limit + _OVERLAP - len(self._head)
        if room > 0:
            self._head += data[:room]
        self._tail = (self._tail + data[-2 * _OVERLAP :])[-2 * _OVERLAP :]
        self._total += len(data)

    @property
    def truncated(self) -> bool:
        return self._total > self._limit

    def text(self, redactor: Redactor) -> str:
        shown = redactor.text(self._head.decode(errors="replace"))
        if not self.truncated:
            return shown
        complete = len(self._head) == self._total
        return (shown if complete else shown[:-_OVERLAP])[: self._limit]

    def raw(self) -> bytes:
        """The bytes as they came, secrets included, at least so many as the limit says."""
        return bytes(self._head)

    def raw_text(self) -> str:
        """The text as it was printed, secrets included: for parsing only."""
        return self._head.decode(errors="replace")

    def last_lines(self, redactor: Redactor, count: int = _SHOWN_LINES) -> List[str]:
        shown = redactor.text(self._tail.decode(errors="replace"))
        if self._total > len(self._tail):
            shown = shown[_OVERLAP:]
        return [line[:_LONGEST_LINE] for line in shown.splitlines() if line.strip()][-count:]
