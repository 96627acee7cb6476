#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_info
short_description: Look at a stack's Postgres and say what is wrong with it
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Reads the catalogues and statistics of a server and one of its databases, in a few questions whatever the number of tables, and compares them with
    thresholds. Changes nothing.
  - Its own session and its own statements are not part of the report. Statements of others are shown in one line of at most 200 characters, without
    what they hold.
  - It waits for a lock for 2 seconds at most. Sizes of what somebody has locked exclusively are left out (C(locked)).
  - Sizes are in bytes, times in seconds or in UTC. A number that cannot be known is null.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  sections:
    description:
      - What to look at. All but V(bloat), which reads the statistics of every column, by default.
      - V(activity) are the sessions that work or are in a transaction, V(progress) the operations that tell how far they are, and V(integrity) are
        indexes, constraints and triggers that do not work, and O(counts).
    type: list
    elements: str
    choices:
      - server
      - connections
      - activity
      - locks
      - progress
      - databases
      - tables
      - indexes
      - unused_indexes
      - bloat
      - statements
      - settings
      - replication
      - integrity
    default:
      - server
      - connections
      - activity
      - locks
      - progress
      - databases
      - tables
      - indexes
      - unused_indexes
      - statements
      - settings
      - replication
      - integrity
  database:
    description:
      - Database whose tables, indexes and statements are looked at. Without one, the application's own (E(POSTGRES_DB) of the service's container), else
        O(maintenance_database).
    type: str
    default: ''
  limit:
    description: Rows of each list at most, 1 to 10000. Databases, settings, slots and receivers are always all there.
    type: int
    default: 20
  interval:
    description:
      - Seconds, 0 to 300, between two looks at the counters, which make RV(change). With 0 there is one look only.
      - Sessions hand in their counts about once a second, so that less than a few seconds tell little.
    type: float
    default: 0
  statements_by:
    description: What puts a statement first. V(total) and V(mean) time, V(calls), or V(temp) for what was written to temporary files.
    type: str
    choices: [total, mean, calls, temp]
    default: total
  bloat_method:
    description:
      - With V(measure), the tables of the list are measured with C(pgstattuple_approx), which reads those of their pages that vacuum has to visit, if
        the extension pgstattuple is installed in the database. Otherwise there is only the estimate.
    type: str
    choices: [estimate, measure]
    default: estimate
  counts:
    description: Tables whose rows are counted exactly, all in one snapshot. It takes as long as reading them. Part of the section V(integrity).
    type: list
    elements: dict
    default: []
    suboptions:
      table:
        description: C(schema.table) as it is written in the catalogue, without quotes. Without a schema, V(public).
        type: str
        required: true
      time_column:
        description: Column with a time or a date, whose newest value is told.
        type: str
        default: ''
      min_rows:
        description: Fewer rows are a problem.
        type: int
        default: 0
      max_age_seconds:
        description: A newest row that is older, or none at all, is a problem. 0 asks for nothing.
        type: int
        default: 0
  thresholds:
    description:
      - Numbers of 0 or more, from which on something is a problem. Another name is refused.
      - C(connections_warning_percent) (default 80) and C(connections_critical_percent) (90) of the connections for ordinary roles.
      - C(idle_in_transaction_seconds) (300), C(transaction_seconds) (3600), C(statement_seconds) (300), C(blocked_seconds) (30) and
        C(prepared_seconds) (600) of the longest of each.
      - C(hit_percent) (90), below which the cache is a problem, and C(wraparound_warning_percent) (40) and C(wraparound_critical_percent) (75) of the
        transaction ids.
      - C(dead_percent) (20) together with C(dead_rows) (10000), C(bloat_percent) (50) together with C(bloat_bytes) (100 MiB).
      - C(unused_index_bytes) (1 MiB), below which an unused index is not listed, and C(statistics_days) (14), below which nothing is certain about it.
      - C(replication_lag_bytes) (100 MiB), C(replication_lag_seconds) (60) and C(slot_retained_bytes) (1 GiB).
    type: dict
    default: {}
  statement_timeout:
    description: Seconds for each question, 0.001 to 86400.
    type: float
    default: 30
  on_problem:
    description: With V(fail), the task fails with RV(ignore:reason=postgres_unhealthy) when a problem of severity V(critical) was found.
    type: str
    choices: [report, fail]
    default: report
seealso:
  - module: runbook.compose.postgres_query
  - module: runbook.compose.compose_info
notes:
  - A role that is neither a superuser nor a member of C(pg_monitor) sees only its own sessions and statements. The problem V(sessions_hidden) says so.
  - Reasons of failures are V(postgres_unhealthy), V(bad_input), V(postgres_unreachable), V(postgres_login_refused), V(postgres_connections_exhausted),
    V(postgres_not_in_stack), V(engine_unreachable), V(engine_failed), V(python_library_missing), V(lease_lost).
"""

EXAMPLES = r"""
- name: Look at the database of the stack
  runbook.compose.postgres_info:
    stack_name: shop
    project_dir: /srv/shop
  register: looked

- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ looked.table }}"

- name: Fail when connections run out or somebody holds everybody up
  runbook.compose.postgres_info:
    stack_name: shop
    project_dir: /srv/shop
    sections: [connections, locks]
    thresholds: {connections_critical_percent: 95}
    on_problem: fail

- name: Watch for ten seconds what is done to which tables
  runbook.compose.postgres_info:
    stack_name: shop
    project_dir: /srv/shop
    sections: [server]
    interval: 10

- name: Prove that the data are there and recent
  runbook.compose.postgres_info:
    stack_name: shop
    project_dir: /srv/shop
    sections: [integrity]
    counts:
      - {table: public.Order, time_column: created_at, min_rows: 1000, max_age_seconds: 86400}
    on_problem: fail
"""

RETURN = r"""
at:
  description: UTC time of the look.
  returned: success
  type: str
  sample: "2026-11-21T03:10:00Z"
database:
  description: Database that was looked at.
  returned: success
  type: str
  sample: shop
healthy:
  description: Whether no problem of severity V(critical) was found.
  returned: success
  type: bool
  sample: true
complete:
  description: Whether all sections could be read. One that could not is null, and there is a problem V(section_failed).
  returned: success
  type: bool
  sample: true
problems:
  description: Everything that is beyond its threshold or plainly wrong, the critical first. Empty when all is well.
  returned: success
  type: list
  elements: dict
  contains:
    section: {description: Section in which it was found., type: str, sample: locks}
    problem:
      description:
        - Of V(connections) are V(connections_high), V(idle_in_transaction), V(long_transaction), V(sessions_hidden); of V(activity) V(long_statement);
          of V(locks) V(blocked), V(prepared_transaction).
        - Of V(databases) are V(wraparound), V(collation_changed), V(checksum_failures), V(cache_misses); of V(bloat) V(dead_rows), V(bloat).
        - Of V(settings) are V(dangerous_setting), V(pending_restart), V(settings_file_error).
        - Of V(replication) are V(replication_lag), V(slot_lost), V(slot_keeps_log), V(replica_cut_off), V(replay_paused), V(replay_lag), V(archiving_fails).
        - Of V(integrity) are V(invalid_index), V(disabled_trigger), V(unvalidated_constraint), V(too_few_rows), V(rows_too_old). Of any V(section_failed).
      type: str
      sample: blocked
    severity: {description: "V(critical) or V(warning).", type: str, sample: critical}
    subject: {description: "What it is about: a pid, a database, a table, a setting. Empty for the server.", type: str, sample: "4711"}
    message: {description: The problem in a sentence., type: str, sample: "3 sessions wait for locks, the longest for 95 s."}
    hint: {description: What to do., type: str, sample: End them with playbooks/postgres/sessions.yml.}
table:
  description: Problems and sections as aligned text.
  returned: success
  type: str
  sample: "No problems found."
server:
  description: The server.
  returned: when the section was asked for
  type: dict
  sample: {version: "15.18", version_number: 150018, database: shop, encoding: UTF8, collation: C.UTF-8, in_recovery: false,
           started_at: "2026-11-20T03:10:00Z", uptime_seconds: 86400.0, at: "2026-11-21T03:10:00Z", data_checksums: false, wal_level: replica,
           sees_everything: true}
connections:
  description: Sessions of clients. Background workers and the task's own session are not counted.
  returned: when the section was asked for
  type: dict
  contains:
    used: {description: How many there are., type: int, sample: 42}
    max_connections: {description: How many the server takes., type: int, sample: 100}
    reserved: {description: How many of them are kept for superusers and for C(pg_use_reserved_connections)., type: int, sample: 3}
    free: {description: How many more ordinary roles can open., type: int, sample: 55}
    used_percent: {description: Those that are used in percent of those that are not reserved., type: float, sample: 43.3}
    hidden: {description: Sessions that this role may not see., type: int, sample: 0}
    by_state: {description: Sessions by state., type: list, elements: dict, sample: [{state: idle, sessions: 40}, {state: active, sessions: 2}]}
    by_client:
      description: Sessions by database, role, application and address, the most first.
      type: list
      elements: dict
      sample: [{database: shop, username: shop_app, application: api, client: 172.18.0.5, sessions: 40, active: 1, idle: 39, idle_in_transaction: 0}]
    longest_idle_in_transaction_seconds: {description: Of all sessions., type: float, sample: 0.0}
    longest_transaction_seconds: {description: Of all sessions., type: float, sample: 1.25}
activity:
  description: Sessions that are not idle, the oldest transaction first.
  returned: when the section was asked for
  type: dict
  contains:
    total: {description: How many there are., type: int, sample: 1}
    sessions:
      description: The sessions. C(blocked_by) are the pids that they wait for, 0 for a prepared transaction.
      type: list
      elements: dict
      sample: [{pid: 4711, database: shop, username: shop_app, application: api, client: 172.18.0.5, state: active, state_seconds: 95.2,
                transaction_seconds: 95.3, statement_seconds: 95.2, wait_type: Lock, wait_event: transactionid, blocked_by: [4700],
                statement: "UPDATE orders SET status = ? WHERE id = ?"}]
locks:
  description: Who waits for whom.
  returned: when the section was asked for
  type: dict
  contains:
    waiting_total: {description: How many sessions wait for a lock., type: int, sample: 3}
    longest_wait_seconds: {description: The longest of them., type: float, sample: 95.2}
    blocking:
      description: Sessions that wait for nobody and hold others up, with how many, directly or in a chain (C(waiters)).
      type: list
      elements: dict
      sample: [{pid: 4700, waiters: 3, database: shop, username: shop_app, application: api, client: 172.18.0.5, state: idle in transaction,
                state_seconds: 300.1, transaction_seconds: 301.0, statement: "UPDATE orders SET status = ? WHERE id = ?", backend: client backend}]
    waiting:
      description: Sessions that wait, with whom they wait for (C(blocked_by)), who is at the end of the chain (C(roots)), and how many steps
        away the farthest of them is (C(depth)).
      type: list
      elements: dict
      sample: [{pid: 4711, blocked_by: [4700], roots: [4700], depth: 1, waiting_seconds: 95.2, lock: transactionid, mode: ShareLock, relation: "",
                database: shop, username: shop_app, application: api, client: 172.18.0.5, state: active, state_seconds: 95.2,
                transaction_seconds: 95.3, statement: "UPDATE orders SET status = ? WHERE id = ?", backend: client backend}]
    prepared_total: {description: Transactions that are prepared and not ended., type: int, sample: 0}
    prepared:
      description: These transactions, the oldest first.
      type: list
      elements: dict
      sample: [{name: order-815, database: shop, owner: shop, prepared_at: "2026-11-21T03:00:00Z", age_seconds: 600.1}]
progress:
  description: Operations that tell how far they are, on the whole server.
  returned: when the section was asked for
  type: dict
  contains:
    total: {description: How many there are., type: int, sample: 1}
    operations:
      description: C(percent) is of the present phase. C(relation) is empty in other databases.
      type: list
      elements: dict
      sample: [{pid: 4711, operation: vacuum, database: shop, relation: public.orders, phase: scanning heap, done: 500, whole: 1000, percent: 50.0,
                seconds: 12.5}]
databases:
  description: All databases, the largest first.
  returned: when the section was asked for
  type: dict
  contains:
    total: {description: How many there are., type: int, sample: 4}
    total_bytes: {description: Their size together., type: int, sample: 73400320}
    databases:
      description: The databases. Counts are since C(statistics_since), null if they were never reset. C(hit_percent) is null below 10000 blocks.
      type: list
      elements: dict
      sample: [{name: shop, owner: shop, size_bytes: 52428800, allows_connections: true, connection_limit: -1, connections: 42, commits: 81500,
                rollbacks: 3, blocks_read: 120, blocks_hit: 98000, hit_percent: 99.88, temp_files: 0, temp_bytes: 0, deadlocks: 0, conflicts: 0,
                checksum_failures: null, statistics_since: null, transaction_age: 81600, multixact_age: 0, wraparound_percent: 0.0,
                collation_changed: false}]
tables:
  description: The tables and materialized views of the database, the largest first. Partitions are counted as parts of their table.
  returned: when the section was asked for
  type: dict
  contains:
    total: {description: How many there are., type: int, sample: 12}
    total_bytes: {description: Their size together with indexes and TOAST., type: int, sample: 41943040}
    locked: {description: "How many tables, or partitions, have unknown sizes because somebody has locked them exclusively.", type: int, sample: 0}
    tables:
      description: The tables. C(heap_bytes) has the maps of free space and visibility in it.
      type: list
      elements: dict
      sample: [{schema: public, name: orders, kind: table, partitions: 0, locked: false, total_bytes: 1277952, heap_bytes: 819200, index_bytes: 450560,
                toast_bytes: 8192, estimated_rows: 5000, dead_rows: 12, inserts: 5000, updates: 40, deletes: 0, hot_updates: 30, sequential_scans: 4,
                rows_read_sequentially: 20000, index_scans: 81000, last_vacuum: null, last_autovacuum: "2026-11-20T23:00:00Z", last_analyze: null,
                last_autoanalyze: "2026-11-20T23:00:00Z"}]
indexes:
  description: The indexes of the database, the largest first. Partitions are counted as parts of their index.
  returned: when the section was asked for
  type: dict
  contains:
    total: {description: How many there are., type: int, sample: 20}
    total_bytes: {description: Their size together., type: int, sample: 8388608}
    indexes:
      description: The indexes. C(kind) is V(primary), V(unique), V(exclusion) or V(plain). C(last_scan) is null before Postgres 16.
      type: list
      elements: dict
      sample: [{schema: public, table: orders, name: orders_pkey, kind: primary, method: btree, partitions: 0, valid: true, locked: false,
                size_bytes: 131072, scans: 81000, entries_read: 81000, rows_fetched: 80990, last_scan: null}]
unused_indexes:
  description:
    - Indexes that were never used since the server counts. Those that are unique, belong to a constraint, identify rows for replication, or are not
      valid, are not among them.
  returned: when the section was asked for
  type: dict
  contains:
    total: {description: How many there are of the size that is asked for., type: int, sample: 1}
    total_bytes: {description: Their size together., type: int, sample: 57344}
    certainty: {description: "V(high), or V(low) when there is anything in C(doubts).", type: str, sample: low}
    doubts:
      description: Why the counts may not tell the truth. They are young, there are replicas, this is a replica, or nothing is counted.
      type: list
      elements: str
      sample: ["There are 1 replicas. What they read counts only there: ask each of them."]
    counted_since:
      description: UTC time since when scans are counted, at the latest. It is when the statistics were reset, else when the server started or recovered.
      type: str
      sample: "2026-09-01T03:10:00Z"
    counted_seconds: {description: The same as seconds ago., type: float, sample: 6998400.0}
    indexes:
      description:
        - The indexes, the largest first, each with its own C(certainty) (V(medium) when there is anything in C(cautions)) and the statement that would
          drop it. Nothing here runs it.
      type: list
      elements: dict
      sample: [{schema: public, table: orders, name: orders_note, method: btree, size_bytes: 57344, partitions: 0, certainty: high, cautions: [],
                definition: "CREATE INDEX orders_note ON public.orders USING btree (note)",
                drop_statement: "DROP INDEX CONCURRENTLY \"public\".\"orders_note\";"}]
bloat:
  description: Space of tables that holds no live row, the most first. Partitions are on their own here, as vacuum sees them.
  returned: when the section was asked for
  type: dict
  contains:
    total: {description: How many tables there are., type: int, sample: 12}
    dead_rows: {description: Dead rows of all tables., type: int, sample: 2011}
    pgstattuple: {description: Whether the extension is installed in the database., type: bool, sample: false}
    method: {description: "V(estimate) or V(pgstattuple_approx).", type: str, sample: estimate}
    tables:
      description:
        - The tables. C(wasted_bytes) is an estimate from the number of rows and their average width, null before the first ANALYZE; too much is found in
          tables with many small columns. C(measured) is empty unless it was measured.
      type: list
      elements: dict
      sample: [{schema: public, name: orders, autovacuum: true, locked: false, heap_bytes: 794624, live_rows: 3001, dead_rows: 1999, dead_percent: 40.0,
                modified_rows: 1999, wasted_bytes: 319488, wasted_percent: 40.2, last_vacuum: null, last_autovacuum: null, last_analyze: null,
                last_autoanalyze: null, measured: {scanned_percent: 40.2, dead_bytes: 291854, dead_percent: 36.7, free_bytes: 10764, free_percent: 1.4}}]
statements:
  description: Statements on the database by what they cost, as the extension pg_stat_statements counts them. Those of reports are left out.
  returned: when the section was asked for
  type: dict
  contains:
    available: {description: Whether they are counted., type: bool, sample: true}
    hint: {description: What to do so that they are counted. Empty when they are., type: str, sample: ""}
    order: {description: What puts a statement first., type: str, sample: total}
    since: {description: UTC time since when is counted. Null where the extension does not tell (before Postgres 14)., type: str, sample: "2026-11-01T03:10:00Z"}
    forgotten: {description: How often statements were forgotten because there were too many. Null where it is not told., type: int, sample: 0}
    total: {description: How many different statements there are., type: int, sample: 61}
    total_seconds: {description: Time of all of them., type: float, sample: 140.7}
    statements:
      description: The statements. C(read_seconds) is 0 where the server does not measure it (C(track_io_timing)).
      type: list
      elements: dict
      sample: [{query_id: "2286165461907751869", username: shop_app, calls: 107927, rows: 107927, total_seconds: 40.3, mean_seconds: 0.000373,
                max_seconds: 0.0143, deviation_seconds: 0.0001, read_seconds: 0.0, blocks_hit: 170000, blocks_read: 3, temp_bytes: 0, share_percent: 28.6,
                hit_percent: 100.0, statement: "SELECT * FROM orders WHERE id = $1"}]
settings:
  description: Settings that differ from the built-in values. Commands, connection strings and secrets are masked.
  returned: when the section was asked for
  type: dict
  contains:
    files_readable: {description: Whether this role may read the settings in the server's files., type: bool, sample: true}
    pending_restart:
      description: Settings that were changed and wait for a restart.
      type: list
      elements: dict
      sample: [{name: shared_buffers, value: 128MB, new_value: 512MB}]
    file_errors:
      description: Lines of the files that the server cannot use.
      type: list
      elements: dict
      sample: [{name: work_mem, file: /var/lib/postgresql/data/postgresql.auto.conf, line: 3, error: invalid value}]
    changed:
      description: The settings and where they come from.
      type: list
      elements: dict
      sample: [{name: max_connections, value: "100", source: configuration file, file: /var/lib/postgresql/data/postgresql.conf}]
    safety:
      description: Whether what should never be off is on.
      type: dict
      sample: {fsync: true, full_page_writes: true, autovacuum: true, track_counts: true, track_activities: true}
replication:
  description: Who takes the server's log.
  returned: when the section was asked for
  type: dict
  contains:
    role: {description: "V(primary) or V(replica).", type: str, sample: primary}
    lsn: {description: "Where the log ends; of a replica, what it received.", type: str, sample: 0/1B4E000}
    wal_level: {description: How much is in the log., type: str, sample: replica}
    synchronous_names: {description: Setting C(synchronous_standby_names)., type: str, sample: ""}
    slot_limit_mb: {description: "Setting C(max_slot_wal_keep_size), -1 for no limit.", type: int, sample: -1}
    senders:
      description: Receivers that are connected. C(lag_bytes) is what they have not replayed, or not written where they do not replay.
      type: list
      elements: dict
      sample: [{pid: 99, application: walreceiver, username: replicator, client: 172.18.0.9, state: streaming, sync_state: async, slot: standby,
                unsent_bytes: 0, lag_bytes: 0, lag_seconds: 0.01}]
    slots:
      description: Slots. C(retained_bytes) is the log that is kept for them, C(safe_bytes) what may still be written before one is lost.
      type: list
      elements: dict
      sample: [{name: standby, type: physical, database: "", active: true, temporary: false, wal_status: reserved, retained_bytes: 0, safe_bytes: null,
                invalidation_reason: "", inactive_since: null}]
    archiver:
      description: Archiving of the log.
      type: dict
      sample: {enabled: false, archived: 0, failed: 0, last_archived_at: null, last_failed_at: null, last_failed_wal: "", failing: false}
    replica:
      description: How far a replica is. Empty on a primary.
      type: dict
      sample: {received_lsn: 0/1B4E000, replayed_lsn: 0/1B4E000, replay_paused: false, unreplayed_bytes: 0, replayed_until: "2026-11-21T03:09:58Z",
               replay_lag_seconds: 0.0, receiver: streaming, silent_seconds: 0.4, streams: true}
integrity:
  description: Whether what should hold in the database is checked.
  returned: when the section was asked for
  type: dict
  contains:
    invalid_indexes_total: {description: How many indexes are not valid., type: int, sample: 0}
    invalid_indexes: {description: These indexes., type: list, elements: dict, sample: [{schema: public, table: orders, name: orders_x_ccnew, maintained: true}]}
    unvalidated_constraints_total: {description: How many constraints were not checked for all rows or are not enforced., type: int, sample: 0}
    unvalidated_constraints:
      description: These constraints.
      type: list
      elements: dict
      sample: [{schema: public, table: orders, name: orders_total_check, kind: check, enforced: true}]
    disabled_triggers_total: {description: How many triggers are disabled., type: int, sample: 0}
    disabled_triggers:
      description: These triggers. C(of_constraint) says that a foreign key is not checked because of it.
      type: list
      elements: dict
      sample: [{schema: public, table: orders, name: RI_ConstraintTrigger_c_16404, of_constraint: true}]
    counts:
      description: The tables of O(counts) with their exact numbers of rows.
      type: list
      elements: dict
      sample: [{table: public.Order, rows: 5000, newest: "2026-11-21T03:09:58.12Z", newest_age_seconds: 2.1, min_rows: 1000, max_age_seconds: 86400}]
change:
  description: What happened within O(interval).
  returned: when O(interval) is more than 0
  type: dict
  contains:
    valid: {description: "Whether it is known. The counters may have been reset in between.", type: bool, sample: true}
    seconds: {description: Time between the two looks., type: float, sample: 10.004}
    rates:
      description: Of the database, a second. C(log_bytes_per_second) is of the whole server, and null on a replica. Empty when nothing is known.
      type: dict
      sample: {commits_per_second: 52.1, rollbacks_per_second: 0.0, rows_scanned_per_second: 812.0, rows_fetched_per_second: 400.2,
               rows_inserted_per_second: 10.1, rows_updated_per_second: 4.0, rows_deleted_per_second: 0.0, temp_bytes_per_second: 0.0,
               log_bytes_per_second: 10240.0}
    hit_percent: {description: Blocks found in the server's cache. Null when none were wanted., type: float, sample: 99.9}
    deadlocks: {description: How many there were. Null when nothing is known., type: int, sample: 0}
    tables:
      description: Tables with which something was done, the busiest first.
      type: list
      elements: dict
      sample: [{schema: public, name: orders, inserts: 101, updates: 40, deletes: 0, sequential_scans: 0, rows_read_sequentially: 0, index_scans: 521}]
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_info import PostgresInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_info_arguments import postgres_info_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_arguments().merged_with(postgres_info_arguments()),
        prepare=PostgresInfo.from_params,
    )


if __name__ == "__main__":
    main()
