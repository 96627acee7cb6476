#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_rollout
short_description: Bring services to what the files mean, those behind the edge without a lost request
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Does what M(runbook.compose.compose_service) does with O(runbook.compose.compose_service#module:state=started), layer by layer. But a running
    service of O(edge.pools) that changed is not recreated in place.
  - Its new containers start beside the old ones and are waited for until they are healthy and answer at their own address. Then the edge sends requests
    to them, at once or in steps, while a probe asks the edge as users do. Then the old containers are drained, stopped and removed. As many run
    afterwards as before.
  - When a new container does not become ready, or ends, or the probe's error budget is spent, the edge sends everything to the old ones again, the new
    ones are removed, and the task fails.
  - Each phase is on the disk of the target before it begins. What a killed run left is brought to its end by the next one, back or forward.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.edge
options:
  state:
    description:
      - V(rolled_out) brings the services to what the files mean. While an old colour still runs whose containers are what the files mean, that is the
        way back to it; for yet another release the bake time is ended first.
      - V(finished) ends a bake time, the old colour is removed. It is refused while the new one is not ready.
        V(switched_back) ends it the other way, the new one is removed.
      - V(settled) ends bake times that are over, and what killed runs left. It may run on a schedule.
      - In each state, the edge is told the addresses of a colour that goes on running where these have changed since, as after a restart of the engine.
    type: str
    choices: [rolled_out, finished, switched_back, settled]
    default: rolled_out
  services:
    description: Names of services. All of them when empty. A name that the files do not have is refused.
    type: list
    elements: str
    default: []
  strategy:
    description:
      - V(rolling) gives the new containers all requests at once. V(canary) does it in O(steps).
      - V(blue_green) does it at once and lets the old containers run for O(bake) seconds, so that a switch back starts nothing and is one reload of nginx.
    type: str
    choices: [rolling, canary, blue_green]
    default: rolling
  steps:
    description: With O(strategy=canary), percentages of requests that the new containers get, each larger than the one before. V(100) is added at the end.
    type: list
    elements: int
    default: [10, 50, 100]
  hold:
    description: Seconds that each of O(steps) but the last is watched before the next.
    type: float
    default: 10
  watch:
    description: Seconds for which the new containers are watched that have all requests, before the old ones are drained.
    type: float
    default: 1
  bake:
    description: With O(strategy=blue_green), seconds that the old colour stays.
    type: int
    default: 900
  fallback:
    description:
      - What is done with a changed service behind the edge of which two sets of containers cannot run at once, as it owns a volume, or has a fixed port of
        the host, a fixed name or a fixed address.
      - V(refuse) does nothing at all. V(stop_first) recreates it in place, with a warning. Requests are lost meanwhile.
    type: str
    choices: [refuse, stop_first]
    default: refuse
  health_timeout:
    description: Seconds that new containers, and each layer of other services, have to become ready.
    type: int
    default: 60
  drain_timeout:
    description: Seconds that requests on old containers have to end. What still runs then gets the container's grace period.
    type: float
    default: 30
  stop_timeout:
    description: Seconds a container gets to end by itself before it is killed. Without it, the container's own grace period.
    type: int
  probe:
    description:
      - What asks the edge at O(edge.url) during the rollout, half over connections that stay open, half over new ones. Without that URL, nothing does.
      - A request fails with a status of 500 or more, with one from 400 on that was not answered before anything was changed, without an answer, or with
        none in time. A kept connection that was closed before the first byte of the answer is opened again once, as every client does; such requests are
        counted as C(reopened) and are no failures.
      - While the edge is closed, or in its attack profile, there is no probe. A closed edge is probed with the operators' header where it has a secret.
    type: dict
    suboptions:
      path:
        description:
          - Path of the GET requests.
          - New containers have to answer it at their own address with a status below 400, or below 500 when the old ones answer the same.
        type: str
        default: /
      rate:
        description: Requests a second, 1 to 1000.
        type: float
        default: 50
      timeout:
        description: Seconds for one answer.
        type: float
        default: 10
      headers:
        description: Headers of all requests.
        type: dict
        default: {}
      validate_certs:
        description: With https, whether the certificate is checked.
        type: bool
        default: true
      post:
        description: An idempotent request as well. All of one run have the same C(Idempotency-Key), so that only the first changes something.
        type: dict
        suboptions:
          path:
            description: Its path.
            type: str
            required: true
          body:
            description: Its body.
            type: str
            default: ''
          headers:
            description: Headers of these requests only. C(Content-Type) is C(application/json) without one.
            type: dict
            default: {}
          every:
            description: Every how manieth request it is.
            type: int
            default: 5
      budget:
        description:
          - What is tolerated from the moment that the edge is steered. Where as many requests failed already before, errors are not judged.
        type: dict
        suboptions:
          errors:
            description: Failed requests.
            type: int
            default: 5
          p99_ms:
            description: Milliseconds in which 99 of 100 requests of one step are answered. V(0) for any.
            type: float
            default: 0
notes:
  - A service that does not run, or whose edge does not run, is started as M(runbook.compose.compose_service) does it; nobody loses a request by that.
  - Both sets of containers need memory at the same time.
  - While an old colour runs, M(runbook.compose.compose_service) refuses to create or recreate containers of its service with V(rollout_open).
  - Refused before anything is touched, beside the reasons of M(runbook.compose.compose_service) - V(edge_missing), V(edge_not_prepared), V(edge_refused),
    V(cannot_run_beside), V(nothing_baking), V(rollout_busy).
  - Failed on the way, with the old containers serving - V(error_budget_spent), V(service_exited), V(service_unhealthy), V(health_timeout), V(start_failed),
    V(edge_refused). Only V(rollout_stuck) says that they may not.
seealso:
  - module: runbook.compose.compose_service
  - module: runbook.compose.edge_traffic
"""

EXAMPLES = r"""
- name: Apply what changed in the files without a lost request
  runbook.compose.service_rollout:
    stack_name: shop
    project_dir: /srv/shop
    edge: {pools: {api: {port: 3000}}, url: "http://127.0.0.1:8080"}
    probe: {path: /health/ready}

- name: In steps of a minute, judged by errors and latency
  runbook.compose.service_rollout:
    stack_name: shop
    project_dir: /srv/shop
    edge: {pools: {api: {port: 3000}}, url: "http://127.0.0.1:8080"}
    strategy: canary
    steps: [5, 25, 100]
    hold: 60
    probe: {path: /health/ready, budget: {errors: 3, p99_ms: 400}}

- name: Back to the old colour
  runbook.compose.service_rollout:
    stack_name: shop
    project_dir: /srv/shop
    edge: {pools: {api: {port: 3000}}, url: "http://127.0.0.1:8080"}
    state: switched_back
"""

RETURN = r"""
services:
  description: The chosen services, by name. An old colour that still runs is left out.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Service., type: str, sample: api}
    before: {description: "Before the task, as M(runbook.compose.compose_service) tells it.", type: dict, sample: {state: running, containers: 1}}
    after: {description: After it. In check mode as it would be., type: dict, sample: {state: running, containers: 1}}
    ready_after_ms: {description: Milliseconds until it was ready. Null when it was not waited for here., type: int, sample: 812}
    killed: {description: Whether a container did not end within its grace period., type: bool, sample: false}
rollouts:
  description: What was done to services behind the edge, and what is still open.
  returned: success
  type: list
  elements: dict
  contains:
    service: {description: Service., type: str, sample: api}
    how: {description: "V(beside) or V(stop_first).", type: str, sample: beside}
    strategy: {description: How the requests were moved., type: str, sample: rolling}
    state:
      description:
        - "V(new) or V(old): these containers run, and no others. V(baking): both do, and the new ones have the requests."
        - Another word is the phase in which it stands and from which the next run goes on. Missing in check mode.
      type: str
      sample: new
    until: {description: End of the bake time in UTC., type: str, sample: "2026-11-22T08:15:00Z"}
    old: {description: Names of the old containers., type: list, elements: str, sample: [shop-api-1]}
    new: {description: Names of the new containers., type: list, elements: str, sample: [shop-api-2]}
    cut: {description: Requests that were still running at the end of O(drain_timeout)., type: int, sample: 0}
    drain_ms: {description: Milliseconds until the last request on the old containers had ended., type: int, sample: 35}
    effect_ms: {description: "Of a way back: milliseconds until the edge sent all requests to the old containers.", type: int, sample: 210}
    why: {description: "In check mode: what keeps it from running beside the old one.", type: str, sample: owns the volume uploads}
open:
  description: Rollouts that had not come to their end before the task.
  returned: success
  type: list
  elements: dict
  contains:
    service: {description: Service., type: str, sample: api}
    phase: {description: "How far it got: V(baking) while an old colour waits for a switch back.", type: str, sample: baking}
    until: {description: End of the bake time in UTC., type: str, sample: "2026-11-22T08:15:00Z"}
traffic:
  description: What the probe saw. No requests where nothing was rolled out, or nothing could be probed. On failure it is in RV(ignore:details).
  returned: success
  type: dict
  contains:
    requests: {description: Requests., type: int, sample: 240}
    errors: {description: Those that failed., type: int, sample: 0}
    kinds: {description: Failed requests by kind., type: dict, sample: {}}
    reopened: {description: Those whose kept connection was closed meanwhile and opened again., type: int, sample: 2}
    longest_gap_ms: {description: The longest time without a good answer., type: int, sample: 64}
    p99_ms:
      description: In how many milliseconds 99 of 100 good answers came, V(before), V(during) and V(after). Null where there were none.
      type: dict
      sample: {before: 4.1, during: 12.5, after: 4.0}
elapsed_ms:
  description: Milliseconds that the task took. V(0) in check mode.
  returned: success
  type: int
  sample: 4240
actions:
  description: "What was or would be done: V(roll_out), V(finish), V(switch_back), V(undo), and those of M(runbook.compose.compose_service)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: roll_out}
    target: {description: Service., type: str, sample: api}
    detail: {description: Why and how., type: str, sample: image changed; beside}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.service_rollout import ServiceRollout
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.edge_arguments import edge_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module
from ansible_collections.runbook.compose.plugins.module_utils._ansible.service_rollout_arguments import service_rollout_arguments


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(edge_arguments()).merged_with(service_rollout_arguments()),
        prepare=ServiceRollout.from_params,
    )


if __name__ == "__main__":
    main()
