"""The schedule as a person puts it in place, with playbooks, and as the target then works alone: a backup, a check and retention without Ansible."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.operated import OperatedStack
from tests.support.postgres import PASSWORD, PostgresStack
from tests.support.stacks import unique_name

# In an order in which each finds what it needs.
JOBS = ("backup", "log_receiver", "base_backup", "config", "application", "offsite", "offsite_check", "verify", "retention")


class Shop(OperatedStack):
    """A stack that is only a Postgres server, with an inventory, on a host whose cron reads a directory of the test's own."""

    def __init__(self, directory: Path, name: str) -> None:
        self.root = directory / "host"
        (self.root / "cron.d").mkdir(parents=True)
        self.backups, key = directory / "backups", directory / "restic-password"
        key.write_text("what only the operator has\n")
        key.chmod(0o600)
        settings = {
            "dir": str(self.backups),
            "allow_same_disk": True,
            "stores": ["postgres"],
            "databases": ["shop"],
            "verify": "restore",
            "max_age": 3600,
            "min_age": 3000,
            "retention": {"keep_last": 1},
            "point_in_time": {"slot_keep_mb": 256, "min_age": 600},
            "archives": [{"kind": "config", "paths": [".env"], "accept_unencrypted": True}, {"kind": "application", "excludes": [".env"]}],
            "offsite": {"tool": "restic", "remote": str(directory / "elsewhere"), "password_file": str(key), "initialize": True},
            "schedule": {name: "15 2 * * *" for name in JOBS},
        }
        places = {f"backup_schedule_{name}_dir": str(self.root / place) for name, place in (("lib", "lib"), ("unit", "units"), ("cron", "cron.d"))}
        super().__init__(directory, name, stack_backup=settings, stack_secrets={"postgres": PASSWORD, "redis": ""}, backup_scheduler="cron", **places)
        self.server = PostgresStack(directory, name)

    def tick(self, job: str) -> subprocess.CompletedProcess:
        """What cron does: the line of the job in a shell, with cron's own environment."""
        lines = (self.root / "cron.d" / f"runbook-{self.name}-{job}").read_text().splitlines()
        path = next(line.removeprefix("PATH=") for line in lines if line.startswith("PATH="))
        command = lines[-1].split(" ", 6)[6].removesuffix(" >/dev/null 2>&1")
        return subprocess.run(["/bin/sh", "-c", command], cwd="/", env={"PATH": path}, capture_output=True, text=True, check=False, timeout=900)

    def status(self, job: str) -> dict:
        return json.loads((self.project.state_dir / self.name / "schedule" / f"{job}.json").read_text())

    def published(self) -> list[Path]:
        return sorted(self.backups.glob(f"{self.name}/postgres/shop/2*"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("schedule"), unique_name("schedule"))
    try:
        made.server.up()
        made.server.sql("CREATE TABLE orders AS SELECT i AS id FROM generate_series(1, 100) i")
        yield made
    finally:
        made.server.module("postgres_pitr", backup_dir=str(made.backups), state="disabled")
        made.remove()


def test_the_target_backs_up_checks_and_tidies_up_alone(shop):
    placed = shop.must("backup/schedule")
    assert {name for name, time in placed.told["result"]["jobs"].items() if time} == set(JOBS) and placed.told["result"]["changed"]
    for job in JOBS:
        done = shop.tick(job)
        assert done.returncode == 0, done.stdout + done.stderr
        assert shop.status(job)["outcome"] == "succeeded"
    (backup,) = shop.published()
    assert json.loads((backup / "manifest.json").read_text())["purpose"] == "scheduled"
    assert (backup.parent / "latest-verified").resolve() == backup
    assert len(list(shop.backups.glob(f"{shop.name}/*/*/2*/offsite-*.json"))) == 3
    assert shop.tick("backup").returncode == 0 and shop.published() == [backup]  # younger than min_age
    for file in [*shop.root.rglob("*"), *(shop.project.state_dir / shop.name).rglob("*")]:
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes(), file

    again = shop.must("backup/schedule")
    assert again.changed == 0 and not again.told["result"]["changed"]
    assert again.output.count("last run succeeded") == len(JOBS)

    pinned = shop.must("backup/retention", pin=backup.name, reason="audit 2026")
    assert pinned.told["result"]["pinned"] == [{"id": backup.name, "reason": "audit 2026"}]
    tidy = shop.must("backup/retention")
    assert tidy.changed == 0 and "pinned: audit 2026" in tidy.output

    (dump,) = backup.glob("*.dump.zst")
    dump.unlink()
    damaged = shop.play("backup/verify")
    assert damaged.code != 0 and f"is damaged: {dump.name}: missing" in damaged.message
    held = shop.play("backup/retention")
    assert (held.code != 0, held.reason) == (True, "backup_stale") and backup.exists()
    assert shop.tick("verify").returncode == 1 and shop.status("verify")["reason"] == "backup_stale"

    gone = shop.must("backup/schedule", state="absent")
    assert set(gone.told["result"]["jobs"]) >= set(JOBS) and not any(gone.told["result"]["jobs"].values())
    assert [path for path in shop.root.rglob("*") if path.is_file()] == []
    assert shop.lease_is_free()
