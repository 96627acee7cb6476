#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance_window
short_description: Keep a maintenance window on the target, so that it ends by itself when nobody is left to end it
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - A window is a record on the target, C(<state_dir>/<stack_name>/window.json). It knows the change, its plan, the task that is under way, what that task may
    leave half applied, and until when its run is believed to live. Each move is written to the stack's journal (C(maintenance_window)).
  - Its phases are V(planned), V(open) (begun; the edge is being closed), V(working) (a task is under way or between two), V(proven) (all is done and answers,
    the edge is still closed), V(watching) (traffic is back), V(closed); and V(abandoned), where the page stays until a person has looked.
  - A stack has one window at a time. A plan is replaced by the next one.
  - This module closes and opens no edge; M(runbook.compose.edge_traffic) does, with C(window <change>) as the owner. Only O(state=expired) lifts the page, at
    O(edge).
  - O(state=expired) is the dead man's switch, which M(runbook.compose.scheduled_job) lets the target run every minute. While the run lives (its lease, or any
    operation lease of the stack, is held) it only keeps the announced end of the page in the future. When the run is gone it does what the phase table says.
    Nothing half applied and the stack healthy, the page is lifted and the window ends. With an exchange of containers cut off, it looks whether files, ledger
    and containers agree; they do, the page is lifted. Else, and whenever a schema may be between two versions, the page stays, everybody in O(alarms) is
    told, and the job fails with RV(ignore:reason=window_kept).
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.edge
options:
  state:
    description:
      - V(planned) looks at the stack, keeps the plan and returns its hash. Refused while a window is under way, outside O(hours), and while something else of
        the stack is open, unless O(incident_reason) says why it cannot wait. Open is a rollout or a restore that has not come to its end, a release that runs
        and was judged as failed, and an edge that is closed, limits clients, or is steered to certain containers.
      - V(begun) opens the window. The plan is made anew, and refused when it is not the one that was planned, or not the one in O(approved). A window of the
        same change and tasks whose run is gone is taken over. Else it is refused for the same reasons as V(planned), and before O(starts_at) of the plan.
      - V(step) says that task O(task) begins or has ended (O(outcome)). Without a task it notes O(because) for the report.
      - V(proven), V(watching) and V(abandoned) are the phases.
      - V(measured) asks O(urls) for O(seconds). Before the window that is the baseline, which is refused when half of the requests fail. In the phases
        V(proven) and V(watching) it is compared with it.
      - V(ended) closes the window, or takes a plan back.
      - V(expired) is what the target runs by itself.
      - V(look) only tells.
    type: str
    choices: [planned, begun, step, proven, watching, measured, abandoned, ended, expired, look]
    required: true
  change:
    description: Id of the change, such as V(CHG-42). Needed by all states but V(expired) and V(look).
    type: str
    default: ''
  owner:
    description: Who does it, for people. Needed by V(planned) and V(begun).
    type: str
    default: ''
  tasks:
    description:
      - What is done in the window, in this order. Each entry has one of the keys C(release) (a version), C(migrate), C(update_images), C(configure)
        (settings), C(vacuum_full), C(reindex), C(os_update), C(file) (a tasks file), and perhaps C(half_applied) (V(none), V(swap), V(schema)) and C(minutes)
        (how long it may be silent).
      - Of settings only fingerprints are kept and shown, with the stack's salt; so the tasks have to be given anew when the window begins.
      - Needed by V(planned) and V(begun).
    type: list
    elements: dict
    default: []
  release_leaves:
    description: What a release that is cut off can leave. V(swap) for a stack without migrations.
    type: str
    choices: [none, swap, schema]
    default: schema
  task:
    description: Number of the task, from 1 on. For O(state=step).
    type: int
    default: 0
  outcome:
    description:
      - For O(state=step) V(begun), V(done), V(failed), or V(rolled_back) when what failed was taken back.
      - For O(state=ended) how the window ended, by default V(succeeded).
    type: str
    default: ''
  because:
    description: Why a person is needed, for O(state=abandoned). What is noted, for O(state=step) without O(task).
    type: str
    default: ''
  with_stack:
    description: Whether O(state=look) also looks at files, images and containers.
    type: bool
    default: false
  approval:
    description: Whether O(state=begun) needs O(approved).
    type: str
    choices: [optional, required]
    default: optional
  approved:
    description: Hash of the plan that was approved.
    type: str
    default: ''
  approver:
    description: Who approved it.
    type: str
    default: ''
  override_reason:
    description: Why it cannot wait for O(hours). It is kept in the plan.
    type: str
    default: ''
  incident_reason:
    description: Why it cannot wait until what is open on the stack has come to its end. It is kept in the plan, with what was open.
    type: str
    default: ''
  minutes:
    description: Announced length of the window, at most a day.
    type: int
    default: 30
  starts_at:
    description:
      - Begin of a window that is planned for later, such as V(2026-11-28T01:00), in O(timezone). For O(state=planned), which then judges O(hours) by it.
    type: str
    default: ''
  hours:
    description: When the stack may be worked on. The whole window has to lie within. Without any, always.
    type: list
    elements: dict
    default: []
    suboptions:
      days:
        description: Days on which it begins, such as V(sat). Without any, every day.
        type: list
        elements: str
      from:
        description: Begin as HH:MM.
        type: str
        required: true
      to:
        description: End as HH:MM. Not later than the begin means on the next day.
        type: str
        required: true
  timezone:
    description: Time zone of O(hours), such as V(Europe/Berlin). Without one, that of the target.
    type: str
    default: ''
  expires_after:
    description:
      - Seconds after the last step at which the run is taken for dead, unless it holds the operation lease, which every module renews while it works.
      - A task that is silent for longer names its C(minutes). After O(state=proven) the window lives until its announced end.
    type: int
    default: 180
  alarms:
    description:
      - Who is told by the target itself. They are written to its disk, readable by the owner of O(state_dir) only, so they take no headers and no passwords.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: See M(runbook.compose.announcement).
        type: str
        choices: [webhook, file]
        required: true
      name:
        description: Name in messages.
        type: str
      url:
        description: Address of a webhook. It is hidden from results and logs.
        type: str
      path:
        description: Absolute path of a file.
        type: path
      extra:
        description: More keys of the JSON.
        type: dict
  alarm_minutes:
    description: Minutes after which an alarm is repeated.
    type: int
    default: 30
  urls:
    description: What O(state=measured) asks, each on a connection of its own. An answer of status 400 or higher, or none within 5 seconds, is an error.
    type: list
    elements: str
    default: []
  headers:
    description: Headers of these requests, such as the one by which operators pass a closed edge.
    type: dict
    default: {}
  seconds:
    description: How long O(state=measured) asks, at most four hours. It ends earlier when enough was seen that is worse than before.
    type: float
    default: 30.0
  interval:
    description: Seconds between two requests to one address.
    type: float
    default: 0.5
  limits:
    description:
      - What is still as good as before. C(error_percent) more failed requests (default 1), C(p95_factor) times the 95th percentile (default 2), which may
        always reach C(p95_floor_ms) (default 250).
    type: dict
    default: {}
seealso:
  - module: runbook.compose.announcement
  - module: runbook.compose.operation_lease
  - module: runbook.compose.scheduled_job
notes:
  - Reasons of failures are V(window_open), V(window_missing), V(window_unreadable), V(window_kept), V(outside_hours), V(incident_open), V(plan_drifted),
    V(approval_missing), V(baseline_useless), V(watch_breached), V(bad_input), V(state_unwritable), V(lease_held), V(lease_lost), V(lease_unreadable) and
    those of the edge.
"""

EXAMPLES = r"""
- name: Plan the window, and keep the hash for the approval
  runbook.compose.maintenance_window:
    stack_name: shop
    project_dir: /srv/shop
    state: planned
    change: CHG-42
    owner: alice@control
    minutes: 45
    hours: [{days: [sat, sun], from: "01:00", to: "05:00"}]
    timezone: Europe/Berlin
    tasks:
      - release: v2
      - vacuum_full: [orders]
  register: planned

- name: Begin it, if the stack is still what was approved
  runbook.compose.maintenance_window:
    stack_name: shop
    project_dir: /srv/shop
    state: begun
    change: CHG-42
    owner: alice@control
    approved: "{{ planned.hash }}"
    tasks:
      - release: v2
      - vacuum_full: [orders]
    alarms:
      - kind: file
        path: /srv/status/feed.ndjson

- name: Let the target end it when nobody else does
  runbook.compose.scheduled_job:
    stack_name: shop
    project_dir: /srv/shop
    name: maintenance_window
    module: maintenance_window
    calendar: "* * * * *"
    timeout: 300
    options:
      state: expired
"""

RETURN = r"""
window:
  description: The window after the task. Empty when the stack never had one.
  returned: success
  type: dict
  contains:
    change: {description: Id of the change., type: str, sample: CHG-42}
    phase: {description: See the description of the module., type: str, sample: working}
    owner: {description: Who does it., type: str, sample: alice@control}
    plan:
      description: The plan with C(hash), C(tasks), C(observed), C(minutes), C(planned_at), C(override_reason), C(incidents) and C(incident_reason).
      type: dict
      sample: {change: CHG-42, hash: 5b2f07c1}
    tasks: {description: "The tasks with C(number), C(kind), C(value), C(title), C(half_applied) and C(minutes).", type: list, elements: dict, sample: []}
    tasks_done: {description: Numbers of those that are done., type: list, elements: int, sample: [1]}
    number: {description: Number of the task that began last., type: int, sample: 2}
    half_applied: {description: "What may be half applied now: V(none), V(swap) or V(schema).", type: str, sample: none}
    began_at: {description: UTC time of its begin; empty before., type: str, sample: "2026-11-22T02:00:00Z"}
    ends_at: {description: UTC time of the announced end., type: str, sample: "2026-11-22T02:45:00Z"}
    ended_at: {description: UTC time of its end; empty before., type: str, sample: ""}
    outcome: {description: "How it ended, V(expired) when the target ended it.", type: str, sample: ""}
    approver: {description: Who approved the plan., type: str, sample: bob}
    baseline: {description: What was measured before., type: dict, sample: {requests: 120, errors: 0, p95_ms: 12.1}}
    watched: {description: What was measured after., type: dict, sample: {}}
    kept: {description: "Why the target acted, C(because) and C(since).", type: dict, sample: {}}
    steps: {description: "What was done, each with C(at), C(what), C(outcome), C(task) and C(seconds).", type: list, elements: dict, sample: []}
    lease_until: {description: UTC time at which its run is taken for dead., type: str, sample: "2026-11-22T02:05:00Z"}
    lease_seconds_left: {description: The same in seconds from now., type: int, sample: 180}
under_way:
  description: Whether it has begun and not ended.
  returned: O(state) is not V(expired)
  type: bool
  sample: true
hash:
  description: Hash of its plan.
  returned: O(state) is not V(expired)
  type: str
  sample: 5b2f07c1d6b04f0a9be1a6a1f0c1d2e35b2f07c1d6b04f0a9be1a6a1f0c1d2e3
former:
  description: How the windows before it ended.
  returned: O(state) is not V(expired)
  type: list
  elements: dict
  sample: [{change: CHG-41, outcome: succeeded}]
observed:
  description: "What is there now: C(release), C(version), C(staged), and C(images), C(files) and C(containers) of each of C(services). Empty unless asked for."
  returned: O(state=look)
  type: dict
  sample: {release: "0002", version: v2, staged: "", services: {}}
measured:
  description: "What O(state=measured) saw: C(requests), C(errors), C(error_percent), C(p50_ms), C(p95_ms), C(seconds)."
  returned: O(state=measured)
  type: dict
  sample: {requests: 120, errors: 0, error_percent: 0.0, p50_ms: 4.2, p95_ms: 12.1, seconds: 30.0}
breaches:
  description: What was worse than before, in words. Always empty on success.
  returned: O(state=measured)
  type: list
  elements: str
  sample: []
verdict:
  description: "What O(state=expired) did or would do: V(nothing), V(lift), V(close) or V(keep)."
  returned: O(state=expired)
  type: str
  sample: nothing
because:
  description: Why.
  returned: O(state=expired)
  type: str
  sample: no window is under way
actions:
  description:
    - "What was or would be done: V(plan), V(begin), V(take_over), V(begin_task), V(end_task), V(note), V(prove), V(watch), V(abandon), V(end), V(lift),
      V(close) or V(keep)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: begin}
    target: {description: Id of the change., type: str, sample: CHG-42}
    detail: {description: More about it., type: str, sample: "until 2026-11-22T02:45:00Z"}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.maintenance_window import MaintenanceWindow
from ansible_collections.runbook.compose.plugins.module_utils._ansible.maintenance_window_arguments import maintenance_window_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=maintenance_window_arguments(),
        prepare=MaintenanceWindow.from_params,
    )


if __name__ == "__main__":
    main()
