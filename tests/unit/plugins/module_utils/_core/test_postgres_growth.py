"""Growth: what a history of sizes says, and what it does not."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_growth import Look, growth_of, is_due, kept_looks, looks_until, parse_history

START = datetime(2026, 11, 1, 3, 0, tzinfo=timezone.utc)
DAY = timedelta(days=1)
MEBIBYTE = 2**20


def looks(count: int = 10, growth: int = MEBIBYTE, free: int = 100 * MEBIBYTE, eaten: int = MEBIBYTE) -> list[Look]:
    return [
        Look(START + number * DAY, 500 * MEBIBYTE + number * growth, free - number * eaten, 5, {"public.a": 10 + number, "public.b": 1000})
        for number in range(count)
    ]


def test_growth_and_days_until_the_disk_is_full():
    told = growth_of(looks(), 20)
    assert (told["looks"], told["days"], told["certainty"]) == (10, 9.0, "high")
    assert (told["database_bytes_per_day"], told["disk_bytes_per_day"], told["days_until_full"]) == (MEBIBYTE, MEBIBYTE, 91.0)
    assert told["tables"] == [{"table": "public.a", "bytes": 19, "bytes_per_day": 1}, {"table": "public.b", "bytes": 1000, "bytes_per_day": 0}]
    assert [row["table"] for row in growth_of(looks(), 1)["tables"]] == ["public.a"]


def test_the_faster_of_database_and_disk_counts():
    assert growth_of(looks(growth=0, eaten=2 * MEBIBYTE), 5)["days_until_full"] == 41.0
    assert growth_of(looks(growth=4 * MEBIBYTE, eaten=0), 5)["days_until_full"] == 25.0


@pytest.mark.parametrize("given_", [looks(growth=0, eaten=0), looks(growth=-MEBIBYTE, eaten=-MEBIBYTE), looks(1)])
def test_what_does_not_grow_is_never_full(given_):
    assert growth_of(given_, 5)["days_until_full"] is None


def test_few_looks_or_days_are_said_to_be_uncertain():
    assert growth_of(looks(7), 5)["certainty"] == "low"
    assert growth_of([looks()[0], looks()[-1]], 5)["certainty"] == "low"
    assert growth_of([], 5)["looks"] == 0
    assert growth_of(looks(1), 5)["tables"][0]["bytes_per_day"] is None


def test_an_unknown_disk_stays_unknown():
    told = growth_of([Look(START + number * DAY, number * MEBIBYTE) for number in range(3)], 5)
    assert (told["disk_bytes_per_day"], told["days_until_full"], told["database_bytes_per_day"]) == (None, None, MEBIBYTE)


def test_two_looks_within_one_second_are_both_told_and_one_from_the_future_is_not():
    first, second, future = looks(1)[0], Look(START, 7), Look(START + DAY, 9)
    assert looks_until([first, future], second, keep_days=1) == [first, second]
    assert looks_until([Look(START - 2 * DAY, 5), first], second, keep_days=1) == [first, second]
    assert growth_of(looks_until([first], second, keep_days=1), 5)["looks"] == 2


def test_lines_come_back_and_what_is_none_is_counted():
    written = looks(3)
    text = "\n".join(look.to_line() for look in reversed(written))
    assert parse_history(text) == (written, 0)
    broken = ['{"at": "2026-11-', "[]", "7", '{"at": "x", "database_bytes": 1}', '{"at": "2026-11-01T00:00:00Z", "database_bytes": -1}']
    broken += ['{"at": "2026-11-01T00:00:00Z", "database_bytes": true}', '{"at": "2026-11-01T00:00:00Z", "database_bytes": 1, "tables": [1]}']
    assert parse_history("\n\n".join([text, *broken])) == (written, len(broken))


@given(some.lists(some.one_of(some.text(), some.recursive(some.none() | some.integers() | some.text(), some.lists).map(json.dumps)), max_size=5))
def test_no_text_ends_the_reading(lines):
    parse_history("\n".join(lines))


def test_a_look_is_due_after_the_interval():
    now = looks()[-1].at
    assert is_due([], now, 3600)
    assert not is_due(looks(), now + timedelta(seconds=3599), 3600)
    assert is_due(looks(), now + timedelta(seconds=3600), 3600)
    assert is_due(looks()[-1:], now - DAY, 3600)  # the clock was set back


def test_old_looks_are_let_go():
    assert [look.at for look in kept_looks(looks(), looks()[-1].at, 2)] == [look.at for look in looks()[-3:]]
