#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_info
short_description: List the backups of a stack, and tell whether they are fresh and whole
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Lists the published backups of a stack, newest first, from their manifests, with what was proven of each.
  - With O(max_age) it tells whether the newest backup that counts is young enough. A subject without any such backup is a problem too.
  - With O(check_hashes) every file of every backup is read and compared with the hash in its manifest (level 0).
  - It needs neither the engine nor a server, and changes nothing; what it finds is not written down beside the backups.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  backup_dir:
    description: Directory on the target below which the backups of all stacks are. One that does not exist has no backups.
    type: path
    required: true
  services:
    description:
      - Compose services whose backups are looked at. Without any, all that have a directory of backups.
      - With O(max_age), a named service without any backup is a problem.
    type: list
    elements: str
    default: []
  required_services:
    description: Compose services that have to have a backup. With O(max_age), one without any is a problem, whatever else is looked at.
    type: list
    elements: str
    default: []
  subjects:
    description:
      - What of the services was saved, names of databases for example. Without any, everything that has a backup.
      - With O(max_age), a named subject without any backup is a problem. Name them to find out when one was never backed up.
    type: list
    elements: str
    default: []
  states:
    description:
      - Show only backups in these states. V(verified) was restored and compared, V(dumped) was not, V(damaged) is not what its manifest says, or a
        restore of it was not what had been dumped.
      - This narrows RV(backups), RV(total_bytes) and RV(table), not what is judged.
    type: list
    elements: str
    choices: [dumped, verified, damaged]
    default: []
  purposes:
    description: Show only backups made for these purposes. This narrows RV(backups), RV(total_bytes) and RV(table), not what is judged.
    type: list
    elements: str
    choices: [scheduled, manual, pre_deploy, safety]
    default: []
  max_age:
    description:
      - Seconds since the newest backup of each subject was begun, at most. Partial and damaged backups and those from the future do not count.
      - Without it the age is not judged.
    type: int
  required_state:
    description: Which backups count for O(max_age). V(dumped) counts verified ones as well.
    type: str
    choices: [verified, dumped]
    default: verified
  retired:
    description: Subjects of which no new backups are expected, such as a database that was dropped. Their age is not judged.
    type: list
    elements: str
    default: []
  check_hashes:
    description: Whether every file is read and compared with its hash. It reads all that is there from the disk; otherwise only sizes are compared.
    type: bool
    default: false
  compare_rows:
    description:
      - Whether to tell how many rows each table had in each backup of a database, and where they became fewer, to find the last backup before some
        were lost. O(subjects) has to name one database.
    type: bool
    default: false
  rows_now:
    description: With O(compare_rows), the numbers of rows in the live database by table (C(public.orders)), to be compared as well.
    type: dict
    default: {}
  on_problem:
    description:
      - With V(fail), the task fails when there is any problem, with RV(ignore:reason=backup_stale) when a subject has no backup that is proven and
        young enough, otherwise with RV(ignore:reason=backup_damaged).
    type: str
    choices: [report, fail]
    default: report
seealso:
  - module: runbook.compose.backup_copy
  - module: runbook.compose.backup_retention
  - module: runbook.compose.postgres_backup
notes:
  - Reasons of failures are V(backup_stale), V(backup_damaged), V(state_unwritable), V(bad_input).
"""

EXAMPLES = r"""
- name: Show what could be restored
  runbook.compose.backup_info:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /var/backups/runbook
  register: backups

- name: Print it
  ansible.builtin.debug:
    msg: "{{ backups.table.splitlines() }}"

- name: Fail unless a verified backup of the database is at most 26 hours old, and all files are intact
  runbook.compose.backup_info:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /var/backups/runbook
    services: [postgres]
    subjects: [shop]
    max_age: 93600
    check_hashes: true
    on_problem: fail
"""

RETURN = r"""
backups:
  description: Backups that fit O(services), O(subjects), O(states) and O(purposes), newest first. Empty when there are none.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: Accepted by modules that verify or restore., type: str, sample: 20261121T031000Z-000042-7f3a}
    set_id: {description: The same for all backups of one run., type: str, sample: 20261121T031000Z-000000-19c2}
    kind: {description: What sort of backup it is., type: str, sample: postgres-logical}
    purpose: {description: What it was made for., type: str, sample: scheduled}
    stack: {description: Name of the stack., type: str, sample: shop}
    service: {description: Compose service., type: str, sample: postgres}
    subject: {description: What of the service was saved., type: str, sample: shop}
    started: {description: UTC time at which it was begun., type: str, sample: "2026-11-21T03:10:00.123456Z"}
    finished: {description: UTC time at which the dump had ended., type: str, sample: "2026-11-21T03:10:09.654321Z"}
    partial: {description: Whether it is only a part of the subject., type: bool, sample: false}
    bytes: {description: Size on disk., type: int, sample: 22922433}
    encrypted: {description: Whether it is encrypted., type: bool, sample: false}
    directory: {description: Where it is., type: str, sample: /var/backups/runbook/shop/postgres/shop/20261121T031000Z-000042-7f3a}
    state: {description: "V(dumped), V(verified) or V(damaged).", type: str, sample: verified}
    age_seconds: {description: Time since it was begun. Negative when it is from the future., type: int, sample: 14}
    verified_at:
      description: UTC time at which it was last restored and compared; null unless it is verified.
      type: str
      sample: "2026-11-21T03:10:14.000000Z"
    verified_level: {description: The highest level that was proven; null when nothing was., type: int, sample: 3}
    restore_seconds: {description: How long that restore took; null unless it is verified., type: float, sample: 4.2}
    pinned: {description: Why retention must keep it; null when it is not pinned., type: str, sample: audit 2026}
    offsite:
      description: What is known of copies elsewhere, see M(runbook.compose.backup_copy). Empty when none was read back.
      type: list
      elements: dict
      contains:
        tool: {description: "V(restic) or V(rclone).", type: str, sample: restic}
        remote: {description: "Where, without secrets.", type: str, sample: "sftp:u1234@u1234.storage.example:/runbook"}
        at: {description: UTC time at which it was last read back., type: str, sample: "2026-11-21T03:20:00.000000Z"}
        outcome: {description: "V(passed), or V(failed) when it is not what the manifest says.", type: str, sample: passed}
    problems: {description: What is wrong with it. Empty when nothing is., type: list, elements: str, sample: []}
    tables: {description: "With O(compare_rows), rows by table when the dump was taken.", type: dict, sample: {public.orders: 1200}}
subjects:
  description: What was judged, one entry for each subject of each service.
  returned: success
  type: list
  elements: dict
  contains:
    service: {description: Compose service; empty when none has a backup of it., type: str, sample: postgres}
    subject: {description: What of the service was saved., type: str, sample: shop}
    count: {description: Number of its backups., type: int, sample: 21}
    verified_count: {description: How many of them are verified., type: int, sample: 20}
    total_bytes: {description: Size of all of them., type: int, sample: 481371093}
    newest: {description: Id of the newest whole and undamaged one; null without one., type: str, sample: 20261121T031000Z-000042-7f3a}
    newest_age_seconds: {description: Its age; null without one., type: int, sample: 14}
    newest_verified: {description: Id of the newest verified one; null without one., type: str, sample: 20261121T031000Z-000042-7f3a}
    newest_verified_age_seconds: {description: Its age; null without one., type: int, sample: 14}
    fresh: {description: "Whether O(max_age) is kept; always true without it, and for what is retired.", type: bool, sample: true}
    retired: {description: Whether O(retired) names it., type: bool, sample: false}
problems:
  description: Everything that is wrong. Empty when nothing is.
  returned: success
  type: list
  elements: dict
  contains:
    kind: {description: "V(stale), V(missing), V(damaged), V(unreadable) or V(future).", type: str, sample: stale}
    service: {description: Compose service; empty when none is known., type: str, sample: postgres}
    subject: {description: What of the service; empty when it is about the whole service or a directory., type: str, sample: shop}
    backup: {description: Id of the backup; empty when it is about no single one., type: str, sample: 20261118T021500Z-000039-11aa}
    message: {description: The problem as a sentence., type: str, sample: "The newest verified backup of postgres/shop is 3 d old; 1 d 2 h are allowed."}
fresh:
  description: Whether nothing is stale or missing.
  returned: success
  type: bool
  sample: true
healthy:
  description: Whether RV(problems) is empty.
  returned: success
  type: bool
  sample: true
hashes_checked:
  description: Whether every file was read and compared with its hash.
  returned: success
  type: bool
  sample: false
unreadable:
  description: Directories that look like backups and whose manifests cannot be trusted. They are never counted, and never removed.
  returned: success
  type: list
  elements: dict
  contains:
    directory: {description: Where it is., type: str, sample: /var/backups/runbook/shop/postgres/shop/20261101T021500Z-000022-0c0c}
    cause: {description: Why it is not trusted., type: str, sample: its hash is not the one that was written with it}
total_bytes:
  description: Size of all RV(backups).
  returned: success
  type: int
  sample: 481371093
row_table:
  description: With O(compare_rows), one line for each backup, with its rows and the tables that had more of them in the backup before. Else empty.
  returned: success
  type: str
  sample: "BACKUP  STATE  AGE  ROWS  FEWER ROWS THAN BEFORE"
before_loss:
  description:
    - With O(compare_rows), the newest undamaged backup after which some table had fewer rows, or was gone. V(null) when there is none. Rows that were
      deleted on purpose look the same.
  returned: success
  type: str
  sample: 20261121T031000Z-000042-7f3a
table:
  description: RV(backups) and RV(problems) as aligned text for people.
  returned: success
  type: str
  sample: "SERVICE   SUBJECT  BACKUP                        STATE     AGE"
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.backup_info import BackupInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.backup_keeping_arguments import backup_info_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=backup_info_arguments(),
        prepare=BackupInfo.from_params,
    )


if __name__ == "__main__":
    main()
