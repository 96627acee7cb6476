#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: scheduled_job
short_description: Let the target run a module of this collection by itself, at given times
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Installs one job on the target as a timer of systemd, or as a file in C(/etc/cron.d) where systemd does not run. The job needs neither Ansible on the
    target nor the controller.
  - The code that the job runs is a file that this module makes of its own sources. It runs with the Python interpreter of this task, so the libraries that
    the module needs are there.
  - The arguments are checked now, exactly as the module would check them, and written to C(<state_dir>/<stack_name>/schedule/jobs/), readable by their
    owner only. An option that holds a secret is refused; the job reads passwords from the environment of the service's container.
  - Each run writes how it ended to C(<state_dir>/<stack_name>/schedule/<name>.json), adds to C(<name>.log) beside it and to the journal of the stack,
    and fails the unit when it failed. A run that takes longer than O(timeout) is ended. Two runs of a job never overlap.
  - Times are those of the host's own time zone. A run that was missed because the host was down is made up for by systemd, and not by cron.
  - Jobs do not take the operation lease. Those that change backups lock them.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  state:
    description:
      - V(present) installs the job, or changes it.
      - V(absent) removes it. A run that is under way ends by itself; the status and the log of former runs stay.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the job. Begins with a letter and has at most 40 of C(a-z), C(0-9) and C(_).
    type: str
    required: true
  module:
    description: The module of this collection that the job runs. Required with O(state=present).
    type: str
    choices:
      - backup_copy
      - backup_files
      - backup_info
      - backup_retention
      - edge_traffic
      - host_info
      - maintenance_window
      - postgres_backup
      - postgres_maintenance
      - postgres_pitr
      - redis_backup
      - service_rollout
  options:
    description: Options of O(module), without those that describe the stack; these are taken from this task.
    type: dict
    default: {}
  calendar:
    description:
      - When the job runs, the five fields of cron (minute, hour, day of month, month, day of week) with numbers, C(*), lists, ranges and steps.
        Required with O(state=present).
      - Day of month and day of week cannot both be restricted, because cron and systemd disagree about what that means.
    type: str
  timeout:
    description: Seconds after which a run is ended, at most a week.
    type: int
    default: 21600
  scheduler:
    description:
      - V(auto) takes systemd where it runs, else cron where it is installed. The files of the other one are removed.
      - With V(cron) the directory O(cron_dir) is enough; whether a daemon reads it is not looked at.
    type: str
    choices: [auto, systemd, cron]
    default: auto
  lib_dir:
    description: Directory below which the code is put, in a directory for each stack.
    type: path
    default: /usr/local/lib/runbook
  unit_dir:
    description: Directory that systemd reads units from.
    type: path
    default: /etc/systemd/system
  cron_dir:
    description: Directory that cron reads files from.
    type: path
    default: /etc/cron.d
seealso:
  - module: runbook.compose.backup_info
  - module: runbook.compose.backup_retention
  - module: runbook.compose.maintenance_window
  - module: runbook.compose.postgres_backup
  - module: runbook.compose.postgres_maintenance
  - module: runbook.compose.postgres_pitr
notes:
  - Reasons of failures are V(bad_input), V(scheduler_missing), V(scheduler_failed), V(state_unwritable), V(lease_lost).
  - Install jobs again after an update of this collection, so that they run its code.
"""

EXAMPLES = r"""
- name: Back up every night at a quarter past two, restored and compared
  runbook.compose.scheduled_job:
    stack_name: shop
    project_dir: /srv/shop
    name: backup
    module: postgres_backup
    calendar: 15 2 * * *
    options:
      backup_dir: /var/backups/runbook
      purpose: scheduled
      verify: restore

- name: Keep what the policy keeps, every morning
  runbook.compose.scheduled_job:
    stack_name: shop
    project_dir: /srv/shop
    name: retention
    module: backup_retention
    calendar: 45 5 * * *
    options:
      backup_dir: /var/backups/runbook
      keep_last: 3
      daily: 7
      weekly: 4
  register: retention

- name: Tell when it runs next, and how it went
  ansible.builtin.debug:
    msg: "next {{ retention.next_run_at }}, last {{ (retention.last_run or {}).outcome | default('never') }}"
"""

RETURN = r"""
job:
  description: Name of the job.
  returned: success
  type: str
  sample: backup
scheduler:
  description: "V(systemd) or V(cron). Empty with O(state=absent)."
  returned: success
  type: str
  sample: systemd
unit:
  description: The timer. Empty with cron, and with O(state=absent).
  returned: success
  type: str
  sample: runbook-shop-backup.timer
next_run_at:
  description: UTC time of the next run; null with O(state=absent).
  returned: success
  type: str
  sample: "2026-11-22T02:15:00Z"
command:
  description: What the scheduler starts. Empty with O(state=absent).
  returned: success
  type: list
  elements: str
  sample: [/usr/bin/python3, -E, -B, /usr/local/lib/runbook/shop/4344c01a9417e2ae.pyz, /var/lib/runbook/shop/schedule/jobs/backup.json]
status_file:
  description: File on the target that tells how the last run ended.
  returned: success
  type: str
  sample: /var/lib/runbook/shop/schedule/backup.json
log_file:
  description: File on the target with what the runs said. Above 1 MiB it is renamed to C(.log.1).
  returned: success
  type: str
  sample: /var/lib/runbook/shop/schedule/backup.log
last_run:
  description: How the last run ended; null when there was none yet.
  returned: success
  type: dict
  contains:
    outcome:
      description: "V(succeeded), V(failed), V(running), or V(died) for one that was killed."
      type: str
      sample: succeeded
    module: {description: What it ran., type: str, sample: postgres_backup}
    started_at: {description: UTC time., type: str, sample: "2026-11-21T02:15:00Z"}
    finished_at: {description: UTC time; absent while it runs., type: str, sample: "2026-11-21T02:15:14Z"}
    seconds: {description: How long it took; absent while it runs., type: float, sample: 14.2}
    exit_code: {description: "V(0) success, V(1) failure, V(2) a fault of the program; absent while it runs.", type: int, sample: 0}
    reason: {description: Reason of the failure; empty on success., type: str, sample: ""}
    msg: {description: What happened; empty on success., type: str, sample: ""}
    warnings: {description: What it warned about., type: list, elements: str, sample: []}
    result: {description: The short parts of the module's result., type: dict, sample: {changed: true}}
    last_success_at: {description: UTC time of the last success; null without one., type: str, sample: "2026-11-21T02:15:14Z"}
    failures_in_a_row: {description: How many runs did not succeed since., type: int, sample: 0}
actions:
  description: "What was or would be done: V(write), V(remove), V(turn_on) or V(turn_off)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: write}
    target: {description: The file or the timer., type: str, sample: /etc/systemd/system/runbook-shop-backup.timer}
    detail: {description: Always empty., type: str, sample: ""}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.scheduled_job import ScheduledJob
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module
from ansible_collections.runbook.compose.plugins.module_utils._ansible.scheduled_job_arguments import scheduled_job_arguments, with_job_params


def main() -> None:
    run_module(
        arguments=scheduled_job_arguments(),
        prepare=lambda params, host: ScheduledJob.from_params(with_job_params(params, host), host),
    )


if __name__ == "__main__":
    main()
