"""The playbooks of backups, as a person runs them: made, proven, judged, restored for practice, and removed when nobody needs them."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_files import now_naive
from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore
from tests.support.operated import OperatedStack, Played
from tests.support.stacks import docker, unique_name

# Compresses no faster than about 5 MB/s, so that a dump takes its time.
SLOW_ZSTD = """#!/usr/bin/env python3
import os, subprocess, sys, time
if "-d" in sys.argv:
    os.execv("{zstd}", sys.argv)
zstd = subprocess.Popen(["{zstd}", *sys.argv[1:]], stdin=subprocess.PIPE)
while piece := sys.stdin.buffer.read(250_000):
    zstd.stdin.write(piece)
    time.sleep(0.05)
zstd.stdin.close()
sys.exit(zstd.wait())
"""
BULK = "CREATE TABLE bulk AS SELECT i, repeat(md5(i::text), 4) AS text FROM generate_series(1, 300000) i"


class Shop(OperatedStack):
    def __init__(self, directory: Path) -> None:
        self.backup_dir = directory / "backups"
        settings = {"dir": str(self.backup_dir), "allow_same_disk": True, "min_age": 3600, "max_age": 3600, "verify": "restore", "stores": ["postgres"]}
        super().__init__(directory, unique_name("backups"), stack_backup={**settings, "retention": {"keep_last": 1, "max_delete_fraction": 1}})

    def sql(self, statement: str) -> str:
        container = self.project.containers("postgres")[0]["Id"]
        return docker("exec", container, "psql", "-U", "shop", "-tAc", statement, "shop").strip()

    def published(self, database: str = "shop") -> list[str]:
        backups = BackupStore(str(self.backup_dir), self.name, "postgres").all()[0]
        return sorted(backup.id for backup in backups if backup.manifest.subject == database)

    def newest_age(self) -> float:
        return (now_naive() - max(backup.manifest.created for backup in BackupStore(str(self.backup_dir), self.name, "postgres").all()[0])).total_seconds()

    def require_nothing_left(self) -> None:
        assert docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={self.name}") == ""
        assert list(self.backup_dir.rglob(".tmp-*")) == []
        assert list((self.project.state_dir / self.name / "progress").glob("*")) == []

    def slowly(self, playbook: str, **variables: object) -> Played:
        programs = self.directory / "programs"
        programs.mkdir(exist_ok=True)
        (programs / "zstd").write_text(SLOW_ZSTD.format(zstd=shutil.which("zstd")))
        (programs / "zstd").chmod(0o755)
        path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
        started = self.start(playbook, environment={"PATH": path}, **variables)
        output = started.communicate(timeout=900)[0]
        assert started.returncode == 0, output
        return Played(started.returncode, output, self.record())


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("backup-playbooks"))
    try:
        made.must("deploy/install", version="v1")
        made.sql(BULK)
        yield made
    finally:
        made.remove()


def test_all_databases_are_backed_up_and_proven_once(shop):
    assert "shop has no verified backup" in shop.play("backup/verify", backup_subjects=["shop"]).message
    checked = shop.start("backup/create", check=True)
    assert "Nothing was written: check mode." in checked.communicate(timeout=900)[0] and checked.returncode == 0
    assert shop.published() == []
    made = shop.must("backup/create", reason="before the sale")
    found = {backup["subject"]: (backup["state"], backup["verified_level"], backup["made"]) for backup in made.told["result"]["backups"]}
    assert found == {"postgres": ("verified", 3, True), "shop": ("verified", 3, True)}
    shown = next(line for line in made.output.splitlines() if re.search(r'"shop +20\d\d', line))
    assert re.search(r"verified +L3 .* in [\d.]+ ", shown) and str(shop.backup_dir) in shown
    again = shop.must("backup/create")
    assert (again.changed, [backup["made"] for backup in again.told["result"]["backups"]]) == (0, [False, False])
    assert len(shop.published()) == 1 and shop.lease_is_free()
    shop.require_nothing_left()
    passed = shop.must("backup/verify")
    assert passed.changed == 0 and "verified" in passed.output


def test_a_long_run_shows_how_far_it_is_and_a_dump_that_nobody_restored_makes_nothing_fresh(shop):
    proven = shop.newest_age()
    began = time.monotonic()
    shown = shop.slowly("backup/create", databases=["shop"], verify="none", min_age=0)
    lines = [line for line in shown.output.splitlines() if "[localhost] shop: dumping" in line]
    assert any(re.search(r"dumping, [\d.]+ MiB of about [\d.]+ MiB \(\d+ %\), [\d.]+ [KM]iB/s", line) for line in lines), shown.output[-3000:]
    assert len(shop.published()) == 2
    # Older than this is the proven one, and younger the other.
    stale = shop.play("backup/verify", backup_max_age=int(proven + time.monotonic() - began))
    assert stale.code != 0 and "The newest verified backup of postgres/shop, " in stale.message


def test_a_restore_for_practice_proves_and_leaves_nothing(shop):
    tested = shop.must("backup/restore_test", databases=["shop"], backup_assertions=["SELECT count(*) = 300000 FROM bulk"])
    assert [(backup["subject"], backup["state"], backup["verified_level"]) for backup in tested.told["result"]["backups"]] == [("shop", "verified", 4)]
    assert "RESTORED IN" in tested.output
    refused = shop.play("backup/restore_test", databases=["shop"], backup_assertions=["SELECT count(*) = 5 FROM bulk"])
    assert (refused.reason, refused.failure["reason"]) == ("backup_not_verified", "backup_not_verified")
    assert "assertion 'SELECT count(*) = 5 FROM bulk'" in refused.message
    shop.require_nothing_left()
    assert shop.sql("SELECT count(*) FROM bulk") == "300000" and shop.version() == "v1"


def test_what_cannot_be_backed_up_is_named(shop):
    refused = shop.play("backup/create", databases=["shop", "absent"], min_age=0)
    assert (refused.code != 0, refused.reason, len(shop.published())) == (True, "unknown_database", 2)
    assert "absent" in refused.message and shop.lease_is_free()


def test_retention_lists_first_and_removes_then(shop):
    # The backup of which something was not true is proven again; without names, everything that has a backup is.
    tested = shop.must("backup/restore_test")
    assert [(backup["subject"], backup["state"]) for backup in tested.told["result"]["backups"]] == [("postgres", "verified"), ("shop", "verified")]
    shop.must("backup/create", databases=["shop"], verify="none", min_age=0)
    before = shop.published()
    checked = shop.start("backup/retention", check=True)
    output = checked.communicate(timeout=900)[0]
    assert (checked.returncode, shop.published()) == (0, before)
    listed = [line for line in output.splitlines() if before[0] in line and "delete" in line]
    assert listed, output[-3000:]
    applied = shop.must("backup/retention")
    assert applied.told["result"]["deleted"] == before[:1]
    assert shop.published() == before[1:]
