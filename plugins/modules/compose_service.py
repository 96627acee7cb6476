#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_service
short_description: Bring services of a stack to a state, and prove that they are in it
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Starts, stops, restarts, recreates, scales or removes services of a Docker Compose stack in the order of their dependencies, and waits after
    each layer until it is ready.
  - A service counts as changed when Compose's hash of its configuration differs from the one its container was made with, when its image
    reference means another image now, or when a container is missing. Only changed services are touched.
  - The engine's health status lags behind by the interval of the health check. So the check is also run at once by this module; what passed
    counts when the same container still runs at the next look.
  - Images are never pulled or built here, volumes are never removed.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  state:
    description:
      - V(started) creates what is missing, recreates what changed, starts what does not run, and leaves the rest alone. More containers
        than the files ask for were scaled by somebody and stay.
      - V(stopped) stops, V(absent) stops and removes containers, in reverse order. For the whole stack V(absent) removes its networks too.
      - V(restarted) restarts in place; see O(on_drift) and O(restart_when). One-shot services, which others wait for until they have ended,
        are not restarted.
      - V(recreated) makes new containers of all chosen services, one-shot services included (so these run again).
      - V(scaled) brings the services in O(replicas) to their numbers and touches no other. A service that has C(container_name) or a fixed port
        of the host is refused for more than one.
    type: str
    choices: [started, stopped, restarted, recreated, scaled, absent]
    default: started
  services:
    description: Names of services. All of them when empty. A name that the files do not have is refused.
    type: list
    elements: str
    default: []
  replicas:
    description: Number of containers for each service, 0 or more. Required for O(state=scaled), refused for other states.
    type: dict
    default: {}
  restart_when:
    description: With V(unhealthy), O(state=restarted) leaves services alone that run and are healthy.
    type: str
    choices: [always, unhealthy]
    default: always
  on_drift:
    description:
      - What O(state=restarted) and O(state=scaled) do with a service whose configuration or image changed since its container was made. A
        restart in place would not apply such an edit, and more containers would run beside older ones with other settings.
      - V(recreate) recreates it, with a warning. V(ignore) leaves what is there as it is. V(fail) refuses.
    type: str
    choices: [recreate, ignore, fail]
    default: recreate
  wait:
    description:
      - With V(healthy), every layer has to be ready before the next is touched. A service is ready when all its containers run and their
        health check passes; without a health check when they have run for half a second; a one-shot service when it has ended with exit code 0.
      - With V(started), health checks do not count and one-shot services are not waited for to end. With V(none), nothing is waited for or proven.
    type: str
    choices: [healthy, started, none]
    default: healthy
  health_timeout:
    description: Seconds each layer has to become ready. A service that fails before (it ends, is restarted, or is unhealthy) is not waited for.
    type: int
    default: 60
  stop_timeout:
    description: Seconds a container gets to end by itself before it is killed. Without it, the container's own grace period.
    type: int
  orphans:
    description:
      - With O(state=absent), names of containers (or of their former services) that carry the stack's project label and are in none of its
        files, or V(all) for every such container. They are stopped first. Without O(services), only these are removed.
      - A name that is not there is fine; a name that belongs to the stack is refused.
    type: list
    elements: str
    default: []
notes:
  - Refused before anything is touched, with a C(reason) - V(image_missing), V(cannot_scale), V(configuration_pending), V(unknown_service),
    V(not_an_orphan), V(project_missing), V(compose_config_invalid), V(compose_missing), V(compose_too_old), V(bad_input), V(engine_unreachable),
    V(python_library_missing), V(lease_lost).
  - Failed on the way - V(service_exited), V(service_unhealthy) and V(health_timeout) with C(service), C(layer), C(container), C(state),
    C(exit_code), C(oom_killed), C(log_tail) and C(health_log) in C(details); V(start_failed), V(not_in_effect), V(compose_failed),
    V(engine_failed), V(timed_out). No later layer was touched.
  - A run that was killed between two containers is finished by the next one; containers that an interrupted replacement left are removed.
seealso:
  - module: runbook.compose.compose_info
  - module: runbook.compose.http_probe
"""

EXAMPLES = r"""
- name: Apply what changed in the files, and wait until it is healthy
  runbook.compose.compose_service:
    stack_name: shop
    project_dir: /srv/shop
    state: started

- name: Restart the API where it is not healthy
  runbook.compose.compose_service:
    stack_name: shop
    project_dir: /srv/shop
    state: restarted
    services: [api]
    restart_when: unhealthy

- name: Run three of the API
  runbook.compose.compose_service:
    stack_name: shop
    project_dir: /srv/shop
    state: scaled
    replicas: {api: 3}
"""

RETURN = r"""
services:
  description: The chosen services, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Service., type: str, sample: api}
    before:
      description:
        - Before the task. C(state) is C(running), C(stopped), C(absent), C(restarting), C(paused) or, when its containers differ, C(mixed).
        - With the number of C(containers), and the beginnings of C(image) id and C(configuration) hash of the first.
      type: dict
      sample: {state: running, containers: 1, image: 1ad1c0ffee00, configuration: 0f1e2d3c4b5a}
    after:
      description: After it. In check mode as it would be, with C(settings_changed), names of environment variables, where some would change.
      type: dict
      sample: {state: running, containers: 1, image: 2be2d1aaff11, configuration: 1a2b3c4d5e6f}
    ready_after_ms:
      description: Milliseconds from the beginning of its layer until it was ready. Null when it was not waited for.
      type: int
      sample: 812
    killed: {description: Whether a container did not end within its grace period., type: bool, sample: false}
healthy:
  description:
    - Whether all chosen services run and are ready. After a task that waited for health always true, as everything else is a failure.
    - In check mode, or without waiting, what the engine says.
  returned: success
  type: bool
  sample: true
elapsed_ms:
  description: Milliseconds that the task took. V(0) in check mode.
  returned: success
  type: int
  sample: 1240
actions:
  description: "What was or would be done, in order of services: V(create), V(recreate), V(scale), V(start), V(restart), V(stop), V(remove), V(remove_orphan),
    V(remove_network)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: recreate}
    target: {description: Service or container., type: str, sample: api}
    detail: {description: Why., type: str, sample: image changed}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.compose_service import ComposeService
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.compose_service_arguments import compose_service_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(compose_service_arguments()),
        prepare=ComposeService.from_params,
    )


if __name__ == "__main__":
    main()
