# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module, and shows lines of its progress while it works."""

from __future__ import annotations

import copy
import posixpath
import shlex
import threading

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash

from ansible_collections.runbook.compose.plugins.module_utils._core.progress_lines import ProgressTeller

_FIRST_LOOK_SECONDS, _LOOK_SECONDS = 1.0, 3.0
_STATE_DIR = "/var/lib/runbook"  # the default of the modules


class ProgressAction(ActionBase):
    """The module itself does everything; a run without this plugin only shows less."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        wrap_async = self._task.async_val
        ended = threading.Event()
        quiet = wrap_async or self._task.no_log or self._task.check_mode
        watch = None if quiet else threading.Thread(target=self._watch, args=(ended, (task_vars or {}).get("inventory_hostname", "")), daemon=True)
        if watch:
            watch.start()
        try:
            result = merge_hash(result, self._execute_module(task_vars=task_vars, wrap_async=wrap_async))
        finally:
            ended.set()
            if watch:
                watch.join(_LOOK_SECONDS)
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _watch(self, ended, host):
        """Runs in a thread. Whatever goes wrong here ends the lines, and nothing else."""
        display, teller = Display(), ProgressTeller()
        try:
            looker = self._looker()
            seconds = _FIRST_LOOK_SECONDS
            while not ended.wait(seconds):
                seconds = _LOOK_SECONDS
                found = looker._low_level_execute_command(self._command(), sudoable=True)
                if not ended.is_set():
                    for line in teller.lines(found.get("stdout", "")):
                        display.display(f"  [{host}] {line}")
        except Exception as error:
            display.vvv(f"Progress cannot be shown: {type(error).__name__}: {error}", host=host)

    def _looker(self):
        """With a connection of its own, so that it does not disturb the one that the module runs on."""
        connection = copy.copy(self._connection)
        if connection.become:
            connection.set_become_plugin(copy.copy(connection.become))
        return type(self)(self._task, connection, self._play_context, self._loader, self._templar, self._shared_loader_obj)

    def _command(self):
        args = self._task.args
        directory = posixpath.join(str(args.get("state_dir") or _STATE_DIR), str(args.get("stack_name")), "progress")
        return f"cat {shlex.quote(directory)}/*.json"
