# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one job without Ansible: what systemd or cron starts on the target. Called with the path of the job's file."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
import traceback
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence

from .._core.errors import OperationError, TimedOut
from .._core.redaction import Redactor
from .._core.schedule import FORMAT, JobInterrupted, log_path, status_path
from .._core.stack import Stack
from .clock import utc_now
from .files import append_line, make_private_directory, read_text, write_json
from .journal import journal
from .operations.schedulable import OPERATIONS

# This module by its name below module_utils. Who installs jobs imports it from here, so that Ansible sends this module along.
RUNNER = "_adapters.scheduled_run"
_SUCCEEDED, _FAILED, _CRASHED, _STILL_RUNNING = 0, 1, 2, 75
_LARGEST_LOG = 1 << 20


class JobHost:
    """The surroundings of an operation that runs as a job."""

    check_mode = False

    def __init__(self) -> None:
        self.warnings: List[str] = []
        self.secrets: List[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None:
        self.secrets += secrets

    def show_as(self, option: str, value: Any) -> None:
        """Nothing of the options is shown."""


class JobRun:
    """One run: its status is on disk from its beginning on, so that one that was killed can be told from one that went well."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._job = job
        self._stack = Stack.from_params(job["params"])
        self._status_path = status_path(self._stack, job["name"])
        self._host = JobHost()

    def run(self) -> int:
        before = _status(self._status_path)
        began, clock = utc_now(), time.monotonic()
        record = {"job": self._job["name"], "module": self._job["module"], "process": os.getpid(), "started_at": _iso(began)}
        kept = {"last_success_at": before.get("last_success_at"), "failures_in_a_row": before.get("failures_in_a_row", 0)}
        write_json(self._status_path, {**record, **kept, "outcome": "running"})
        ended = self._outcome()
        ended.update(finished_at=_iso(utc_now()), seconds=round(time.monotonic() - clock, 3), warnings=self._host.warnings)
        if ended["exit_code"] == _SUCCEEDED:
            kept = {"last_success_at": ended["finished_at"], "failures_in_a_row": 0}
        else:
            kept["failures_in_a_row"] += 1
        record = Redactor(self._host.secrets).data({**record, **kept, **ended})
        write_json(self._status_path, record)
        self._tell(record)
        return int(ended["exit_code"])

    def _outcome(self) -> Dict[str, Any]:
        try:
            with _bounded(self._job["timeout"], self._job["name"]):
                operation = OPERATIONS[self._job["module"]].from_params(dict(self._job["params"]), self._host)
                plan = operation.plan()
                result = {**plan.to_result(), **operation.apply(plan)}
            return {"outcome": "succeeded", "exit_code": _SUCCEEDED, "reason": "", "msg": "", "changed": plan.changed, "result": _short(result)}
        except OperationError as error:
            told = error.to_result()
            return {"outcome": "failed", "exit_code": _FAILED, "reason": told["reason"], "msg": told["msg"], "result": _short(told["details"])}
        except Exception as error:  # whatever it is: a job that ends without a word would look as if it had never been due
            where = traceback.extract_tb(error.__traceback__)[-1]
            told = f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}, line {where.lineno})"
            return {"outcome": "failed", "exit_code": _CRASHED, "reason": OperationError.reason, "msg": told, "result": {}}

    def _tell(self, record: Mapping[str, Any]) -> None:
        """To the log of the job, to the journal of the stack, and to whoever reads the output."""
        said = f"{record['job']} {record['outcome']} after {record['seconds']} s"
        lines = [f"{said} ({record['reason']}): {record['msg']}" if record["reason"] else said, *record["warnings"]]
        lines += str(record["result"].get("table", "")).splitlines()
        path = log_path(self._stack, self._job["name"])
        if os.path.exists(path) and os.path.getsize(path) > _LARGEST_LOG:
            os.replace(path, f"{path}.1")
        append_line(path, "\n".join(f"{record['finished_at']} {line}" for line in lines))
        facts = {name: record[name] for name in ("job", "module", "outcome", "reason", "seconds")}
        journal(self._stack, utc_now(), "scheduled_job_ended", **facts)
        sys.stdout.write("\n".join(lines) + "\n")


def main(argv: Sequence[str]) -> int:
    job = _load(argv[1]) if len(argv) == 2 else None
    if job is None:
        sys.stderr.write(f"usage: {argv[0]} JOB.json, a file as scheduled_job writes it\n")
        return _CRASHED
    with _alone(status_path(Stack.from_params(job["params"]), job["name"])) as alone:
        if not alone:
            sys.stderr.write(f"{job['name']} still runs: this time is left out\n")
            return _STILL_RUNNING
        return JobRun(job).run()


def _load(path: str) -> Optional[Dict[str, Any]]:
    try:
        job = json.loads(read_text(path) or "")
        return job if job["format"] == FORMAT and job["module"] in OPERATIONS else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextlib.contextmanager
def _alone(path: str) -> Iterator[bool]:
    make_private_directory(os.path.dirname(path))
    with open(f"{path}.lock", "a", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextlib.contextmanager
def _bounded(seconds: int, name: str) -> Iterator[None]:
    """Its time is up, or somebody stops it: both end the job in order, so that it cleans up and says so."""

    def end(number: int, frame: object) -> None:
        signal.alarm(0)
        if number == signal.SIGALRM:
            raise TimedOut(f"Job {name} did not end within {seconds} s and was stopped.", hint="Look at the load of the host, or give it more time.")
        raise JobInterrupted(f"Job {name} was stopped from outside.", hint="Look who did that, and run it again.")

    before = {number: signal.signal(number, end) for number in (signal.SIGALRM, signal.SIGTERM)}
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _status(path: str) -> Dict[str, Any]:
    """How the run before ended. One that says 'running' was killed: this one has the lock."""
    try:
        before = json.loads(read_text(path) or "{}")
    except (OSError, ValueError):
        return {}
    if before.get("outcome") == "running":
        before["failures_in_a_row"] = before.get("failures_in_a_row", 0) + 1
    return before


def _short(result: Mapping[str, Any]) -> Dict[str, Any]:
    """Words and numbers, the table, and what was done. Long lists can be asked for again."""
    return {name: value for name, value in result.items() if isinstance(value, (str, int, float)) or name in ("actions", "problems", "failed_databases")}


def _iso(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
