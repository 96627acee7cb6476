#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_backup
short_description: Back up the databases of a stack's Postgres, and prove the backups
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Dumps databases with the server's own C(pg_dump), which runs in a short-lived container of the server's image that shares the network of the
    server's container and writes into a named pipe. The host compresses with C(zstd), and encrypts with C(age) when it is told to.
  - With every dump come the roles of the server (C(pg_dumpall --globals-only)) and a manifest. It holds exact numbers of rows, checksums, sequences,
    extensions and a fingerprint of the schema, all taken in the snapshot of the dump, so that a restored copy can be compared with it exactly.
  - A backup is published by one rename, as the directory C(<backup_dir>/<stack_name>/<service>/<database>/<id>/), and never changed afterwards.
    That happens only when C(pg_dump), C(zstd) and C(age) all ended well, C(pg_restore) read the archive from its beginning to its end,
    and the server's container was the same before and after. Whatever fails, nothing incomplete is left that could be taken for a backup.
  - C(latest) and C(latest-verified) beside the backups of a database are links to the newest ones.
  - One database that cannot be backed up does not keep the others from it. The task fails then, and its RV(ignore:details) name those that
    were backed up (C(backups)) and those that were not (C(failed_databases)).
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  state:
    description:
      - V(present) backs up O(databases).
      - V(verified) proves a backup that is there, the one that O(backup) names of the one database in O(databases), up to O(level).
    type: str
    choices: [present, verified]
    default: present
  backup_dir:
    description:
      - Directory on the target below which the backups of all stacks are. It is made when it is missing, readable by its owner only.
      - It must not be on the disk of the server's data; see O(allow_same_disk).
    type: path
    required: true
  databases:
    description:
      - Names of the databases. Without any, all that accept connections, except templates and those that a restore left beside the real ones
        (C(*__new_*), C(*__undo_*), C(*__redo_*)).
    type: list
    elements: str
    default: []
  purpose:
    description: What the backup is for. It is written into the manifest, and retention may treat purposes differently.
    type: str
    choices: [scheduled, manual, pre_deploy, safety]
    default: manual
  min_age:
    description:
      - Seconds. A database that has a backup younger than this, proven as far as O(verify) asks for, is left alone and changes nothing.
      - With O(state=verified), a verification of at least the level asked for that passed, of a backup younger than this, is enough.
      - With V(0) there is always a new backup, or a new verification.
    type: int
    default: 0
  verify:
    description:
      - How far a new backup is proven in the same task, after it was published.
      - V(restore) restores it into a throwaway container without network, of the server's image, and compares everything with the manifest.
        Only such a backup is called verified.
      - V(archive) reads the published files again, checks their hashes, and lets C(pg_restore) read the archive.
      - V(none) leaves it at what is always done while the dump is written.
      - A backup that turns out not to be what was dumped, or could not be verified to the end, makes the task fail with
        RV(ignore:reason=backup_not_verified). It is kept and does not count as verified.
    type: str
    choices: [none, archive, restore]
    default: restore
  assertions:
    description:
      - SQL queries that are asked of the restored copy; each has to give one row with one true value.
      - They need O(verify=restore), or O(state=verified).
    type: list
    elements: str
    default: []
  backup:
    description:
      - With O(state=verified), which backup. V(latest), V(latest_unverified) (the newest one of which nothing was proven by restoring it) or an id.
    type: str
    default: latest
  level:
    description:
      - With O(state=verified), how far. V(0) checks hashes, V(1) reads the archive, V(2) restores it, V(3) compares the copy with the manifest,
        V(4) asks O(assertions) too.
    type: int
    choices: [0, 1, 2, 3, 4]
    default: 3
  set_id:
    description:
      - Joins the backups to those of another run, such as that of M(runbook.compose.redis_backup) just before. It is the C(set_id) of one of them.
      - Without it, what this task makes is a set of its own.
    type: str
    default: ''
  encryption:
    description: Encryption by age, to public keys. Without it, backups are not encrypted; they are readable by the owner of O(backup_dir) only.
    type: dict
    suboptions:
      recipients:
        description: Public keys (C(age1...), C(ssh-ed25519 ...), C(ssh-rsa ...)). Whoever has one of the private keys can read the backup.
        type: list
        elements: str
        default: []
      identity_file:
        description:
          - File on the target with the private key. It is needed to verify what is encrypted, and not to back up.
          - Where it must not be, use O(verify=none) and verify on the host that has it.
        type: path
        default: ''
  format:
    description:
      - How C(pg_dump) writes. V(custom) is one archive by one worker, which is compressed while it comes and needs no room beside the backup.
      - V(directory) is written by O(jobs) workers at once, and then packed into one file. Meanwhile the disk of O(backup_dir) needs room for the
        dump before compression, and the task needs root on the target.
      - V(auto) takes V(directory) for a database of 10 GiB or more when both are there, else V(custom).
    type: str
    choices: [auto, custom, directory]
    default: auto
  jobs:
    description:
      - Workers of V(directory). Each takes a connection of the server and a processor of the host.
      - V(0) takes as many as the host has processors, four at most.
    type: int
    default: 0
  transport:
    description:
      - How the dump comes out of the engine. V(helper) is a named pipe or a directory that a container of the server's image writes to.
      - V(exec) runs C(pg_dump) in the server's own container, and takes what it writes from the engine's stream, which is several times slower. The
        container sends a hash of it, without which nothing is published, because a stream that was cut looks like one that has ended.
      - V(auto) takes V(helper) on the engine's own host. For an engine on another host, given by O(docker_host), it takes V(exec); then O(verify) has
        to be V(none).
    type: str
    choices: [auto, helper, exec]
    default: auto
  checksums:
    description:
      - Whether the rows of tables are summed, so that a changed value is found as well as a missing row. It costs the server about as much as the
        dump itself, beside it.
    type: bool
    default: true
  checksum_max_mb:
    description: Tables that take more MiB on disk than this are counted, and not summed.
    type: int
    default: 256
  lock_wait_timeout:
    description:
      - Seconds to wait for the lock on a table that another session holds. When it has passed, the backup of the database fails with
        RV(ignore:reason=postgres_locked), and the session in the way is named.
      - Others that want the table wait behind the dump while it waits.
    type: int
    default: 60
  timeout:
    description: Seconds that the dump of one database may take.
    type: int
    default: 14400
  space_floor_mb:
    description:
      - MiB that stay free on the disk of O(backup_dir). A backup that would probably need more than the rest is not begun, and one that reaches the
        floor stops.
    type: int
    default: 1024
  allow_same_disk:
    description:
      - Backs up to the disk of the server's data. When that disk is lost the backups are lost too, unless they are copied elsewhere.
    type: bool
    default: false
requirements:
  - zstd (program on the target)
  - age (program on the target) for O(encryption)
seealso:
  - module: runbook.compose.operation_lease
notes:
  - The server must be a container of the stack. On an engine of another host it can be dumped, see O(transport), and not verified.
  - Two backups of the same database cannot be made at once. The second one fails with RV(ignore:reason=backup_busy).
  - How far a dump is, is in C(<state_dir>/<stack_name>/progress/backup-<database>.json) while it runs, written every second
    (C(phase), C(bytes), C(expected_bytes), C(rate_bytes_per_second), C(estimate_seconds)). A task shows a line of it every three seconds, unless it
    has C(no_log) or runs with C(async).
  - What a killed run left (temporary directories, helper containers, sessions on the server) is removed by the next one.
  - A replica can be backed up. Its backup is as far behind the primary as it is.
  - Roles are dumped with the hashes of their passwords when the role that logs in is a superuser, else without.
  - Reasons of failures are, beside those of Postgres and of the engine, V(program_missing), V(recipient_invalid), V(backup_on_same_disk),
    V(backup_no_space), V(backup_busy), V(backup_stage_failed), V(backup_implausible), V(backup_archive_invalid), V(backup_not_verified),
    V(backups_incomplete), V(clock_wrong), V(unknown_database), V(backup_missing), V(helper_failed), V(timed_out), V(state_unwritable), V(bad_input).
  - Check mode looks at everything that is looked at before a backup begins, and writes nothing.
"""

EXAMPLES = r"""
- name: Back up all databases, unless that was done within the last hour
  runbook.compose.postgres_backup:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backups
    purpose: scheduled
    min_age: 3600

- name: Back up one database for a key that is kept elsewhere
  runbook.compose.postgres_backup:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backups
    databases: [shop]
    verify: none
    encryption:
      recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]

- name: Prove the latest backup once more, with a question of our own
  runbook.compose.postgres_backup:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backups
    state: verified
    databases: [shop]
    assertions:
      - SELECT count(*) > 0 FROM public.orders
"""

RETURN = r"""
backups:
  description: The backup of each database, made by this task or young enough already. In check mode this is missing.
  returned: success, outside check mode
  type: list
  elements: dict
  contains:
    id: {description: Name of the backup., type: str, sample: 20261121T031000Z-000042-7f3a}
    set_id: {description: The same for all backups of one run., type: str, sample: 20261121T031000Z-000000-19c2}
    subject: {description: Name of the database., type: str, sample: shop}
    service: {description: Compose service., type: str, sample: postgres}
    stack: {description: Name of the stack., type: str, sample: shop}
    kind: {description: Always V(postgres-logical)., type: str, sample: postgres-logical}
    purpose: {description: What it is for., type: str, sample: scheduled}
    started: {description: UTC time at which it was begun., type: str, sample: "2026-11-21T03:10:00.123456Z"}
    finished: {description: UTC time at which the dump had ended., type: str, sample: "2026-11-21T03:10:09.654321Z"}
    partial: {description: Whether it is only a part of the database. Always V(false)., type: bool, sample: false}
    bytes: {description: Size on disk., type: int, sample: 22922433}
    encrypted: {description: Whether it is encrypted., type: bool, sample: false}
    directory: {description: Where it is., type: str, sample: /backups/shop/postgres/shop/20261121T031000Z-000042-7f3a}
    state: {description: "V(dumped), or V(verified) once it was restored and compared.", type: str, sample: verified}
    age_seconds: {description: Time since it was begun., type: int, sample: 14}
    verified_at: {description: UTC time of the last verification. Empty for one that is not verified., type: str, sample: "2026-11-21T03:10:14.000000Z"}
    verified_level: {description: The highest level that was proven., type: int, sample: 3}
    restore_seconds: {description: How long the verifying restore took., type: float, sample: 4.2}
    pinned: {description: Why retention must keep it. Empty when it need not., type: str, sample: audit}
    offsite:
      description: What is known of copies elsewhere, as in M(runbook.compose.backup_info). Empty when none was read back.
      type: list
      elements: dict
      sample: []
    problems: {description: What is wrong with it. Empty when nothing is., type: list, elements: str, sample: []}
    made: {description: Whether this task made it., type: bool, sample: true}
    rows: {description: Rows in all its tables., type: int, sample: 1001157}
    seconds: {description: How long making it took. V(0) when it was there already., type: float, sample: 9.5}
    warnings: {description: What the dump warned of., type: list, elements: str, sample: []}
failed_databases:
  description: Empty on success. In RV(ignore:details) of a failed task, the databases that were not backed up.
  returned: success, outside check mode
  type: list
  elements: dict
  contains:
    database: {description: Name of the database., type: str, sample: shop}
    reason: {description: Reason of the failure., type: str, sample: postgres_locked}
    msg: {description: What happened., type: str, sample: The dump waited 60 s for a lock.}
table:
  description: RV(backups) and RV(failed_databases) as aligned text for people.
  returned: success, outside check mode
  type: str
  sample: "DATABASE  BACKUP                        VERDICT   LEVEL  SIZE      ROWS"
actions:
  description: "What was or would be done: V(back_up) and V(verify)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: back_up}
    target: {description: Name of the database or id of the backup., type: str, sample: shop}
    detail: {description: About how many bytes it will have; up to which level it is verified., type: str, sample: about 22922433 bytes}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_backup import PostgresBackup
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_backup_arguments import postgres_backup_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_backup_arguments(),
        prepare=PostgresBackup.from_params,
    )


if __name__ == "__main__":
    main()
