# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's multiplexed streams: stdout and stderr of a container or of a command, in frames over one connection."""

from __future__ import annotations

from typing import Iterator, Tuple

STDOUT = 1
STDERR = 2
_HEADER_BYTES = 8  # the stream, three zeros, and the length of the frame in four bytes


class FrameReader:
    """Takes the bytes as they come, in pieces of any size, and gives them back with the number of their stream."""

    def __init__(self) -> None:
        self._header = b""
        self._stream = STDOUT
        self._left = 0

    @property
    def is_between_frames(self) -> bool:
        """Whether a stream that ends here is whole, as far as its frames can tell."""
        return not self._left and not self._header

    def feed(self, data: bytes) -> Iterator[Tuple[int, bytes, bool]]:
        """A frame may come in several parts, the last one marked: none is held back until the frame is complete."""
        while data:
            if self._left:
                part, data = data[: self._left], data[self._left :]
                self._left -= len(part)
                yield self._stream, part, self._left == 0
                continue
            missing = _HEADER_BYTES - len(self._header)
            self._header, data = self._header + data[:missing], data[missing:]
            if len(self._header) == _HEADER_BYTES:
                self._stream, self._left = self._header[0], int.from_bytes(self._header[4:], "big")
                self._header = b""
