"""backup_copy over real remotes: restic and rclone as the distribution has them. No engine is needed, and none can be reached."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.support.backup_samples import FILE, passed
from tests.support.modules import call
from tests.support.remotes import PASSWORD, CopiedBackups, s3, sftp

HOUR = timedelta(hours=1)
ODD = "a, b/ü %2F=c"


def ago(hours: float) -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None) - hours * HOUR


@pytest.fixture
def backups(tmp_path):
    return CopiedBackups(tmp_path / "backups")


def done(result: dict) -> list[tuple]:
    assert not result["failed"], result["msg"]
    return [(one["id"], one["done"], one["outcome"]) for one in result["sets"]]


def files(directory: Path) -> dict[str, bytes]:
    """What makes a backup; not what was noted about it here."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if not path.name.startswith("offsite-")}


def remotes(tmp_path: Path, name: str) -> tuple:
    if name == "restic":
        return None, {"tool": "restic", "remote": str(tmp_path / "repository"), "password": PASSWORD, "initialize": True}
    if name == "rclone":
        (tmp_path / "nas").mkdir()
        return None, {"tool": "rclone", "remote": str(tmp_path / "nas"), "accept_unencrypted": True}
    served, options = sftp(tmp_path / "served") if name == "sftp" else s3(tmp_path / "served", name.partition("-")[2])
    served.start()
    return served, {**options, **({"initialize": True} if options["tool"] == "restic" else {"accept_unencrypted": True})}


@pytest.fixture(params=["restic", "rclone", "sftp", "s3-rclone"])
def remote(request, tmp_path):
    served, options = remotes(tmp_path, request.param)
    yield options
    if served:
        served.stop()


def test_check_copy_check_copy_again_and_back_on_a_bare_host(backups, remote, tmp_path):
    older, newer, odd = backups.publish(ago(3)), backups.publish(ago(1)), backups.publish(ago(2), subject=ODD)
    backups.publish(ago(0.5), "dumped")
    would = backups.copy(check=True, **remote)
    assert would["changed"] and {action["target"] for action in would["actions"]} == {newer.name, odd.name}
    assert not list(newer.glob("offsite-*"))

    copied = backups.copy(**remote)
    assert copied["actions"] == would["actions"]
    assert sorted(done(copied)) == sorted([(newer.name, "copied", "passed"), (odd.name, "copied", "passed")])
    assert all(one["read_bytes"] == one["bytes"] == len((newer / FILE).read_bytes()) for one in copied["sets"])
    for check in (True, False):
        again = backups.copy(check=check, **remote)
        assert (again["changed"], again["actions"], {row[1:] for row in done(again)}) == (False, [], {("nothing", "passed")})
    shown = {one["id"]: [copy["outcome"] for copy in one["offsite"]] for one in backups.info()["backups"]}
    assert (shown[newer.name], shown[older.name]) == (["passed"], [])

    checked = backups.copy(state="checked", **remote)
    assert not checked["changed"] and sorted(done(checked)) == sorted([(newer.name, "checked", "passed"), (odd.name, "checked", "passed")])

    bare = CopiedBackups(tmp_path / "new-host" / "backups")
    key = {name: value for name, value in remote.items() if name not in ("initialize", "accept_unencrypted")}
    assert bare.copy(check=True, state="fetched", **key)["changed"] and not bare.path.exists()
    fetched = bare.copy(state="fetched", **key)
    assert sorted(done(fetched)) == sorted([(newer.name, "fetched", "passed"), (odd.name, "fetched", "passed")])
    for original in (newer, odd):
        assert files(bare.path / original.relative_to(backups.path)) == files(original)
    assert {(one["id"], one["state"], len(one["offsite"])) for one in bare.info()["backups"]} == {(newer.name, "verified", 1), (odd.name, "verified", 1)}
    assert not bare.copy(state="fetched", **key)["changed"]


def test_secrets_are_in_no_result_no_journal_and_no_note(backups, tmp_path):
    made = backups.publish(ago(1))
    served, options = s3(tmp_path / "served", "restic")
    with served:
        copied = backups.copy(**options, initialize=True)
        wrong = backups.copy(**{**options, "password": "another-password"})
    assert not copied["failed"] and wrong["reason"] == "offsite_password_wrong"
    written = [path.read_text() for path in [*backups.state_dir.rglob("*"), *made.glob("offsite-*")] if path.is_file()]
    for text in (json.dumps(copied, ensure_ascii=False), json.dumps(wrong, ensure_ascii=False), *written):
        for secret in (PASSWORD, "SKSKSKSKSKSK", "another-password"):
            assert secret not in text
    assert served.directory.exists() and "http://127.0.0.1" in copied["remote"]


def test_named_ones_and_every_one(backups, tmp_path):
    dumped, verified = backups.publish(ago(3), "dumped"), backups.publish(ago(2))
    unproven = backups.publish(ago(1), "dumped", subject="other")
    options = remotes(tmp_path, "rclone")[1]
    part = backups.copy(**options, check=True)
    assert (part["failed"], part["reason"]) == (True, "backup_missing") and "postgres/other: it has no verified backup" in part["msg"]
    failed = backups.copy(**options)
    assert (failed["failed"], failed["reason"], failed["changed"]) == (True, "backup_missing", True)
    assert [one["id"] for one in failed["details"]["sets"]] == [verified.name] and "FAILED: postgres/other" in failed["details"]["table"]

    assert done(backups.copy(**options, backups=[dumped.name])) == [(dumped.name, "copied", "passed")]
    rest = backups.copy(**options, which="every", required_state="dumped")
    assert {row for row in done(rest) if row[1] != "nothing"} == {(unproven.name, "copied", "passed")}
    assert (backups.copy(**options, backups=["20200101T000000Z-000001-0000"])["reason"], backups.copy(**options, subjects=["none"])["reason"]) == (
        "backup_missing",
        "backup_missing",
    )
    bare = CopiedBackups(tmp_path / "bare")
    assert done(bare.copy(**options, state="fetched", backups=[dumped.name])) == [(dumped.name, "fetched", "passed")]
    newest = bare.copy(**options, state="fetched", subjects=["shop"])
    assert done(newest) == [(verified.name, "fetched", "passed")]


def test_a_verification_of_later_follows_to_the_remote(backups, tmp_path):
    made = backups.publish(ago(1), "dumped")
    for name in ("rclone", "restic"):
        options = remotes(tmp_path, name)[1]
        assert done(backups.copy(**options, required_state="dumped"))[0][1] == "copied"
    proven = backups.store.read(str(made))
    backups.store.add_verification(proven, passed(ago(0.5)))
    for name in ("rclone", "restic"):
        options = {"tool": name, "remote": str(tmp_path / ("nas" if name == "rclone" else "repository"))}
        options |= {"accept_unencrypted": True} if name == "rclone" else {"password": PASSWORD}
        assert CopiedBackups(tmp_path / f"early-{name}").copy(**options, state="fetched")["reason"] == "backup_missing"
        assert done(backups.copy(**options)) == [(made.name, "proof_added", "passed")]
        assert not backups.copy(**options)["changed"]
        assert done(CopiedBackups(tmp_path / f"bare-{name}").copy(**options, state="fetched"))[0][1] == "fetched"


def test_retention_waits_for_the_copy(backups, tmp_path):
    made = [backups.publish(ago(hours)) for hours in (30, 20, 10, 1)]
    options = remotes(tmp_path, "rclone")[1]
    shared = {name: value for name, value in backups.arguments().items() if name != "space_floor_mb"}
    policy = {**shared, "keep_last": 2, "max_delete_fraction": 1.0, "require_offsite": True}
    waiting = call("backup_retention", policy)
    assert waiting["deleted"] == [] and "not off-site yet" in waiting["table"]
    assert len(done(backups.copy(**options, which="every"))) == 4
    assert call("backup_retention", policy)["deleted"] == [path.name for path in made[:2]]
    assert len(done(backups.copy(**options, state="checked", which="every", data_percent=50))) == 4
    back = backups.copy(**options, state="fetched", backups=[made[0].name])
    assert done(back) == [(made[0].name, "fetched", "passed")] and made[0].is_dir()


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"tool": "restic", "remote": "/r"}, "needs the password"),
        ({"tool": "restic", "remote": "relative/path", "password": "x"}, "no remote of restic"),
        ({"tool": "rclone", "remote": "relative/path"}, "no remote of rclone"),
        ({"tool": "rclone", "remote": ":sftp,host=h,pass=x:dir"}, "no remote of rclone"),
        ({"tool": "rclone", "remote": "/r", "password": "x"}, "password is that of a repository of restic"),
        ({"tool": "rclone", "remote": "/r", "initialize": True}, "initialize makes a repository of restic"),
        ({"tool": "restic", "remote": "/r", "password": "x", "environment": {"RESTIC_PASSWORD": "y"}}, "does not belong into environment"),
        ({"tool": "rclone", "remote": "/r", "environment": {"A B": "y"}}, "cannot be a variable"),
        ({"tool": "rclone", "remote": "/r", "environment_file": "/absent"}, "cannot be read"),
        ({"tool": "rclone", "remote": "/r", "data_percent": 0}, "data_percent must be at least 1"),
        ({"tool": "rclone", "remote": "/r", "timeout": 0}, "timeout must be at least 1"),
        ({"tool": "rclone", "remote": "/r", "backup_dir": "here"}, "backup_dir must be an absolute path"),
    ],
)
def test_what_cannot_be_meant_is_refused(backups, options, cause):
    refused = backups.copy(**options)
    assert (refused["failed"], refused["reason"]) == (True, "bad_input") and cause in refused["msg"]


def test_files_with_secrets_are_private(backups, tmp_path):
    backups.publish(ago(1))
    secret, variables = tmp_path / "password", tmp_path / "variables"
    secret.write_text(PASSWORD + "\n")
    variables.write_text("AWS_ACCESS_KEY_ID=AKAKAKAK\nAWS_SECRET_ACCESS_KEY='SKSKSKSKSKSK'\n")
    served, options = s3(tmp_path / "served", "restic")
    given = {"tool": "restic", "remote": options["remote"], "password_file": str(secret), "environment_file": str(variables), "initialize": True}
    with served:
        secret.chmod(0o644)
        refused = backups.copy(**given)
        assert (refused["reason"], "mode 0644" in refused["msg"]) == ("bad_input", True)
        secret.chmod(0o600)
        variables.chmod(0o600)
        assert done(backups.copy(**given))[0][1:] == ("copied", "passed")
