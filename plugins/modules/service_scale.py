#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_scale
short_description: Run more or fewer containers of a service behind the edge, without a lost request
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Brings one service of a Docker Compose stack to a number of containers, as M(runbook.compose.compose_service) does with V(scaled), and waits until
    all of them are healthy.
  - Fewer, and the service is in C(edge.pools) - the newest containers are taken out of the edge first, end the requests that they have, and go then.
    For a service that is not behind the edge, they are stopped at once, with the grace period that they have.
  - Then every container has to answer a request that goes through the edge, where answers say by a header who gave them (O(served_by)).
  - The files of the stack are not written here. Where they ask for fewer, the additional containers stay with the next deploy, and are told by
    M(runbook.compose.compose_info); where they ask for more, the next deploy starts them again.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.edge
options:
  service:
    description: Name of the service. One that has C(container_name) or a fixed port of the host is refused for more than one container.
    type: str
    required: true
  replicas:
    description: Number of containers, 0 or more.
    type: int
    required: true
  health_timeout:
    description: Seconds that new containers have to become ready.
    type: int
    default: 60
  stop_timeout:
    description: Seconds a container gets to end by itself before it is killed. Without it, the container's own grace period.
    type: int
  drain_timeout:
    description: Seconds for which requests of the leaving containers are waited for. What still runs then has the grace period that is left to it.
    type: float
    default: 30
  served_by:
    description:
      - Header with which the service says who answered, by the hostname of its container, such as C(X-Served-By). Without it, only the engine's word counts
        that the containers work, and not that the edge sends them requests.
    type: str
    default: ''
  serve_timeout:
    description: Seconds within which each of them has to have answered. Longer than the resolver of the edge remembers the name of the service.
    type: float
    default: 15
  path:
    description: What is asked for that, with GET.
    type: str
    default: /health
notes:
  - Refused before anything is touched, with a C(reason) - V(cannot_scale), V(configuration_pending) (edits that wait are applied by a deploy and not in
    passing), V(pool_pinned), V(image_missing), V(unknown_service), V(project_missing), V(compose_config_invalid), V(compose_missing), V(compose_too_old),
    V(edge_missing), V(edge_not_prepared), V(edge_state_damaged), V(bad_input), V(engine_unreachable), V(python_library_missing), V(lease_lost).
  - Failed on the way - V(edge_refused), V(replica_not_reached) (the number is the new one then), and those of M(runbook.compose.compose_service).
  - A run that was killed while it drained leaves a pool in the edge that ends by itself; the next run goes on.
seealso:
  - module: runbook.compose.compose_service
"""

EXAMPLES = r"""
- name: Run three of the API
  runbook.compose.service_scale:
    stack_name: shop
    project_dir: /srv/shop
    service: api
    replicas: 3
    served_by: X-Served-By
    edge: {pools: {api: {port: 3000}}, url: "http://127.0.0.1:8080"}
"""

RETURN = r"""
services:
  description: The service before and after, as RV(runbook.compose.compose_service#module:services).
  returned: success
  type: list
  elements: dict
  sample: [{name: api, before: {state: running, containers: 1}, after: {state: running, containers: 3}, ready_after_ms: 1900, killed: false}]
healthy:
  description: Whether all its containers run and are ready.
  returned: success
  type: bool
  sample: true
drained:
  description: What became of the containers that left. Empty when none was taken out of the edge.
  returned: success
  type: dict
  contains:
    containers: {description: Their names., type: list, elements: str, sample: [shop-api-3]}
    connections_left: {description: Requests that still ran when O(drain_timeout) was over., type: int, sample: 0}
    seconds: {description: For how long they were waited for., type: float, sample: 1.2}
answered:
  description: Requests through the edge that each container answered, by its name. Empty when nobody says who answered.
  returned: success
  type: dict
  sample: {shop-api-1: 2, shop-api-2: 1, shop-api-3: 1}
elapsed_ms:
  description: Milliseconds that the task took. V(0) in check mode.
  returned: success
  type: int
  sample: 4100
actions:
  description: "What was or would be done: V(drain), V(rest) (a pool that a killed run left), V(scale), V(create)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: scale}
    target: {description: Service or container., type: str, sample: api}
    detail: {description: More about it., type: str, sample: 1 to 3}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.service_scale import ServiceScale
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.edge_arguments import edge_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module
from ansible_collections.runbook.compose.plugins.module_utils._ansible.service_scale_arguments import service_scale_arguments


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(edge_arguments()).merged_with(service_scale_arguments()),
        prepare=ServiceScale.from_params,
    )


if __name__ == "__main__":
    main()
