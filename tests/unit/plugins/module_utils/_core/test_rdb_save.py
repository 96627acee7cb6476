"""When a snapshot counts as written."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError
from ansible_collections.runbook.compose.plugins.module_utils._core.rdb_save import SaveState, is_saved
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_memory import fork_warning, require_room

BEFORE = SaveState("a", False, False, True, 3, 1000)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"saving": True}, False),
        ({"saves": 4}, True),
        ({"saves": 4, "last_save": 1001}, True),
        ({}, "redis_save_lost"),  # no longer saving, and nothing was saved
        ({"last_save": 1001}, "redis_save_lost"),  # the start of a server counts as a save too, in this field
        ({"good": False}, "redis_save_failed"),
        ({"saves": 4, "flushes": 1}, "redis_save_lost"),  # the empty one
        ({"saves": 4, "run_id": "b"}, "redis_restarted"),
        ({"saving": True, "run_id": "b"}, "redis_restarted"),
    ],
)
def test_only_a_new_snapshot_of_the_same_server_counts(changes, outcome):
    now = dataclasses.replace(BEFORE, **changes)
    if isinstance(outcome, str):
        with pytest.raises(OperationError) as raised:
            is_saved(BEFORE, now)
        assert raised.value.reason == outcome
    else:
        assert is_saved(BEFORE, now) is outcome


def test_a_server_that_does_not_count_is_believed_by_the_second():
    old = dataclasses.replace(BEFORE, saves=-1)
    assert is_saved(old, dataclasses.replace(old, last_save=1001))
    with pytest.raises(OperationError):
        is_saved(old, old)


def test_it_reads_what_the_server_says():
    info = {
        "run_id": "a", "rdb_bgsave_in_progress": "0", "aof_rewrite_in_progress": "1", "rdb_last_bgsave_status": "ok", "rdb_saves": "7",
        "rdb_last_save_time": "1000", "cmdstat_flushall": "calls=2,usec=9,usec_per_call=4.5", "current_save_keys_total": "9",
    }  # fmt: skip
    assert SaveState.from_info(info) == SaveState("a", False, True, True, 7, 1000, 2, 0, 9)
    assert SaveState.from_info({}) == SaveState("", False, False, False, -1, 0)
    assert SaveState.from_info({"loading": "1"}).child


def test_a_container_without_room_for_a_fork_is_told_of():
    assert "60 MiB of the 100 MiB" in fork_warning(60 << 20, 100 << 20)
    assert fork_warning(50 << 20, 100 << 20) == fork_warning(1 << 40, 0) == ""


def test_a_server_without_room_is_not_asked_for_a_snapshot():
    require_room(100, 100, "/data")
    with pytest.raises(OperationError, match="/data of the server has 0 MiB free") as raised:
        require_room(99, 100, "/data")
    assert raised.value.reason == "redis_save_failed"
