"""scheduled_job: the files of a job, and the job itself, started by its own command in a Python without Ansible. No engine is needed."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.support.backup_samples import BackupDirectory
from tests.support.modules import call

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLICY = {"keep_last": 2, "max_delete_fraction": 1.0}
# Half a day away, so that it does not come while a test looks at it.
LATER = (datetime.now() + 12 * HOUR).hour


def now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)


class Target:
    """A directory that stands for the file system of a target."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.backups = BackupDirectory(root / "backups")
        self.state = root / "state 100%" / "shop"
        (root / "cron.d").mkdir()

    def job(self, check: bool = False, **options) -> dict:
        places = {"lib_dir": str(self.root / "lib"), "unit_dir": str(self.root / "units"), "cron_dir": str(self.root / "cron.d")}
        shared = {"stack_name": "shop", "project_dir": "/absent", "state_dir": str(self.state.parent), "docker_host": "unix:///absent"}
        return call("scheduled_job", {**shared, **places, "scheduler": "cron", **options}, check=check)

    def retention(self, check: bool = False, name: str = "retention", **options) -> dict:
        policy = {**POLICY, "backup_dir": str(self.backups.path)}
        return self.job(check=check, **{"name": name, "module": "backup_retention", "calendar": f"45 {LATER} * * *", "options": policy, **options})

    def files(self) -> dict[str, int]:
        return {str(path.relative_to(self.root)): path.stat().st_mtime_ns for path in self.root.rglob("*") if path.is_file() and "backups" not in path.parts}

    def status(self, name: str = "retention") -> dict:
        return json.loads((self.state / "schedule" / f"{name}.json").read_text())

    def tick(self, name: str = "retention", **options) -> subprocess.CompletedProcess:
        """What cron would do now: the line as it is in the file, without the times and the user."""
        line = (self.root / "cron.d" / f"runbook-shop-{name}").read_text().splitlines()[-1]
        command = line.split(" ", 6)[6].replace("\\%", "%")
        plain = command.replace(sys.executable, f"{sys.executable} -I -S", 1).removesuffix(" >/dev/null 2>&1")
        assert "/dev/null" not in plain
        return subprocess.run(
            ["/bin/sh", "-c", plain], cwd="/", env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False, timeout=300, **options
        )


@pytest.fixture
def target(tmp_path):
    return Target(tmp_path)


def test_check_then_do_then_both_again_and_away(target):
    would = target.retention(check=True)
    assert would["changed"] and target.files() == {}
    done = target.retention()
    assert done["actions"] == would["actions"] and {action["action"] for action in done["actions"]} == {"write"}
    assert (done["scheduler"], done["unit"], done["last_run"]) == ("cron", "", None)
    at = datetime.strptime(done["next_run_at"], "%Y-%m-%dT%H:%M:%SZ")
    assert now() < at <= now() + DAY and (at.replace(tzinfo=timezone.utc).astimezone().strftime("%H:%M")) == f"{LATER:02}:45"
    job = target.state / "schedule" / "jobs" / "retention.json"
    assert (stat.S_IMODE(job.stat().st_mode), stat.S_IMODE(job.parent.stat().st_mode)) == (0o600, 0o700)
    assert stat.S_IMODE((target.root / "cron.d" / "runbook-shop-retention").stat().st_mode) == 0o644
    assert json.loads(job.read_text())["params"]["damaged_ttl"] == 604800  # the defaults are those of today, whatever comes

    before = target.files()
    for check in (True, False):
        again = target.retention(check=check)
        assert (again["changed"], again["actions"], again["next_run_at"]) == (False, [], done["next_run_at"])
    assert target.files() == before
    moved = target.retention(calendar=f"0 {LATER} * * *")
    assert [action["target"] for action in moved["actions"]] == [str(target.root / "cron.d" / "runbook-shop-retention")]

    target.retention(name="second")
    gone = target.job(name="retention", state="absent")
    assert gone["changed"] and [path.name for path in (target.root / "cron.d").iterdir()] == ["runbook-shop-second"]
    assert len(list(target.root.glob("lib/shop/*.pyz"))) == 1  # the other job has it
    assert not target.job(name="retention", state="absent")["changed"]
    last = target.job(name="second", state="absent", check=True)
    assert last["changed"] and target.job(name="second", state="absent")["actions"] == last["actions"]
    assert [name for name in target.files() if not name.endswith("journal.ndjson")] == []


def test_the_job_does_its_work_without_ansible_and_says_so(target):
    made = [target.backups.publish(now() - HOUR - age * DAY) for age in range(5)]
    target.retention()
    done = target.tick()
    assert (done.returncode, done.stderr) == (0, "")
    assert "retention succeeded after" in done.stdout and made[4].name in done.stdout
    assert target.backups.ids() == sorted(path.name for path in made[:2])
    status = target.status()
    assert (status["outcome"], status["exit_code"], status["failures_in_a_row"], status["result"]["changed"]) == ("succeeded", 0, 0, True)
    assert status["last_success_at"] == status["finished_at"] >= status["started_at"]
    assert "retention succeeded" in (target.state / "schedule" / "retention.log").read_text()
    events = [json.loads(line)["event"] for line in (target.state / "journal.ndjson").read_text().splitlines()]
    assert events == ["job_scheduled", *["backup_deleted"] * 3, "scheduled_job_ended"]
    assert target.tick().returncode == 0 and target.status()["result"]["changed"] is False
    assert target.retention(check=True)["last_run"]["outcome"] == "succeeded"


def test_a_job_that_fails_says_why_and_how_often(target):
    target.backups.publish(now() - 30 * DAY)
    target.job(
        name="verify", module="backup_info", calendar="0 7 * * *", options={"backup_dir": str(target.backups.path), "max_age": 86400, "on_problem": "fail"}
    )
    for times in (1, 2):
        failed = target.tick("verify")
        status = target.status("verify")
        assert (failed.returncode, status["outcome"], status["reason"], status["failures_in_a_row"]) == (1, "failed", "backup_stale", times)
        assert "(backup_stale): The newest verified backup of postgres/shop" in failed.stdout
    target.backups.publish(now())
    assert target.tick("verify").returncode == 0 and target.status("verify")["failures_in_a_row"] == 0
    assert len((target.state / "schedule" / "verify.log").read_text().splitlines()) > 4


def test_what_ends_a_job_from_outside_is_in_its_status(target):
    target.retention(timeout=1)
    job = json.loads((target.state / "schedule" / "jobs" / "retention.json").read_text())
    run = "import sys; sys.path.insert(0, {code!r}); from runbook_jobs._adapters import scheduled_run as r; import time\n".format(code=job["code"])
    run += "class Slow:\n def plan(self):\n  print('begun', flush=True); time.sleep(300)\n"
    run += "Slow.from_params = staticmethod(lambda params, host: Slow()); r.OPERATIONS['backup_retention'] = Slow\nsys.exit(r.main(sys.argv))\n"
    words = [sys.executable, "-I", "-S", "-c", run, str(target.state / "schedule" / "jobs" / "retention.json")]
    slow = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert (slow.returncode, target.status()["reason"]) == (1, "timed_out")

    target.retention(timeout=600)
    for number, code, outcome, reason in ((signal.SIGTERM, 1, "failed", "job_interrupted"), (signal.SIGKILL, -9, "died", None)):
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
            assert running.stdout.readline() == "begun\n"
            assert target.status()["outcome"] == "running"
            overlapping = target.tick()
            assert overlapping.returncode == 75 and "still runs" in overlapping.stderr
            running.send_signal(number)
            assert running.wait(timeout=120) == code
        told = target.retention(check=True, timeout=600)["last_run"]
        assert (told["outcome"], told.get("reason")) == (outcome, reason)
    assert target.tick().returncode == 0
    assert target.status()["outcome"] == "succeeded"


def test_a_secret_is_neither_taken_nor_told(target):
    secret = "secret-of-the-test"
    refused = target.retention(module="postgres_backup", options={"backup_dir": "/b", "password": secret}, _ansible_inject_invocation=True)
    assert (refused["failed"], refused["reason"]) == (True, "bad_input") and "cannot be given password" in refused["msg"]
    assert secret not in json.dumps(refused) and target.files() == {}


def test_without_anything_that_starts_jobs_nothing_is_scheduled(target):
    missing = target.retention(cron_dir=str(target.root / "absent"))
    assert (missing["failed"], missing["reason"]) == (True, "scheduler_missing") and target.files() == {}


def test_damage_to_a_job_is_mended_and_what_is_no_job_is_not_run(target):
    target.retention()
    job = target.state / "schedule" / "jobs" / "retention.json"
    job.write_text(job.read_text().replace('"keep_last": 2', '"keep_last": 1'))
    code = next(target.root.glob("lib/shop/*.pyz"))
    os.chmod(code, 0o600)
    (code.parent / "0123456789abcdef.pyz").write_bytes(b"older")
    mended = target.retention()
    assert [(action["action"], Path(action["target"]).name) for action in mended["actions"]] == [
        ("write", code.name), ("write", "retention.json"), ("remove", "0123456789abcdef.pyz"),
    ]  # fmt: skip
    assert not target.retention()["changed"]
    job.write_text("{")
    assert target.tick().returncode == 2 and "usage" in target.tick().stderr
