#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_failover
short_description: Let a replica take the place of a stack's Postgres
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Promotes a streaming replica, which is another service of the same stack, after the primary was stopped. Applications are not told; that is done
    by what they are configured with.
  - Before anything is done, the replica has to be in recovery, to be of this primary (system identifier), to be streamed to when the primary runs, to be
    no further behind than allowed, and to be able to accept writes afterwards. Check mode refuses the same.
  - Then the primary's container is stopped through the engine, its restart policy is taken away, and the gate is asked again of what stands still now,
    with the end of the primary's log as its files tell it. When it no longer holds, the primary is started again and nothing was promoted.
  - A promotion counts when the server is out of recovery and a commit of our own is on its disk (C(pg_logical_emit_message), which leaves nothing
    behind but a message in the log).
  - The old primary stays stopped and is never started by this module after a promotion. Its data gets a C(standby.signal), so that it comes up
    read-only should somebody, or a deploy, start it.
  - When the replica is the primary already, only what is missing of that is done.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.postgres
options:
  replica:
    description: Compose service of the replica. O(service) is that of the primary.
    type: str
    required: true
  max_lag_bytes:
    description: Bytes of the primary's log that the replica may not have replayed yet.
    type: int
    default: 1048576
  max_lag_seconds:
    description: Seconds since the last commit that the replica has, when it has not replayed all of the log.
    type: float
    default: 30
  unknown_loss:
    description:
      - What to do when nobody knows where the primary's log ends, because it crashed, was killed, does not answer, or its container is gone.
      - V(refuse) fails with RV(ignore:reason=replica_loss_unknown). V(accept) promotes, and RV(lost_bytes) is null.
    type: str
    choices: [refuse, accept]
    default: refuse
  confirm:
    description: Name of the stack. Without it, a failover is refused with RV(ignore:reason=confirmation_missing), and the message says what would be done.
    type: str
    default: ''
  stop_timeout:
    description: Seconds that the primary gets to stop cleanly before it is killed.
    type: int
    default: 60
  timeout:
    description: Seconds that the promotion may take.
    type: int
    default: 60
seealso:
  - module: runbook.compose.postgres_info
  - module: runbook.compose.postgres_pitr
notes:
  - Both servers have to be containers of the stack, so O(host) is refused. The login is that of the primary's container, because roles are the same
    on both.
  - The role needs C(EXECUTE) on C(pg_promote), and C(pg_monitor) to see who is streamed to, which superusers have.
  - A moment's lag is none; it is looked at for two seconds before it counts.
  - What the replica received and did not replay yet is replayed before it is promoted, so it is no loss.
  - Reasons of failures, besides those of the connection, are V(replica_missing), V(replica_unfit), V(replica_behind), V(replica_loss_unknown),
    V(two_primaries), V(primary_not_fenced), V(promotion_failed), V(confirmation_missing), V(bad_input), V(state_unwritable), V(engine_unreachable),
    V(engine_failed), V(python_library_missing), V(lease_lost).
"""

EXAMPLES = r"""
- name: Let the replica take over, unless it lacks more than 64 KiB
  runbook.compose.postgres_failover:
    stack_name: shop
    project_dir: /srv/shop
    service: postgres
    replica: postgres-replica
    max_lag_bytes: 65536
    confirm: shop
  register: failover

- name: Let the replica take over from a primary that is lost with its disk
  runbook.compose.postgres_failover:
    stack_name: shop
    project_dir: /srv/shop
    replica: postgres-replica
    unknown_loss: accept
    confirm: shop
"""

RETURN = r"""
promoted:
  description: Whether the replica is the primary now. In check mode whether it is so already.
  returned: success
  type: bool
  sample: true
primary:
  description: Service that is the primary now.
  returned: success
  type: str
  sample: postgres-replica
lag_bytes:
  description: Bytes of the old primary's log that the replica had not replayed when it was judged last. Null when the end of the log is not known.
  returned: success
  type: int
  sample: 0
lag_seconds:
  description: Age of the last commit that the replica had, 0 when it had replayed everything. Null when it is not known.
  returned: success
  type: float
  sample: 0.0
lost_bytes:
  description: Bytes of the old primary's log that the replica never received. Null when the end of the log is not known.
  returned: success
  type: int
  sample: 0
unavailable_ms:
  description: Milliseconds from the moment the primary was asked to stop until the proven commit on the new one. 0 when nothing was promoted.
  returned: success
  type: int
  sample: 1840
timeline_before:
  description: Timeline of the replica's log before the task.
  returned: success
  type: int
  sample: 1
timeline_after:
  description: Timeline after it.
  returned: success
  type: int
  sample: 2
old_primary:
  description: What became of the old primary.
  returned: success
  type: dict
  contains:
    service: {description: Its service., type: str, sample: postgres}
    state: {description: "State of its container, V(absent) without one.", type: str, sample: exited}
    fenced: {description: "Whether it is stopped, is not restarted by the engine, and would start read-only.", type: bool, sample: true}
    recovery: {description: "How it can be made a replica of the new primary. Only with a promotion by this task.", type: str,
               sample: postgres lost nothing and may follow}
actions:
  description: "What was or would be done: V(fence), V(promote)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: promote}
    target: {description: The service., type: str, sample: postgres-replica}
    detail: {description: More about it., type: str, sample: ""}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_failover import PostgresFailover
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_failover_arguments import postgres_failover_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=postgres_arguments().merged_with(postgres_failover_arguments()),
        prepare=PostgresFailover.from_params,
    )


if __name__ == "__main__":
    main()
