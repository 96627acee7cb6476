#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_pitr
short_description: Recover a Postgres database to a point in time, with nothing but the server's own image
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Receives the server's write-ahead log all the time, in a container of the server's own image beside it (C(pg_receivewal)), takes base backups
    (C(pg_basebackup)), and recovers a copy of one of them to a time, in a container without a network. The dump of one database comes out of it.
  - The server is neither restarted nor changed, but for a replication slot C(runbook_pitr) and, if O(max_slot_wal_keep_mb) says so, one setting.
  - Files are kept in C(<backup_dir>/<stack_name>/<service>/pitr/<system identifier>/), readable for their owners only. C(wal) and C(wal-old) hold the
    log, C(base/<id>) the base backups. They hold all databases in clear text.
  - All states return what is received and which times can be reached.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  state:
    description:
      - V(status) changes nothing, and also answers when the server does not.
      - V(enabled) makes slot and receiver, or repairs them, and proves with a mark in the log that it arrives. Run it again whenever the server's
        container was recreated, and from a timer, because a receiver that could not follow the server's container stays down.
      - V(disabled) removes receiver and slot. The log received so far, the base backups, and C(max_slot_wal_keep_size) stay.
      - V(base_backup) takes a base backup, proves it with C(pg_verifybackup), and publishes it when the log up to its end has arrived. Then it removes
        those beyond O(keep_bases), and the log that only they need.
      - V(recovered) leaves a dump of O(database) as it was at O(target_time) in O(destination). The live database is not touched; bring the dump over
        with the module postgres_restore. It works without a running server, too.
    type: str
    choices: [status, enabled, disabled, base_backup, recovered]
    default: status
  backup_dir:
    description:
      - Directory on the target for the backups of all stacks. It should be on another disk than the server's data.
      - It must be a directory of the host on which the engine runs.
    type: path
    required: true
  max_slot_wal_keep_mb:
    description:
      - With O(state=enabled), how many MiB of log the server keeps for a receiver that does not come, written to C(max_slot_wal_keep_size). Beyond it
        the slot is lost, and a new base backup is needed; without a limit the disk of the server would fill and stop it.
      - V(0) leaves the setting as it is, and refuses when it is unlimited. V(-1) leaves it and accepts that.
    type: int
    default: 0
  receive_timeout:
    description: Seconds that the log may take to arrive where that is proven.
    type: int
    default: 30
  min_age:
    description: With O(state=base_backup), unchanged when a usable base backup is younger than this, in seconds.
    type: int
    default: 0
  keep_bases:
    description: How many base backups O(state=base_backup) keeps, the new one included. At least 1.
    type: int
    default: 7
  target_time:
    description:
      - With O(state=recovered), the time to recover to, in ISO 8601 with its zone. All that was committed up to then is in, and nothing later.
      - It must lie within one of RV(reachable).
    type: str
    default: ''
  database:
    description: With O(state=recovered), the database to dump. Without one, the one that the service's own container names (E(POSTGRES_DB)).
    type: str
    default: ''
  destination:
    description: With O(state=recovered), the directory on the target for the dump. It is made, readable for its owner only, if it does not exist.
    type: path
    default: ''
  timeout:
    description: Seconds that a base backup, a recovery, or a dump may take.
    type: int
    default: 7200
seealso:
  - module: runbook.compose.postgres_settings
notes:
  - Needs what Postgres has by default, C(wal_level=replica), three free connections of C(max_wal_senders), a free one of C(max_replication_slots), and
    in C(pg_hba.conf) a line for C(replication) from C(127.0.0.1). The keyword C(all) does not include replication, so from another container's address
    the server answers C(no pg_hba.conf entry for replication connection); that is why the receiver shares the network of the server's container.
  - The role needs C(SUPERUSER), or C(REPLICATION) and C(pg_read_all_settings). Its password stands in a file inside the receiver, never in its
    description. After the password was changed, run O(state=enabled).
  - A receiver follows a restart of the server's container by itself. When the container is recreated, or was down for longer than a few seconds, RV(receiver)
    is no longer C(streaming) until O(state=enabled) repairs it; the slot keeps the log until then.
  - Recovery needs room for a copy of the base backup on the disk of O(backup_dir), unless its file system shares blocks.
  - Databases with tablespaces of their own are refused.
  - Unlogged tables are empty after a recovery.
  - Reasons of failures, besides those of the connection, are V(pitr_not_possible), V(wal_receiver_failed), V(base_backup_not_verified),
    V(time_unreachable), V(wal_gap), V(recovery_failed), V(not_enough_space), V(helper_failed), V(backup_busy), V(timed_out), V(bad_input),
    V(state_unwritable).
"""

EXAMPLES = r"""
- name: Receive the log from now on, and let the server keep 4 GiB of it should the receiver be down
  runbook.compose.postgres_pitr:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backup
    state: enabled
    max_slot_wal_keep_mb: 4096

- name: Take a base backup, unless there is one of today
  runbook.compose.postgres_pitr:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backup
    state: base_backup
    min_age: 72000
    keep_bases: 7

- name: Show which times can be reached
  runbook.compose.postgres_pitr:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backup
  register: past

- name: Dump the database as it was just before the accident
  runbook.compose.postgres_pitr:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backup
    state: recovered
    target_time: "2026-11-21T03:14:59Z"
    database: shop
    destination: /backup/recovered
"""

RETURN = r"""
enabled:
  description: Whether there is a receiver or a slot.
  returned: success
  type: bool
  sample: true
receiver:
  description: The container that receives the log.
  returned: success
  type: dict
  contains:
    container: {description: Its name. Empty when there is none., type: str, sample: runbook-wal-shop.postgres}
    state:
      description:
        - V(streaming), or why it does not work, which is V(absent), V(stopped), V(stranded) (the server's container was recreated), V(outdated) (made for
          other settings) or V(not_streaming). Of a server that does not answer, the engine's word on the container.
      type: str
      sample: streaming
    started_at: {description: Since when it runs., type: str, sample: "2026-11-21T02:00:01.5Z"}
    restarts: {description: How often the engine restarted it., type: int, sample: 0}
slot:
  description: The replication slot, by which the server keeps what was not received yet.
  returned: success
  type: dict
  contains:
    exists: {description: Whether it is there., type: bool, sample: true}
    wal_status: {description: "The server's word, V(reserved), V(extended), V(unreserved) or V(lost).", type: str, sample: reserved}
    kept_bytes: {description: How much log the server keeps for it., type: int, sample: 3416}
    safe_bytes: {description: How much may be written before it can be lost. Null without a limit., type: int, sample: 4278190080}
    received_lsn: {description: Position up to which the log is received and durable., type: str, sample: 0/5000148}
    current_lsn: {description: Position of the server., type: str, sample: 0/5000148}
    lag_bytes: {description: The difference. Null when nothing is received., type: int, sample: 0}
    lag_seconds: {description: How late the log arrives. Null when the server does not tell., type: float, sample: 0.0}
    limit_mb: {description: C(max_slot_wal_keep_size) in MiB; -1 is unlimited., type: int, sample: 4096}
wal:
  description: The log that was received.
  returned: success
  type: dict
  contains:
    directory: {description: Where it is received., type: str, sample: /backup/shop/postgres/pitr/7412345678901234567/wal}
    segments: {description: Number of segments., type: int, sample: 12}
    bytes: {description: Their size., type: int, sample: 201326592}
    first: {description: The oldest segment., type: str, sample: "000000010000000000000002"}
    last: {description: The newest segment., type: str, sample: "00000001000000000000000D"}
    gaps: {description: The first missing or incomplete segment of each gap., type: list, elements: str, sample: []}
bases:
  description: Base backups, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: Its id., type: str, sample: 20261121T020003Z-000001-7f3a}
    started_at: {description: When it began., type: str, sample: "2026-11-21T02:00:03.118000Z"}
    finished_at: {description: The earliest time that can be reached from it., type: str, sample: "2026-11-21T02:00:09.000000Z"}
    start_lsn: {description: Where recovery begins., type: str, sample: 0/2000028}
    end_lsn: {description: Where it is consistent., type: str, sample: 0/2000120}
    bytes: {description: Its size., type: int, sample: 31457280}
    server_version: {description: As the server numbers itself., type: int, sample: 170011}
    image: {description: The server's image., type: str, sample: "postgres:17"}
    usable: {description: Whether the log that it needs itself is there., type: bool, sample: true}
reachable:
  description: Intervals of time that can be recovered to, oldest first. Several when the log has gaps.
  returned: success
  type: list
  elements: dict
  contains:
    start: {description: The end of the oldest base backup in it., type: str, sample: "2026-11-21T02:00:09.000000Z"}
    end: {description: The last time up to which all commits are known to be received., type: str, sample: "2026-11-21T03:20:00.000000Z"}
    bases: {description: Its base backups., type: list, elements: str, sample: [20261121T020003Z-000001-7f3a]}
    gap: {description: The missing segment at which it ends. Empty when it goes on., type: str, sample: ""}
problems:
  description: What is wrong, the worst first. Empty when all is well, and when nothing is enabled.
  returned: success
  type: list
  elements: dict
  contains:
    problem:
      description:
        - V(server_silent), V(slot_missing), V(slot_lost), V(slot_unreserved), V(receiver_absent), V(receiver_stopped), V(receiver_stranded),
          V(receiver_outdated), V(receiver_not_streaming), V(receiver_synchronous), V(base_unreadable), V(base_of_another_server), V(wal_damaged),
          V(wal_gap) or V(no_base).
      type: str
      sample: no_base
    message: {description: What it means and what to do., type: str, sample: No base backup leads to the present. Take one (state=base_backup).}
base:
  description: Id of the base backup that was taken, or of the young one that was there.
  returned: with O(state=base_backup)
  type: str
  sample: 20261121T020003Z-000001-7f3a
dump:
  description: The dump. Empty in check mode, when it is not there yet.
  returned: with O(state=recovered)
  type: dict
  contains:
    path: {description: "The file, in pg_dump's custom format. What follows stands in a file of the same name with C(.json).", type: str,
           sample: /backup/recovered/shop-20261121T031459Z.dump}
    database: {description: The database., type: str, sample: shop}
    bytes: {description: Its size., type: int, sample: 104857600}
    sha256: {description: Its hash., type: str, sample: 2b1d6f0c}
    target_time: {description: The time that was asked for., type: str, sample: "2026-11-21T03:14:59.000000Z"}
    last_commit: {description: When the last transaction was committed that is in. Empty when none was since the base backup., type: str,
                  sample: "2026-11-21T03:14:57.204118Z"}
    base: {description: The base backup that it began with., type: str, sample: 20261121T020003Z-000001-7f3a}
    timeline: {description: The timeline that the recovered server began., type: int, sample: 2}
    server_version: {description: Version of the server., type: int, sample: 170011}
    seconds: {description: How long the recovery took., type: float, sample: 41.5}
actions:
  description: "What was or would be done: V(set), V(create_slot), V(start_receiver), V(remove_receiver), V(drop_slot), V(take_base_backup),
    V(remove_base_backup), V(remove_wal), V(recover), V(dump)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: start_receiver}
    target: {description: On what., type: str, sample: runbook-wal-shop.postgres}
    detail: {description: More about it., type: str, sample: stranded}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_pitr import PostgresPitr
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_pitr_arguments import postgres_pitr_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_arguments().merged_with(postgres_pitr_arguments()),
        prepare=PostgresPitr.from_params,
    )


if __name__ == "__main__":
    main()
