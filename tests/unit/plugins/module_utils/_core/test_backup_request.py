"""Which databases are backed up, and which are left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.backup_catalogue import Backup, Verification, timestamp
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_errors import BackupMissing, ClockWrong, RecipientInvalid, UnknownDatabase
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_manifest import BackupFile, Manifest, new_id
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_request import (
    BackupRequest,
    DatabaseSize,
    choose_backup,
    choose_databases,
    choose_format,
    decide,
    is_ours,
    plan_run,
    shrunk,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput

NOW = datetime(2026, 11, 21, 3, 0)
SHOP = DatabaseSize("shop", 1000)
KEY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
PARAMS = {
    "state": "present", "backup_dir": "/backups", "databases": [], "purpose": "manual", "min_age": 3600, "verify": "restore", "assertions": [],
    "checksums": True, "checksum_max_mb": 256, "lock_wait_timeout": 60, "timeout": 60, "space_floor_mb": 1024, "encryption": None,
    "allow_same_disk": False, "backup": "latest", "level": 3, "set_id": "", "format": "auto", "jobs": 0, "transport": "auto",
}  # fmt: skip


def request(**options) -> BackupRequest:
    return BackupRequest.from_params({**PARAMS, **options})


def backup(age: int, level: int | None = None, outcome: str = "passed", number: int = 1) -> Backup:
    made = NOW - timedelta(seconds=age)
    file = BackupFile("database.dump.zst", 100, "aa", 1000, "bb", "pg_dump-custom")
    manifest = Manifest(
        new_id(made, number, 1), "set", "postgres-logical", "manual", "shop", "postgres", "shop", timestamp(made), timestamp(made), {},
        {"database_bytes": 500}, (file,), "",
    )  # fmt: skip
    verifications = () if level is None else (Verification(timestamp(made), level, outcome),)
    return Backup(manifest, "/backups", verifications)


@pytest.mark.parametrize(
    ("there", "options", "kept"),
    [
        ([], {}, False),
        ([backup(3599, 3)], {}, True),
        ([backup(3600, 3)], {}, False),
        ([backup(0, 3)], {"min_age": 0}, False),
        ([backup(10)], {}, False),
        ([backup(10, 1)], {}, False),
        ([backup(10)], {"verify": "none"}, True),
        ([backup(10, 1)], {"verify": "archive"}, True),
        ([backup(10, 3)], {"assertions": ["SELECT true"]}, False),
        ([backup(10, 4)], {"assertions": ["SELECT true"]}, True),
        ([backup(10, 3, "failed")], {"verify": "none"}, False),
        ([backup(10, number=2), backup(20, 3)], {}, True),
    ],
)
def test_a_database_is_left_alone_while_a_backup_is_young_and_proven_enough(there, options, kept):
    (decision,) = decide([SHOP], there, request(**options), NOW)
    assert (decision.kept is not None) is kept
    assert plan_run([decision], request(**options)).changed is not kept


def test_the_plan_names_what_it_makes():
    decisions = decide([SHOP, DatabaseSize("crm", 8)], [backup(10, 3)], request(), NOW)
    plan = plan_run(decisions, request())
    assert [(step.action, step.target) for step in plan.steps] == [("back_up", "crm"), ("verify", "crm")]
    assert plan.before["latest"] == {"shop": backup(10).id, "crm": None} and plan.after["latest"] == {"shop": backup(10).id, "crm": "new"}


def test_the_estimate_follows_the_last_backup():
    grown = replace(SHOP, bytes=5000)
    assert decide([grown], [backup(9999)], request(), NOW)[0].estimate_bytes == 1000  # 100 bytes of 500 then
    assert decide([grown], [], request(), NOW)[0].estimate_bytes == 2500


def test_a_backup_from_the_future_stops_everything():
    decide([SHOP], [backup(-200)], request(), NOW)
    with pytest.raises(ClockWrong):
        decide([SHOP], [backup(-400)], request(), NOW)


def test_databases_that_a_restore_left_are_backed_up_only_when_they_are_named():
    there = [DatabaseSize(name, 1) for name in ("shop", "shop__undo_1a2b3c4d", "shop__new_1", "shop__redo_x", "a__new_model_y z")]
    assert [database.name for database in choose_databases(there, ())] == ["shop", "a__new_model_y z"]
    assert [database.name for database in choose_databases(there, ["shop__undo_1a2b3c4d"])] == ["shop__undo_1a2b3c4d"]
    assert not is_ours("undo_shop")
    with pytest.raises(UnknownDatabase) as caught:
        choose_databases(there, ["shop", "nowhere"])
    assert caught.value.details["unknown"] == ["nowhere"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"min_age": -1}, BadInput),
        ({"timeout": 0}, BadInput),
        ({"space_floor_mb": -1}, BadInput),
        ({"checksum_max_mb": -1}, BadInput),
        ({"backup_dir": "backups"}, BadInput),
        ({"state": "verified"}, BadInput),
        ({"state": "verified", "databases": ["a", "b"]}, BadInput),
        ({"set_id": "mine"}, BadInput),
        ({"verify": "archive", "assertions": ["SELECT true"]}, BadInput),
        ({"encryption": {"recipients": [KEY]}}, BadInput),
        ({"encryption": {"recipients": ["-o/etc/passwd"]}, "verify": "none"}, RecipientInvalid),
        ({"encryption": {"recipients": [KEY + "\n"]}, "verify": "none"}, RecipientInvalid),
    ],
)
def test_what_cannot_be_meant_is_refused(options, error):
    with pytest.raises(error):
        request(**options)


def test_what_can_be_meant_is_taken():
    assert request(databases=["b", "a", "b"]).databases == ("b", "a")
    assert request(checksums=False).checksum_max_bytes == -1 and request(checksum_max_mb=0).checksum_max_bytes == 0
    assert request(encryption={"recipients": [KEY]}, verify="none").recipients == (KEY,)
    assert request(encryption={"recipients": [KEY], "identity_file": "/key"}).wanted_level == 3
    assert request(assertions=["SELECT true"]).wanted_level == 4
    assert request(state="verified", databases=["shop"], level=1).wanted_level == 1


def test_a_dump_that_is_much_smaller_is_remarked():
    assert shrunk(199, backup(0)) != "" and shrunk(200, backup(0)) == "" and shrunk(0, None) == ""


def test_a_backup_is_chosen_by_what_is_said_of_it():
    there = [backup(30, 3, number=1), backup(20, number=2), backup(10, 3, number=3), backup(15, 3, "failed", number=4)]
    assert choose_backup(there, "shop", "latest").id == there[2].id
    assert choose_backup(there, "shop", "latest_unverified").id == there[1].id
    assert choose_backup(there, "shop", there[0].id).id == there[0].id
    for wanted in ("nowhere", "latest"):
        with pytest.raises(BackupMissing):
            choose_backup(there, "crm", wanted)


@pytest.mark.parametrize(
    ("size", "asked", "free", "chosen"),
    [
        (9, "auto", 1000, "custom"),
        (10, "auto", 16, "directory"),
        (10, "auto", 15, "custom"),  # the dump before compression, the backup, and the floor
        (1, "directory", 0, "directory"),
        (99, "custom", 1000, "custom"),
    ],
)
def test_several_workers_are_for_what_is_large_and_has_room(size, asked, free, chosen):
    assert choose_format(DatabaseSize("shop", size * 2**30), request(format=asked), free * 2**30) == chosen
