#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_maintenance
short_description: Vacuum, analyze and reindex the tables of a Postgres database that need it
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Finds the tables or indexes that exceed the thresholds, maintains them one by one, the most urgent first, and proves each of them by what the server
    says about it afterwards. A second run finds nothing to do.
  - A table on which autovacuum or somebody else works at the moment is left alone.
  - The time is limited for the whole task (O(max_duration)) and for each lock (O(lock_timeout)). The server itself ends a statement whose time is up, also
    when this module was killed meanwhile.
  - While it runs, the file C(<state_dir>/<stack_name>/progress/maintenance-<task>.json) says every second which table is worked on, in which phase, and
    how many percent of the phase are done.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  task:
    description:
      - V(vacuum) frees the space of dead rows for new ones, and analyzes (C(VACUUM (ANALYZE))). Reading and writing go on.
      - V(analyze) brings the planner's statistics up to date. Reading and writing go on.
      - V(vacuum_full) writes a table anew and gives its free space back to the disk. B(Nobody can read or write the table until it is done.) It needs
        O(tables), O(confirm), and twice the table's size on the disk.
      - V(reindex) builds indexes anew (C(REINDEX INDEX CONCURRENTLY)). Reading and writing go on. It needs twice the index's size on the disk. Before
        that, invalid indexes that an interrupted run left behind (C(..._ccnew), C(..._ccold)) are dropped; other invalid indexes are built anew
        whatever the thresholds. An index that is invalid at the end is a failure, RV(ignore:reason=index_invalid).
    type: str
    choices: [vacuum, analyze, vacuum_full, reindex]
    required: true
  database:
    description: The database. Without one, the application's own (E(POSTGRES_DB)).
    type: str
    default: ''
  tables:
    description:
      - Only these tables, each with its schema, as the server writes the names (V(public.Order)). Without any, all but the system catalogs.
      - The name of a partitioned table stands for its partitions. With O(task=reindex) the indexes of the tables are meant.
      - The thresholds hold for them too. To maintain them in any case, set the thresholds to 0.
    type: list
    elements: str
    default: []
  indexes:
    description: With O(task=reindex), only these indexes (and those of O(tables)), each with its schema.
    type: list
    elements: str
    default: []
  min_dead_ratio:
    description:
      - Vacuum a table when at least this part of its rows is dead, from 0 to 1.
      - With O(task=analyze) rows that changed since the last time count instead of dead ones, here and for O(min_dead_rows). A table that was never
        analyzed and is not empty is always analyzed.
    type: float
    default: 0.1
  min_dead_rows:
    description: Vacuum a table when at least so many of its rows are dead. With 0, a table that got new rows since the last time is vacuumed as well.
    type: int
    default: 1000
  min_bloat_ratio:
    description:
      - With O(task=vacuum_full) and O(task=reindex), the part of a table or a B-tree that has to be empty, from 0 to 1, as estimated from the planner's
        statistics. Of indexes with many equal entries the estimate is too low.
      - What cannot be estimated (a table that was never analyzed, other kinds of indexes) is left out unless this is 0.
    type: float
    default: 0.3
  min_size_bytes:
    description:
      - Leave out what is smaller, in bytes. A table counts with its indexes.
      - Without it 0, and with O(task=reindex) 1048576.
    type: int
  lock_timeout:
    description: Seconds to wait for a lock. A table that is locked for longer is left out, and the task fails with V(postgres_locked) when all others are done.
    type: int
    default: 10
  max_duration:
    description:
      - Seconds for the whole task. Then what is at work is interrupted, which does no harm, and the rest is named in RV(remaining).
      - When not even one table or index was done, the task fails with V(timed_out).
    type: int
    default: 3600
  parallel:
    description: Most workers that the server may use beside the session itself, 0 for none. Without it, what the server is set to.
    type: int
  confirm:
    description: Name of the database, which O(task=vacuum_full) asks for.
    type: str
    default: ''
notes:
  - O(task=vacuum_full) and O(task=reindex) need a superuser, and a server that is a container on the target's engine, to know the free space.
  - System catalogs are vacuumed and analyzed when they are named. They are never rebuilt; the message says how that is done by hand.
  - Indexes of exclusion constraints cannot be built anew without locking, and are skipped.
  - Reasons of failures are V(bad_input), V(confirmation_missing), V(system_catalog), V(not_enough_space), V(free_space_unknown), V(not_maintained),
    V(index_invalid), V(timed_out), V(postgres_locked), V(postgres_read_only) (a replica), V(postgres_permission_denied), V(postgres_unreachable),
    V(postgres_login_refused), V(postgres_connections_exhausted), V(postgres_statement_timeout), V(postgres_not_in_stack), V(postgres_failed),
    V(engine_unreachable), V(python_library_missing), V(state_unwritable), V(lease_lost).
  - The details of a failure that came while it worked have C(maintained) and C(remaining).
seealso:
  - module: runbook.compose.postgres_sessions
  - module: runbook.compose.postgres_settings
"""

EXAMPLES = r"""
- name: Vacuum what needs it, for at most half an hour
  runbook.compose.postgres_maintenance:
    stack_name: shop
    project_dir: /srv/shop
    task: vacuum
    max_duration: 1800

- name: Build indexes anew that are at least half empty
  runbook.compose.postgres_maintenance:
    stack_name: shop
    project_dir: /srv/shop
    task: reindex
    min_bloat_ratio: 0.5

- name: Give the space of one table back to the disk (in a maintenance window)
  runbook.compose.postgres_maintenance:
    stack_name: shop
    project_dir: /srv/shop
    task: vacuum_full
    tables: [public.audit_log]
    confirm: shop
"""

RETURN = r"""
maintained:
  description: What was done, in the order in which it was done. Empty in check mode; RV(actions) says what would be done.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Table or index with its schema., type: str, sample: public.orders}
    action:
      description: "V(vacuum), V(analyze), V(vacuum_full), V(reindex), V(drop_leftover), or V(gone) when somebody dropped it meanwhile."
      type: str
      sample: vacuum
    size_before_bytes: {description: Size before. That of a table with its indexes and TOAST., type: int, sample: 16777216}
    size_after_bytes: {description: Size after., type: int, sample: 8388608}
    reclaimed_bytes: {description: What the disk got back; negative when it grew., type: int, sample: 8388608}
    dead_rows_before: {description: Dead rows before. None for an index., type: int, sample: 50000}
    dead_rows_after: {description: Dead rows after. None for an index., type: int, sample: 0}
    duration_seconds: {description: How long it took., type: float, sample: 1.25}
left_out:
  description: What was left out for another reason than the thresholds; of what was named, all that was left out.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Table or index with its schema., type: str, sample: public.events}
    why:
      description:
        - V(busy) (autovacuum or somebody else maintains it), V(locked), V(below_threshold), V(unknown_bloat), or V(exclusion_constraint).
      type: str
      sample: busy
below_threshold:
  description: How many tables or indexes the thresholds left out.
  returned: success
  type: int
  sample: 41
remaining:
  description: What was to be done and was not, because the time was up.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Table or index with its schema., type: str, sample: public.history}
    why: {description: "V(interrupted) or V(not_begun).", type: str, sample: interrupted}
actions:
  description: "What was or would be done: V(vacuum), V(analyze), V(vacuum_full), V(reindex) or V(drop_leftover)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: vacuum}
    target: {description: Table or index with its schema., type: str, sample: public.orders}
    detail: {description: Why., type: str, sample: "50000 dead rows, 50%"}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_maintenance import PostgresMaintenance
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_maintenance_arguments import postgres_maintenance_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_arguments().merged_with(postgres_maintenance_arguments()),
        prepare=PostgresMaintenance.from_params,
    )


if __name__ == "__main__":
    main()
