#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_schema_info
short_description: Tell the shape of a database's schema and how it changed
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Gives the schema of a database object by object, each with a short hash, and one fingerprint for all of it.
  - With O(compare_with) it says whether a program that worked with that earlier shape works with the database as it is now. M(runbook.compose.release)
    decides in the same way whether a release can be rolled back to.
  - The shape has tables, columns, unique indexes, constraints, views with their columns, sequences, types, values of enumerations, triggers, rules,
    policies, the signatures of functions, and the names of extensions. It leaves out owners, privileges, comments, the defaults that columns have, and
    the bodies of functions and views, as well as partitions of tables, temporary tables and what belongs to an extension.
  - Changes nothing. It is one query, which waits at most 5 seconds for a lock and runs at most 30.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  database:
    description: Database to look at. Without one, that of the container (E(POSTGRES_DB), else its user's).
    type: str
    default: ''
  compare_with:
    description: What RV(shape) was at an earlier time.
    type: dict
seealso:
  - module: runbook.compose.release
  - module: runbook.compose.postgres_info
notes:
  - Reasons of failures are V(bad_input), V(postgres_unreachable), V(postgres_login_refused), V(postgres_connections_exhausted),
    V(postgres_locked), V(postgres_statement_timeout), V(postgres_permission_denied), V(postgres_failed), V(postgres_not_in_stack),
    V(engine_unreachable), V(engine_failed), V(python_library_missing), V(lease_lost).
"""

EXAMPLES = r"""
- name: Keep the shape of the schema
  runbook.compose.postgres_schema_info:
    stack_name: shop
    project_dir: /srv/shop
    database: shop
  register: before

- name: See what was done to it by hand
  runbook.compose.postgres_schema_info:
    stack_name: shop
    project_dir: /srv/shop
    database: shop
    compare_with: "{{ before.shape }}"
  register: now
  failed_when: now.change == 'diverged'
"""

RETURN = r"""
database:
  description: Database that was looked at.
  returned: success
  type: str
  sample: shop
fingerprint:
  description: Hash of all objects of RV(shape). Equal shapes have equal fingerprints.
  returned: success
  type: str
  sample: sha256:91ab
shape:
  description: The objects with their hashes, for O(compare_with). A hash with an exclamation mark is that of a column that wants a value.
  returned: success
  type: dict
  sample: {format: 1, database: shop, server_version: 150018, objects: {table public.orders: 0c7f5a1b2d3e, column public.orders.id: 5be29c0d1e2f!}}
change:
  description:
    - V(same), V(additive) (what worked with the earlier shape works with this one), V(diverged), or V(unknown) without O(compare_with), for another
      database, and for another major version of the server, which writes definitions in its own way.
    - Additive are new tables, views, indexes, functions, types and values, new columns that have a default or may be null, and constraints and unique
      indexes that concern new columns only. A new constraint or unique index of columns that were there, a new rule or policy, a column that wants a
      value, and everything that is gone, renamed or retyped is not. An ordinary index never matters.
  returned: success
  type: str
  sample: diverged
differences:
  description: The names of the objects that differ. All lists are empty when nothing was compared.
  returned: success
  type: dict
  contains:
    gone: {description: They are not there any more under this name., type: list, elements: str, sample: [column public.orders.note]}
    different: {description: "They are there, and not what they were.", type: list, elements: str, sample: [column public.orders.total]}
    demanding: {description: "They are new, and bind a program that does not know them.", type: list, elements: str, sample: []}
    harmless: {description: All other differences., type: list, elements: str, sample: [table public.order_events]}
    breaking: {description: The first three lists in words., type: list, elements: str, sample: [column public.orders.note is gone]}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_schema_info import PostgresSchemaInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_schema_info_arguments import postgres_schema_info_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_arguments().merged_with(postgres_schema_info_arguments()),
        prepare=PostgresSchemaInfo.from_params,
    )


if __name__ == "__main__":
    main()
