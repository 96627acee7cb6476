"""Jobs on a host whose systemd runs them: the timers are its own, and nothing of Ansible is there."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.support.backup_samples import BackupDirectory
from tests.support.remote import HOSTS, Remote
from tests.support.stacks import docker

HOST = HOSTS[0]
STACK, BACKUPS = "shop-schedule", "/var/backups/runbook"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Half a day away, so that it does not come while a test looks at it.
LATER = (datetime.now(timezone.utc) + 12 * HOUR).hour
SETTINGS = {
    "dir": BACKUPS,
    "databases": ["shop"],
    "max_age": 86400,
    "retention": {"keep_last": 2, "max_delete_fraction": 1},
    "schedule": {"verify": f"0 {LATER} * * 1-5", "retention": "* * * * *"},
}


def now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)


class Host:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        about = {"runbook_environment": "staging", "stack_name": STACK, "stack_project_dir": "/opt/shop", "stack_services": {"postgres": "postgres"}}
        self.remote = Remote.of_first(directory, stack_backup=SETTINGS, **about)

    def play(self, **variables: object) -> tuple[int, str]:
        return self.remote.play("backup/schedule", **variables)

    def changed(self, **variables: object) -> int:
        """How many steps of a run that succeeds changed something."""
        code, output = self.play(**variables)
        assert code == 0, output[-4000:]
        return sum(counts["changed"] for counts in self.remote.record()["hosts"].values())

    def run(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run(["docker", "exec", HOST, *words], capture_output=True, text=True, check=False)

    def show(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").stdout.strip()

    def status(self, job: str) -> dict:
        return json.loads(self.run("cat", f"/var/lib/runbook/{STACK}/schedule/{job}.json").stdout or "{}")

    def await_status(self, job: str, seconds: float) -> dict:
        until = time.monotonic() + seconds
        while self.status(job).get("outcome") in (None, "running"):
            assert time.monotonic() < until, self.run("systemctl", "status", f"runbook-{STACK}-{job}.service").stdout
            time.sleep(1)
        return self.status(job)

    def await_log(self, job: str, said: str) -> None:
        """A job says how it went after it wrote it down, and the journal takes its time."""
        until = time.monotonic() + 60
        while said not in (log := self.run("journalctl", "--no-pager", "-u", f"runbook-{STACK}-{job}.service").stdout):
            assert time.monotonic() < until, log
            time.sleep(0.2)

    def published(self) -> list[str]:
        return [name for name in self.run("ls", f"{BACKUPS}/{STACK}/postgres/shop").stdout.split() if name.startswith("2")]


@pytest.fixture(scope="module")
def host(tmp_path_factory, hosts):
    made = Host(tmp_path_factory.mktemp("schedule"))
    backups = BackupDirectory(made.directory / "backups", stack=STACK)
    for age in range(5):
        backups.publish(now() - HOUR - age * DAY)
    docker("exec", HOST, "mkdir", "-p", BACKUPS)
    docker("cp", f"{made.directory}/backups/.", f"{HOST}:{BACKUPS}")
    return made


def test_systemd_runs_the_jobs_and_says_how_they_went(host):
    assert host.run("python3", "-c", "import ansible").returncode != 0
    assert host.changed() == 1
    units = [f"/etc/systemd/system/runbook-{STACK}-{job}.{kind}" for job in ("verify", "retention") for kind in ("service", "timer")]
    checked = host.run("systemd-analyze", "verify", *units)
    assert (checked.returncode, [line for line in checked.stderr.splitlines() if "runbook-" in line]) == (0, [])
    timer = f"runbook-{STACK}-verify.timer"
    assert [host.show(timer, name) for name in ("LoadState", "UnitFileState", "ActiveState")] == ["loaded", "enabled", "active"]
    code, output = host.play()
    due = datetime.strptime(host.show(timer, "NextElapseUSecRealtime"), "%a %Y-%m-%d %H:%M:%S %Z")
    assert code == 0 and due > now() and (due.hour, due.minute, due.isoweekday() < 6) == (LATER, 0, True)
    assert f"verify: next {due:%Y-%m-%dT%H:%M:%SZ} by systemd" in output and "backup: not scheduled" in output

    # The minute of the other timer comes by itself.
    status = host.await_status("retention", 240)
    assert (status["outcome"], len(host.published())) == ("succeeded", 2), status
    host.await_log("retention", "retention succeeded")
    assert host.changed() == 0

    started = host.run("systemctl", "start", f"runbook-{STACK}-verify.service")
    assert (started.returncode, host.status("verify")["outcome"]) == (0, "succeeded")
    newest = host.published()[-1]
    assert host.run("rm", f"{BACKUPS}/{STACK}/postgres/shop/{newest}/db.dump.zst").returncode == 0
    assert host.run("systemctl", "start", f"runbook-{STACK}-verify.service").returncode != 0
    assert host.show(f"runbook-{STACK}-verify.service", "Result") == "exit-code"
    assert (host.status("verify")["reason"], host.status("verify")["failures_in_a_row"]) == ("backup_stale", 1)


def test_a_timer_that_somebody_turned_off_is_turned_on_again_and_all_of_it_goes(host):
    timer = f"runbook-{STACK}-verify.timer"
    host.changed()
    assert host.run("systemctl", "disable", "--now", timer).returncode == 0
    assert host.changed() == 1
    assert host.show(timer, "ActiveState") == "active"
    assert host.changed(state="absent") == 1
    assert host.run("systemctl", "list-timers", "--all", "--no-legend", f"runbook-{STACK}-*").stdout == ""
    assert host.run("find", "/etc/systemd/system", "-name", f"*runbook-{STACK}-*").stdout == ""
    assert host.run("find", f"/usr/local/lib/runbook/{STACK}", "-name", "*.pyz").stdout == ""
    assert host.show(timer, "LoadState") == "not-found"
    assert host.status("verify")["reason"] == "backup_stale"
    assert host.changed(state="absent") == 0
