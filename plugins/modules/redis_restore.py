#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_restore
short_description: Restore the data of a stack's Redis, and undo that
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Restores a backup of M(runbook.compose.redis_backup), or a snapshot that somebody has. It is placed beside the live files in the server's own
    volume, checked, and loaded by a throwaway server of the same image that has to have every key. Where the server keeps an append-only file, that
    throwaway server writes one too, since such a server ignores a snapshot that is only put in its place. Until here nothing touches the live data.
  - Then the dependents are stopped, a safety backup is made, Redis is stopped by the engine and has to end cleanly, the live files are put into a
    directory of the same volume, and the new ones take their place by renames. Redis is started, has to have every key that cannot have expired, is
    restarted once more to prove that the data stay, and the dependents are started.
  - What was live is kept, and can be live again (O(state=undone)).
  - Before each step a record is written to C(<state_dir>/<stack_name>/redis/). Whenever the module dies, O(state=recovered) finishes what it began
    or takes it back.
  - A failure of V(present) or V(undone) takes back what was done. RV(ignore:details) then say how far it was (C(stage)) and what it left
    (C(safe_state)). V(untouched) is a server that was never stopped, V(rolled_back) one that has its data from before, V(needs_attention) asks for
    O(state=recovered). A safety backup stays.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.redis
options:
  state:
    description:
      - V(present) restores O(backup) or O(file). It never finds that nothing is to be done; restoring again is a new restore.
      - V(undone) makes the data live again that the newest restore replaced. What is live now is kept, with all that was written since.
      - V(recovered) finishes or takes back what runs that died have left. An exchange that was proven counts.
      - V(expired) removes the files that restores, undone ones too, have kept for longer than O(undo_ttl).
    type: str
    choices: [present, undone, recovered, expired]
    default: present
  backup_dir:
    description: Directory on the target below which the backups of all stacks are. Needed for O(state=present).
    type: path
    default: ''
  backup:
    description:
      - Id of a backup, or V(latest-verified) for the newest one that was loaded and compared once. Safety backups do not count, since they hold what a
        restore was to replace; give the id of one.
      - Without it and without O(file) it is V(latest-verified). Where no backup is verified, O(allow_unverified) lets that be the newest one.
    type: str
    default: ''
  file:
    description:
      - File on the target to be restored instead of a backup, as Redis wrote it (C(dump.rdb)), or compressed by C(gzip) or C(zstd), also encrypted
        by C(age).
      - Nothing says what it should hold; what it holds is counted before it becomes live.
    type: path
    default: ''
  restore_id:
    description: With V(undone), which restore. Without it, the newest one.
    type: str
    default: ''
  confirm:
    description:
      - Name of O(service) or of the stack, for V(present) and V(undone). Anything else fails with RV(ignore:reason=confirmation_missing), and the
        message lists what would happen.
    type: str
    default: ''
  safety_backup:
    description: Whether a backup of what is live is made first, or one is there that is younger than O(safety_max_age).
    type: bool
    default: true
  safety_max_age:
    description: Seconds. A backup of what is live younger than this serves as the safety backup.
    type: int
    default: 900
  allow_unverified:
    description: Accepts a backup that was never loaded to prove it. It is loaded once before it becomes live in any case.
    type: bool
    default: false
  protected_prefixes:
    description:
      - What the names of keys begin with that are taken over from the live data into the restored ones, with their expiry, such as revoked tokens and
        locked accounts. A snapshot knows nothing of those that came after it, and going back to it must not make them valid again.
      - Where both have a key, the live one wins. One that only the snapshot has stays. A byte that is not printable is written as C(\xHH).
    type: list
    elements: str
    default: []
  prove_restart:
    description: Whether Redis is restarted once more before the dependents come back, to prove that what was restored is what it loads and keeps.
    type: bool
    default: true
  dependents:
    description:
      - Services that are stopped before the exchange and started after it, or after a failure. Without it, those whose C(depends_on) names
        O(service). An empty list stops none; what they write while Redis is up between its restarts is then in the restored data.
      - Only containers that run are stopped. Whether a service is healthy afterwards is not looked at.
    type: list
    elements: str
  data_dir:
    description:
      - Directory of the server's files inside its container, for a server on which C(CONFIG) is renamed or forbidden. Others tell it themselves.
      - Then give O(dbfilename) and O(appendonly) as well, unless they are C(dump.rdb) and V(no).
      - With O(appendonly) and O(safety_backup=false), a server is restored too that cannot start any more, such as one whose files are damaged. They
        are kept as those of any other.
    type: str
    default: ''
  dbfilename:
    description: Name of the snapshot in O(data_dir), for a server that does not tell.
    type: str
    default: ''
  appendonly:
    description: Whether the server keeps an append-only file, for a server that does not tell. Empty means V(no) then.
    type: str
    choices: ['', 'yes', 'no']
    default: ''
  encryption:
    description: Encryption by age.
    type: dict
    suboptions:
      recipients:
        description: Public keys that the safety backup is encrypted to. Without any it is not encrypted.
        type: list
        elements: str
        default: []
      identity_file:
        description: File on the target with the private key that decrypts O(backup) or O(file).
        type: path
        default: ''
  stop_timeout:
    description:
      - Seconds that Redis gets to write its data and end. One that has to be killed is started again, and nothing is restored.
    type: int
    default: 120
  timeout:
    description: Seconds that preparing the new data may take, and as many for each start.
    type: int
    default: 14400
  undo_ttl:
    description: Seconds for which what was live is kept. O(state=expired) removes it then, nothing else does.
    type: int
    default: 259200
requirements:
  - zstd, gzip, age (programs on the target) for archives that need them
seealso:
  - module: runbook.compose.redis_backup
notes:
  - The server must be a container of the stack, on an engine of the target itself, with its data on a volume or a directory of the host.
  - The user that logs in (ACL) needs C(INFO), C(CONFIG GET), C(MODULE LIST), C(TIME) and C(BGSAVE), with O(protected_prefixes) also C(SELECT), C(SCAN),
    C(DUMP), C(PTTL) and C(RESTORE) on their keys. Without C(SELECT) and C(SCAN) the keys are not compared by prefix.
  - The volume needs room for the new data beside the live ones, twice where an append-only file is kept; what is kept takes as much as it did.
  - The host needs memory to load the data once beside the live server.
  - Before anything is done, all of this is looked at and refused together with RV(ignore:reason=restore_refused). The codes in C(problems) are
    V(backup_damaged), V(backup_unverified), V(backup_partial), V(is_replica), V(newer_version), V(modules_missing), V(over_maxmemory),
    V(over_memory_limit), V(not_enough_memory), V(not_enough_space).
  - Keys that have expired since the snapshot are gone, as they should be. All others have to be there.
  - Settings that were made with C(CONFIG SET) only are lost by the restart, as by any other. A warning names those that are seen.
  - A Sentinel may take the stop of a primary for its death; tell it first.
  - Reasons of failures are, beside those of Redis, of the engine and of M(runbook.compose.redis_backup), V(confirmation_missing),
    V(restore_refused), V(restore_unfinished), V(restore_differs), V(restore_record_unreadable), V(archive_rejected), V(archive_unreadable),
    V(backup_manifest_invalid), V(nothing_to_undo), V(free_space_unknown), V(unknown_service), V(redis_not_stopped), V(redis_not_started).
  - Check mode looks at everything that is looked at before a restore begins (it reads the whole backup once), and changes nothing.
"""

EXAMPLES = r"""
- name: Bring the newest proven backup back
  runbook.compose.redis_restore:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backups
    confirm: redis

- name: Go back to what was live before
  runbook.compose.redis_restore:
    stack_name: shop
    project_dir: /srv/shop
    state: undone
    confirm: redis

- name: Restore a file from the old runbook
  runbook.compose.redis_restore:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backups
    file: /root/redis-backup-1761696000.rdb
    confirm: redis

- name: Finish or take back what a killed run left
  runbook.compose.redis_restore:
    stack_name: shop
    project_dir: /srv/shop
    state: recovered

- name: Remove what was kept for three days
  runbook.compose.redis_restore:
    stack_name: shop
    project_dir: /srv/shop
    state: expired
"""

RETURN = r"""
restore_id:
  description: Name of the restore that was done or undone.
  returned: success, outside check mode
  type: str
  sample: 20261121T105402Z-669380f7
source:
  description: What was restored.
  returned: success, outside check mode
  type: str
  sample: backup 20261121T031000Z-000042-7f3a
keys_restored:
  description: Keys that the server had after its last start, in all databases.
  returned: success, outside check mode
  type: int
  sample: 11570
keys_carried:
  description: Keys below O(protected_prefixes) that were taken over from what was live.
  returned: success, outside check mode
  type: int
  sample: 17
databases:
  description: With O(state=present), number of each database that is not empty to its C(keys) in the snapshot, and how many of them C(expires).
  returned: success, outside check mode
  type: dict
  sample: {"0": {"keys": 11570, "expires": 4021}}
groups:
  description:
    - With O(state=present), how many keys the backup had when it was proven, by prefix and family as in
      RV(runbook.compose.redis_backup#module:backups[].groups), and how many were C(restored), counted after the first start.
    - Fewer than cannot have expired take the restore back with RV(ignore:reason=restore_differs). Empty when they were not compared.
  returned: success, outside check mode
  type: list
  elements: dict
  sample: [{"database": 0, "group": "prefix", "name": "session:", "count": 4021, "expiring": 4021, "restored": 3977}]
not_compared:
  description: Why they were not compared. Empty when they were, and for other states.
  returned: success, outside check mode
  type: str
  sample: ""
unavailable_ms:
  description: Milliseconds from the moment in which Redis was stopped to the moment in which it was proven, its second start included.
  returned: success, outside check mode
  type: int
  sample: 2930
restart_proven:
  description: Whether it was restarted once more and had everything again.
  returned: success, outside check mode
  type: bool
  sample: true
undo_directory:
  description: Directory in the server's data directory in which what was live is kept. V(null) for other states.
  returned: success, outside check mode
  type: str
  sample: .runbook-undo-669380f7
undo_expires:
  description: UTC time from which O(state=expired) with the same O(undo_ttl) removes it.
  returned: success, outside check mode
  type: str
  sample: "2026-11-24T10:54:19.945635Z"
kept_directory:
  description: With O(state=undone), the directory in which what was live is kept.
  returned: success, outside check mode
  type: str
  sample: .runbook-redo-669380f7
safety_backup:
  description: Id of the backup of what was live. V(null) without one.
  returned: success, outside check mode
  type: str
  sample: 20261121T105402Z-000043-a4d4
services_restarted:
  description: Services that were stopped before the exchange and started after it.
  returned: success, outside check mode
  type: list
  elements: str
  sample: [api]
warnings_of_restore:
  description: What is not as it was, though nothing failed.
  returned: success, outside check mode
  type: list
  elements: str
  sample: []
recovered:
  description: With O(state=recovered), what was found and how it ended.
  returned: success, outside check mode
  type: list
  elements: dict
  contains:
    restore_id: {description: Name of the restore., type: str, sample: 20261121T105402Z-669380f7}
    stage: {description: How far it was when it died., type: str, sample: exchanging}
    outcome: {description: "V(finished): what was to become live is live. V(undone): everything is as before.", type: str, sample: undone}
dropped:
  description: With O(state=expired), names of the directories that were removed.
  returned: success, outside check mode
  type: list
  elements: str
  sample: [.runbook-undo-669380f7]
actions:
  description: What was or would be done, in this order.
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: exchange}
    target: {description: Of what., type: str, sample: /data}
    detail: {description: How., type: str, sample: what is live is kept as .runbook-undo-669380f7}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.redis_restore import RedisRestore
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_restore_arguments import redis_restore_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=redis_restore_arguments(),
        prepare=RedisRestore.from_params,
    )


if __name__ == "__main__":
    main()
