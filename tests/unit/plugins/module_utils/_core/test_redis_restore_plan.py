"""What speaks against a restore of Redis, what it would do, and which one is undone."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput, ConfirmationMissing, OperationError
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_restore_plan import (
    RedisOutline,
    RedisSource,
    RedisTarget,
    plan_redis_restore,
    plan_redis_undo,
    prepare_undo,
    redis_problems,
    require_redis_confirmation,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_restore_record import RedisRestoreRecord
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_restore_request import RedisRestoreRequest
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_preflight import SourceFacts

MIB = 2**20
TARGET = RedisTarget("7.0.15", free_bytes=100 * MIB, free_memory=1000 * MIB, modules=frozenset(["bf"]))
SOURCE = RedisSource(SourceFacts("backup x", state="verified"), None, 50 * MIB, 10 * MIB, "7.0.11", ("bf",))
RECORD = RedisRestoreRecord(
    "20261103T021500Z-7f3a01bc", "redis", "/data", "backup x", ("dump.rdb",), coming=".runbook-new-7f3a01bc", aside=".runbook-undo-7f3a01bc"
)
PARAMS = {
    "state": "present", "backup_dir": "/backups", "backup": "", "file": None, "restore_id": "", "confirm": "redis", "safety_backup": True,
    "safety_max_age": 900, "allow_unverified": False, "prove_restart": True, "protected_prefixes": [], "dependents": None, "encryption": None,
    "stop_timeout": 120, "timeout": 60, "undo_ttl": 5, "data_dir": "", "dbfilename": "", "appendonly": "",
}  # fmt: skip


def request(**options) -> RedisRestoreRequest:
    return RedisRestoreRequest.from_params({**PARAMS, **options})


@pytest.mark.parametrize(
    ("target", "source", "codes"),
    [
        ({}, {}, []),
        ({"role": "slave"}, {}, ["is_replica"]),
        ({"redis_version": "6.2.14"}, {}, ["newer_version"]),
        ({"redis_version": "7.0.1"}, {"redis_version": "7.0.15"}, []),
        ({"redis_version": "10.0.0"}, {"redis_version": "7.2.0"}, []),
        ({"modules": frozenset()}, {}, ["modules_missing"]),
        ({"maxmemory": 49 * MIB}, {}, ["over_maxmemory"]),
        ({"memory_limit": 49 * MIB}, {}, ["over_memory_limit"]),
        ({"free_memory": 49 * MIB}, {}, ["not_enough_memory"]),
        ({"free_bytes": 15 * MIB}, {}, []),
        ({"free_bytes": 15 * MIB, "appends": True}, {}, ["not_enough_space"]),
        ({}, {"facts": SourceFacts("backup x", state="dumped")}, ["backup_unverified"]),
        ({"role": "slave"}, {"facts": SourceFacts("backup x", state="verified", damage=("dump.rdb.zst: missing",))}, ["backup_damaged", "is_replica"]),
    ],
)
def test_everything_that_speaks_against_it_is_told_at_once(target, source, codes):
    found = redis_problems(dataclasses.replace(TARGET, **target), dataclasses.replace(SOURCE, **source), allow_unverified=False)
    assert [problem["code"] for problem in found] == codes


def test_the_plan_stages_before_it_stops():
    plan = plan_redis_restore(RedisOutline(RECORD, "backup x", "new", ("api",), appends=True), prove_restart=True)
    actions = [f"{step.action} {step.target}" for step in plan.steps]
    new = RECORD.coming
    assert actions == [
        f"stage {new}", f"compare {new}", f"append_only {new}",
        "stop api", "back_up rdb", "stop redis", "exchange /data", "start redis", "restart redis", "start api",
    ]  # fmt: skip
    undo = plan_redis_undo(dataclasses.replace(RECORD, coming=".runbook-undo-1", aside=".runbook-redo-1"), [], prove_restart=False)
    assert [step.action for step in undo.steps] == ["stop", "exchange", "start"]


def test_it_asks_for_the_name_of_what_is_exchanged():
    plan = plan_redis_restore(RedisOutline(RECORD, "backup x"), prove_restart=True)
    for name in ("redis", "shop"):
        require_redis_confirmation(request(confirm=name), "redis", "shop", plan)
    with pytest.raises(ConfirmationMissing, match="exchange /data"):
        require_redis_confirmation(request(confirm="yes"), "redis", "shop", plan)


def test_the_newest_restore_is_undone_once():
    older = dataclasses.replace(RECORD, run_id="20261102T021500Z-00000001", aside=".runbook-undo-00000001").concluded("2026-11-02T02:15:30.000000Z")
    newer = RECORD.concluded("2026-11-03T02:15:30.000000Z")
    prepared = prepare_undo([newer, older], "")
    assert (prepared.coming, prepared.aside, prepared.stage) == (".runbook-undo-7f3a01bc", ".runbook-redo-7f3a01bc", "planned")
    assert prepare_undo([newer, older], older.run_id).coming == ".runbook-undo-00000001"
    assert prepare_undo([prepared.concluded("2026-11-03T02:16:30.000000Z")], "") is None
    for records in ([], [RECORD]):
        with pytest.raises(OperationError) as raised:
            prepare_undo(records, "")
        assert raised.value.reason == "nothing_to_undo"


@pytest.mark.parametrize(
    "options",
    [
        {"undo_ttl": -1},
        {"timeout": 0},
        {"stop_timeout": 0},
        {"backup_dir": ""},
        {"backup_dir": "b"},
        {"file": "x.rdb"},
        {"restore_id": "latest"},
        {"protected_prefixes": [""]},
    ],
)
def test_what_cannot_be_meant_is_refused(options):
    with pytest.raises(BadInput):
        request(**options)


def test_what_was_told_stands_for_what_a_server_does_not_tell():
    assert request(data_dir="/data", appendonly="yes").told == {"dir": "/data", "appendonly": "yes"}
    assert (request().backup, request(file="/x.rdb").backup) == ("latest-verified", "")
