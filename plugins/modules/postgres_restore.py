#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_restore
short_description: Restore a database of a stack's Postgres, and undo that
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Restores a backup of M(runbook.compose.postgres_backup), or a file that somebody has, into a new database beside the live one, compares it with
    what the backup says was in it, and only then exchanges the two by their names. The database that was live is kept, and can be live again within
    milliseconds (O(state=undone)).
  - Until the exchange nothing touches the live database. For the exchange, nobody is let in, every session is ended, both databases are renamed in
    one transaction, and a connection of its own proves that the right database answers. RV(unavailable_ms) says how long nobody could connect.
  - Before each step a record is written to C(<state_dir>/<stack_name>/postgres/). Whenever the module dies, O(state=recovered) finishes what it began
    or takes it back.
  - A failure of V(present), V(undone) or V(redone) takes back what was done. RV(ignore:details) then say how far it was (C(stage)) and what it left
    (C(safe_state)). V(untouched) is a live database as it was, V(rolled_back) one that is live again after connections to it were stopped,
    V(needs_attention) asks for O(state=recovered). Roles that were made, and a safety backup, stay.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  state:
    description:
      - V(present) restores O(backup) or O(file) into O(database). It never finds that nothing is to be done; restoring again is a new restore.
      - V(undone) makes the database live again that the newest restore of O(database) replaced. What is live now is kept, with all that was written
        to it since.
      - V(redone) makes the restored database live again after V(undone).
      - V(recovered) finishes or takes back what runs that died have left, of O(database) or of all databases. An exchange that was committed counts.
      - V(expired) drops the databases that restores, undone ones too, have kept for longer than O(undo_ttl), of O(database) or of all.
    type: str
    choices: [present, undone, redone, recovered, expired]
    default: present
  database:
    description: Name of the live database. It need not exist for O(state=present). Needed for V(present), V(undone) and V(redone).
    type: str
    default: ''
  backup_dir:
    description: Directory on the target below which the backups of all stacks are. Needed for O(backup) and for O(safety_backup).
    type: path
    default: ''
  backup:
    description:
      - Id of a backup, or V(latest-verified) for the newest one of O(database) that was restored and compared once. Safety backups do not count, since
        they hold what a restore was to replace; give the id of one.
      - Without it and without O(file) it is V(latest-verified). Where no backup is verified, O(allow_unverified) lets that be the newest one.
    type: str
    default: ''
  backup_stack:
    description:
      - Name of another stack. O(backup) is then one of that stack, below the same O(backup_dir) (C(<backup_dir>/<backup_stack>/<service>/<database>/<id>)),
        made by a service of the same name as O(service) on another server. Without it, backups of other stacks are not seen.
      - A backup of this very server is refused, with any other option. O(allow_foreign) is not needed for the other server.
      - Roles that are made (O(roles)) come without their passwords.
      - Nothing brings the backup here. Its manifest and the hashes of its files are checked before anything is done.
    type: str
    default: ''
  file:
    description:
      - File on the target to be restored instead of a backup, an archive of C(pg_dump -Fc) or plain SQL, as it is or compressed by C(gzip) or
        C(zstd), also encrypted by C(age). What it is, is told by its content and not by its name.
      - Plain SQL runs in one transaction that the first error ends. A line that reaches beyond the database (C(\connect), C(CREATE DATABASE), other
        commands of C(psql)), and a dump whose end is missing, are refused. That keeps mistakes away, not malice. SQL runs with all rights of
        O(username).
      - Nothing says what a file should hold, so nothing is compared (RV(compared) is V(false)) and the rows are only counted. Owner, encoding, locale,
        privileges and settings of the database are those of the live one.
    type: path
    default: ''
  restore_id:
    description: With V(undone) and V(redone), which restore. Without it, the newest one of O(database).
    type: str
    default: ''
  confirm:
    description:
      - Name of O(database) or of the stack, for V(present), V(undone) and V(redone). Anything else fails with
        RV(ignore:reason=confirmation_missing), and the message lists what would happen.
    type: str
    default: ''
  confirm_replace:
    description: Name of O(database) once more, for O(mode=replace).
    type: str
    default: ''
  mode:
    description:
      - V(swap) restores beside the live database and keeps it afterwards. The disk needs room for both.
      - V(replace) is for disks without that room. It stops the dependents, makes a new safety backup and proves it by restoring it elsewhere, drops
        the live database and restores in its place. Nobody can connect all that time, and there is nothing to undo to. When the restore fails, the
        safety backup is restored. What others than the dependents write between the safety backup and the drop is lost.
    type: str
    choices: [swap, replace]
    default: swap
  safety_backup:
    description: Whether a backup of the live database is made first, or one is there that is younger than O(safety_max_age).
    type: bool
    default: true
  safety_max_age:
    description: Seconds. A backup of the live database younger than this serves as the safety backup.
    type: int
    default: 900
  allow_unverified:
    description: Accepts a backup that was never restored to prove it.
    type: bool
    default: false
  allow_foreign:
    description: Accepts a backup of another database of the service, or of another server (its C(system_identifier) differs).
    type: bool
    default: false
  roles:
    description:
      - Which roles of the backup are made, with their passwords and memberships, where the server has none of the name. Roles that are there are
        never changed.
      - V(needed) are those that the database's objects, privileges and settings name. V(all) are all that the backup knows.
    type: str
    choices: [needed, all]
    default: needed
  dependents:
    description:
      - Services that are stopped before the exchange and started after it, or after a failure. Sessions of all others are ended all the same, and may
        come again as soon as the exchange is done.
      - Without it, nothing is stopped with O(mode=swap), O(state=undone) and O(state=redone), where nobody can connect for moments only. With
        O(mode=replace) those are stopped whose C(depends_on) names O(service). An empty list stops none.
      - Only containers that run are stopped. Whether a service is healthy afterwards is not looked at.
    type: list
    elements: str
  fence_timeout:
    description: Seconds within which all sessions of the database have to end. When they do not, everybody is let in again and nothing was done.
    type: int
    default: 10
  jobs:
    description:
      - How many tables or indexes are restored at once. With V(0), one for each processor, at most four.
      - More than one needs room for the decompressed archive in O(backup_dir); where there is none, the archive is streamed by one.
    type: int
    default: 0
  assertions:
    description: SQL queries that are asked of the restored copy before the exchange; each has to give one row with one true value.
    type: list
    elements: str
    default: []
  masking:
    description:
      - SQL statements that take from the copy what nobody may see where it goes. They run after the comparison and O(assertions) and before the
        exchange, in one transaction, with all rights of O(username). Triggers fire; row security hides nothing, or is an error.
      - Each entry is one statement. Those that would end the transaction (C(COMMIT), and C(SET)) are refused before anything is done, and one that does it
        from within fails. A failure drops the copy and is V(masking_failed). It tells the place of the statement and its SQLSTATE; neither the statement
        nor the answer of the server is repeated, because they may hold what is to be masked.
      - Until it is masked, nobody but superusers and O(username) may connect to the copy. Then every table is written anew (C(VACUUM FULL)), so that
        the rows as they were are not in its files. Where O(username) is a superuser, statistics are collected from nothing. The log of the server (WAL)
        has what was restored until it is recycled.
      - It needs about twice the room. A run that is killed leaves the copy closed, until O(state=recovered) drops it.
    type: list
    elements: str
    default: []
  masking_checks:
    description:
      - SQL queries that are asked after O(masking), before the exchange. Each has to give one row with one true value. Otherwise the copy is dropped, and
        the reason is V(masking_incomplete), with the places of those that did not.
    type: list
    elements: str
    default: []
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
  timeout:
    description: Seconds that filling the new database may take, and comparing it.
    type: int
    default: 14400
  undo_ttl:
    description: Seconds for which the database that was live is kept. O(state=expired) drops it then, nothing else does.
    type: int
    default: 259200
requirements:
  - zstd, gzip, age (programs on the target) for archives that need them
seealso:
  - module: runbook.compose.postgres_backup
notes:
  - The server must be a container of the stack, on an engine of the target itself.
  - A database that is kept (C(*__undo_*), C(*__redo_*)) accepts no connections and takes as much room as it did. C(pg_upgrade) refuses a server that
    has one, so let it expire before.
  - Clients that connect in the moment of the exchange are refused once. Applications have to try again.
  - Slots of logical replication, subscriptions and prepared transactions hang on a database and not on its name; a database that has any is refused.
    Foreign data wrappers, C(dblink) and C(pg_cron) go by the name and reach the restored database.
  - Before anything is done, all of this is looked at and refused together with RV(ignore:reason=restore_refused). The codes in C(problems) are
    V(backup_damaged), V(backup_unverified), V(backup_partial), V(foreign_database), V(foreign_server), V(same_server), V(major_version), V(extensions_missing),
    V(roles_missing), V(not_allowed), V(not_enough_space), V(in_recovery), V(prepared_transactions), V(logical_slots), V(subscriptions).
    Plain SQL that is read later may add V(major_version), V(psql_too_old) and V(leaves_database).
  - How far a restore is, is in C(<state_dir>/<stack_name>/progress/restore-<database>.json) while it runs.
  - Reasons of failures are, beside those of Postgres, of the engine and of M(runbook.compose.postgres_backup), V(confirmation_missing),
    V(restore_refused), V(restore_unfinished), V(restore_differs), V(restore_needs_attention), V(restore_record_unreadable), V(archive_rejected),
    V(archive_unreadable), V(backup_manifest_invalid), V(backup_missing), V(backup_busy), V(fence_failed), V(swap_failed), V(nothing_to_undo),
    V(scratch_server_failed), V(free_space_unknown), V(unknown_service), V(masking_failed), V(masking_incomplete), V(several_statements),
    V(statement_not_read_only).
  - Check mode looks at everything that is looked at before a restore begins (it reads the whole backup once), and changes nothing.
"""

EXAMPLES = r"""
- name: Bring the newest proven backup back
  runbook.compose.postgres_restore:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backups
    database: shop
    confirm: shop

- name: Go back to what was live before
  runbook.compose.postgres_restore:
    stack_name: shop
    project_dir: /srv/shop
    state: undone
    database: shop
    confirm: shop

- name: Restore a file from the old runbook while nobody writes
  runbook.compose.postgres_restore:
    stack_name: shop
    project_dir: /srv/shop
    backup_dir: /backups
    database: shop
    file: /root/backup-20261103.sql.gz
    dependents: [api, worker]
    assertions:
      - SELECT count(*) > 1000 FROM orders
    confirm: shop

- name: Give staging what production had last night, without its customers' addresses
  runbook.compose.postgres_restore:
    stack_name: shop-staging
    project_dir: /srv/shop-staging
    backup_dir: /backups
    backup_stack: shop-production
    database: shop
    masking:
      - UPDATE customers SET email = 'customer' || id || '@example.test', phone = NULL
      - TRUNCATE sessions
    masking_checks:
      - SELECT count(*) = 0 FROM customers WHERE email NOT LIKE '%@example.test'
    confirm: shop

- name: Finish or take back what a killed run left
  runbook.compose.postgres_restore:
    stack_name: shop
    project_dir: /srv/shop
    state: recovered

- name: Drop what was kept for three days
  runbook.compose.postgres_restore:
    stack_name: shop
    project_dir: /srv/shop
    state: expired
"""

RETURN = r"""
restore_id:
  description: Name of the restore that was done, undone or redone.
  returned: success, outside check mode
  type: str
  sample: 20261121T105402Z-669380f7
source:
  description: What was restored.
  returned: success, outside check mode
  type: str
  sample: backup 20261121T031000Z-000042-7f3a
unavailable_ms:
  description:
    - Milliseconds from the moment in which nobody was let in any more to the first connection that was accepted again. V(0) when no database was there.
    - Stopping and starting O(dependents) is not part of it.
  returned: success, outside check mode
  type: int
  sample: 93
compared:
  description: Whether the copy was compared with what the backup says was in the database. V(false) for a file.
  returned: success with O(state=present), outside check mode
  type: bool
  sample: true
tables:
  description: Number of its tables.
  returned: success with O(state=present), outside check mode
  type: int
  sample: 12
rows:
  description: Number of rows in all of them, before O(masking).
  returned: success with O(state=present), outside check mode
  type: int
  sample: 1001157
restore_seconds:
  description: How long filling the new database took.
  returned: success with O(state=present), outside check mode
  type: float
  sample: 15.2
compare_seconds:
  description: How long comparing (or counting) and the assertions took.
  returned: success with O(state=present), outside check mode
  type: float
  sample: 2.1
masked:
  description: Number of statements of O(masking) that were run. V(0) when nothing was masked.
  returned: success, outside check mode
  type: int
  sample: 2
masking_checks:
  description: Number of O(masking_checks), all of which hold.
  returned: success, outside check mode
  type: int
  sample: 1
masking_seconds:
  description: How long masking, its checks, and writing the tables anew took.
  returned: success with O(state=present), outside check mode
  type: float
  sample: 4.1
analyze_seconds:
  description: How long collecting statistics for the planner took.
  returned: success with O(state=present), outside check mode
  type: float
  sample: 1.2
undo_database:
  description: Name under which the database that was live is kept. V(null) when there was none, with O(mode=replace), and for other states.
  returned: success, outside check mode
  type: str
  sample: shop__undo_669380f7
undo_expires:
  description: UTC time from which O(state=expired) with the same O(undo_ttl) drops it.
  returned: success, outside check mode
  type: str
  sample: "2026-11-24T10:54:19.945635Z"
kept_database:
  description: With O(state=undone) and O(state=redone), the name under which the database that was live is kept.
  returned: success, outside check mode
  type: str
  sample: shop__redo_669380f7
safety_backup:
  description: Id of the backup of the live database. V(null) without one.
  returned: success, outside check mode
  type: str
  sample: 20261121T105402Z-000043-a4d4
roles_created:
  description: Roles that the server did not have.
  returned: success, outside check mode
  type: list
  elements: str
  sample: [reader]
services_restarted:
  description: Services that were stopped before the exchange and started after it.
  returned: success, outside check mode
  type: list
  elements: str
  sample: [api]
warnings_of_restore:
  description: What is not as it was, though nothing failed, such as a setting of the database that this server does not know.
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
    database: {description: Name of the database., type: str, sample: shop}
    stage: {description: How far it was when it died., type: str, sample: swapping}
    outcome: {description: "V(finished): what was to become live is live. V(undone): everything is as before.", type: str, sample: undone}
dropped:
  description: With O(state=expired), names of the databases that were dropped.
  returned: success, outside check mode
  type: list
  elements: str
  sample: [shop__undo_669380f7]
actions:
  description:
    - "What was or would be done: V(back_up), V(create_role), V(restore), V(compare), V(count), V(mask), V(stop), V(swap), V(drop), V(rename), V(start), and for
      O(state=recovered) V(allow). V(forget) removes a record that nothing belongs to any more."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: swap}
    target: {description: Name of a database or service., type: str, sample: shop}
    detail: {description: More about it., type: str, sample: kept as shop__undo_669380f7}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_restore import PostgresRestore
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_restore_arguments import postgres_restore_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_restore_arguments(),
        prepare=PostgresRestore.from_params,
    )


if __name__ == "__main__":
    main()
