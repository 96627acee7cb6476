# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests only: writes down each task that begins, and kills the run (SIGKILL) at the one of a given number."""

from __future__ import annotations

DOCUMENTATION = r"""
name: kill_at_task
type: notification
short_description: Kill the run at a task, for tests
description:
  - Writes action and name of every task that begins to E(KILL_TASKS_FILE), and ends the run with SIGKILL at the task of number E(KILL_AT_TASK), or at
    the first whose name ends with E(KILL_AT_NAME).
  - When that task is a module of this collection, the run goes on for 200 ms first, so that the module is in the middle of its work.
"""

import os
import signal
import threading

from ansible.plugins.callback import CallbackBase

_INTO_THE_MODULE_SECONDS = 0.2


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kill_at_task"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._count = 0
        self._target = int(os.environ.get("KILL_AT_TASK", "0"))
        self._name = os.environ.get("KILL_AT_NAME", "")

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._count += 1
        with open(os.environ["KILL_TASKS_FILE"], "a", encoding="utf-8") as handle:
            handle.write(f"{task.action}\t{task.get_name()}\n")
        if self._count != self._target and not (self._name and task.get_name().endswith(self._name)):
            return
        self._name = ""
        if task.action.startswith("runbook.compose."):
            threading.Timer(_INTO_THE_MODULE_SECONDS, os.kill, (os.getpid(), signal.SIGKILL)).start()
        else:
            os.kill(os.getpid(), signal.SIGKILL)
