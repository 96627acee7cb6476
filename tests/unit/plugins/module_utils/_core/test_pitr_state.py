"""What stands in the way of receiving a log, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.pitr import Base, reaches, time_text
from ansible_collections.runbook.compose.plugins.module_utils._core.pitr_state import (
    PitrNotPossible,
    Server,
    Situation,
    Slot,
    problems,
    require_base_possible,
    require_possible,
    slot_facts,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.wal import Wal, WalFile, segment_name

SIZE = 16 << 20
NOW = time_text(datetime(2026, 11, 21, 12, tzinfo=timezone.utc))
SLOT = Slot("reserved", "0/3000000", 100, 5000, 77, "streaming", "0/3000100", 0.02, "async")
SERVER = Server(
    now=NOW,
    lsn="0/3000100",
    version=170011,
    system_identifier="7412",
    in_recovery=False,
    wal_level="replica",
    free_senders=9,
    free_slots=9,
    slot_limit_mb=1024,
    segment_bytes=SIZE,
    may_replicate=True,
    username="shop",
    superuser="shop",
    data_directory="/data",
    slot=SLOT,
)
BASE = Base("20261121T120000Z-000001-7f3a", NOW, NOW, "0/2000028", "0/2000120", 1, SIZE, 1, "7412", 170011, "i", "postgres:17", "shop")


def wal(*numbers: int) -> Wal:
    return Wal.of([WalFile(segment_name(1, number, SIZE), 1, number, SIZE) for number in numbers], SIZE)


def situation(server: Server | None = SERVER, fault: str = "", bases: tuple[Base, ...] = (BASE,), log: Wal | None = None, **more) -> list[str]:
    log = log or wal(2, 3)
    seen = Situation(**{"enabled": True, "unreadable": (), **more}, server=server, fault=fault, bases=bases, reaches=reaches(bases, log), wal=log)
    return [problem["problem"] for problem in problems(seen)]


def test_a_default_server_with_a_limit_is_fine():
    require_possible(SERVER, 0)
    require_possible(replace(SERVER, slot=None, free_slots=1, free_senders=3), 0)
    require_base_possible(SERVER)


@pytest.mark.parametrize(
    ("change", "limit", "said"),
    [
        ({"slot_limit_mb": -1}, 0, "max_slot_wal_keep_mb"),
        ({"wal_level": "minimal"}, 0, "wal_level is minimal"),
        ({"in_recovery": True}, 0, "replica"),
        ({"may_replicate": False}, 0, "REPLICATION"),
        ({"slot": None, "free_slots": 0}, 0, "max_replication_slots"),
        ({"slot": None, "free_senders": 2}, 0, "max_wal_senders"),
    ],
)
def test_everything_that_stands_in_the_way_is_said(change, limit, said):
    with pytest.raises(PitrNotPossible, match=said):
        require_possible(replace(SERVER, **change), limit)


@pytest.mark.parametrize("limit", [-1, 512])
def test_an_unlimited_server_can_be_given_a_limit_or_be_accepted(limit):
    require_possible(replace(SERVER, slot_limit_mb=-1), limit)


def test_its_own_connection_is_not_counted_against_it():
    require_possible(replace(SERVER, free_senders=2), 0)
    with pytest.raises(PitrNotPossible):
        require_possible(replace(SERVER, free_senders=1), 0)


def test_tablespaces_are_refused_for_base_backups_only():
    require_possible(replace(SERVER, tablespaces=("fast",)), 0)
    with pytest.raises(PitrNotPossible, match="fast"):
        require_base_possible(replace(SERVER, tablespaces=("fast",)))


def test_a_good_situation_has_no_problems_and_nothing_enabled_neither():
    assert situation() == []
    assert situation(enabled=False, fault="absent", bases=()) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"server": replace(SERVER, slot=None), "fault": "not_streaming"}, ["slot_missing", "receiver_not_streaming"]),
        ({"server": replace(SERVER, slot=replace(SLOT, wal_status="lost")), "fault": "stopped"}, ["slot_lost", "receiver_stopped"]),
        ({"server": replace(SERVER, slot=replace(SLOT, wal_status="unreserved"))}, ["slot_unreserved"]),
        ({"server": replace(SERVER, slot=replace(SLOT, sync_state="sync"))}, ["receiver_synchronous"]),
        ({"unreadable": ("/backup/base/x",)}, ["base_unreadable"]),
        ({"bases": ()}, ["no_base"]),
        ({"bases": (replace(BASE, system_identifier="1"),)}, ["base_of_another_server"]),
        ({"log": wal(3)}, ["wal_gap", "no_base"]),
        ({"log": wal(2, 4)}, ["wal_gap", "no_base"]),
        ({"server": None, "fault": "stranded"}, ["receiver_stranded"]),
    ],
)
def test_each_problem_has_its_name(change, expected):
    assert situation(**change) == expected


def test_a_gap_before_a_newer_base_is_told_and_no_new_base_asked_for():
    newer = replace(BASE, id="20261121T120000Z-000002-7f3a", finished_at=NOW.replace("12:00", "12:05"), start_lsn="0/5000028", end_lsn="0/5000100")
    assert situation(bases=(BASE, newer), log=wal(2, 3, 5, 6)) == ["wal_gap"]


def test_lag_is_what_the_server_has_more():
    assert slot_facts(SERVER)["lag_bytes"] == 0 and slot_facts(SERVER)["lag_seconds"] == 0.0
    ahead = slot_facts(replace(SERVER, lsn="0/3000200"))
    assert (ahead["lag_bytes"], ahead["lag_seconds"]) == (0x100, 0.02)
    assert SERVER.caught_up and not replace(SERVER, lsn="0/3000200").caught_up
    assert slot_facts(replace(SERVER, slot=None))["lag_bytes"] is None and slot_facts(None)["exists"] is False


def test_a_slot_that_lost_log_does_not_stream():
    assert SLOT.streaming and not replace(SLOT, wal_status="lost").streaming and not replace(SLOT, state="catchup").streaming
