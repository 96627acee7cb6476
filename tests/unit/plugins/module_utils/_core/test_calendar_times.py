"""The five fields of cron: what they mean, and what systemd is told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._core.calendar_times import Calendar
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput

NOW = datetime(2026, 11, 20, 2, 15, 30)  # a Friday


@pytest.mark.parametrize(
    ("text", "on_calendar", "following"),
    [
        ("15 2 * * *", "*-*-* 02:15:00", "2026-11-21 02:15"),
        ("* * * * *", "*-*-* *:*:00", "2026-11-20 02:16"),
        ("*/20 * * * *", "*-*-* *:00,20,40:00", "2026-11-20 02:20"),
        ("0 1-5/2 * * *", "*-*-* 01,03,05:00:00", "2026-11-20 03:00"),
        ("30 4 * * 7", "Sun *-*-* 04:30:00", "2026-11-22 04:30"),
        ("30 4 * * 1-5", "Mon,Tue,Wed,Thu,Fri *-*-* 04:30:00", "2026-11-20 04:30"),
        ("30 4 * * 0-7", "*-*-* 04:30:00", "2026-11-20 04:30"),
        ("0 0 1,15 * *", "*-*-01,15 00:00:00", "2026-12-01 00:00"),
        ("0 3 29 2 *", "*-02-29 03:00:00", "2028-02-29 03:00"),
        ("  5   2 * 1 * ", "*-01-* 02:05:00", "2027-01-01 02:05"),
    ],
)
def test_what_it_means(text, on_calendar, following):
    calendar = Calendar.parse(text)
    assert calendar.on_calendar == on_calendar
    assert calendar.next_after(NOW) == datetime.strptime(following, "%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    "text",
    ["", "daily", "15 2 * *", "15 2 * * * *", "60 2 * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8", "5-1 * * * *", "*/0 * * * *", "5/10 * * * *",
     "0 0 13 * 5", "0 0 30 2 *", "a * * * *", "-1 * * * *", "1,,2 * * * *", "0 0 * * mon", "1\n* 2 * * * rm", "١٥ 2 * * *", f"{'9' * 5000} 2 * * *"],
)  # fmt: skip
def test_what_means_nothing_is_refused(text):
    with pytest.raises(BadInput, match="is not understood"):
        Calendar.parse(text)


values = some.tuples(some.integers(0, 59), some.integers(0, 23), some.integers(1, 28), some.integers(1, 12))


@given(values, some.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)))
def test_the_next_time_is_the_first_that_fits(fields, now):
    minute, hour, day, month = fields
    following = Calendar.parse(f"{minute} {hour} {day} {month} *").next_after(now)
    assert following > now and (following.minute, following.hour, following.day, following.month) == fields
    assert following - now <= timedelta(days=366)


@given(some.text())
def test_whatever_the_text_it_is_understood_or_refused(text):
    try:
        assert Calendar.parse(text).next_after(NOW) > NOW
    except BadInput as refusal:
        assert repr(text) in str(refusal)
