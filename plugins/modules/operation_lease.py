#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: operation_lease
short_description: Let only one run at a time work on a stack
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Takes, renews and frees a lease on the target. While a run holds it, every other run that wants it is refused and told who holds it, for what, since
    when
    and until when.
  - The lease ends by itself. Every module of this collection that is given its token renews it before it acts and while it acts;
    when the run is killed, or loses the host, nothing renews it any more, and the target lets it expire.
  - Expiry does not follow steps of the wall clock. Within one boot of the host the clock counts that nobody can set; after a reboot, the wall clock.
  - The lease is C(<state_dir>/<stack_name>/leases/<lease>.json). It is taken, freed and broken only under a lock, and each of these is written to the
    stack's journal
    (C(lease_taken), C(lease_taken_over), C(lease_freed), C(lease_broken)). Renewals are not.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  state:
    description:
      - V(held) takes the lease when nobody holds it or the last one expired. With the O(lease_token) of a lease that is held, it renews that one and
        changes nothing else.
        With the O(lease_token) of a lease that was lost (it expired or was broken) it is refused; with one that its owner freed, the lease is taken anew.
      - V(free) ends the lease that is held under O(lease_token). When nobody holds the lease, there is nothing to do, so it can stand in an C(always)
        section.
      - V(broken) ends the lease whoever holds it. Use it only when the run that holds it is certainly dead.
    type: str
    choices: [held, free, broken]
    required: true
  lease:
    description:
      - Name of the lease. Modules that get an O(lease_token) ask for the lease V(operation); other names are for other purposes and guard nothing by
        themselves.
    type: str
    default: operation
  owner:
    description: Who wants the lease or breaks it, for people, such as V(alice@control). Required with O(state=held) and O(state=broken).
    type: str
    default: ''
  operation:
    description: What the lease is for, for people, such as V(deploy v2). Kept as it was when a lease is renewed.
    type: str
    default: ''
  reason:
    description: Why. Required with O(state=broken); for people only with O(state=held).
    type: str
    default: ''
  expires_after:
    description:
      - Seconds after the last renewal at which the lease ends by itself, from 2 to 86400.
      - A new lease has 120 by default; a lease that is renewed keeps its own.
      - It has to be longer than what lies between two tasks of this collection. While a task of it runs, the lease is renewed every quarter of this
        time (at least every second).
    type: int
  wait:
    description:
      - Seconds to wait for a lease that somebody else holds. With V(0) a held lease is refused at once.
      - Check mode does not wait.
    type: int
    default: 0
  outcome:
    description: How the operation ended, such as V(succeeded) or V(failed), for the journal. Used by O(state=free).
    type: str
    default: ''
seealso:
  - module: runbook.compose.release
notes:
  - O(lease_token) is this lease's token here. This module is not itself subject to the rule that a run without its lease must not act.
  - A module whose lease is lost while it acts cannot be interrupted safely. It ends what it began, and then fails with RV(ignore:reason=lease_lost).
  - Reasons of failures are V(lease_held) (somebody else holds it), V(lease_lost) (it was yours and is not any more), V(lease_not_yours),
    V(lease_unreadable) (its file is damaged;
    break it), V(bad_input), V(state_unwritable).
  - In check mode nothing is written and the token is empty.
"""

EXAMPLES = r"""
- name: Take the operation lease
  runbook.compose.operation_lease:
    stack_name: shop
    project_dir: /srv/shop
    state: held
    owner: alice@control
    operation: deploy v2
    expires_after: 120
  register: operation_lease

- name: Work under it
  block:
    - name: Restart the API, only if the lease is still ours
      runbook.compose.compose_service:
        stack_name: shop
        project_dir: /srv/shop
        state: restarted
        services: [api]
        lease_token: "{{ operation_lease.lease.token }}"
  always:
    - name: Let go of it
      runbook.compose.operation_lease:
        stack_name: shop
        project_dir: /srv/shop
        state: free
        lease_token: "{{ operation_lease.lease.token }}"
        outcome: "{{ 'failed' if ansible_failed_task is defined else 'succeeded' }}"

- name: End the lease of a run that is certainly dead
  runbook.compose.operation_lease:
    stack_name: shop
    project_dir: /srv/shop
    state: broken
    owner: bob@control
    reason: the control node burnt down
"""

RETURN = r"""
lease:
  description: The lease after the task. Its texts are empty when nobody holds it.
  returned: success
  type: dict
  contains:
    name: {description: Name of the lease., type: str, sample: operation}
    held: {description: Whether it is held now. In check mode whether it would be., type: bool, sample: true}
    token:
      description:
        - Proof of ownership, accepted as O(lease_token). Empty in check mode and for a lease that is not held.
      type: str
      sample: 5b2f07c1d6b04f0a9be1a6a1f0c1d2e3
    owner: {description: Who holds it., type: str, sample: alice@control}
    operation: {description: What for., type: str, sample: deploy v2}
    reason: {description: Why., type: str, sample: CVE-2026-1234}
    host: {description: Name of the target., type: str, sample: shop-1}
    since: {description: UTC time at which it was taken., type: str, sample: "2026-11-21T03:10:00Z"}
    heartbeat: {description: UTC time at which it was renewed last., type: str, sample: "2026-11-21T03:11:30Z"}
    until: {description: UTC time at which it ends unless it is renewed., type: str, sample: "2026-11-21T03:13:30Z"}
    expires_after: {description: Seconds from a renewal to the end. V(0) when nobody holds the lease., type: int, sample: 120}
    seconds_left: {description: Seconds from now to the end. V(0) when nobody holds the lease., type: int, sample: 120}
actions:
  description: "What was or would be done: V(take), V(take_over), V(free) or V(break). Empty for a renewal."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: take}
    target: {description: Name of the lease., type: str, sample: operation}
    detail: {description: For what., type: str, sample: deploy v2}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.operation_lease import OperationLease
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.operation_lease_arguments import operation_lease_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(operation_lease_arguments()),
        prepare=OperationLease.from_params,
    )


if __name__ == "__main__":
    main()
