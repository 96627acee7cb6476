"""backup_files over real files: packed, proven, copied elsewhere, put back all of it or none. No engine is needed, and none can be reached."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.modules import call
from tests.support.remotes import TARGET

COMPOSE = "services: {web: {image: 'nginx:${TAG}', env_file: .env}}\n"


class Project:
    """A project with secrets, and keys to save them with."""

    def __init__(self, directory: Path) -> None:
        self.base = directory
        self.path = directory / "srv" / "shop"
        (self.path / "nginx").mkdir(parents=True)
        (self.path / "docker-compose.yml").write_text(COMPOSE)
        (self.path / ".env").write_text("TAG=1\nDB_PASSWORD=not-for-everybody\n")
        (self.path / ".env").chmod(0o600)
        (self.path / "nginx" / "site.conf").write_text("server {}\n")
        os.symlink("site.conf", self.path / "nginx" / "current.conf")
        (self.path / b"caf\xe9".decode(errors="surrogateescape")).write_bytes(b"\0\n")
        key = subprocess.run(["age-keygen", "-o", str(directory / "key")], check=True, capture_output=True, text=True).stderr
        self.encryption = {"recipients": [key.split()[-1]], "identity_file": str(directory / "key")}

    def call(self, check: bool = False, **options) -> dict:
        shared = {"stack_name": "shop", "project_dir": str(self.path), "state_dir": str(self.base / "state"), "docker_host": "unix:///absent"}
        asked = {**shared, "backup_dir": str(self.base / "backups"), "kind": "config", "space_floor_mb": 0, "encryption": self.encryption, **options}
        return call("backup_files", asked, check=check)

    def save(self, **options) -> dict:
        made = self.call(paths=[".env", "docker-compose.yml", "nginx"], **options)
        assert not made["failed"], made["msg"]
        return made

    def look(self) -> dict:
        found = {}
        for path in sorted(self.path.rglob("*")):
            content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(self.path))] = (content, stat.S_IMODE(path.lstat().st_mode))
        return found


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def changes(result: dict) -> dict[str, str]:
    assert not result["failed"], result["msg"]
    return {os.path.basename(one["path"]): one["change"] for one in result["changes"]}


def test_check_save_check_save_again_and_back(project):
    would = project.call(check=True, paths=[".env", "docker-compose.yml", "nginx"])
    assert (would["changed"], would["backup"], (project.base / "backups").exists()) == (True, None, False)
    made = project.save()
    assert (made["changed"], made["backup"]["state"], made["backup"]["members"]) == (True, "verified", 5)
    for check in (True, False):
        again = project.call(check=check, paths=[".env", "docker-compose.yml", "nginx"], min_age=3600)
        assert (again["changed"], again["backup"]["id"]) == (False, made["backup"]["id"])
    stored = b"".join(path.read_bytes() for path in Path(made["backup"]["directory"]).iterdir())
    assert b"not-for-everybody" not in stored and b"site.conf" not in stored and b".env" in stored  # paths that were declared are in the manifest

    before = project.look()
    assert not project.call(state="restored")["changed"]
    (project.path / ".env").write_text("TAG=2\n")
    (project.path / "docker-compose.yml").chmod(0o600)
    shutil.rmtree(project.path / "nginx")
    (project.path / "new.txt").write_text("left alone")
    damaged = project.look()
    wanted = {".env": "other content", "docker-compose.yml": "mode 0600", "nginx": "missing", "site.conf": "missing", "current.conf": "missing"}
    checked = project.call(check=True, state="restored")
    assert changes(checked) == wanted and project.look() == damaged
    restored = project.call(state="restored")
    assert (restored["changed"], changes(restored), restored["actions"]) == (True, wanted, checked["actions"])
    assert project.look() == {**before, "new.txt": damaged["new.txt"]}
    for check in (True, False):
        assert not project.call(check=check, state="restored")["changed"]

    undone = project.call(state="restored", backup=restored["previous"])
    assert changes(undone) == {".env": "other content", "docker-compose.yml": "mode 0644"}
    assert (project.path / ".env").read_text() == "TAG=2\n"
    for result in (made, checked, restored, undone):
        assert "not-for-everybody" not in json.dumps(result)
    events = [json.loads(line)["event"] for line in (project.base / "state" / "shop" / "journal.ndjson").read_text().splitlines()]
    assert events.count("files_restored") == 2 and "not-for-everybody" not in str(events)


def test_what_is_saved_as_it_is_needs_no_new_backup_and_anything_else_does(project):
    def saved(check: bool = False, **options) -> tuple[bool, str]:
        result = project.save(check=check, reuse="same", **options)
        return result["changed"], (result["backup"] or {}).get("id")

    _made, first = saved()
    os.utime(project.path / ".env", (1, 1))  # written anew with what it had
    assert saved() == saved(check=True) == (False, first)
    (project.path / ".env").write_text("TAG=2\n")
    assert saved(check=True) == (True, None)
    changed, second = saved(set_id=first)
    assert changed and second != first and saved() == (False, second)
    for change in ((project.path / "docker-compose.yml").chmod, (project.path / "nginx" / "more.conf").touch):
        change(0o600)
        changed, found = saved()
        assert changed and found != second
        second = found

    project.call(state="restored", backup=first)  # keeps what it replaces, which is only a part
    changed, third = saved()
    assert changed, "what undoes a restore is no backup of all"
    assert not saved(purpose="safety")[0]
    archive = next((project.base / "backups").rglob(f"{third}/files.tar.zst.age"))
    archive.chmod(0o600)
    archive.write_bytes(archive.read_bytes()[:-1])
    assert saved()[0], "what is damaged is not enough"
    other = Project(project.base / "other").encryption
    assert saved(encryption=other)[0], "somebody else has the key now"
    assert project.call(reuse="same", min_age=60)["reason"] == project.call(set_id="mine")["reason"] == "bad_input"
    sets = {json.loads(path.read_text())["set_id"] for path in (project.base / "backups").rglob("manifest.json")}
    assert first in sets and len(sets) == len([*(project.base / "backups").rglob("manifest.json")]) - 1


def test_what_compose_would_not_take_is_not_put_in_place(project):
    good = project.save()
    (project.path / "docker-compose.yml").write_text("services: {web: {image: 1, ports: wrong}}\n")
    bad = project.save()
    (project.path / "docker-compose.yml").write_text(COMPOSE)
    before = project.look()
    refused = project.call(state="restored", backup=bad["backup"]["id"])
    assert (refused["failed"], refused["reason"], project.look()) == (True, "compose_config_invalid", before)
    assert "docker-compose.yml" in changes(project.call(state="restored", backup=bad["backup"]["id"], validate="none"))
    assert changes(project.call(state="restored", backup=good["backup"]["id"], only=["docker-compose.yml"])) == {"docker-compose.yml": "other content"}
    missing = project.call(state="restored", only=["absent"])
    assert (missing["failed"], missing["reason"]) == (True, "backup_missing")


def test_all_of_it_or_none(project):
    project.save()
    (project.path / ".env").write_text("TAG=2\n")
    shutil.rmtree(project.path / "nginx")
    (project.path / "nginx").symlink_to("/proc/self")  # nothing can be written there
    in_the_way = project.call(state="restored")
    assert (in_the_way["failed"], in_the_way["reason"], (project.path / ".env").read_text()) == (True, "bad_input", "TAG=2\n")
    (project.path / "nginx").unlink()
    (project.path / "nginx").mkdir()
    full = project.path / "nginx" / "site.conf"
    full.symlink_to("/proc/self/environ.d/site.conf")  # leads into a directory that cannot be made
    failed = project.call(state="restored")
    assert (failed["failed"], failed["reason"], (project.path / ".env").read_text(), os.readlink(full)) == (
        True,
        "state_unwritable",
        "TAG=2\n",
        "/proc/self/environ.d/site.conf",
    )


def test_a_whole_application_comes_back_beside_with_plain_tools_too(project):
    (project.path / "node_modules").mkdir()
    (project.path / "node_modules" / "x").write_text("made again")
    os.mkfifo(project.path / "pipe")
    options = {"kind": "application", "excludes": ["node_modules"], "encryption": {}}
    made = project.call(**options)
    assert (made["failed"], made["backup"]["state"], made["backup"]["skipped"]) == (False, "verified", ["shop/pipe"])
    into = project.base / "copy"
    assert project.call(check=True, **options, state="restored", into=str(into))["changed"] and not into.exists()
    assert not project.call(**options, state="restored", into=str(into))["failed"]
    (project.path / "pipe").unlink()
    shutil.rmtree(project.path / "node_modules")
    beside = Project.__new__(Project)
    beside.path = into / "shop"
    assert beside.look() == project.look()
    refused = project.call(**options, state="restored", into=str(into))
    assert (refused["failed"], refused["reason"]) == (True, "bad_input")

    manifest = json.loads((Path(made["backup"]["directory"]) / "manifest.json").read_text())
    assert manifest["restore_hint"] == "zstd -d -c files.tar.zst | tar -xp -C DIRECTORY"
    (project.base / "plain").mkdir()
    archive = subprocess.run(["zstd", "-dc", f"{made['backup']['directory']}/files.tar.zst"], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-xp", "-C", str(project.base / "plain")], input=archive, check=True)
    beside.path = project.base / "plain" / "shop"
    assert beside.look() == project.look()


def test_damage_is_found_and_never_restored(project):
    made = project.save()
    archive = Path(made["backup"]["directory"]) / "files.tar.zst.age"
    archive.chmod(0o600)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    (project.path / ".env").write_text("TAG=2\n")
    refused = project.call(state="restored")
    assert (refused["reason"], (project.path / ".env").read_text()) == ("archive_unreadable", "TAG=2\n")
    found = project.call(state="verified")
    assert (found["failed"], found["reason"], found["details"]["outcome"]) == (True, "backup_not_verified", "failed")
    gone = project.call(state="restored")
    assert (gone["failed"], gone["reason"]) == (True, "backup_missing")  # what is damaged is not the latest verified one


def test_a_bare_host_gets_its_configuration_from_the_copy_and_its_key(project):
    project.save()
    (project.base / "nas").mkdir()
    remote = {"tool": "rclone", "remote": str(project.base / "nas"), "stack_name": "shop", "project_dir": str(project.path), "space_floor_mb": 0}
    shared = {**remote, "state_dir": str(project.base / "state")}
    copied = call("backup_copy", {**shared, "backup_dir": str(project.base / "backups")}, environment=TARGET)
    assert [(one["kind"], one["outcome"]) for one in copied["sets"]] == [("files-config", "passed")]
    before = project.look()
    del before[b"caf\xe9".decode(errors="surrogateescape")]  # it was not declared
    for lost in ("srv", "backups", "state"):
        shutil.rmtree(project.base / lost)
    fetched = call("backup_copy", {**shared, "backup_dir": str(project.base / "backups"), "state": "fetched"}, environment=TARGET)
    assert not fetched["failed"], fetched["msg"]
    restored = project.call(state="restored")
    assert not restored["failed"], restored["msg"]
    assert restored["previous"] is None and project.look() == before


def test_what_is_declared_has_to_be_there_and_keys_have_to_fit(project):
    missing = project.call(paths=[".env", "absent.conf"])
    assert (missing["failed"], missing["reason"]) == (True, "bad_input") and "absent.conf" in missing["msg"]
    assert project.call(paths=[".env"], encryption={})["reason"] == "files_unencrypted"
    project.save()
    other = Project(project.base / "other").encryption["identity_file"]
    wrong = project.call(state="restored", encryption={**project.encryption, "identity_file": other})
    assert (wrong["failed"], wrong["reason"]) == (True, "archive_unreadable")
    unproven = project.call(state="verified", encryption={**project.encryption, "identity_file": other})
    assert (unproven["reason"], unproven["details"]["outcome"]) == ("backup_not_verified", "inconclusive")
    assert not project.call(state="restored")["failed"]
