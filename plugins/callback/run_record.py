# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: run_record
type: aggregate
short_description: Write a record of each run, and show it as a table
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Writes one JSON file for each playbook that runs. It tells who ran what, where and when, every step with host, result, duration and reason,
    the probes with their verdicts, the releases that were touched, the custom statistics, and for a failed run the first failure that nothing
    rescued together with its cause.
  - The file is named C(<UTC time>-<playbook>-<first 8 digits of the run's id>.json). It is readable only by its owner, and always whole.
  - It is first written when the playbook starts, with C(result) V(running) and the process id, and again while tasks start, so that a run
    that was killed leaves a record of how far it came. The last version has C(result) V(succeeded), V(failed), V(unreachable) or V(interrupted)
    (the run was stopped from the keyboard, or by an error outside of any task).
  - Secrets are masked by name and by value. Secret values are those that stand below a secret-looking name in extra variables, variables of the
    play, its roles, tasks and hosts, in facts that tasks set, and in the environment of the controller; answers to private prompts; and values that
    are encrypted one by one with vault. A result with C(no_log) is recorded without its content. A secret below a harmless name, one that a template
    puts together, and one that a lookup finds (other than in an environment variable with a secret-looking name) are not recognised when a task
    prints them without C(no_log).
  - In AWX, jobs are recognised by the extra variables that it adds; GitHub, GitLab, Jenkins, Buildkite and CircleCI by their environment.
  - A fault of this plugin, such as a directory that cannot be written, ends in one warning and never in a failed run.
options:
  directory:
    description:
      - Directory for the records. It is made, readable only by its owner, when it does not exist.
      - A relative path counts from the current directory.
    type: str
    default: .local/runs
    ini:
      - section: run_record
        key: directory
    env:
      - name: RUNBOOK_RECORD_DIRECTORY
  summary:
    description: V(table) shows the run at its end as aligned text of at most 100 columns, V(none) shows nothing.
    type: str
    choices: [table, none]
    default: table
    ini:
      - section: run_record
        key: summary
    env:
      - name: RUNBOOK_RECORD_SUMMARY
  variables:
    description:
      - Extra variables whose values are recorded. Of all others only the name is.
      - The value of a variable with a secret-looking name is not recorded even when it is on this list.
    type: list
    elements: str
    default: [target_hosts, release_version, deploy_version, rollback_to, kind, services, reason, confirm]
    ini:
      - section: run_record
        key: variables
    env:
      - name: RUNBOOK_RECORD_VARIABLES
requirements:
  - enable in configuration (C(callbacks_enabled = runbook.compose.run_record))
"""

import atexit
import functools
import getpass
import os
import socket
import time
import uuid

from ansible import context
from ansible.parsing.vault import VaultHelper
from ansible.plugins.callback import CallbackBase

from ansible_collections.runbook.compose.plugins.module_utils._adapters.clock import utc_now
from ansible_collections.runbook.compose.plugins.module_utils._adapters.record_file import RecordFile
from ansible_collections.runbook.compose.plugins.module_utils._ansible import run_facts
from ansible_collections.runbook.compose.plugins.module_utils._core import run_outcome
from ansible_collections.runbook.compose.plugins.module_utils._core.redaction import Redactor
from ansible_collections.runbook.compose.plugins.module_utils._core.run_identity import shown_variables, who_runs
from ansible_collections.runbook.compose.plugins.module_utils._core.run_record import INTERRUPTED, RUNNING, RunLog
from ansible_collections.runbook.compose.plugins.module_utils._core.run_secrets import secrets_of_variables
from ansible_collections.runbook.compose.plugins.module_utils._core.run_summary import run_summary

# What all refreshes together may cost: half a second, and 5 % of a run that takes longer. Only a run with
# thousands of steps reaches it, and then tells less often how far it came.
_REFRESH_SECONDS = 0.5
_REFRESH_SHARE = 0.05


def _never_breaks_a_run(method):
    """A fault in here ends the recording with a warning."""

    @functools.wraps(method)
    def guarded(self, *args, **kwargs):
        if self.disabled:
            return
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self.disabled = True
            self._display.warning(self._redactor.text(f"There is no complete record of this run: {type(error).__name__}: {error}"))

    return guarded


class CallbackModule(CallbackBase):
    """Hands the events of a run to RunLog, and what it tells to a file and to the display."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "runbook.compose.run_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._process = os.getpid()
        self._log = None
        self._redactor = Redactor.of_environment(os.environ)
        self._private = set()
        atexit.register(self._end_early)

    @_never_breaks_a_run
    def v2_playbook_on_start(self, playbook):
        run_id = uuid.uuid4().hex
        self._log = RunLog(utc_now())
        self._zero = time.monotonic()
        self._seen = set()
        self._refreshing = 0.0
        manager = playbook.get_plays()[0].get_variable_manager()
        extra_vars = dict(manager.extra_vars)
        self._learn(extra_vars)
        self._facts = self._facts_of_run(run_id, playbook._file_name, extra_vars)
        stem = os.path.splitext(os.path.basename(playbook._file_name))[0]
        name = f"{self._log.started:%Y%m%dT%H%M%SZ}-{stem}-{run_id[:8]}.json"
        self._file = RecordFile(os.path.abspath(os.path.expanduser(self.get_option("directory"))), name)
        self._file.write(self._record(RUNNING))

    @_never_breaks_a_run
    def set_play_context(self, play_context):
        # Passwords that were asked for when the run began.
        self._learn({"password": [play_context.password, play_context.become_pass]})

    @_never_breaks_a_run
    def v2_playbook_on_vars_prompt(self, varname, private=True, **kwargs):
        if private:
            self._private.add(varname)

    @_never_breaks_a_run
    def v2_playbook_on_play_start(self, play):
        hosts = run_facts.play_hosts(play)
        manager = play.get_variable_manager()
        self._learn(manager.get_vars(play=play, include_hostvars=False))
        inventory = manager._inventory
        variables = [
            manager.get_vars(play=play, host=inventory.get_host(host), include_hostvars=False) for host in hosts
        ]
        for found in variables:
            self._learn(found)
        for fact, variable in (("environment", "runbook_environment"), ("stack", "stack_name")):
            self._facts[fact] = self._facts[fact] or run_facts.first_of(variable, variables)
        self._log.play_started(play.get_name(), hosts, self._now())
        self._refresh()

    @_never_breaks_a_run
    def v2_playbook_on_task_start(self, task, is_conditional):
        self._learn_from_task(task)

    @_never_breaks_a_run
    def v2_playbook_on_handler_task_start(self, task):
        self._learn_from_task(task)

    @_never_breaks_a_run
    def v2_runner_on_start(self, host, task):
        self._log.step_started((host.get_name(), task._uuid), run_facts.step_name(task), self._now())
        self._refresh()

    @_never_breaks_a_run
    def v2_runner_on_ok(self, result):
        self._learn(result.result.get("ansible_facts") or {})
        self._end_step(result, run_outcome.CHANGED if result.is_changed() else run_outcome.OK)

    @_never_breaks_a_run
    def v2_runner_on_skipped(self, result):
        self._end_step(result, run_outcome.SKIPPED)

    @_never_breaks_a_run
    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._end_step(result, run_outcome.IGNORED if ignore_errors else run_outcome.FAILED)

    @_never_breaks_a_run
    def v2_runner_on_unreachable(self, result):
        ignored = bool(result.task.ignore_unreachable)
        self._end_step(result, run_outcome.IGNORED if ignored else run_outcome.UNREACHABLE)

    @_never_breaks_a_run
    def v2_playbook_on_stats(self, stats):
        self._facts["custom_stats"] = dict(stats.custom)
        self._finish(self._log.result())

    @_never_breaks_a_run
    def _end_early(self):
        """At the end of the process: a run without statistics did not come to its own end."""
        if self._log and os.getpid() == self._process:
            self._finish(INTERRUPTED)

    def _finish(self, result):
        record = self._record(result)
        self._log = None
        self._file.write(record)
        if self.get_option("summary") == "table":
            shortest = min(self._file.path, os.path.relpath(self._file.path), key=len)
            self._display.display("\n" + "\n".join(run_summary(record, shortest)))

    def _end_step(self, result, status):
        task, host = result.task, result.host.get_name()
        key = (host, task._uuid)
        if run_facts.is_include(task) and status in (run_outcome.OK, run_outcome.SKIPPED):
            self._log.step_dropped(key)
            return
        step = run_facts.step_of(task, host)
        if status == run_outcome.FAILED and step.rescued_by:
            status = run_outcome.RESCUED
        self._log.step_ended(key, step, run_outcome.read_outcome(status, step.action, result.result), self._now())

    def _facts_of_run(self, run_id, playbook, extra_vars):
        asked = context.CLIARGS
        return {
            "id": run_id,
            "pid": self._process,
            "who": who_runs(os.environ, extra_vars, getpass.getuser(), socket.gethostname()),
            "playbook": os.path.relpath(playbook),
            "environment": "",
            "stack": "",
            "inventory": [os.path.relpath(source) if os.path.exists(source) else source for source in asked.get("inventory") or ()],
            "limit": asked.get("subset") or "",
            "tags": [tag for tag in asked.get("tags") or () if tag != "all"],
            "skip_tags": list(asked.get("skip_tags") or ()),
            "check_mode": bool(asked.get("check")),
            "extra_vars": shown_variables(extra_vars, self.get_option("variables")),
            "custom_stats": {},
        }

    def _now(self):
        return time.monotonic() - self._zero

    def _record(self, result):
        return self._log.record(self._facts, result, self._now(), self._redactor)

    def _refresh(self):
        began = self._now()
        if self._refreshing < _REFRESH_SECONDS + _REFRESH_SHARE * began:
            self._file.refresh(self._record(RUNNING))
            self._refreshing += self._now() - began

    def _learn(self, variables):
        self._redactor = self._redactor.merged_with(secrets_of_variables(variables, self._private, _is_vaulted))

    def _learn_from_task(self, task):
        """The variables that a task, its blocks and its role bring along. Each is looked at once."""
        role = getattr(task, "_role", None)
        if task._uuid not in self._seen:
            self._seen.add(task._uuid)
            self._learn(task.get_vars())
        if role is not None and role._uuid not in self._seen:
            self._seen.add(role._uuid)
            self._learn({**role.get_default_vars(), **role.get_vars()})


def _is_vaulted(value):
    """Whether a value came encrypted. One that cannot be decrypted is of no use to the run either."""
    try:
        return VaultHelper.get_ciphertext(value, with_tags=False) is not None and bool(str(value))
    except Exception:
        return False
