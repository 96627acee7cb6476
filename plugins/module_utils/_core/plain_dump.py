# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a plain SQL dump on its way into a shadow database, and stops what would leave it.

It keeps mistakes away (a dump made with --create, one that ends too early), not malice: what a superuser runs may do anything.
"""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Optional, Tuple

from .restore_errors import ArchiveUnreadable, RestoreRefused

_LONGEST_LINE = 1 << 20
_DATA_BEGINS = re.compile(rb"COPY .* FROM stdin;\r?\n?\Z", re.DOTALL)
_DATA_ENDS = re.compile(rb"\n\\\.\r?\n")
_LAST_DATA_ENDS = re.compile(rb"\n\\\.\r?\n?\Z")
_LONGEST_MARK = 5
_HARMLESS = (b"\\restrict", b"\\unrestrict", b"\\.", b"\\encoding")
_OUTSIDE = re.compile(rb"(?:CREATE|DROP|ALTER) DATABASE ", re.IGNORECASE)
_BEGINS, _ENDS = b"-- PostgreSQL database dump\n", b"-- PostgreSQL database dump complete\n"
_VERSION = re.compile(rb"-- Dumped from database version (\d+)")
# The first minor version of each major one whose psql knows \restrict.
_RESTRICT_SINCE = {13: 22, 14: 19, 15: 14, 16: 10, 17: 6}
_HINT = "Make a dump without --create of one database, or restore it in two steps by hand."


class PlainDumpGuard:
    """``pass_on`` gives the same bytes in other pieces. ``server_version`` is 150018 for 15.18."""

    def __init__(self, server_version: int) -> None:
        self._server_version = server_version
        self._in_data = False
        self._rest = b""
        self._at_line_start = True
        self._declared = self._complete = False

    def pass_on(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Raises RestoreRefused or ArchiveUnreadable before what must not go through went through."""
        for piece in pieces:
            self._rest += piece
            ready = self._judged()
            if ready:
                yield ready
        last, self._rest = self._rest, b""
        if self._in_data:
            self._in_data = not _LAST_DATA_ENDS.search(last)
        elif last and self._at_line_start:
            self._judge(last)
        yield last
        if self._in_data or (self._declared and not self._complete):
            raise ArchiveUnreadable(
                f"The dump ends too early{' in the middle of the rows of a table' if self._in_data else ''}: its last line is missing.",
                hint="Choose another file.",
            )

    def _judged(self) -> bytes:
        """What of the buffer may go on; the beginning of a line that is not whole yet stays."""
        done = 0
        while done < len(self._rest):
            if self._in_data:
                end = _DATA_ENDS.search(self._rest, done)
                if end is None:
                    keep = self._rest.rfind(b"\n", done)  # the mark of the end may be cut in two
                    return self._split(keep if keep >= 0 and len(self._rest) - keep < _LONGEST_MARK else len(self._rest))
                self._in_data, done = False, end.end()
                continue
            newline = self._rest.find(b"\n", done)
            if newline < 0:
                break
            if self._at_line_start:
                self._judge(self._rest[done : newline + 1])
            self._at_line_start = True
            done = newline if self._in_data else newline + 1  # the mark of the end begins with a newline
        if len(self._rest) - done > _LONGEST_LINE and not self._in_data:
            if self._at_line_start:
                self._judge(self._rest[done:])
            self._at_line_start, done = False, len(self._rest)
        return self._split(done)

    def _split(self, at: int) -> bytes:
        ready, self._rest = self._rest[:at], self._rest[at:]
        return ready

    def _judge(self, line: bytes) -> None:
        """One line outside of the rows of a table."""
        self._declared = self._declared or line == _BEGINS
        self._complete = self._complete or line.rstrip(b"\r\n") + b"\n" == _ENDS
        if _DATA_BEGINS.match(line):
            self._in_data = True
        elif line.startswith(b"\\"):
            self._judge_command(line)
        elif _OUTSIDE.match(line):
            raise _leaves(line)
        else:
            self._judge_version(line)

    def _judge_command(self, line: bytes) -> None:
        if not line.startswith(_HARMLESS):
            raise _leaves(line)
        major, minor = divmod(self._server_version, 10000)
        if line.startswith(b"\\restrict") and minor < _RESTRICT_SINCE.get(major, 0):
            raise RestoreRefused(
                f"The dump begins with \\restrict, which psql {major}.{minor} does not know; {major}.{_RESTRICT_SINCE[major]} is the first one that does.",
                hint="Update the server's image, or make the dump with this server's own pg_dump.",
                problems=[{"code": "psql_too_old", "message": f"psql {major}.{minor} does not know \\restrict."}],
            )

    def _judge_version(self, line: bytes) -> None:
        match = _VERSION.match(line)
        major = int(match.group(1)) if match else 0
        if major > self._server_version // 10000:
            message = f"The dump is of Postgres {major}, and the server is {self._server_version // 10000}."
            raise RestoreRefused(
                f"{message} A dump goes into the same or a later major version only.",
                hint="Nothing was done to the live database.",
                problems=[{"code": "major_version", "message": message}],
            )


def _leaves(line: bytes) -> RestoreRefused:
    words = line.split(b"\n")[0][:40].decode(errors="replace").strip()
    message = f"The file has the line {words!r}, which reaches beyond the database that it is restored into."
    return RestoreRefused(message, hint=_HINT, problems=[{"code": "leaves_database", "message": message}])


def kind_of(head: bytes) -> Tuple[str, Optional[str]]:
    """What a file is by its first bytes: (wrapping or format, reason why it cannot be restored)."""
    for mark, kind in ((b"PGDMP", "pg_dump-custom"), (b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"age-encryption.org/v1", "age")):
        if head.startswith(mark):
            return kind, None
    if not head:
        return "", "it is empty"
    if head[257:262] == b"ustar" or b"\0" in head:
        return "", "it is neither SQL nor an archive of pg_dump in its custom format"
    return "sql", None
