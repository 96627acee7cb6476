#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_backup
short_description: Back up a stack's Redis, and prove the backup
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Lets the server write a snapshot (C(BGSAVE)), and waits for its proof. It is the server that was asked, it counts one more snapshot, that one went
    well, and the time in the file is not before the question.
  - The file is linked in the server's own volume at once, by a short-lived container of the server's image without network, so that the next snapshot
    cannot replace it. From there it is streamed to the host, which compresses with C(zstd), and encrypts with C(age) when it is told to. What the host
    wrote has to have the hash that the container computed.
  - C(redis-check-rdb) reads it to its end, and there must be nothing behind. The manifest holds how many keys each database has in it.
  - When the backup is proven by loading it, its keys are counted by prefix and by family, part by part in the throwaway server, never in the live one.
    These numbers are kept beside the manifest, with the proof. Later proofs and M(runbook.compose.redis_restore) are compared with them.
  - A backup is published by one rename, as the directory C(<backup_dir>/<stack_name>/<service>/rdb/<id>/), and never changed afterwards. Whatever
    fails, nothing incomplete is left that could be taken for a backup. C(latest) and C(latest-verified) beside them are links to the newest ones.
  - It is the same whether the server keeps an append-only file or not. Restore it with M(runbook.compose.redis_restore), since a server that
    keeps one ignores a snapshot that is only put in its place.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.redis
options:
  state:
    description:
      - V(present) makes a backup.
      - V(verified) proves one that is there, the one that O(backup) names, up to O(level).
    type: str
    choices: [present, verified]
    default: present
  backup_dir:
    description:
      - Directory on the target below which the backups of all stacks are. It is made when it is missing, readable by its owner only.
      - It must not be on the disk of the server's data; see O(allow_same_disk).
    type: path
    required: true
  purpose:
    description: What the backup is for. It is written into the manifest, and retention may treat purposes differently.
    type: str
    choices: [scheduled, manual, pre_deploy, safety]
    default: manual
  min_age:
    description:
      - Seconds. When there is a backup younger than this, proven as far as O(verify) asks for, nothing is done.
      - With O(state=verified), a verification of at least the level asked for that passed, of a backup younger than this, is enough.
      - With V(0) there is always a new backup, or a new verification.
    type: int
    default: 0
  verify:
    description:
      - How far a new backup is proven in the same task, after it was published.
      - V(restore) lets a throwaway Redis without network, of the server's image and with its modules, load it, and compares the keys of each database
        with the manifest. Only such a backup is called verified.
      - V(archive) reads the published file again, compares its hashes, and lets C(redis-check-rdb) read it.
      - V(none) leaves it at what is always done while the backup is made.
      - A backup that could not be proven makes the task fail with RV(ignore:reason=backup_not_verified). It is kept and does not count as verified.
    type: str
    choices: [none, archive, restore]
    default: restore
  backup:
    description:
      - With O(state=verified), which backup. V(latest), V(latest_unverified) (the newest one of which nothing was proven by loading it) or an id.
    type: str
    default: latest
  level:
    description:
      - With O(state=verified), how far. V(0) checks hashes, V(1) reads the snapshot, V(2) loads it, V(3) compares what was loaded with the manifest.
    type: int
    choices: [0, 1, 2, 3]
    default: 3
  set_id:
    description:
      - Joins the backup to those of another run, such as that of M(runbook.compose.postgres_backup) just before. It is the C(set_id) of one of them.
      - Without it, the backup is a set of its own.
    type: str
    default: ''
  data_dir:
    description:
      - Directory of the server's files inside its container, for a server on which C(CONFIG) is renamed or forbidden. Others tell it themselves.
      - Then give O(dbfilename) as well, unless it is C(dump.rdb).
    type: str
    default: ''
  dbfilename:
    description: Name of the snapshot in O(data_dir), for a server that does not tell.
    type: str
    default: ''
  families:
    description:
      - What families of keys there are, by name, as O(runbook.compose.redis_keys#module:families). Those with a C(key), C(prefix) or C(pattern) are
        counted, by the names of the keys, whatever their type.
    type: dict
    default: {}
  prefix_depth:
    description:
      - How many C(:) a prefix has by which keys are counted, 1 to 5. Of more than 10000 prefixes those that come first are told apart, and the 100
        with most keys are kept.
      - With more than 1, names of users or addresses may get into what is kept, depending on how the application names its keys.
    type: int
    default: 1
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
  timeout:
    description: Seconds that the snapshot and its way to the disk may take together, and as many for the verification.
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
  - module: runbook.compose.postgres_backup
  - module: runbook.compose.redis_restore
notes:
  - The server must be a container of the stack, on an engine of the target itself, with its data on a volume or a directory of the host.
  - The user that logs in (ACL) needs C(INFO), C(CONFIG GET), C(MODULE LIST), C(TIME) and C(BGSAVE), and no key.
  - The server forks to save. While it is written to, it may need up to twice its memory; a warning tells when its container has no room for that.
  - Another snapshot or a rewrite of the append-only file that runs already is waited for. C(FLUSHALL) while the snapshot is made is a failure,
    because the server then writes an empty one in its place.
  - Keys that have expired and were not removed yet are part of a snapshot, and are gone when it is loaded.
  - Two backups of the same server cannot be made at once. The second one fails with RV(ignore:reason=backup_busy).
  - How far it is, is in C(<state_dir>/<stack_name>/progress/) while it runs. A task shows a line of it every three seconds, unless it has C(no_log) or
    runs with C(async).
  - What a killed run left (temporary directories, helper containers, its link in the volume) is removed by the next one.
  - Reasons of failures are, beside those of Redis and of the engine, V(program_missing), V(recipient_invalid), V(backup_on_same_disk),
    V(backup_no_space), V(backup_busy), V(backup_stage_failed), V(backup_implausible), V(backup_not_verified), V(clock_wrong), V(backup_missing),
    V(helper_failed), V(timed_out), V(state_unwritable), V(bad_input), V(rdb_invalid), V(redis_save_failed), V(redis_save_lost),
    V(redis_data_unreachable), V(scratch_server_failed).
  - Check mode looks at everything that is looked at before a backup begins, and writes nothing.
"""

EXAMPLES = r"""
- name: Back up Redis, unless that was done within the last hour
  runbook.compose.redis_backup:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backups
    purpose: scheduled
    min_age: 3600

- name: Back up for a key that is kept elsewhere
  runbook.compose.redis_backup:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backups
    verify: none
    encryption:
      recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]

- name: Prove the latest backup once more
  runbook.compose.redis_backup:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backups
    state: verified
"""

RETURN = r"""
backups:
  description: The backup that was made, or is young enough already. In check mode this is missing.
  returned: success, outside check mode
  type: list
  elements: dict
  contains:
    id: {description: Name of the backup., type: str, sample: 20261121T031000Z-000042-7f3a}
    set_id: {description: The same for all backups of one set., type: str, sample: 20261121T031000Z-000000-19c2}
    subject: {description: Always V(rdb)., type: str, sample: rdb}
    service: {description: Compose service., type: str, sample: redis}
    stack: {description: Name of the stack., type: str, sample: shop}
    kind: {description: Always V(redis-rdb)., type: str, sample: redis-rdb}
    purpose: {description: What it is for., type: str, sample: scheduled}
    started: {description: UTC time at which it was begun., type: str, sample: "2026-11-21T03:10:00.123456Z"}
    finished: {description: UTC time at which it was on the disk., type: str, sample: "2026-11-21T03:10:02.654321Z"}
    partial: {description: Always V(false)., type: bool, sample: false}
    bytes: {description: Size on disk., type: int, sample: 229224}
    encrypted: {description: Whether it is encrypted., type: bool, sample: false}
    directory: {description: Where it is., type: str, sample: /backups/shop/redis/rdb/20261121T031000Z-000042-7f3a}
    state: {description: "V(dumped), or V(verified) once it was loaded and compared.", type: str, sample: verified}
    age_seconds: {description: Time since it was begun., type: int, sample: 4}
    verified_at: {description: UTC time of the last verification. Empty for one that is not verified., type: str, sample: "2026-11-21T03:10:04.000000Z"}
    verified_level: {description: The highest level that was proven., type: int, sample: 3}
    restore_seconds: {description: How long loading it took., type: float, sample: 1.2}
    pinned: {description: Why retention must keep it. Empty when it need not., type: str, sample: audit}
    offsite:
      description: What is known of copies elsewhere, as in M(runbook.compose.backup_info). Empty when none was read back.
      type: list
      elements: dict
      sample: []
    problems: {description: What is wrong with it. Empty when nothing is., type: list, elements: str, sample: []}
    made: {description: Whether this task made it., type: bool, sample: true}
    keys_saved: {description: Keys in all its databases., type: int, sample: 11570}
    databases:
      description: Number of each database that is not empty to its C(keys), and how many of them C(expires).
      type: dict
      sample: {"0": {"keys": 11570, "expires": 4021}}
    groups:
      description:
        - How many keys were counted by what they begin with (C(group=prefix), without a C(name) for those without a C(:)), by family (C(group=family)),
          and how many begin with something else (C(group=others)), of each C(database), and how many of them are C(expiring).
        - Empty for a backup that was never loaded, or only by an older version.
      type: list
      elements: dict
      sample: [{"database": 0, "group": "prefix", "name": "session:", "count": 4021, "expiring": 4021}]
    appendonly: {description: Whether the server kept an append-only file at that time., type: bool, sample: true}
    seconds: {description: How long making it took. V(0) when it was there already., type: float, sample: 2.5}
    warnings: {description: What is to be known of it., type: list, elements: str, sample: []}
table:
  description: RV(backups) as aligned text for people.
  returned: success, outside check mode
  type: str
  sample: "SNAPSHOT  BACKUP                        VERDICT   LEVEL  SIZE       KEYS"
actions:
  description: "What was or would be done: V(back_up) and V(verify)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: back_up}
    target: {description: V(rdb) or id of the backup., type: str, sample: rdb}
    detail: {description: About how many bytes it will have; up to which level it is verified., type: str, sample: about 229224 bytes}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.redis_backup import RedisBackup
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_backup_arguments import redis_backup_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=redis_backup_arguments(),
        prepare=RedisBackup.from_params,
    )


if __name__ == "__main__":
    main()
