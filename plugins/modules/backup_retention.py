#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_retention
short_description: Remove the backups that nobody needs any more, and never the last good one
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Applies a policy to the published backups of a stack, to each subject (a database, for example) of each service by itself. Check mode and diff mode
    list every backup with the reasons for which it is kept or would go.
  - Ages come from manifests, never from the times of files. Only directories whose manifest is intact and names this stack, service and subject are
    ever removed.
  - C(hourly) to C(yearly) count the newest periods that have backups, in UTC; of each period the newest verified backup is kept, or the newest one when
    none is verified. When backups stop, nothing more is deleted.
  - Whatever the policy, these are kept. The newest backup; the newest verified one; the newest verified one of each major version of Postgres, and of the
    last O(keep_schemas) schemas; pinned ones; those that a release in the ledger names; safety and pre-deploy backups younger than O(safety_ttl);
    those from the future, which are not counted either.
  - Damaged and partial backups count for nothing. They go when they are older than O(damaged_ttl) and a newer one is verified.
  - A plan is refused whole, and the task fails, when the newest verified backup of the subject is older than O(stale_freeze), or when it would leave less
    than O(min_copies) or O(min_verified), or take more than O(max_delete_fraction) at once. The other subjects are done first.
  - A deletion begins with one rename. The next run finishes one that was interrupted, and removes what a dead run left of an unfinished backup.
  - It needs neither the engine nor a server.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  state:
    description:
      - V(applied) applies the policy.
      - V(pinned) keeps O(backups) from retention, whatever the policy. V(unpinned) ends that.
    type: str
    choices: [applied, pinned, unpinned]
    default: applied
  backup_dir:
    description: Directory on the target below which the backups of all stacks are.
    type: path
    required: true
  services:
    description: Compose services whose backups are looked at. Without any, all that have a directory of backups.
    type: list
    elements: str
    default: []
  subjects:
    description: Only these subjects, names of databases for example.
    type: list
    elements: str
    default: []
  retired:
    description:
      - Subjects of which no new backups are expected, such as a database that was dropped. O(stale_freeze) does not hold for them; the policy
        still keeps its part of them for good.
    type: list
    elements: str
    default: []
  keep_last:
    description: How many of the newest backups are kept in any case, at least 1. Required with O(state=applied).
    type: int
  hourly:
    description: Of how many hours with backups one is kept.
    type: int
    default: 0
  daily:
    description: Of how many days with backups one is kept.
    type: int
    default: 0
  weekly:
    description: Of how many ISO weeks with backups one is kept.
    type: int
    default: 0
  monthly:
    description: Of how many months with backups one is kept.
    type: int
    default: 0
  yearly:
    description: Of how many years with backups one is kept.
    type: int
    default: 0
  keep_within:
    description: Seconds. Everything younger is kept, and the newest one that is older, so that the beginning of the period can be reached. V(0) is no period.
    type: int
    default: 0
  keep_schemas:
    description: Of how many schemas, the most recent ones, the newest verified backup is kept.
    type: int
    default: 5
  min_copies:
    description: How many whole and undamaged backups have to be left, at least 2.
    type: int
    default: 2
  min_verified:
    description:
      - How many verified backups have to be left.
      - With V(0) backups need not be verified at all, and O(stale_freeze) looks at the newest whole one. Nobody knows then whether any can be restored.
    type: int
    default: 1
  max_delete_fraction:
    description: Part of the backups of a subject that may go at once, above 0 and at most 1.
    type: float
    default: 0.5
  stale_freeze:
    description: Seconds. Nothing goes when the newest verified backup is older; twice the time between backups is a good choice. At least 60.
    type: int
    default: 172800
  safety_ttl:
    description: Seconds for which backups made for the purposes V(safety) and V(pre_deploy) are kept.
    type: int
    default: 259200
  damaged_ttl:
    description: Seconds for which damaged and partial backups are kept, to look at them.
    type: int
    default: 604800
  require_offsite:
    description:
      - Whether backups are kept as long as no copy of them elsewhere was read back, see M(runbook.compose.backup_copy). Those that are damaged or partial
        go all the same.
    type: bool
    default: false
  backups:
    description: Ids of backups to pin or unpin.
    type: list
    elements: str
    default: []
  pin_reason:
    description: Why they are pinned, one line of at most 200 characters. Required with O(state=pinned).
    type: str
    default: ''
seealso:
  - module: runbook.compose.backup_info
  - module: runbook.compose.backup_copy
  - module: runbook.compose.postgres_backup
notes:
  - Run it as often as backups are made; otherwise O(max_delete_fraction) stops it.
  - Reasons of failures are V(backup_stale), V(retention_refused), V(backup_busy), V(backup_missing), V(ledger_unreadable), V(state_unwritable),
    V(lease_lost), V(bad_input). With the first three, subjects that are not named in RV(ignore:msg) were done.
"""

EXAMPLES = r"""
- name: Show what a policy would delete, and why the others stay
  runbook.compose.backup_retention:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /var/backups/runbook
    keep_last: 3
    hourly: 24
    daily: 7
    weekly: 4
    monthly: 6
  check_mode: true
  diff: true
  register: retention

- name: Print it
  ansible.builtin.debug:
    msg: "{{ retention.table.splitlines() }}"

- name: Keep one backup for the auditors
  runbook.compose.backup_retention:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /var/backups/runbook
    state: pinned
    backups: [20261121T031000Z-000042-7f3a]
    pin_reason: audit 2026, until March
"""

RETURN = r"""
decisions:
  description: Every backup that was looked at, newest first within its subject.
  returned: O(state=applied)
  type: list
  elements: dict
  contains:
    service: {description: Compose service., type: str, sample: postgres}
    subject: {description: What of the service was saved., type: str, sample: shop}
    id: {description: The backup., type: str, sample: 20261121T031000Z-000042-7f3a}
    state: {description: "V(dumped), V(verified) or V(damaged).", type: str, sample: verified}
    age_seconds: {description: Time since it was begun., type: int, sample: 93600}
    bytes: {description: Size on disk., type: int, sample: 22922433}
    decision: {description: "V(keep) or V(delete).", type: str, sample: keep}
    reasons: {description: Why; never empty., type: list, elements: str, sample: [newest verified, daily 2026-11-21]}
subjects:
  description: The decisions in numbers, by subject.
  returned: O(state=applied)
  type: list
  elements: dict
  contains:
    service: {description: Compose service., type: str, sample: postgres}
    subject: {description: What of the service was saved., type: str, sample: shop}
    kept: {description: How many stay., type: int, sample: 21}
    deleted: {description: How many go., type: int, sample: 1}
    freed_bytes: {description: Size of those that go., type: int, sample: 22922433}
    refused:
      description: Why nothing may go; null when it may. With any, the task fails and this is in its details.
      type: dict
      contains:
        reason: {description: "V(backup_stale) or V(retention_refused).", type: str, sample: backup_stale}
        message: {description: The same for people., type: str, sample: there is no verified backup}
        held_back: {description: How many would have gone otherwise., type: int, sample: 3}
    retired: {description: Whether O(retired) names it., type: bool, sample: false}
deleted:
  description: Ids of the backups that were deleted by this task. Empty in check mode.
  returned: O(state=applied)
  type: list
  elements: str
  sample: [20261110T021500Z-000021-11aa]
freed_bytes:
  description: Size of all that go.
  returned: O(state=applied)
  type: int
  sample: 22922433
table:
  description: RV(decisions) as aligned text for people, and what was refused.
  returned: O(state=applied)
  type: str
  sample: "SERVICE   SUBJECT  BACKUP  STATE  AGE  SIZE  DECISION  BECAUSE"
pinned:
  description: All pinned backups of the services looked at, as they are afterwards, oldest first.
  returned: O(state=pinned) or O(state=unpinned)
  type: list
  elements: dict
  contains:
    id: {description: The backup., type: str, sample: 20261121T031000Z-000042-7f3a}
    reason: {description: Why., type: str, sample: "audit 2026, until March"}
actions:
  description: "What was or would be done: V(delete), V(finish), V(pin) or V(unpin)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: delete}
    target: {description: "Id of the backup, or the directory that a dead run left.", type: str, sample: 20261110T021500Z-000021-11aa}
    detail: {description: More about it., type: str, sample: "postgres/shop: no rule keeps it"}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.backup_retention import BackupRetention
from ansible_collections.runbook.compose.plugins.module_utils._ansible.backup_keeping_arguments import backup_retention_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=backup_retention_arguments(),
        prepare=BackupRetention.from_params,
    )


if __name__ == "__main__":
    main()
