#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_files
short_description: Back up the configuration or the files of a stack, prove the backup, and bring it back
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Packs files into a tar that is compressed by zstd and encrypted by age, and publishes it as a backup like those of databases, with a manifest.
    M(runbook.compose.backup_info), M(runbook.compose.backup_retention) and M(runbook.compose.backup_copy) work on both.
  - Every backup is read to its end and each file in it compared with the list that was made while packing; only then it counts as verified. A plain
    C(age), C(zstd) and C(tar) can read it without this collection.
  - With O(state=restored) configuration is put back in place, all of it or none, after compose has read it as it would be; what was there is kept as a
    backup of its own. Files that the backup does not have are left alone.
  - Owners (for root), modes, links and times are kept; extended attributes are not. It needs no engine.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  state:
    description:
      - V(present) makes a backup, and proves it.
      - V(verified) proves one that is there.
      - V(restored) brings one back, in place or into another directory.
    type: str
    choices: [present, verified, restored]
    default: present
  backup_dir:
    description: Directory on the target below which the backups of all stacks are. Those of this module are below C(<stack_name>/files).
    type: path
    required: true
  kind:
    description:
      - V(config) saves named files. They hold secrets, so O(encryption) is needed unless O(accept_unencrypted) is set. Names in the archive are relative
        to the root directory.
      - V(application) saves a directory with all that is in it. Names in the archive begin with that of the directory.
    type: str
    choices: [config, application]
    required: true
  name:
    description: Name under which backups of the same files belong together. Default is O(kind).
    type: str
    default: ''
  paths:
    description:
      - Files and directories, absolute or below O(project_dir). Each has to be there. A link that is named here is followed; those within directories
        stay links.
      - Without any it is the env file and the compose files of the stack with O(kind=config), and O(project_dir) with O(kind=application).
    type: list
    elements: str
    default: []
  excludes:
    description:
      - Patterns (C(*), C(?), C([...])) of what is left out. One with a slash is about the whole name in the archive (C(shop/tmp/*)), one without about
        each part of it (C(node_modules), C(*.log)).
      - With O(kind=application), O(backup_dir) and O(state_dir) are left out in any case.
    type: list
    elements: str
    default: []
  purpose:
    description: What the backup is for. It is in its manifest, and retention may treat purposes differently.
    type: str
    choices: [scheduled, manual, pre_deploy, safety]
    default: manual
  reuse:
    description:
      - Which backup is enough, so that no new one is made. One that was made to undo a restore never is, but for O(purpose=safety).
      - V(young) is a verified one that is younger than O(min_age).
      - V(same) is the newest verified one, of any age, when it is whole and the files still are what it holds. When they were written does not matter. To
        find out, all of them are read.
    type: str
    choices: [young, same]
    default: young
  min_age:
    description: Seconds. With O(reuse=young), a verified backup that is younger is enough; with V(0) there is always a new one.
    type: int
    default: 0
  set_id:
    description:
      - Joins the backup to those of another run, such as that of M(runbook.compose.redis_backup) just before. It is the C(set_id) of one of them.
      - Without it, the backup is a set of its own.
    type: str
    default: ''
  encryption:
    description: Encryption by age.
    type: dict
    suboptions:
      recipients:
        description: Public keys (C(age1...), C(ssh-ed25519 ...), C(ssh-rsa ...)). Without any, nothing is encrypted.
        type: list
        elements: str
        default: []
      identity_file:
        description: File on the target with the private key of one of them. What is encrypted cannot be proven or restored without it.
        type: path
        default: ''
  accept_unencrypted:
    description:
      - Whether O(kind=config) may be saved without encryption, which O(state=restored) in place does with what it replaces.
        M(runbook.compose.backup_copy) with rclone refuses such a backup.
    type: bool
    default: false
  backup:
    description:
      - Which backup is proven or restored, V(latest) or an id.
      - With O(state=restored), V(latest) is the newest verified one that was not made to undo a restore.
    type: str
    default: latest
  only:
    description: With O(state=restored) in place, only these files and directories, absolute or below O(project_dir).
    type: list
    elements: str
    default: []
  into:
    description:
      - Directory into which a backup is unpacked instead, empty or not there. It appears as a whole or not at all. Required for O(kind=application) with
        O(state=restored).
    type: path
    default: ''
  validate:
    description:
      - With V(compose), nothing is put in place unless compose accepts its files as they would be. The project may not be there yet; the backup alone has
        to make one then.
    type: str
    choices: [compose, none]
    default: compose
  timeout:
    description: Seconds that packing may take.
    type: int
    default: 3600
  space_floor_mb:
    description: MiB that are left free on the disk.
    type: int
    default: 1024
seealso:
  - module: runbook.compose.backup_info
  - module: runbook.compose.backup_copy
  - module: runbook.compose.env_file
notes:
  - Files of an application may change while they are read. They are named in RV(backup) and by a warning; with O(kind=config) that is a failure.
  - Reasons of failures are V(files_unencrypted), V(backup_missing), V(backup_not_verified), V(backup_members_invalid), V(backup_manifest_invalid),
    V(archive_unreadable), V(backup_stage_failed), V(backup_no_space), V(backup_busy), V(recipient_invalid), V(program_missing), V(project_missing),
    V(compose_config_invalid), V(compose_missing), V(compose_too_old), V(state_unwritable), V(lease_lost), V(timed_out), V(bad_input).
"""

EXAMPLES = r"""
- name: Save the configuration before it is changed, unless it is saved as it is
  runbook.compose.backup_files:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /var/backups/runbook
    kind: config
    paths: [.env, docker-compose.yml, nginx/, /etc/ssl/private/shop.key]
    reuse: same
    encryption:
      recipients: [age1mdyk5ferjzhtexgvfcrrg6tm5vpd2hfu3gthtn5q8dxxpvj5ncrqmj6j22]
      identity_file: /etc/runbook/age-key

- name: Save the whole application once a week, without what can be made again
  runbook.compose.backup_files:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /var/backups/runbook
    kind: application
    excludes: [node_modules, "*.log", shop/tmp/*]
    min_age: 604800

- name: Show what restoring the configuration would change
  runbook.compose.backup_files:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /var/backups/runbook
    kind: config
    state: restored
    encryption:
      recipients: [age1mdyk5ferjzhtexgvfcrrg6tm5vpd2hfu3gthtn5q8dxxpvj5ncrqmj6j22]
      identity_file: /etc/runbook/age-key
  check_mode: true
  diff: true
"""

RETURN = r"""
backup:
  description: The backup that was made, proven or restored; null in check mode when it would be made. It has all that M(runbook.compose.backup_info) tells.
  returned: success
  type: dict
  contains:
    id: {description: Accepted as O(backup)., type: str, sample: 20261121T031000Z-000042-7f3a}
    state: {description: "V(verified), V(dumped) or V(damaged).", type: str, sample: verified}
    directory: {description: Where it is., type: str, sample: /var/backups/runbook/shop/files/config/20261121T031000Z-000042-7f3a}
    made: {description: Whether it was made by this task., type: bool, sample: true}
    seconds: {description: How long that took., type: float, sample: 0.4}
    members: {description: "How many files, directories and links it holds. Not with O(state=restored).", type: int, sample: 5}
    skipped: {description: What is neither and is not in it. Not with O(state=restored)., type: list, elements: str, sample: []}
    unstable: {description: Files that changed while they were read. Not with O(state=restored)., type: list, elements: str, sample: []}
changes:
  description: What was or would be put in place. Empty when everything is as in the backup.
  returned: success
  type: list
  elements: dict
  contains:
    path: {description: Where., type: str, sample: /srv/shop/.env}
    change:
      description: What is different there, V(missing), V(other content), V(other target), or the other mode or owner.
      type: str
      sample: other content
previous:
  description: Id of the backup that holds what was replaced; null when nothing was. Restoring it is the way back.
  returned: success
  type: str
  sample: 20261121T041000Z-000043-10fe
actions:
  description: "What was or would be done: V(back_up), V(verify), V(write) or V(unpack)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: write}
    target: {description: "Name, backup or path.", type: str, sample: /srv/shop/.env}
    detail: {description: More about it., type: str, sample: other content}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.backup_files import BackupFiles
from ansible_collections.runbook.compose.plugins.module_utils._ansible.backup_files_arguments import backup_files_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=backup_files_arguments(),
        prepare=BackupFiles.from_params,
    )


if __name__ == "__main__":
    main()
