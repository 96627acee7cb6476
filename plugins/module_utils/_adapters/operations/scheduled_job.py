# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the target run a module by itself, at given times: its files, and a timer of systemd or a line of cron."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, Optional, Protocol, Tuple

from ..._core.calendar_times import Calendar
from ..._core.errors import BadInput, StateUnwritable
from ..._core.plan import Plan, Step
from ..._core.schedule import Job, Places, cron_files, job_content, log_path, systemd_files
from ..._core.stack import Stack
from ..clock import utc_now
from ..code_archive import CodeArchive, pack
from ..journal import journal
from ..schedule_files import Files, archives_without_a_job, last_run
from ..scheduled_run import RUNNER
from ..scheduler import SYSTEMD, choose_scheduler, reload_units, timer_is_on, turn_off, turn_on
from .schedulable import OPERATIONS

_LONGEST_TIMEOUT = 7 * 86400


class Host(Protocol):
    def warn(self, message: str) -> None: ...


@dataclass(frozen=True)
class Wanted:
    """The job as it is to be. ``params`` are all arguments of the module, with their defaults."""

    module: str
    params: Mapping[str, Any]
    calendar: Calendar
    timeout: int


class ScheduledJob:
    """``wanted`` is None where the job is not to be."""

    def __init__(self, job: Job, wanted: Optional[Wanted], asked: str) -> None:
        self._job = job
        self._wanted = wanted
        self._asked = asked

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "ScheduledJob":
        """``params["job_params"]`` are the validated arguments of the module that is to run."""
        stack = Stack.from_params(params)
        job = Job.named(stack, params["name"], Places(params["lib_dir"], params["unit_dir"], params["cron_dir"]))
        if params["state"] == "absent":
            return cls(job, None, params["scheduler"])
        if not params["module"] or not params["calendar"]:
            raise BadInput("state=present needs module and calendar.", hint="'15 2 * * *' is a quarter past two every night.")
        if not 1 <= params["timeout"] <= _LONGEST_TIMEOUT:
            raise BadInput(f"timeout must be between 1 and {_LONGEST_TIMEOUT} seconds, not {params['timeout']}.", hint="Correct it.", timeout=params["timeout"])
        # What the module would refuse at night is refused now.
        OPERATIONS[params["module"]].from_params(dict(params["job_params"]), host)
        wanted = Wanted(params["module"], params["job_params"], Calendar.parse(params["calendar"]), params["timeout"])
        return cls(job, wanted, params["scheduler"])

    def plan(self) -> Plan:
        with self._naming_the_files():
            self._scheduler = choose_scheduler(self._asked, self._job.places.cron_dir) if self._wanted else ""
            self._archive = pack(RUNNER) if self._wanted else None
            self._files = self._wanted_files()
            steps = [Step(action, path) for action, path in self._files.steps()]
            timer = self._timer_step(steps)
            everything = tuple([*([timer] if timer and timer.action == "turn_off" else []), *steps, *([timer] if timer and timer.action == "turn_on" else [])])
            return Plan(self._files.before(), self._files.after(), everything, self._facts())

    def apply(self, plan: Plan) -> Dict[str, Any]:
        timers = {step.action for step in plan.steps if step.target == self._job.timer}
        with self._naming_the_files():
            if "turn_off" in timers:
                turn_off(self._job.timer)
            changed = self._files.apply()
            if any(path in (self._job.service_path, self._job.timer_path) for path in changed) and os.path.isdir("/run/systemd/system"):
                reload_units()
            if "turn_on" in timers:
                turn_on(self._job.timer)
            if plan.changed:
                event = "job_scheduled" if self._wanted else "job_unscheduled"
                journal(self._job.stack, utc_now(), event, job=self._job.name, scheduler=self._scheduler)
        return {}

    def _wanted_files(self) -> Files:
        job, files = self._job, Files()
        possible = (job.job_path, job.service_path, job.timer_path, job.cron_path)
        texts = self._texts(self._wanted, self._archive) if self._wanted and self._archive else {}
        if self._archive:
            files.want(job.code_path(self._archive.fingerprint), self._archive.content, 0o644, shown=f"code {self._archive.fingerprint}")
        for path in possible:
            if path in texts:
                files.want(path, texts[path].encode(), 0o600 if path == job.job_path else 0o644)
            else:
                files.refuse(path)
        for path in archives_without_a_job(job, self._archive.fingerprint if self._archive else ""):
            files.refuse(path, shown="code")
        return files

    def _texts(self, wanted: Wanted, archive: CodeArchive) -> Dict[str, str]:
        job, code = self._job, self._job.code_path(archive.fingerprint)
        content = json.dumps(job_content(job, wanted.module, wanted.params, wanted.timeout, code), indent=1, sort_keys=True) + "\n"
        argv = self._command()
        if self._scheduler == SYSTEMD:
            return {job.job_path: content, **systemd_files(job, wanted.calendar, argv, wanted.timeout)}
        user = pwd.getpwuid(os.geteuid()).pw_name
        return {job.job_path: content, **cron_files(job, wanted.calendar, argv, user)}

    def _command(self) -> Tuple[str, ...]:
        """With the interpreter that runs this module: it has the libraries."""
        return (sys.executable, "-E", "-B", self._job.code_path(self._archive.fingerprint if self._archive else ""), self._job.job_path)

    def _timer_step(self, steps: List[Step]) -> Optional[Step]:
        job, touched = self._job, {step.target for step in steps}
        if self._scheduler == SYSTEMD:
            is_right = not touched & {job.timer_path, job.service_path} and timer_is_on(job.timer)
            return None if is_right else Step("turn_on", job.timer)
        gone = job.timer_path in touched and os.path.isdir("/run/systemd/system")
        return Step("turn_off", job.timer) if gone else None

    def _facts(self) -> Dict[str, Any]:
        job, wanted = self._job, self._wanted
        following = wanted.calendar.next_after(datetime.now()) if wanted else None
        return {
            "job": job.name,
            "scheduler": self._scheduler,
            "unit": job.timer if self._scheduler == SYSTEMD else "",
            "next_run_at": following.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if following else None,
            "command": list(self._command()) if wanted else [],
            "status_file": job.status_path,
            "log_file": log_path(job.stack, job.name),
            "last_run": last_run(job),
        }

    @contextlib.contextmanager
    def _naming_the_files(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StateUnwritable(
                f"A file of job {self._job.name} cannot be read or written: {error.strerror} ({error.filename}).",
                hint="A schedule is put in place by root: check that the task runs as the right user (become).",
                path=str(error.filename),
            ) from error
