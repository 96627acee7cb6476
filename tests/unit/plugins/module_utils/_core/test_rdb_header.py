"""Snapshots as Redis 7.0.15 wrote one, as others would, and as nobody did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.rdb_errors import RdbInvalid
from ansible_collections.runbook.compose.plugins.module_utils._core.rdb_header import database_at, ends_well, parse_rdb_header, summarize

# 7.0.15: databases 0, 3 and 15; one key has expired already.
AUX = b"REDIS0010\xfa\tredis-ver\x067.0.15\xfa\nredis-bits\xc0@\xfa\x05ctime\xc2\x87\xbe\x01k" b"\xfa\x08used-mem\xc20y\x0f\x00\xfa\x08aof-base\xc0\x00"
FIRST = b"\xfe\x00\xfb\x02\x01\x00\x01a\xc0\x01\xfc\x1bE\xd0\xfe\xa1\x01\x00\x00\x00\x01b\xc0\x02"
SECOND = b"\xfe\x03\xfb\x01\x01\xfc\x7f\x83\xdf\xfe\xa1\x01\x00\x00\x00\x01c\xc0\x03"
THIRD = b"\xfe\x0f\xfb\x01\x00\x12\x01l\x01\x02\t\t\x00\x00\x00\x01\x00\x03\x01\xff"
END = b"\xff\xb5\x0ft\x00\x85G\xfdE"
WHOLE = AUX + FIRST + SECOND + THIRD + END


def said(content: bytes, keys: int = 4, end: int | None = None) -> str:
    """As redis-check-rdb tells it."""
    starts = [len(AUX) + 2, len(AUX + FIRST) + 2, len(AUX + FIRST + SECOND) + 2]
    places = [0, 27, 41, 53, 68, 80, *starts, len(content) if end is None else end]
    return "".join(f"[offset {place}] whatever it says\n" for place in places) + f"[info] {keys} keys read\n[info] 2 expires\n"


def summary(content: bytes, **changes: int):
    return summarize(len(content), said(content, **changes), lambda offset, count: content[offset : offset + count])


def test_a_snapshot_says_who_wrote_it_when_and_how_many_keys_each_database_has():
    found = summary(WHOLE)
    assert (found.header.version, found.header.redis_version, found.header.created) == (10, "7.0.15", 0x6B01BE87)
    assert found.databases == {0: (2, 1), 3: (1, 1), 15: (1, 0)}
    assert found.checksum


def test_a_server_without_checksums_is_told_apart():
    assert not summary(WHOLE[:-8] + bytes(8)).checksum


def test_a_snapshot_of_nothing_holds_nothing():
    empty = AUX + END
    assert summarize(len(empty), f"[offset 27] x\n[offset {len(empty)}] x\n", lambda at, count: empty[at : at + count]).databases == {}


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        (WHOLE + b"trailing", {"end": len(WHOLE)}),  # which redis-check-rdb does not mind
        (WHOLE[:-9], {}),
        (WHOLE, {"keys": 5}),
        (WHOLE, {"end": len(WHOLE) - 1}),
        (b"REDIS00x0" + WHOLE[9:], {}),
        (b"*2\r\n$6\r\nSELECT", {}),
        (b"", {}),
    ],
)
def test_what_is_no_whole_snapshot_is_refused(content, changes):
    with pytest.raises(RdbInvalid):
        summary(content, **changes)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b"\xfe\x00", b"\xfb\x02\x01", (0, 2, 1)),
        (b"\xff\xff\xfe\x3f", b"\xfb\x41\x00\x40\xff\xaa", (63, 256, 255)),
        (b"\xfe\x7f\xff", b"\xfb\x80\x00\x0f\x42\x40\x00", (16383, 1000000, 0)),
        (b"\xfe\x80\x00\x01\x00\x00", b"\xfb\x81\x00\x00\x00\x01\x00\x00\x00\x00\x05", (65536, 2**32, 5)),
        (b"\xfe\x00", b"\xfb\x01\x02", None),  # more expire than there are
        (b"\xfd\x00", b"\xfb\x01\x00", None),
        (b"\xfe\x00", b"\xfa\x01\x00", None),
        (b"\xfe\x00", b"\xfb\x01", None),
        (b"", b"\xfb\x01\x00", None),
    ],
)
def test_sizes_are_those_of_the_database_that_is_marked_before_them(before, after, expected):
    assert database_at(before + after, len(before)) == expected


def test_older_formats_end_without_a_checksum():
    assert (ends_well(4, b"\xff"), ends_well(4, b"\x00"), ends_well(10, b"\xff"), ends_well(10, END)) == (False, None, None, True)


@given(st.binary(max_size=300), st.integers(0, 120), st.lists(st.integers(0, 400), max_size=8))
def test_no_bytes_make_it_fail_in_another_way(garbage, kept, places):
    content = WHOLE[:kept] + garbage
    told = "".join(f"[offset {place}] x\n" for place in [*places, len(content)])
    try:
        assert summarize(len(content), told, lambda offset, count: content[offset : offset + count]).header.version >= 0
    except RdbInvalid:
        pass
    try:
        parse_rdb_header(content)
    except RdbInvalid:
        pass
