# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The write-ahead log as files: names, positions, which of them follow each other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional, Tuple

_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?")
_HISTORY = re.compile(r"[0-9A-F]{8}\.history")
_LSN = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")
_FOUR_GIB = 1 << 32


@dataclass(frozen=True)
class WalFile:
    """A segment as it was found; ``partial`` ones are still being received."""

    path: str
    timeline: int
    number: int
    size: int
    partial: bool = False


def parse_lsn(text: str) -> int:
    """``16/B374D848`` as a number; raises ValueError."""
    match = _LSN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no position in the log")
    return (int(match.group(1), 16) << 32) | int(match.group(2), 16)


def lsn_text(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def segment_name(timeline: int, number: int, segment_bytes: int) -> str:
    """The name of a segment's file, without ``.partial``."""
    per_log = _FOUR_GIB // segment_bytes
    return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}"


def parse_file(path: str, size: int, segment_bytes: int) -> Optional[WalFile]:
    """None for a file that is no segment, by its name."""
    match = _NAME.fullmatch(path.rpartition("/")[2])
    if match is None:
        return None
    timeline, log, within = (int(match.group(part), 16) for part in (1, 2, 3))
    return WalFile(path, timeline, log * (_FOUR_GIB // segment_bytes) + within, size, match.group(4) is not None)


def is_history(name: str) -> bool:
    """Whether a file tells where a timeline branched off."""
    return _HISTORY.fullmatch(name) is not None


@dataclass(frozen=True)
class Wal:
    """The best file for each segment. ``damaged`` are those of another size than a segment has."""

    files: Dict[Tuple[int, int], WalFile]
    segment_bytes: int
    damaged: Tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Iterable[WalFile], segment_bytes: int) -> "Wal":
        """Of several files for one segment (such as a part received before, and the whole) the whole wins, then the first."""
        files: Dict[Tuple[int, int], WalFile] = {}
        damaged: List[str] = []
        for file in found:
            if file.partial and file.size == 0:
                continue  # begun this moment
            if file.size != segment_bytes:
                damaged.append(file.path)
                continue
            other = files.get((file.timeline, file.number))
            if other is None or (other.partial and not file.partial):
                files[file.timeline, file.number] = file
        return cls(files, segment_bytes, tuple(sorted(damaged)))

    @property
    def numbers(self) -> Tuple[int, ...]:
        return tuple(sorted({number for timeline, number in self.files}))

    def is_whole(self, number: int) -> bool:
        return any(not file.partial for file in self.files.values() if file.number == number)

    def run_end(self, first: int) -> Optional[int]:
        """The last segment of those that follow ``first`` without a gap; None when even that one is missing.

        A part ends the row: what came after it was not received into it.
        """
        there, last = set(self.numbers), first - 1
        while last + 1 in there:
            last += 1
            if not self.is_whole(last):
                break
        return last if last >= first else None

    def row(self, first: int, last: int) -> List[WalFile]:
        """All files of these segments, of every timeline."""
        return [self.files[key] for key in sorted(self.files) if first <= key[1] <= last]

    def gaps(self, first: int) -> List[str]:
        """Names of the first missing, or incomplete, segment of each gap after ``first``."""
        missing: List[str] = []
        while True:
            last = self.run_end(first)
            later = [number for number in self.numbers if number > (first - 1 if last is None else last)]
            if not later:
                return missing
            missing.append(self.name(first if last is None else last + 1 if self.is_whole(last) else last))
            first = later[0]

    def name(self, number: int) -> str:
        """Of a segment that may be missing: on the timeline of what was there before it."""
        before = [key for key in self.files if key[1] <= number]
        timeline = max(before, key=lambda key: (key[1], key[0]))[0] if before else min((key[0] for key in self.files), default=1)
        return segment_name(timeline, number, self.segment_bytes)
