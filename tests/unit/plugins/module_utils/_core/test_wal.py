"""Names and positions of the log, and which segments follow each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._core.wal import (
    Wal,
    WalFile,
    is_history,
    lsn_text,
    parse_file,
    parse_lsn,
    segment_name,
)

MIB = 1 << 20
SIZE = 16 * MIB


def whole(number: int, timeline: int = 1, directory: str = "wal") -> WalFile:
    return WalFile(f"{directory}/{segment_name(timeline, number, SIZE)}", timeline, number, SIZE)


def part(number: int, directory: str = "wal") -> WalFile:
    return WalFile(f"{directory}/{segment_name(1, number, SIZE)}.partial", 1, number, SIZE, partial=True)


def wal(*files: WalFile) -> Wal:
    return Wal.of(files, SIZE)


@pytest.mark.parametrize(("text", "position"), [("0/0", 0), ("0/2000028", 0x2000028), ("16/B374D848", 0x16B374D848)])
def test_positions_are_read_and_written(text, position):
    assert (parse_lsn(text), lsn_text(position)) == (position, text)


@pytest.mark.parametrize("text", ["", "0", "0/", "0/123456789", "g/1", "1/1 ", "-1/1"])
def test_what_is_no_position_is_refused(text):
    with pytest.raises(ValueError):
        parse_lsn(text)


def test_names_are_those_of_postgres():
    assert segment_name(1, 0x2000028 // SIZE, SIZE) == "000000010000000000000002"
    assert segment_name(0x2A, 256, SIZE) == "0000002A0000000100000000"
    assert segment_name(1, 4, 1024 * MIB) == "000000010000000100000000", "a segment may be 1 GiB"


@given(some.integers(1, 2**32 - 1), some.integers(0, 2**40 // SIZE), some.sampled_from([1, 16, 64, 1024]), some.booleans())
def test_names_lead_back_to_timeline_and_number(timeline, number, megabytes, partial):
    name = segment_name(timeline, number, megabytes * MIB) + (".partial" if partial else "")
    assert parse_file(f"/a/{name}", 1, megabytes * MIB) == WalFile(f"/a/{name}", timeline, number, 1, partial)


@pytest.mark.parametrize("name", ["00000002.history", "backup_label", "00000001000000000000000g", "000000010000000000000001.gz", ""])
def test_other_files_are_no_segments(name):
    assert parse_file(f"wal/{name}", SIZE, SIZE) is None
    assert is_history(name) == name.endswith(".history")


def test_a_row_ends_at_a_gap_and_at_a_part():
    assert wal(whole(2), whole(3), whole(5)).run_end(2) == 3
    assert wal(whole(2), part(3)).run_end(2) == 3, "a part holds what was received of it"
    assert wal(whole(2), part(3), whole(4)).run_end(2) == 3, "but nothing follows it"
    assert wal(whole(2)).run_end(1) is None
    assert wal().run_end(0) is None


def test_gaps_are_named_by_what_is_missing_or_incomplete():
    assert wal(whole(2), whole(3), part(4)).gaps(2) == []
    assert wal(whole(2), whole(4), whole(5), whole(7)).gaps(2) == [segment_name(1, 3, SIZE), segment_name(1, 6, SIZE)]
    assert wal(part(2), whole(3)).gaps(2) == [segment_name(1, 2, SIZE)]
    assert wal(whole(3)).gaps(2) == [segment_name(1, 2, SIZE)]
    assert wal(whole(2), whole(3)).gaps(9) == [], "nothing there yet"


def test_a_whole_segment_is_preferred_and_the_present_directory_otherwise():
    old_part, old_whole = part(2, "old"), whole(3, directory="old")
    found = wal(whole(2), part(3), old_part, old_whole)
    assert found.row(2, 3) == [whole(2), old_whole]
    assert wal(whole(2), whole(2, directory="old")).row(2, 2) == [whole(2)]


def test_a_segment_of_another_size_is_damaged_and_one_just_begun_is_nothing():
    short = WalFile("wal/short", 1, 3, SIZE - 1)
    begun = WalFile("wal/begun", 1, 4, 0, partial=True)
    found = wal(whole(2), short, begun)
    assert found.damaged == ("wal/short",) and found.numbers == (2,)


def test_all_timelines_of_a_row_are_given():
    first, second = part(3), whole(3, timeline=2)
    found = wal(whole(2), first, second, whole(4, timeline=2))
    assert found.run_end(2) == 4 and found.gaps(2) == []
    assert found.row(2, 4) == [whole(2), first, second, whole(4, timeline=2)]
    assert found.name(5) == segment_name(2, 5, SIZE)


@given(some.sets(some.integers(0, 30)), some.integers(0, 30))
def test_rows_and_gaps_cover_everything_once(numbers, first):
    found = wal(*[whole(number) for number in numbers])
    end = found.run_end(first)
    assert (end is None) == (first not in numbers)
    if end is not None:
        assert set(range(first, end + 1)) <= numbers and end + 1 not in numbers
    later = {number for number in numbers if number >= first}
    starts = {number for number in range(first, max(later, default=0)) if number not in numbers and (number == first or number - 1 in numbers)}
    assert found.gaps(first) == [segment_name(1, number, SIZE) for number in sorted(starts)]
