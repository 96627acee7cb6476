"""The record of a restore of Redis, written and read again, and whatever else a file may hold."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.redis_restore_record import (
    EXCHANGING,
    STAGES,
    KeptFiles,
    RedisRestoreRecord,
    aside_name,
    coming_name,
    parse_redis_record,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_record import RecordUnreadable

RUN = "20261103T021500Z-7f3a01bc"
RECORD = RedisRestoreRecord(
    RUN, "redis", "/data", "backup x", ("dump.rdb", "appendonlydir"), stage=EXCHANGING, held=("dump.rdb",), coming=coming_name(RUN),
    aside=aside_name(RUN, "present"), containers=("abc:api",),
)  # fmt: skip


def test_it_comes_back_as_it_was():
    kept = RECORD.concluded("2026-11-03T02:15:30.000000Z")
    assert parse_redis_record(RECORD.to_bytes(), "here") == RECORD
    assert parse_redis_record(kept.to_bytes(), "here") == kept
    assert kept.kept == KeptFiles(".runbook-undo-7f3a01bc", "2026-11-03T02:15:30.000000Z") and kept.finished and kept.containers == ()
    assert aside_name(RUN, "undone") == ".runbook-redo-7f3a01bc"


def test_stages_are_passed_in_order():
    assert [RECORD.reached(stage) for stage in STAGES] == [True] * 5 + [False] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2}, {"stage": "half"}, {"operation": "redone"}, {"run_id": "../../etc"}, {"directory": "data"}, {"coming": "../x"},
        {"coming": "appendonlydir"}, {"aside": ".runbook-undo-1/.."}, {"names": ["../dump.rdb"]}, {"names": [""]}, {"held": [".."]},
        {"kept": {"name": "dump.rdb", "since": "x"}}, {"kept": {"name": ".runbook-undo-/", "since": "x"}}, {"names": 5}, {"extra": 1},
    ],
)  # fmt: skip
def test_what_would_reach_beyond_our_own_directories_is_refused(changes):
    with pytest.raises(RecordUnreadable):
        parse_redis_record(json.dumps({**json.loads(RECORD.to_bytes()), **changes}).encode(), "here")


@given(
    st.one_of(
        st.binary(), st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)).map(json.dumps).map(str.encode)
    )
)
def test_no_bytes_make_it_fail_in_another_way(content):
    with pytest.raises(RecordUnreadable):
        parse_redis_record(content, "here")
