#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_growth
short_description: Keep a history of a database's size, and tell how fast it grows
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Looks at the size of a database and of its largest tables, the free space of the disk with its data, and the number of connections, and adds that as
    one line of JSON to C(state_dir/stack_name/history/postgres-DATABASE.ndjson) on the target.
  - Tells from all looks that are kept how much it grows a day, and when the disk is full.
  - Changes nothing in the database. In check mode the look is taken and told, and not kept.
  - Sizes are in bytes. A number that cannot be known is null.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  database:
    description: Database to look at. Without one, the application's own (E(POSTGRES_DB) of the service's container), else O(maintenance_database).
    type: str
    default: ''
  limit:
    description: How many of the largest tables belong to a look, 1 to 1000.
    type: int
    default: 20
  min_interval:
    description: Seconds, 0 to 31536000, that have to pass after a look before another one is kept.
    type: int
    default: 3600
  keep_days:
    description: Days, 1 to 3650, after which a look is let go.
    type: int
    default: 400
  statement_timeout:
    description: Seconds for each question to the server, 0.001 to 86400.
    type: float
    default: 30
seealso:
  - module: runbook.compose.postgres_info
notes:
  - Growth is the slope of the line that fits best to all looks, so that one odd day does not make a forecast.
  - Lines of the history that are no looks, as after a crash of the host, are counted (RV(unreadable)) and let go when the next look is kept.
  - Reasons of failures are V(state_unwritable), V(bad_input), V(postgres_unreachable), V(postgres_login_refused), V(postgres_connections_exhausted),
    V(postgres_locked), V(postgres_statement_timeout), V(postgres_permission_denied), V(postgres_failed), V(postgres_not_in_stack),
    V(engine_unreachable), V(engine_failed), V(python_library_missing), V(lease_lost).
"""

EXAMPLES = r"""
- name: Keep a look at the database, at most one an hour
  runbook.compose.postgres_growth:
    stack_name: shop
    project_dir: /srv/shop
  register: grown

- name: Fail when the disk is full within a month
  ansible.builtin.assert:
    that: grown.growth.days_until_full is none or grown.growth.days_until_full > 30
    fail_msg: "The disk of {{ grown.database }} is full in {{ grown.growth.days_until_full }} days."
"""

RETURN = r"""
database:
  description: Database that was looked at.
  returned: success
  type: str
  sample: shop
history_path:
  description: File of the history on the target.
  returned: success
  type: str
  sample: /var/lib/runbook/shop/history/postgres-shop.ndjson
unreadable:
  description: Lines of the history that are no looks.
  returned: success
  type: int
  sample: 0
look:
  description: The present look.
  returned: success
  type: dict
  contains:
    at: {description: UTC time., type: str, sample: "2026-11-21T03:10:00Z"}
    database_bytes: {description: Size of the database., type: int, sample: 52428800}
    disk_free_bytes: {description: Free space of the disk with the data. Null when it is not known., type: int, sample: 21474836480}
    connections: {description: Sessions of clients on the whole server., type: int, sample: 42}
    tables: {description: Size of each of the largest tables with their indexes and TOAST., type: dict, sample: {public.orders: 1277952}}
history:
  description: All looks that are kept and the present one, the oldest first, without their tables.
  returned: success
  type: list
  elements: dict
  sample: [{at: "2026-11-21T03:10:00Z", database_bytes: 52428800, disk_free_bytes: 21474836480, connections: 42}]
growth:
  description: What all looks together say.
  returned: success
  type: dict
  contains:
    looks: {description: How many looks there are., type: int, sample: 30}
    days: {description: Days between the first of them and the last., type: float, sample: 29.0}
    certainty: {description: "V(high) with at least 3 looks over at least 7 days, else V(low).", type: str, sample: high}
    database_bytes_per_day: {description: By how much the database grows. Negative when it shrinks., type: int, sample: 1048576}
    disk_bytes_per_day: {description: By how much the free space shrinks. Null when it is not known., type: int, sample: 2097152}
    days_until_full:
      description: Free space divided by the faster of the two. Null when nothing grows, or the free space is not known.
      type: float
      sample: 10240.0
    tables:
      description: The largest tables, those that grow fastest first. C(bytes_per_day) is null for one that was seen once.
      type: list
      elements: dict
      sample: [{table: public.orders, bytes: 1277952, bytes_per_day: 40960}]
actions:
  description: What was or would be done. Empty when the last look is younger than O(min_interval).
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: Always V(record)., type: str, sample: record}
    target: {description: The history., type: str, sample: /var/lib/runbook/shop/history/postgres-shop.ndjson}
    detail: {description: Time of the look., type: str, sample: "2026-11-21T03:10:00Z"}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_growth import PostgresGrowth
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_growth_arguments import postgres_growth_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_arguments().merged_with(postgres_growth_arguments()),
        prepare=PostgresGrowth.from_params,
    )


if __name__ == "__main__":
    main()
