#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_access_info
short_description: Find out why an application cannot reach its Postgres
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Looks at what lies between an application and its database, one after the other - the disk with the data, the server's container, whether the server
    answers, whether the application's container resolves its name, whether there are connections left, whether the application's own login works - and
    names the first that does not work.
  - Logs in once with O(username) and once as the application. Changes nothing.
  - It works when all connections are taken, if O(username) is a superuser, for whom the server keeps some. That of E(POSTGRES_USER) is one.
  - It fails only when the engine cannot be asked. What it finds is a result.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  application:
    description:
      - Service of the stack whose own login is tried, read from the environment of its container as with O(runbook.compose.postgres_query#module:login_of).
        Without it, only the server is looked at.
    type: str
    default: ''
  replicas:
    description: Containers of O(application) that RV(suggested_pool_size) is reckoned for, before there are so many. With V(0), those that run.
    type: int
    default: 0
  pool_setting:
    description: Name of the variable in the environment of O(application) that holds the size of its pool.
    type: str
    default: ''
  disk_free_min_mb:
    description: MiB, 0 or more, below which the disk with the data is full.
    type: int
    default: 64
  used_percent:
    description: Percent of the connections for ordinary roles, more than 0 to 100, from which on too many are taken.
    type: float
    default: 80
seealso:
  - module: runbook.compose.postgres_info
  - module: runbook.compose.postgres_sessions
notes:
  - The password of the application is compared by logging in with it, and never shown.
  - Reasons of failures are V(bad_input), V(engine_unreachable), V(engine_failed), V(python_library_missing), V(lease_lost).
"""

EXAMPLES = r"""
- name: Find out why the application cannot reach its database
  runbook.compose.postgres_access_info:
    stack_name: shop
    project_dir: /srv/shop
    application: api
  register: access

- name: Say what to do
  ansible.builtin.debug:
    msg: "{{ access.finding }}: {{ access.message }} {{ access.hint }}"
"""

RETURN = r"""
finding:
  description:
    - What is wrong, the first of V(disk_full), V(container_down), V(not_ready), V(name_not_found), V(connections_exhausted), V(login_refused),
      V(login_failed), V(connections_high); else V(healthy).
  returned: success
  type: str
  sample: connections_exhausted
healthy:
  description: Whether nothing is wrong.
  returned: success
  type: bool
  sample: false
message:
  description: The finding in a sentence.
  returned: success
  type: str
  sample: All 97 connections for ordinary roles are taken.
hint:
  description: What helps. Empty when nothing is wrong.
  returned: success
  type: str
  sample: "End idle sessions: playbooks/incident/db_connections.yml with fix=true."
checks:
  description: All that was looked at. After the first V(yes), the others may be consequences.
  returned: success
  type: list
  elements: dict
  contains:
    check: {description: The finding that it would be., type: str, sample: connections_exhausted}
    verdict: {description: "V(yes) or V(no).", type: str, sample: "yes"}
    message: {description: What was seen. Empty for V(no)., type: str, sample: All 97 connections for ordinary roles are taken.}
table:
  description: The checks as aligned text.
  returned: success
  type: str
  sample: "CHECK  VERDICT  MESSAGE"
connections:
  description: As C(connections) of M(runbook.compose.postgres_info). Empty when the server could not be asked.
  returned: success
  type: dict
  sample: {used: 97, max_connections: 100, reserved: 3, free: 0, used_percent: 100.0, hidden: 0, by_state: [{state: idle, sessions: 97}], by_client: [],
           longest_idle_in_transaction_seconds: 0.0, longest_transaction_seconds: 0.0}
disk_free_bytes:
  description: Free space of the disk with the data. Null when it is not known.
  returned: success
  type: int
  sample: 21474836480
suggested_pool_size:
  description:
    - The most connections that the pool of each of O(replicas) containers of O(application) should have, so that all of them together take 80 percent of
      those for ordinary roles. Null when it is not known.
  returned: success
  type: int
  sample: 38
application:
  description: How the application logs in, and whether it can.
  returned: success
  type: dict
  contains:
    service: {description: The service., type: str, sample: api}
    host: {description: What it calls the server., type: str, sample: postgres}
    username: {description: Its role., type: str, sample: shop_app}
    database: {description: Its database., type: str, sample: shop}
    resolves: {description: Whether its container resolves that name. Null when that could not be asked., type: bool, sample: true}
    reason: {description: Reason for which it could not log in. Empty when it could., type: str, sample: ""}
    pool_size: {description: Value of O(pool_setting) in its container. Null when it has none that is a number., type: int, sample: 20}
    connect_seconds: {description: Time for a login and an answer. Null when there was none., type: float, sample: 0.0124}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_access_info import PostgresAccessInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_access_info_arguments import postgres_access_info_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_arguments().merged_with(postgres_access_info_arguments()),
        prepare=PostgresAccessInfo.from_params,
    )


if __name__ == "__main__":
    main()
