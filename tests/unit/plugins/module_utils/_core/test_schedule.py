"""The files of a job: what systemd and cron read, whatever the paths are called."""

from __future__ import annotations

import shlex

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.calendar_times import Calendar
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.schedule import Job, Places, cron_files, systemd_files
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack

STACK = Stack("shop-production", "/srv/shop")
PLACES = Places("/usr/local/lib/runbook", "/etc/systemd/system", "/etc/cron.d")
NIGHTLY = Calendar.parse("15 2 * * *")
HOSTILE = ("/usr/bin/python3", "/var/lib/a b/100%/$HOME/it's/\"quoted\"\\.json")


def test_a_service_and_a_timer():
    files = systemd_files(Job.named(STACK, "backup", PLACES), NIGHTLY, ("/usr/bin/python3", "-E", "/x.pyz"), 3600)
    service, timer = (files[f"/etc/systemd/system/runbook-shop-production-backup.{kind}"].splitlines() for kind in ("service", "timer"))
    assert 'ExecStart="/usr/bin/python3" "-E" "/x.pyz"' in service and "TimeoutStartSec=3720" in service and "Type=oneshot" in service
    assert {"OnCalendar=*-*-* 02:15:00", "Persistent=true", "Unit=runbook-shop-production-backup.service", "WantedBy=timers.target"} <= set(timer)


def test_nothing_in_a_path_is_read_as_something_else():
    job = Job.named(STACK, "backup", PLACES)
    service = systemd_files(job, NIGHTLY, HOSTILE, 60)[job.service_path]
    line = next(line for line in service.splitlines() if line.startswith("ExecStart="))
    assert line == 'ExecStart="/usr/bin/python3" "/var/lib/a b/100%%/$$HOME/it\'s/\\"quoted\\"\\\\.json"'
    line = cron_files(job, NIGHTLY, HOSTILE, "root")[job.cron_path].splitlines()[-1]
    command = line.replace("\\%", "%")  # cron takes the backslash away before the shell sees it
    assert shlex.split(command)[5:8] == ["root", *HOSTILE]
    assert line.count("%") == line.count("\\%") == 1


def test_no_two_jobs_share_a_file():
    pairs = [("a", "b"), ("a-b", "c"), ("a_b", "c"), ("a", "b_c")]
    units = [Job.named(Stack(stack, "/srv"), name, PLACES).unit for stack, name in pairs]
    assert len(set(units)) == len(pairs)
    with pytest.raises(BadInput):
        Job.named(Stack("a", "/srv"), "b-c", PLACES)


@pytest.mark.parametrize("name", ["", "../x", "a b", "a.b", "A", "1a", "x" * 41, "a\n"])
def test_a_name_that_could_be_more_than_a_name_is_refused(name):
    with pytest.raises(BadInput):
        Job.named(STACK, name, PLACES)


@pytest.mark.parametrize("path", ["relative", "/with\nline"])
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(BadInput):
        Job.named(STACK, "backup", Places(path, "/etc", "/etc"))
