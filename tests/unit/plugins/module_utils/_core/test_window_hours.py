"""When a stack may be worked on."""

from __future__ import annotations

from datetime import datetime

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.window_hours import (
    OutsideHours,
    announced_begin,
    parse_hours,
    require_announced,
    require_hours,
)

WEEKEND = parse_hours([{"days": ["Saturday", "sun"], "from": "01:00", "to": "05:00"}])
NIGHT = parse_hours([{"from": "22:30", "to": "02:00"}])
SATURDAY, MONDAY = datetime(2026, 11, 21, 1, 0), datetime(2026, 11, 23, 1, 0)


@pytest.mark.parametrize(
    ("hours", "at", "minutes"),
    [
        (WEEKEND, SATURDAY, 240),
        (NIGHT, datetime(2026, 11, 23, 23, 0), 180),
        (NIGHT, datetime(2026, 11, 24, 1, 30), 30),  # of yesterday's
        (
            parse_hours([{"days": ["sat"], "from": "20:00", "to": "24:00"}, {"days": ["sun"], "from": "00:00", "to": "04:00"}]),
            datetime(2026, 11, 21, 23, 0),
            120,
        ),
        ((), MONDAY, 1440),
    ],
)
def test_within_the_hours_nothing_has_to_be_said(hours, at, minutes):
    assert require_hours(hours, at, minutes, "ignored") == ""


@pytest.mark.parametrize(
    ("hours", "at", "minutes", "following"),
    [
        (WEEKEND, MONDAY, 30, "2026-11-28T01:00"),
        (WEEKEND, SATURDAY, 241, "2026-11-22T01:00"),  # it would end too late
        (NIGHT, datetime(2026, 11, 23, 2, 0), 10, "2026-11-23T22:30"),
    ],
)
def test_outside_of_them_a_reason_is_needed(hours, at, minutes, following):
    with pytest.raises(OutsideHours) as refused:
        require_hours(hours, at, minutes, " ")
    assert refused.value.details["next_begin"] == following
    assert require_hours(hours, at, minutes, " CVE-2026-1 ") == "CVE-2026-1"


@pytest.mark.parametrize(
    "wrong", [{"from": "1", "to": "02:00"}, {"from": "25:00", "to": "02:00"}, {"to": "02:00"}, {"days": ["someday"], "from": "01:00", "to": "02:00"}]
)
def test_hours_that_make_no_sense_are_refused(wrong):
    with pytest.raises(BadInput):
        parse_hours([wrong])


def test_a_window_does_not_begin_before_it_was_announced_to():
    """T184"""
    with pytest.raises(OutsideHours) as refused:
        require_announced("2026-11-28T01:00", MONDAY, " ")
    assert refused.value.details["next_begin"] == "2026-11-28T01:00"
    assert require_announced("2026-11-28T01:00", MONDAY, " CVE-2026-1 ") == "CVE-2026-1"
    for starts_at in ("", "2026-11-23T01:00", "2026-11-22T23:00"):
        assert require_announced(starts_at, MONDAY, "") == ""


@pytest.mark.parametrize("wrong", ["tomorrow", "2026-11-23T00:59", "2026-11-28T01:00+01:00"])
def test_a_begin_that_is_none_is_refused(wrong):
    with pytest.raises(BadInput):
        announced_begin(wrong, MONDAY)
