"""What is still to be done about a remote, which sets are chosen there, and today's share of a check."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._core.backup_catalogue import Backup, OffsiteCopy, timestamp
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_errors import BackupMissing
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_report import backup_table
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.offsite import (
    ADD_PROOF,
    COPY,
    NOTHING,
    READ_BACK,
    RemoteSet,
    candidates,
    is_due,
    remote_key,
    require_encrypted,
    step_for,
    wanted_backups,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.offsite_errors import OffsiteUnencrypted
from ansible_collections.runbook.compose.plugins.module_utils._core.offsite_request import OffsiteRequest, environment_of
from ansible_collections.runbook.compose.plugins.module_utils._core.retention import plan
from ansible_collections.runbook.compose.plugins.module_utils._core.retention_policy import Policy
from tests.support.backup_samples import described

NOW = datetime(2026, 11, 20, 4, 0)
KEY = remote_key("restic", "/mnt/nas")
ALL = {"services": (), "subjects": ()}


def ago(days: float, state: str = "verified", number: int = 1, **manifest: object) -> Backup:
    return described(NOW - timedelta(days=days), state, number, **manifest)


def copied(backup: Backup, outcome: str = "passed", key: str = KEY) -> Backup:
    return replace(backup, copies=(OffsiteCopy(key, "restic", "/mnt/nas", timestamp(NOW), outcome),))


def there(backup: Backup, proven: bool = True) -> RemoteSet:
    return RemoteSet(backup.manifest.service, backup.manifest.subject, backup.id, "place", proven)


def test_of_each_subject_the_newest_one_that_counts():
    old, new = ago(3, number=1), ago(2, number=2)
    others = [ago(1, "dumped", 3), ago(0.9, "damaged", 4), replace(ago(0.8, number=5), manifest=replace(ago(0.8, number=5).manifest, partial=True))]
    unproven = ago(1, "dumped", 6, subject="other")
    everything = [old, new, *others, unproven]
    assert wanted_backups(everything, [], every=False, state="verified") == ([new], ["postgres/other"])
    assert wanted_backups(everything, [], every=True, state="verified") == ([old, new], ["postgres/other"])
    assert wanted_backups(everything, [], every=False, state="dumped") == ([others[0], unproven], [])
    assert wanted_backups(everything, [others[1].id, old.id], every=False, state="verified") == ([old, others[1]], [])
    with pytest.raises(BackupMissing):
        wanted_backups(everything, ["20200101T000000Z-000001-0000"], every=False, state="verified")


@pytest.mark.parametrize(
    ("backup", "remote", "step"),
    [
        (ago(1), [], COPY),
        (copied(ago(1)), [], COPY),  # it was there once; only what is there now counts
        (ago(1), [there(ago(1))], READ_BACK),
        (copied(ago(1), "failed"), [there(ago(1))], READ_BACK),
        (copied(ago(1), key="another remote"), [there(ago(1))], READ_BACK),
        (copied(ago(1)), [there(ago(1), proven=False)], ADD_PROOF),
        (copied(ago(1, "dumped")), [there(ago(1), proven=False)], NOTHING),
        (copied(ago(1)), [there(ago(1), proven=False), there(ago(1))], NOTHING),
        (copied(ago(1)), [there(ago(1, subject="other"))], COPY),
    ],
)
def test_what_is_missing_for_one_backup(backup, remote, step):
    assert step_for(backup, remote, KEY) == step


def test_half_of_it_encrypted_is_not_encrypted():
    sealed = replace(ago(1).manifest.files[0], encryption={"type": "age", "recipients": ["age1"]})
    whole = ago(1, files=(sealed,))
    require_encrypted([whole])
    with pytest.raises(OffsiteUnencrypted) as refused:
        require_encrypted([whole, ago(2, number=2, files=(sealed, ago(1).manifest.files[0]))])
    assert whole.id not in str(refused.value)


def test_candidates_come_newest_first_and_named_ones_must_be_there():
    sets = [there(ago(days, number=number, subject=subject)) for number, (days, subject) in enumerate([(3, "shop"), (1, "shop"), (2, "other")], 1)]
    assert candidates(sets, [], ALL) == [[sets[2]], [sets[1], sets[0]]]
    assert candidates(sets, [], {**ALL, "subjects": ("other",)}) == [[sets[2]]]
    assert candidates(sets, [sets[0].id], ALL) == [[sets[0]]]
    assert candidates([], [], ALL) == []
    for about in ({**ALL, "subjects": ("other",)}, {**ALL, "services": ("redis",)}):
        with pytest.raises(BackupMissing):
            candidates(sets, [sets[0].id], about)


@given(some.text(min_size=1), some.integers(1, 100), some.dates())
def test_within_the_days_of_the_share_every_file_is_read(name, percent, day):
    first = datetime(day.year, day.month, day.day) if day.year < 9000 else NOW
    days = -(-100 // percent)
    due = [is_due("20261120T040000Z-000001-0001", name, percent, first + timedelta(days=count)) for count in range(days)]
    assert any(due)
    assert percent < 100 or all(due)


def test_a_share_is_about_a_share():
    due = [is_due("id", f"file-{number}", 20, NOW) for number in range(2000)]
    assert 300 < due.count(True) < 500


def test_the_table_tells_since_when_and_what_is_damaged_elsewhere():
    def column(backup: Backup) -> str:
        return backup_table([backup.to_dict(NOW)], []).splitlines()[1]

    assert "2026-11-20T04:00Z" in column(copied(ago(1))) and "DAMAGED" not in column(copied(ago(1)))
    assert "DAMAGED" in column(copied(ago(1), "failed")) and "DAMAGED" not in column(ago(1))
    assert (copied(ago(1)).is_offsite, copied(ago(1), "failed").is_offsite, ago(1).is_offsite) == (True, False, False)


PARAMS = {
    "state": "present",
    "backup_dir": "/b",
    "tool": "rclone",
    "remote": "BOX:path",
    "required_state": "verified",
    "data_percent": 100,
    "accept_unencrypted": False,
    "initialize": False,
    "timeout": 60,
    "backups": [],
    "services": [],
    "subjects": [],
    "which": "newest",
    "space_floor_mb": 0,
}


@pytest.mark.parametrize(
    ("tool", "remote", "accepted"),
    [
        *(("rclone", remote, True) for remote in ("/mnt/nas", "BOX:", "my box:a b/c", "S3:bucket")),
        *(("rclone", remote, False) for remote in ("", "nas", "./nas", ":sftp,pass=x:dir", "/a\nb")),
        *(("restic", remote, True) for remote in ("/mnt/nas", "local:/mnt", "sftp:u@h:/p", "rest:https://h/", "s3:https://h/b", "rclone:BOX:p")),
        *(("restic", remote, False) for remote in ("", "nas", "./nas", "S3:b", "s3:", "/a\0b")),
    ],
)
def test_only_what_can_be_a_remote_is_one(tool, remote, accepted):
    params = {**PARAMS, "tool": tool, "remote": remote}
    if accepted:
        assert OffsiteRequest.from_params(params).remote == remote
    else:
        with pytest.raises(BadInput):
            OffsiteRequest.from_params(params)


def test_variables_are_text():
    assert environment_of({"A": True, "B": 22, "C": None, "D": "x"}) == {"A": "true", "B": "22", "C": "", "D": "x"}
    for wrong in ({"A=B": "x"}, {"A": ["x"]}, {"A": "x\0y"}, {"RESTIC_REPOSITORY": "/r"}):
        with pytest.raises(BadInput):
            environment_of(wrong)


def test_retention_keeps_what_is_not_elsewhere_yet_and_a_copy_that_is_damaged_is_none():
    backups = [ago(1, number=5), ago(2, number=4), copied(ago(3, number=3), "failed"), copied(ago(4, number=2)), ago(5, number=1)]
    useless = ago(30, "damaged", 6)
    policy = Policy(2, max_delete_fraction=1, keep_schemas=0)
    assert set(plan([*backups, useless], policy, NOW).delete) == {one.id for one in [*backups[2:], useless]}
    waiting = plan([*backups, useless], replace(policy, require_offsite=True), NOW)
    assert set(waiting.delete) == {backups[3].id, useless.id} and waiting.keep[backups[4].id] == ("not off-site yet",)
