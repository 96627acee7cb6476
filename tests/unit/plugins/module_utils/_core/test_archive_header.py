"""The beginning of an archive, as pg_dump 15 wrote it, and as nobody did."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.archive_header import ArchiveHeader, ArchiveInvalid, parse_archive_header


def integer(value: int) -> bytes:
    return (b"\1" if value < 0 else b"\0") + struct.pack("<I", abs(value))


def text(value: str) -> bytes:
    return integer(len(value.encode())) + value.encode()


def header(minor: int = 14, entries: int = 12) -> bytes:
    compression = b"\0" if minor >= 15 else integer(-1)
    moment = b"".join(integer(part) for part in (1, 2, 3, 21, 10, 126, 0))
    return b"PGDMP\x01" + bytes([minor, 0, 4, 8, 1]) + compression + moment + text("shöp") + text("15.18 (Debian 15.18-1)") + text("15.18") + integer(entries)


@pytest.mark.parametrize("minor", [14, 15, 16])
def test_it_says_what_was_dumped(minor):
    assert parse_archive_header(header(minor) + b"rest") == ArchiveHeader("shöp", "15.18 (Debian 15.18-1)", "15.18", 12)


@pytest.mark.parametrize(
    "content", [b"", b"PGDMP", header()[:-3], header().replace(b"PGDMP", b"PGDMQ"), header()[:10] + b"\3" + header()[11:], b"--\n-- PostgreSQL"]
)
def test_anything_else_is_refused(content):
    with pytest.raises(ArchiveInvalid):
        parse_archive_header(content)


@given(st.binary(max_size=200), st.integers(0, 90))
def test_no_bytes_make_it_fail_in_another_way(garbage, kept):
    try:
        assert isinstance(parse_archive_header(header()[:kept] + garbage), ArchiveHeader)
    except ArchiveInvalid:
        pass
