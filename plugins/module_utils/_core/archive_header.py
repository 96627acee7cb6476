# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginning of an archive of pg_dump: which database, which versions, how many entries."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import OperationError

# Enough for the header with names of any length that Postgres allows.
HEADER_BYTES = 4096
_MAGIC = b"PGDMP"
# The contents of a directory say that they are those of a tar.
_KINDS = {"custom": 1, "directory": 3}
_COMPRESSION_IS_A_BYTE = (1, 15)  # since PostgreSQL 16


class ArchiveInvalid(OperationError):
    """What should be an archive of pg_dump is not one."""

    reason = "backup_archive_invalid"


@dataclass(frozen=True)
class ArchiveHeader:
    database: str
    server_version: str  # 15.18 (Debian 15.18-1)
    client_version: str
    entries: int


class _Reader:
    """Integers are a sign and ``width`` bytes, the lowest first; texts are a length and bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self.width = 4

    def take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._content):
            raise ValueError("too short")
        self._at += count
        return self._content[self._at - count : self._at]

    def integer(self) -> int:
        sign = self.take(1)[0]
        value = int.from_bytes(self.take(self.width), "little")
        return -value if sign else value

    def text(self) -> str:
        length = self.integer()
        return "" if length < 0 else self.take(length).decode(errors="replace")


def parse_archive_header(content: bytes, expected: str = "custom") -> ArchiveHeader:
    """Raises ArchiveInvalid, and nothing else, for whatever the bytes are."""
    reader = _Reader(content)
    try:
        if reader.take(len(_MAGIC)) != _MAGIC:
            raise ValueError("no mark of pg_dump")
        major, minor, _revision, reader.width, _offset_width, kind = reader.take(6)
        if kind != _KINDS[expected] or not 1 <= reader.width <= 8:
            raise ValueError(f"not the {expected} format")
        if (major, minor) >= _COMPRESSION_IS_A_BYTE:
            reader.take(1)
        else:
            reader.integer()
        for _part_of_the_time in range(7):
            reader.integer()
        return ArchiveHeader(reader.text(), reader.text(), reader.text(), reader.integer())
    except ValueError as error:
        raise ArchiveInvalid(f"This is not an archive of pg_dump in its {expected} format ({error}).", hint="Choose another file.") from error
