"""Which times can be reached, from which base backup, and why not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.pitr import (
    Base,
    BaseUnreadable,
    TimeUnreachable,
    WalGap,
    intervals,
    parse_base,
    parse_target,
    reaches,
    route,
    superfluous,
    time_text,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.wal import Wal, WalFile, lsn_text, segment_name

SIZE = 16 << 20
NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def base(number: int, minutes: float, first: int) -> Base:
    """Finished some minutes after noon, with all of its own log in segment ``first``."""
    return Base(
        id=f"20261121T120000Z-{number:06d}-7f3a",
        started_at=time_text(at(minutes - 1)),
        finished_at=time_text(at(minutes)),
        start_lsn=lsn_text(first * SIZE + 0x28),
        end_lsn=lsn_text(first * SIZE + 0x120),
        timeline=1,
        segment_bytes=SIZE,
        bytes=1000,
        system_identifier="7412",
        server_version=170011,
        image_id="sha256:1",
        image="postgres:17",
        superuser="postgres",
        settings={"max_connections": "100"},
    )


def wal(*numbers: int) -> Wal:
    return Wal.of([WalFile(segment_name(1, number, SIZE), 1, number, SIZE) for number in numbers], SIZE)


def until(reach) -> datetime:
    """A commit at the end of each segment, one a minute: segment 7 ends at 12:07."""
    return at(reach.last_segment)


OLD, NEW = base(1, 0, 2), base(2, 6, 8)


def test_a_description_comes_back_as_it_was_written():
    assert parse_base(OLD.to_bytes(), "base.json") == OLD
    assert (OLD.first_segment, OLD.last_segment) == (2, 2)
    assert replace(OLD, end_lsn=lsn_text(3 * SIZE)).last_segment == 2, "the end is a byte after the last record"


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2}, {"id": "../etc"}, {"finished_at": "yesterday"}, {"start_lsn": "x"}, {"timeline": "1"}, {"timeline": True},
        {"segment_bytes": 0}, {"segment_bytes": 3 << 20}, {"settings": {"a": 1}}, {"settings": []}, {"started_at": time_text(at(9))},
        {"end_lsn": "0/0"}, {"more": 1},
    ],
)  # fmt: skip
def test_a_description_that_makes_no_sense_is_not_believed(change):
    with pytest.raises(BaseUnreadable):
        parse_base(json.dumps({**json.loads(OLD.to_bytes()), **change}).encode(), "base.json")


@given(some.binary())
def test_any_bytes_are_read_or_refused(content):
    with pytest.raises(BaseUnreadable):
        parse_base(content, "base.json")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T12:00:00Z", NOON),
        ("2026-11-21 13:00:00+01:00", NOON),
        ("2026-11-21T07:00:00.250-05", NOON + timedelta(milliseconds=250)),
    ],
)
def test_a_time_with_its_zone_is_understood(text, moment):
    assert parse_target(text) == moment


@pytest.mark.parametrize("text", ["2026-11-21T12:00:00", "2026-11-21", "12:00", "tomorrow", "1790000000", "", "2026-13-21T12:00:00Z"])
def test_a_time_that_could_mean_several_is_refused(text):
    with pytest.raises(BadInput):
        parse_target(text)


def test_one_unbroken_log_makes_one_interval():
    found = reaches([NEW, OLD], wal(2, 3, 4, 5, 6, 7, 8, 9))
    assert [reach.base for reach in found] == [OLD, NEW]
    shown = [{"start": time_text(at(0)), "end": time_text(at(9)), "bases": [OLD.id, NEW.id], "gap": ""}]
    assert intervals(found, until) == shown


def test_a_gap_makes_two():
    found = reaches([OLD, NEW], wal(2, 3, 5, 8, 9))
    assert [(each["end"], each["gap"]) for each in intervals(found, until)] == [
        (time_text(at(3)), segment_name(1, 4, SIZE)),
        (time_text(at(9)), ""),
    ]


def test_a_base_without_its_own_log_leads_nowhere():
    assert reaches([OLD], wal(3, 4)) == []
    longer = replace(OLD, end_lsn=lsn_text(4 * SIZE + 1))
    assert reaches([longer], wal(2, 3, 5)) == []
    assert [reach.last_segment for reach in reaches([longer], wal(2, 3, 4, 5))] == [5]


def test_an_interval_ends_no_earlier_than_its_base():
    shown = intervals(reaches([OLD], wal(2)), lambda reach: None)
    assert shown[0]["start"] == shown[0]["end"] == OLD.finished_at


def test_the_newest_base_before_the_time_is_taken():
    found = reaches([OLD, NEW], wal(*range(2, 12)))
    assert route(found, at(5.9), until).base is OLD
    assert route(found, at(6), until).base is NEW
    assert (route(found, at(6), until).first_segment, route(found, at(6), until).last_segment) == (8, 11)


def test_a_time_without_a_later_commit_is_not_promised():
    found = reaches([OLD], wal(2, 3, 4))
    assert route(found, at(3.99), until).base is OLD
    with pytest.raises(TimeUnreachable) as refused:
        route(found, at(4), until)
    assert "Reachable: 2026-11-21T12:00:00.000000Z to 2026-11-21T12:04:00.000000Z." in str(refused.value)


def test_times_before_the_first_base_and_without_any_are_unreachable():
    with pytest.raises(TimeUnreachable):
        route(reaches([OLD], wal(2, 3)), at(-1), until)
    with pytest.raises(TimeUnreachable, match="no base backup with its log"):
        route([], at(1), until)


def test_a_time_behind_a_gap_names_the_missing_segment():
    found = reaches([OLD, NEW], wal(2, 3, 5, 8, 9))
    assert route(found, at(2), until).base is OLD
    with pytest.raises(WalGap) as refused:
        route(found, at(4.5), until)
    assert refused.value.details["segment"] == segment_name(1, 4, SIZE)
    assert route(found, at(7), until).base is NEW, "after the gap the next base leads on"


@given(some.lists(some.integers(0, 50), min_size=1, max_size=8, unique=True), some.integers(1, 9))
def test_the_newest_bases_stay_with_all_of_their_log(minutes, keep):
    bases = [base(number, minute, 2 + minute) for number, minute in enumerate(minutes, 1)]
    going, first = superfluous(bases, keep)
    kept = [each for each in bases if each not in going]
    assert len(kept) == min(keep, len(bases))
    assert all(old.finished < stays.finished for old in going for stays in kept)
    assert first == min(each.first_segment for each in kept)


def test_without_a_base_no_log_may_go():
    assert superfluous([], 3) == ([], None)
