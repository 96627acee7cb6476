#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_query
short_description: Ask a stack's Postgres one question, within bounds
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Runs one SQL statement over TCP, in a session and a transaction of its own, with a limit of time, rows and bytes.
  - Without O(write=true), the transaction is read-only, and a statement has to begin with C(SELECT), C(WITH), C(VALUES), C(TABLE), C(SHOW) or
    C(EXPLAIN). A read-only transaction does not keep a function from acting outside of the tables (C(pg_terminate_backend), for example); where that
    matters, log in as a role that may not call it.
  - With C(SELECT 1) and O(login_of), it proves that the application can log in.
  - In check mode a query is asked as well. A statement with O(write=true) is not run; RV(plan) holds what the server would do.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  query:
    description:
      - One SQL statement. Several, and those that control transactions or the session (C(COMMIT), C(SET), ...), are refused. A semicolon between words
        counts as the end of a statement wherever it stands outside of quotes and comments.
      - Ansible writes it to the target's system log. Values that are confidential belong into O(parameters).
    type: str
    required: true
  parameters:
    description:
      - Values for the placeholders of the query, a list for V(%s) or a dictionary for V(%(name\)s). They are made literals of SQL and never become syntax.
      - Placeholders are looked for outside of quotes and comments, and only with parameters. Other percent signs need no doubling.
      - A list becomes an array, for C(= ANY(%s\)), and a dictionary becomes JSON.
    type: raw
  database:
    description: Database to ask. Without one, the application's own (E(POSTGRES_DB) of the service's container), else O(maintenance_database).
    type: str
    default: ''
  login_of:
    description:
      - Service of the stack, such as the application, whose own login is used in place of O(username) and O(password). It is read from the environment of
        the service's container and tried against O(service) over TCP, which proves that it works there.
      - The environment has to have C(DATABASE_URL) (also C(POSTGRES_URL), C(POSTGRESQL_URL), C(PG_URL), C(DB_URL)), or C(HOST), C(PORT), C(USER),
        C(PASSWORD) and C(NAME) after C(DATABASE_), C(DB_), C(PG), C(POSTGRES_) or C(POSTGRESQL_).
      - The database is that of the login, unless O(database) is given.
    type: str
    default: ''
  write:
    description:
      - Whether the statement may write. It needs O(confirm), and leaves two entries in the journal of the stack, without values.
      - What cannot run within a transaction (C(VACUUM), C(CREATE INDEX CONCURRENTLY), C(ALTER SYSTEM), ...) fails.
    type: bool
    default: false
  confirm:
    description: Name of the database, for O(write=true).
    type: str
    default: ''
  statement_timeout:
    description: Seconds that the statement may take altogether, 0.001 to 86400. A lock is waited for at most 10 of them.
    type: float
    default: 30
  max_rows:
    description: Rows to return at most, 1 to 100000. More than 8 MiB of text are not returned either. RV(truncated) says when there are more.
    type: int
    default: 1000
  mask:
    description:
      - Columns whose names, or the names of the tables' columns that they show, contain one of these in any case are masked. So are such fields of JSON.
      - It does not see through expressions. With an empty list nothing is masked, passwords in URLs neither.
    type: list
    elements: str
    default: [password, secret, token]
seealso:
  - module: runbook.compose.postgres_info
  - module: runbook.compose.http_probe
notes:
  - Reasons of failures are V(bad_input), V(several_statements), V(statement_not_read_only), V(confirmation_missing), V(write_outcome_unknown),
    V(application_login_not_found),
    V(postgres_statement_timeout), V(postgres_locked), V(postgres_permission_denied), V(postgres_read_only), V(postgres_failed),
    V(postgres_unreachable), V(postgres_login_refused), V(postgres_connections_exhausted), V(postgres_not_in_stack), V(engine_unreachable),
    V(engine_failed), V(python_library_missing), V(state_unwritable), V(lease_lost).
  - The rows that a statement with O(write=true) returns are sent by the server as a whole before they are cut.
"""

EXAMPLES = r"""
- name: Count the orders of a customer
  runbook.compose.postgres_query:
    stack_name: shop
    project_dir: /srv/shop
    query: SELECT status, count(*) FROM orders WHERE customer = %(customer)s GROUP BY status
    parameters: {customer: 4711}
  register: orders

- name: Prove that the application can log in
  runbook.compose.postgres_query:
    stack_name: shop
    project_dir: /srv/shop
    login_of: api
    query: SELECT 1

- name: Take a broken order out of the queue
  runbook.compose.postgres_query:
    stack_name: shop
    project_dir: /srv/shop
    query: UPDATE orders SET status = 'on hold' WHERE id = %s
    parameters: [815]
    write: true
    confirm: shop
"""

RETURN = r"""
rows:
  description:
    - The rows as dictionaries by column name. A second column of the same name gets a number, V(id_2).
    - Whole numbers are numbers, also C(numeric) without decimal places; C(numeric) with them, and what is not finite, is a text.
      C(timestamp with time zone) is UTC in ISO 8601, C(interval) ISO 8601, C(bytea) hexadecimal, JSON and arrays are themselves; all else is
        the server's own text.
    - Empty for a statement that was not run.
  returned: success
  type: list
  elements: dict
  sample: [{status: paid, count: 12}]
table:
  description: The first 100 rows as aligned text, with cells of at most 60 characters.
  returned: success
  type: str
  sample: "status  count\npaid    12\n(1 row)"
row_count:
  description: How many rows are returned.
  returned: success
  type: int
  sample: 1
truncated:
  description: Whether there are more rows than are returned.
  returned: success
  type: bool
  sample: false
columns:
  description: The columns in order.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Its name in RV(rows)., type: str, sample: status}
    type: {description: Its type in SQL., type: str, sample: text}
masked_columns:
  description: Names of the columns that were masked because of O(mask).
  returned: success
  type: list
  elements: str
  sample: []
rows_touched:
  description: Rows that the server counted. 0 for a query, for a statement that counts none, and in check mode.
  returned: success
  type: int
  sample: 1
statement:
  description: The statement in one line without values, at most 200 characters.
  returned: success
  type: str
  sample: "UPDATE orders SET status = ? WHERE id = %s"
plan:
  description: The server's plan of a statement with O(write=true), without texts. Empty for a query, and for a statement that the server does not plan.
  returned: success
  type: list
  elements: str
  sample: ["Update on orders  (cost=0.29..8.31 rows=0 width=0)"]
database:
  description: Database that was asked.
  returned: success
  type: str
  sample: shop
username:
  description: Role that was logged in as.
  returned: success
  type: str
  sample: shop_app
server_version:
  description: Version of the server.
  returned: success
  type: str
  sample: "15.18"
encrypted:
  description: Whether the connection was encrypted (TLS).
  returned: success
  type: bool
  sample: false
connect_seconds:
  description: Seconds until the login was done.
  returned: success
  type: float
  sample: 0.0124
duration_seconds:
  description: Seconds that the statement took, the reading of its rows included. In check mode of a statement that writes, its planning.
  returned: success
  type: float
  sample: 0.0031
actions:
  description: With O(write=true), what was or would be done. Empty when C(INSERT), C(UPDATE), C(DELETE) or C(MERGE) touched no row.
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: Always V(write)., type: str, sample: write}
    target: {description: The database., type: str, sample: shop}
    detail: {description: The statement without values., type: str, sample: "UPDATE orders SET status = ? WHERE id = %s"}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_query import PostgresQuery
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_query_arguments import postgres_query_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_arguments().merged_with(postgres_query_arguments()),
        prepare=PostgresQuery.from_params,
    )


if __name__ == "__main__":
    main()
