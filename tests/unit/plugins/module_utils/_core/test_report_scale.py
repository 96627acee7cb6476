"""Numbers for people, and round marks on axes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._core.report_scale import growth_per_day, marks, moments, quantity

DAY = datetime(2026, 11, 1)
FINITE = some.floats(min_value=-1e15, max_value=1e15, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "bytes", "0 B"),
        (1023, "bytes", "1\u202f023 B"),
        (3 * 2**30, "bytes", "3 GiB"),
        (1.5 * 2**20, "bytes", "1.5 MiB"),
        (99.25, "percent", "99.2 %"),
        (0.0012, "seconds", "1.2 ms"),
        (90, "seconds", "90 s"),
        (600, "seconds", "10 min"),
        (86400, "seconds", "24 h"),
        (1500, "milliseconds", "1.5 s"),
        (1234567, "count", "1\u202f234\u202f567"),
        (3, "rows", "3 rows"),
    ],
)
def test_quantities(value, unit, text):
    assert quantity(value, unit) == text


@given(FINITE, FINITE, some.sampled_from(["bytes", "count", "percent"]))
@example(0.0, 5e-324, "bytes")
@example(5.8e-74, 1.6e-207, "count")
def test_marks_enclose_the_values_and_are_few(one, other, unit):
    low, high = min(one, other), max(one, other)
    found = marks(low, high, unit)
    slack = (found[-1] - found[0]) * 1e-6
    assert found[0] <= low + slack and found[-1] >= high - slack
    assert 2 <= len(found) <= 9
    assert found == sorted(set(found))


def test_marks_of_bytes_are_round_in_powers_of_two():
    assert marks(0, 3.8 * 2**30, "bytes") == [number * 2**30 for number in range(5)]


@given(some.integers(0, 10**6), some.integers(0, 10**8))
def test_moments_lie_within_and_are_few(start, length):
    first = DAY + timedelta(seconds=start)
    last = first + timedelta(seconds=length)
    found = [moment for moment, text in moments(first, last)]
    assert all(first <= moment <= last for moment in found)
    assert len(found) <= 7 and found == sorted(found)


def test_growth_is_the_slope_of_all_points():
    points = [(DAY + timedelta(days=number), 100.0 + 10 * number) for number in range(5)]
    assert growth_per_day(points) == pytest.approx(10)
    assert growth_per_day(points[:1]) == 0
    assert growth_per_day([points[0], points[0]]) == 0
