#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_sessions
short_description: List the sessions of a Postgres server, cancel their statements, or end them
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Finds the sessions of clients that are in a given state for a given time, and ends them or their statements.
  - The age of a session is the time since its state last changed. A session that has just finished a long statement is young.
  - The server checks again, in the statement that ends a session, that it is the same one and has done nothing since it was looked at.
    One that began to work meanwhile is left alone.
  - Never touched are the session of this module, workers of the server itself, replication, the sessions of other tasks of this collection
    (application names that begin with C(runbook.compose)), and C(pg_dump), C(pg_dumpall), C(pg_restore), C(pg_basebackup) and C(pg_receivewal).
  - It works when all ordinary connections are taken, as long as O(username) is a superuser and a reserved connection is free; otherwise it tries for
    O(connect_timeout) seconds.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  state:
    description:
      - V(listed) changes nothing.
      - V(cancelled) ends the statements of active sessions; the sessions stay.
      - V(terminated) ends sessions. The statement of an active one is cancelled first; the session itself is ended only when the statement still runs
        after O(grace) seconds.
    type: str
    choices: [listed, cancelled, terminated]
    default: listed
  databases:
    description: Only sessions in these databases. Without any, in all.
    type: list
    elements: str
    default: []
  usernames:
    description: Only sessions of these roles. Without any, of all.
    type: list
    elements: str
    default: []
  applications:
    description: Only sessions with these application names. C(*) and C(?) stand for any text and any character. Without any, all.
    type: list
    elements: str
    default: []
  clients:
    description: Only sessions from these addresses or networks (V(172.18.0.0/16)), or V(local) for sockets of the server. Without any, from all.
    type: list
    elements: str
    default: []
  states:
    description:
      - Only sessions in these states.
      - Without any, V(idle in transaction) and V(idle in transaction (aborted)), and with O(state=cancelled) V(active).
      - V(idle) is the normal state of a connection in a pool; ask for it only when connections have leaked.
    type: list
    elements: str
    choices: ['active', 'idle', 'idle in transaction', 'idle in transaction (aborted)', 'fastpath function call']
    default: []
  older_than:
    description: Only sessions that are in their state for at least so many seconds.
    type: int
    default: 300
  max_sessions:
    description: When more sessions than these match, none is ended, and the task fails with RV(ignore:reason=too_many_sessions).
    type: int
    default: 10
  include_superusers:
    description:
      - Whether sessions of superusers are ended as well.
      - An application that logs in as E(POSTGRES_USER) of the official image is a superuser; the module warns when it left such sessions alone.
    type: bool
    default: false
  protect:
    description: Application names, with C(*) and C(?), whose sessions are never ended.
    type: list
    elements: str
    default: []
  grace:
    description: Seconds that a cancelled statement has to end.
    type: int
    default: 5
  timeout:
    description: Seconds that an ended session has to be gone.
    type: int
    default: 10
notes:
  - Sessions of a server with C(track_activities) switched off have no state and are never matched.
  - A role that is neither a superuser nor a member of C(pg_monitor) does not see what others do; the task then fails with
    V(postgres_permission_denied), unless O(usernames) names only roles that it sees.
  - Reasons of failures are V(bad_input), V(too_many_sessions), V(sessions_remain), V(postgres_permission_denied), V(postgres_unreachable),
    V(postgres_login_refused), V(postgres_connections_exhausted), V(postgres_not_in_stack), V(postgres_failed), V(engine_unreachable),
    V(python_library_missing), V(state_unwritable), V(lease_lost).
"""

EXAMPLES = r"""
- name: List sessions that hold a transaction open for five minutes
  runbook.compose.postgres_sessions:
    stack_name: shop
    project_dir: /srv/shop
    include_superusers: true
  register: forgotten

- name: End them, at most twenty
  runbook.compose.postgres_sessions:
    stack_name: shop
    project_dir: /srv/shop
    state: terminated
    databases: [shop]
    include_superusers: true
    max_sessions: 20

- name: Cancel statements of the reports that run for more than ten minutes
  runbook.compose.postgres_sessions:
    stack_name: shop
    project_dir: /srv/shop
    state: cancelled
    applications: [report-*]
    older_than: 600
"""

RETURN = r"""
sessions:
  description: The sessions that were chosen, the longest in their state first.
  returned: success
  type: list
  elements: dict
  contains:
    pid: {description: The server's process of the session., type: int, sample: 4711}
    database: {description: Database it is connected to., type: str, sample: shop}
    username: {description: Role it logged in as., type: str, sample: shop_app}
    application: {description: What the client calls itself., type: str, sample: api}
    client: {description: "Address of the client, or V(local)", type: str, sample: 172.18.0.5}
    state: {description: State in which it was found., type: str, sample: idle in transaction}
    state_seconds: {description: Seconds since its state changed., type: float, sample: 912.4}
    transaction_seconds: {description: Seconds since its transaction began. None outside of a transaction., type: float, sample: 912.9}
    connected_at: {description: UTC time at which it connected., type: str, sample: "2026-11-21T03:10:00.123456Z"}
    outcome:
      description:
        - What became of it. V(listed) in check mode and with O(state=listed), V(cancelled), V(terminated), or V(moved_on) when it did something else or
          left before it could be told, and was left alone.
      type: str
      sample: terminated
table:
  description: The sessions as aligned text for people.
  returned: success
  type: str
  sample: "PID   OUTCOME     ROLE"
left_alone:
  description: How many sessions match and are not to be ended, by why.
  returned: success
  type: list
  elements: dict
  contains:
    why: {description: "V(protected) or V(superuser).", type: str, sample: superuser}
    sessions: {description: How many., type: int, sample: 3}
connections_before:
  description: The server's connections when the task began, without the task's own.
  returned: success
  type: dict
  contains:
    used: {description: Sessions of clients., type: int, sample: 96}
    by_state:
      description: The same by state.
      type: list
      elements: dict
      contains:
        state: {description: "The state, V(starting) before the login is done, V(hidden) when this role may not see it.", type: str, sample: idle}
        sessions: {description: How many., type: int, sample: 80}
    max_connections: {description: How many the server takes., type: int, sample: 100}
    reserved: {description: How many of them are kept for superusers and for C(pg_use_reserved_connections)., type: int, sample: 3}
    free: {description: How many more ordinary roles can open., type: int, sample: 1}
    free_percent: {description: The same in percent of those that are not reserved., type: float, sample: 1.0}
connections_after:
  description: The same when the task ended, with the contents of RV(connections_before). In check mode it is the same as before.
  returned: success
  type: dict
actions:
  description: "What was or would be done: V(cancel) or V(terminate)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: terminate}
    target: {description: The pid., type: str, sample: "4711"}
    detail: {description: Whose session it is., type: str, sample: "shop_app@shop api from 172.18.0.5, idle in transaction for 912 s"}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_sessions import PostgresSessions
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_sessions_arguments import postgres_sessions_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_arguments().merged_with(postgres_sessions_arguments()),
        prepare=PostgresSessions.from_params,
    )


if __name__ == "__main__":
    main()
