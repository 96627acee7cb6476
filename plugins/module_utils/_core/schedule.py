# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that the target runs by itself: its name, its files, and the texts of them."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from .calendar_times import Calendar
from .errors import BadInput, OperationError
from .stack import Stack

FORMAT = 1
# No '-': the last one in the name of a unit separates the stack from the job.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What the job gets to end by itself after its own time was up, before systemd kills it.
_GRACE_SECONDS = 120


class SchedulerMissing(OperationError):
    """The target has neither systemd nor cron, or not the one that was asked for."""

    reason = "scheduler_missing"


class SchedulerFailed(OperationError):
    """systemd refused something, or does not have the timer that it was given."""

    reason = "scheduler_failed"


class JobInterrupted(OperationError):
    """Somebody stopped a job while it ran."""

    reason = "job_interrupted"


@dataclass(frozen=True)
class Places:
    """Where things lie on the target."""

    lib_dir: str
    unit_dir: str
    cron_dir: str


@dataclass(frozen=True)
class Job:
    """One module with its arguments, and when it runs."""

    stack: Stack
    name: str
    places: Places

    @classmethod
    def named(cls, stack: Stack, name: str, places: Places) -> "Job":
        if not _NAME.fullmatch(name):
            raise BadInput(f"{name!r} is no name of a job: it begins with a letter and has at most 40 of a-z, 0-9 and _.", hint="Rename it.", name=name)
        for path in (places.lib_dir, places.unit_dir, places.cron_dir, stack.state_dir):
            if not path.startswith("/") or not path.isprintable():
                raise BadInput(f"{path!r} is no absolute path.", hint="Correct the option.", path=path)
        return cls(stack, name, places)

    @property
    def unit(self) -> str:
        return f"runbook-{self.stack.name}-{self.name}"

    @property
    def timer(self) -> str:
        return f"{self.unit}.timer"

    @property
    def timer_path(self) -> str:
        return posixpath.join(self.places.unit_dir, self.timer)

    @property
    def service_path(self) -> str:
        return posixpath.join(self.places.unit_dir, f"{self.unit}.service")

    @property
    def cron_path(self) -> str:
        return posixpath.join(self.places.cron_dir, self.unit)

    @property
    def job_path(self) -> str:
        return self.stack.in_state("schedule", "jobs", f"{self.name}.json")

    @property
    def status_path(self) -> str:
        return status_path(self.stack, self.name)

    def code_path(self, fingerprint: str) -> str:
        """Named after its content: a job that runs keeps its own while another one is put in place."""
        return posixpath.join(self.places.lib_dir, self.stack.name, f"{fingerprint}.pyz")


def status_path(stack: Stack, name: str) -> str:
    """How the last run of a job ended."""
    return stack.in_state("schedule", f"{name}.json")


def log_path(stack: Stack, name: str) -> str:
    return stack.in_state("schedule", f"{name}.log")


def job_content(job: Job, module: str, params: Mapping[str, Any], timeout: int, code: str) -> Dict[str, Any]:
    """What the runner reads. It holds no secret."""
    return {"format": FORMAT, "name": job.name, "module": module, "timeout": timeout, "code": code, "params": dict(params)}


def systemd_files(job: Job, calendar: Calendar, argv: Tuple[str, ...], timeout: int) -> Dict[str, str]:
    """The service that does the job once, and the timer that starts it; a run that was missed is made up for."""
    title = f"runbook.compose: job {job.name} of stack {job.stack.name}"
    service = [
        *("[Unit]", f"Description={title}", "Wants=network-online.target", "After=network-online.target docker.service", ""),
        *("[Service]", "Type=oneshot", f"ExecStart={' '.join(_for_systemd(word) for word in argv)}"),
        *(f"TimeoutStartSec={timeout + _GRACE_SECONDS}", f"TimeoutStopSec={_GRACE_SECONDS}", "KillMode=mixed", "UMask=0077", "Nice=10"),
    ]
    timer = [
        *("[Unit]", f"Description={title}, on time", ""),
        *("[Timer]", f"OnCalendar={calendar.on_calendar}", "Persistent=true", "AccuracySec=10s", f"Unit={job.unit}.service", ""),
        *("[Install]", "WantedBy=timers.target"),
    ]
    return {job.service_path: _text(service), job.timer_path: _text(timer)}


def cron_files(job: Job, calendar: Calendar, argv: Tuple[str, ...], user: str) -> Dict[str, str]:
    """One line. What the job says goes into its own log."""
    command = " ".join(shlex.quote(word) for word in argv).replace("%", "\\%")
    head = [f"# runbook.compose: job {job.name} of stack {job.stack.name}", "SHELL=/bin/sh", f"PATH={_PATH}", 'MAILTO=""']
    return {job.cron_path: _text([*head, f"{calendar.text} {user} {command} >/dev/null 2>&1"])}


def _for_systemd(word: str) -> str:
    quoted = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{quoted}"'


def _text(lines: Any) -> str:
    return "\n".join(["# Written by runbook.compose: changes are lost.", *lines]) + "\n"
