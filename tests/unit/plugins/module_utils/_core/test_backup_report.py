"""What is said of backups: fresh, stale, missing, damaged; and the words for sizes and times."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.backup_report import (
    Holding,
    Wanted,
    backup_table,
    duration,
    holdings,
    made_table,
    size,
    worst,
)
from tests.support.backup_samples import described

NOW = datetime(2026, 11, 20, 4, 0)
DAY = timedelta(days=1)
DAILY = Wanted(86400, "verified")


def holding(*states: str) -> Holding:
    """The first one is of 12 hours ago, each other a day older."""
    backups = tuple(described(NOW - DAY / 2 - number * DAY, state, number + 1) for number, state in enumerate(states))
    return Holding("postgres", "shop", backups)


@pytest.mark.parametrize(
    ("states", "wanted", "kinds"),
    [
        (["verified"], DAILY, []),
        (["dumped", "verified"], DAILY, ["stale"]),
        (["dumped", "verified"], Wanted(86400, "dumped"), []),
        (["dumped"], DAILY, ["missing"]),
        (["damaged", "verified"], DAILY, ["stale", "damaged"]),
        (["dumped"], Wanted(86400, "verified", ("shop",)), []),
        ([], DAILY, ["missing"]),
        (["dumped"], Wanted(None, "verified"), []),
    ],
)
def test_what_is_wrong(states, wanted, kinds):
    assert [problem.kind for problem in holding(*states).judge(wanted, NOW)] == kinds


def test_a_partial_one_and_one_from_the_future_prove_nothing():
    backups = (described(NOW - DAY / 2, partial=True), described(NOW + DAY, number=2))
    assert [problem.kind for problem in Holding("postgres", "shop", backups).judge(DAILY, NOW)] == ["missing", "future"]


def test_what_is_expected_is_judged_although_nothing_is_there():
    found = holdings(holding("verified").backups, [("postgres", "shop"), ("", "crm")])
    assert [(one.name, len(one.backups)) for one in found] == [("crm", 0), ("postgres/shop", 1)]
    assert [problem.message for problem in found[0].judge(DAILY, NOW)] == ["crm has no verified backup."]


def test_that_nothing_is_proven_is_worse_than_damage():
    assert worst([]) is None
    assert worst(holding("verified", "damaged").judge(DAILY, NOW)).reason == "backup_damaged"
    error = worst(holding("damaged", "verified").judge(DAILY, NOW))
    assert error.reason == "backup_stale" and [problem["kind"] for problem in error.details["problems"]] == ["stale", "damaged"]


def test_the_table_has_a_line_for_each_and_the_problems():
    one = holding("verified", "dumped")
    lines = backup_table([backup.to_dict(NOW) for backup in one.backups], one.judge(Wanted(60, "verified"), NOW)).splitlines()
    assert [line.split()[3:9] for line in lines[1:3]] == [["verified", "12", "h", "0", "B", "L3"], ["dumped", "1", "d", "12", "h", "0"]]
    assert lines[3].startswith("STALE: The newest verified backup of postgres/shop, ") and lines[3].endswith("is 12 h old; 1 min are allowed.")
    assert backup_table([], []) == "No backups."


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (4.25, "4.2 s"), (60, "1 min"), (61.9, "1 min 1 s"), (3600, "1 h"), (86399, "23 h 59 min"), (183600, "2 d 3 h"), (-90, "-1 min 30 s")],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (22922433, "21.9 MiB"), (2**41, "2.0 TiB"), (2**52, "4096.0 TiB")]
)
def test_sizes(count, words):
    assert size(count) == words


def test_the_table_of_a_run_tells_new_ones_from_kept_ones_and_what_failed():
    made = {"subject": "shop", "id": "b1", "state": "verified", "verified_level": 3, "bytes": 2048, "rows": 12, "made": True, "seconds": 1.5}
    kept = {**made, "subject": "crm", "id": "b2", "state": "dumped", "verified_level": None, "made": False, "age_seconds": 90, "restore_seconds": None}
    table = made_table([{**made, "restore_seconds": 2.0, "directory": "/b/1"}, {**kept, "directory": "/b/2"}], [{"database": "x", "reason": "r", "msg": "m"}])
    assert table.splitlines() == [
        "DATABASE  BACKUP  VERDICT   LEVEL  SIZE     ROWS  MADE            RESTORED IN  PATH",
        "shop      b1      verified  L3     2.0 KiB  12    in 1.5 s        2 s          /b/1",
        "crm       b2      dumped    -      2.0 KiB  12    1 min 30 s ago  -            /b/2",
        "FAILED: x (r): m",
    ]
