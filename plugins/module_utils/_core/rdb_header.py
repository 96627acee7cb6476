# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot of Redis says of itself without being loaded: its beginning, the sizes of its databases, its end.

The format: https://rdb.fnordig.de/file_format.html, and rdb.h of Redis.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Callable, Dict, Iterable, Mapping, Optional, Tuple

from .rdb_errors import RdbInvalid

HEADER_BYTES = 4096
_MAGIC = b"REDIS"
_VERSION = re.compile(rb"\d{4}")
_AUX, _RESIZE, _SELECT, _END = 0xFA, 0xFB, 0xFE, 0xFF
# The number of a database may take five bytes after its mark, two numbers of keys nine each after theirs.
_BEFORE, _WINDOW = 6, 25
_END_BYTES = 9
_CHECKSUM_SINCE = 5
_HIGHEST_DATABASE = 2**31
# The program that checks a file says for each part where it ends.
_OFFSET = re.compile(r"^\[offset (\d+)\]", re.MULTILINE)
_KEYS_READ = re.compile(r"^\[info\] (\d+) keys read", re.MULTILINE)

Read = Callable[[int, int], bytes]


@dataclass(frozen=True)
class RdbHeader:
    """``aux`` are its own words (redis-ver, ctime, used-mem, aof-base, ...)."""

    version: int
    aux: Mapping[str, str] = field(default_factory=dict)

    @property
    def redis_version(self) -> str:
        return self.aux.get("redis-ver", "")

    @property
    def created(self) -> int:
        """Seconds since 1970 by the server's clock; 0 when it does not say."""
        text = self.aux.get("ctime", "")
        return int(text) if text.isdigit() else 0


@dataclass(frozen=True)
class RdbSummary:
    """``databases`` maps numbers to (keys, keys that expire). Without ``checksum`` nothing in the file shows a changed bit."""

    header: RdbHeader
    databases: Mapping[int, Tuple[int, int]]
    checksum: bool


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.at = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self._content):
            raise ValueError("too short")
        self.at += count
        return self._content[self.at - count : self.at]

    def length(self) -> int:
        """Raises ValueError for what is no plain length."""
        first = self.take(1)[0]
        kind = first >> 6
        if kind == 0:
            return first
        if kind == 1:
            return (first & 0x3F) << 8 | self.take(1)[0]
        if first in (0x80, 0x81):
            return int.from_bytes(self.take(4 if first == 0x80 else 8), "big")
        raise ValueError("no length")

    def text(self) -> str:
        """A string, or one of the integers that are stored in its place."""
        first = self.take(1)[0]
        if first in (0xC0, 0xC1, 0xC2):
            return str(int.from_bytes(self.take(1 << (first & 3)), "little", signed=True))
        self.at -= 1
        return self.take(self.length()).decode(errors="replace")


def parse_rdb_header(content: bytes) -> RdbHeader:
    """Raises RdbInvalid, and nothing else, for whatever the bytes are. ``content`` may end in the middle of something."""
    if content[:5] != _MAGIC or not _VERSION.fullmatch(content[5:9]):
        raise _invalid("it does not begin as one")
    reader, aux = _Reader(content), {}
    reader.take(9)
    try:
        while reader.take(1)[0] == _AUX:
            name = reader.text()
            aux[name] = reader.text()
    except ValueError:
        pass  # beyond what was given; what is known so far is known
    return RdbHeader(int(content[5:9]), aux)


def ends_well(version: int, tail: bytes) -> Optional[bool]:
    """Of the last nine bytes: None for no end of a snapshot, else whether it has a checksum."""
    if version < _CHECKSUM_SINCE:
        return False if tail[-1:] == bytes([_END]) else None
    if len(tail) < _END_BYTES or tail[-_END_BYTES] != _END:
        return None
    return any(tail[-_END_BYTES + 1 :])


def database_at(window: bytes, before: int) -> Optional[Tuple[int, int, int]]:
    """Number, keys and expiring keys of the database whose sizes follow at ``before``; None where no sizes of a database do."""
    reader = _Reader(window)
    reader.at = before
    try:
        if reader.take(1)[0] != _RESIZE:
            return None
        keys, expires = reader.length(), reader.length()
    except ValueError:
        return None
    for width in range(2, before + 1):
        number = _number(window[before - width : before])
        if number is not None and keys >= expires:
            return number, keys, expires
    return None


def _number(marked: bytes) -> Optional[int]:
    """Of the mark of a database and nothing else."""
    reader = _Reader(marked)
    try:
        if reader.take(1)[0] != _SELECT:
            return None
        number = reader.length()
    except ValueError:
        return None
    return number if reader.at == len(marked) and number < _HIGHEST_DATABASE else None


def summarize(size: int, said: str, read: Read) -> RdbSummary:
    """Of a file of ``size`` bytes that ``redis-check-rdb`` found whole, by the places that it named; ``read`` is given offset and count.

    Raises RdbInvalid when bytes follow the end, which that program does not mind, and when its keys and the databases' do not add up.
    """
    header = parse_rdb_header(read(0, min(size, HEADER_BYTES)))
    places = sorted({int(place) for place in _OFFSET.findall(said)})
    checksum = ends_well(header.version, read(max(0, size - _END_BYTES), min(size, _END_BYTES)))
    if checksum is None or not places or places[-1] != size:
        raise _invalid(f"it ends at byte {places[-1] if places else 0}, and the file has {size}")
    databases = _databases((place for place in places if place < size), size, read)
    counted = _KEYS_READ.search(said)
    keys = sum(keys for keys, _expires in databases.values())
    if counted and int(counted.group(1)) != keys:
        raise _invalid(f"{counted.group(1)} keys were read from it, and it says that it has {keys}")
    return RdbSummary(header, databases, checksum)


def _databases(places: Iterable[int], size: int, read: Read) -> Dict[int, Tuple[int, int]]:
    found = {}
    for place in places:
        before = min(place, _BEFORE)
        one = database_at(read(place - before, min(_WINDOW, size - place + before)), before)
        if one is not None:
            found[one[0]] = one[1:]
    return found


def _invalid(cause: str) -> RdbInvalid:
    return RdbInvalid(f"This is not a whole snapshot of Redis: {cause}.", hint="Choose another one.")
