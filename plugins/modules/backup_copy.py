#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_copy
short_description: Copy backups off-site with restic or rclone, check them there, and bring them back
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Copies published backups of a stack, of any kind, to a repository of restic or a remote of rclone. A backup counts as off-site only after every byte
    was read back from there and compared with its manifest; a note of that is kept beside the manifest, and M(runbook.compose.backup_info) shows it.
  - Only what is not there yet is sent, so a run that was cut off is continued by the next one. Nothing at the remote is ever overwritten, and no whole
    backup is ever removed there. Let the remote's own rules, or another identity, do that.
  - With restic each backup is one snapshot, found by its tags (C(runbook-backup), C(stack=), C(service=), C(subject=), C(id=), C(state=)).
    A snapshot is made as a whole or not at all.
  - With rclone each backup is a directory C(stack/service/subject/id). Its manifest is sent last, and without it nobody takes the directory for a
    backup. What a run that was cut off left without a manifest is replaced.
  - Secrets reach the tools through their environment and a pipe, never through their arguments.
  - It needs neither the engine nor a server, and with O(state=fetched) nothing but the remote and its key.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  state:
    description:
      - V(present) copies backups to the remote, and reads them back.
      - V(checked) reads backups at the remote and compares them with their manifests, and with those on this host where they are here as well. It
        changes nothing but the note beside the manifest.
      - V(fetched) brings backups back into O(backup_dir), which may be empty. Every byte is compared before a backup becomes visible, by one rename.
    type: str
    choices: [present, checked, fetched]
    default: present
  backup_dir:
    description: Directory on the target below which the backups of all stacks are.
    type: path
    required: true
  tool:
    description:
      - What carries the backups. It has to be installed on the target.
      - V(restic) encrypts everything itself, and stores what is equal once; it works best with backups that are not encrypted.
      - V(rclone) copies files as they are, so the backups have to be encrypted, see O(accept_unencrypted).
    type: str
    choices: [restic, rclone]
    required: true
  remote:
    description:
      - With O(tool=restic) the repository, such as C(/mnt/nas/runbook), C(sftp:backup@host:/srv/runbook), C(rest:https://host/runbook)
        or C(s3:https://host/bucket).
      - With O(tool=rclone) a directory such as C(/mnt/nas/runbook), which must exist, because it may be a mount that is missing; or C(NAME:path), where
        NAME is described by variables (C(RCLONE_CONFIG_NAME_TYPE) and so on) or in rclone's configuration file on the target.
      - A password within an address is hidden in results.
    type: str
    required: true
  environment:
    description: Variables for the tool, credentials of the remote for example. Those whose names say that they are secrets are hidden in results.
    type: dict
    default: {}
  environment_file:
    description:
      - File on the target with more such variables, in the form of an env file. Only its owner may be able to read it. O(environment) wins.
    type: path
    default: ''
  password:
    description: Password of the repository, with O(tool=restic).
    type: str
  password_file:
    description: File on the target whose first line is that password. Only its owner may be able to read it.
    type: path
    default: ''
  backups:
    description: Ids of backups. Without any, O(which) and O(required_state) choose.
    type: list
    elements: str
    default: []
  services:
    description: Only backups of these Compose services.
    type: list
    elements: str
    default: []
  subjects:
    description: Only backups of these subjects, names of databases for example.
    type: list
    elements: str
    default: []
  which:
    description: Without O(backups), whether it is about the newest backup of each subject, or about every one.
    type: str
    choices: [newest, every]
    default: newest
  required_state:
    description:
      - Without O(backups), which are copied or fetched. V(verified) ones were restored and compared; V(dumped) accepts those that were not.
      - A subject that has none is a failure, after the others were copied. O(state=checked) looks at all of them.
    type: str
    choices: [verified, dumped]
    default: verified
  data_percent:
    description:
      - With O(state=checked), the part of the files that is read and compared, from 1 to 100. Manifests always are.
      - The part changes every day, so that after C(100 / data_percent) days every file was read.
    type: int
    default: 100
  accept_unencrypted:
    description: Whether rclone may copy backups that are not encrypted. Set it where the remote encrypts by itself, as rclone's C(crypt) does.
    type: bool
    default: false
  initialize:
    description:
      - Whether a repository of restic is made where there is none. Leave it out afterwards, so that an address with a typing error is not a new repository.
    type: bool
    default: false
  timeout:
    description: Seconds that each command of the tool may take. What was sent by then is not sent again.
    type: int
    default: 14400
  space_floor_mb:
    description: MiB that O(state=fetched) leaves free on the disk of O(backup_dir).
    type: int
    default: 1024
seealso:
  - module: runbook.compose.backup_info
  - module: runbook.compose.backup_retention
notes:
  - When the module itself is killed, restic or rclone may go on for a while. What they finish counts only when the next call has read it back.
  - Reasons of failures are V(offsite_unreachable), V(offsite_refused), V(offsite_password_wrong), V(offsite_failed), V(offsite_damaged),
    V(offsite_unencrypted), V(backup_missing), V(backup_busy), V(backup_no_space), V(program_missing), V(timed_out), V(state_unwritable), V(lease_lost),
    V(bad_input). With V(offsite_damaged), V(offsite_failed) and V(backup_missing), RV(sets) and RV(table) are in the details.
  - Give the target credentials that cannot delete, where the remote has such; rclone then cannot replace what a run that was cut off left, and says so.
"""

EXAMPLES = r"""
- name: Copy the newest verified backup of everything to a storage box
  runbook.compose.backup_copy:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /var/backups/runbook
    tool: restic
    remote: sftp:u1234@u1234.storage.example:/runbook
    password_file: /etc/runbook/restic-password

- name: Copy encrypted backups to a bucket
  runbook.compose.backup_copy:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /var/backups/runbook
    tool: rclone
    remote: OFFSITE:shop-backups
    environment:
      RCLONE_CONFIG_OFFSITE_TYPE: s3
      RCLONE_CONFIG_OFFSITE_PROVIDER: Other
      RCLONE_CONFIG_OFFSITE_ENDPOINT: https://s3.example
      RCLONE_CONFIG_OFFSITE_ACCESS_KEY_ID: "{{ vault_offsite_key_id }}"
      RCLONE_CONFIG_OFFSITE_SECRET_ACCESS_KEY: "{{ vault_offsite_key }}"

- name: Read back a tenth of all data there, another one every day
  runbook.compose.backup_copy:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /var/backups/runbook
    tool: restic
    remote: sftp:u1234@u1234.storage.example:/runbook
    password_file: /etc/runbook/restic-password
    state: checked
    which: every
    data_percent: 10

- name: Bring the newest verified backups to a new host
  runbook.compose.backup_copy:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /var/backups/runbook
    tool: restic
    remote: sftp:u1234@u1234.storage.example:/runbook
    password_file: /etc/runbook/restic-password
    state: fetched
"""

RETURN = r"""
remote:
  description: The remote, without secrets.
  returned: success
  type: str
  sample: sftp:u1234@u1234.storage.example:/runbook
sets:
  description: Every backup that was looked at, oldest first within what was asked for. In check mode only those for which nothing is to be done.
  returned: success
  type: list
  elements: dict
  contains:
    service: {description: Compose service., type: str, sample: postgres}
    subject: {description: What of the service was saved., type: str, sample: shop}
    id: {description: The backup., type: str, sample: 20261121T031000Z-000042-7f3a}
    kind: {description: What sort of backup it is. Empty when its manifest could not be read., type: str, sample: postgres-logical}
    started: {description: UTC time at which it was begun. Empty when its manifest could not be read., type: str, sample: "2026-11-21T03:10:00.123456Z"}
    bytes: {description: Its size., type: int, sample: 22922433}
    done:
      description: "What was done: V(copied), V(read_back) (it was there, and not known to be whole), V(proof_added), V(checked), V(fetched) or V(nothing)."
      type: str
      sample: copied
    outcome: {description: "V(passed) or V(failed); empty when nothing was compared.", type: str, sample: passed}
    read_bytes: {description: How many bytes of data were read and compared., type: int, sample: 22922433}
    directory:
      description: Where it is on this host; empty when it is not.
      type: str
      sample: /var/backups/runbook/shop/postgres/shop/20261121T031000Z-000042-7f3a
    problems: {description: What is wrong at the remote. Empty when nothing is., type: list, elements: str, sample: []}
table:
  description: RV(sets) as aligned text for people.
  returned: success
  type: str
  sample: "SERVICE   SUBJECT  BACKUP  SIZE  DONE  READ BACK  OUTCOME"
actions:
  description: "What was or would be done: V(copy), V(read_back), V(add_proof) or V(fetch)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: copy}
    target: {description: Id of the backup., type: str, sample: 20261121T031000Z-000042-7f3a}
    detail: {description: Service and subject., type: str, sample: postgres/shop}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.backup_copy import BackupCopy
from ansible_collections.runbook.compose.plugins.module_utils._ansible.backup_copy_arguments import backup_copy_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=backup_copy_arguments(),
        prepare=BackupCopy.from_params,
    )


if __name__ == "__main__":
    main()
