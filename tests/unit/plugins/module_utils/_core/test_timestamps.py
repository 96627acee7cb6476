from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.timestamps import parse_timestamp

NOON = datetime(2026, 8, 20, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "written",
    [
        "2026-08-20T12:00:00Z",
        "2026-08-20 12:00:00",
        "2026-08-20T12:00:00.000000000Z",
        "2026-08-20T14:00:00+02:00",
        "2026-08-20T07:30:00-0430",
        NOON.timestamp(),
        int(NOON.timestamp() * 1000),
    ],
)
def test_all_these_say_noon(written):
    assert parse_timestamp(written) == NOON


@pytest.mark.parametrize("written", ["", "yesterday", "2026-13-40T99:00:00Z", True, None, [], {}, 1e300, float("inf"), "2026-08-20"])
def test_what_is_no_time_is_none(written):
    assert parse_timestamp(written) is None


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_iso_text_comes_back_as_the_same_moment(moment, minutes):
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert abs(parse_timestamp(aware.isoformat()) - aware) < timedelta(microseconds=2)
