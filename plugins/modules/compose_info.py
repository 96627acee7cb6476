#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_info
short_description: Compare what runs of a stack with what its files expect
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Reads the compose files and the engine, and reports every service, every container, and everything that is not as it should be.
  - Changes nothing. Values of the environment whose names look like secrets are masked, and what they hold is masked in all other texts.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  services:
    description: Names of services. All of them, and orphans, when empty.
    type: list
    elements: str
    default: []
  detail:
    description: With V(full), containers come with limits, mounts, networks, ports, masked environment and the end of their health log.
    type: str
    choices: [summary, full]
    default: summary
  samples:
    description: Readings of CPU and memory of each running container, 0 to 60. At least 2 are needed for CPU. An engine takes about a second for one.
    type: int
    default: 0
  period:
    description: Seconds over which the readings are spread, 1 to 300.
    type: int
    default: 5
  thresholds:
    description:
      - C(memory_percent) and C(cpu_percent) of a container's limit, above which the readings are a problem, and C(max_restarts) (default 3),
        above which its restart count is one. Numbers of 0 or more; another name or value is refused with RV(ignore:reason=bad_input).
      - The percentages need O(samples), and a limit to be a percentage of. Where the engine counts nothing, the readings in C(usage) are null
        and no percentage can be exceeded.
    type: dict
    default: {}
  compare_environment:
    description: Whether to compare each key that the files give a service with what its containers have.
    type: bool
    default: false
  required_keys:
    description: Environment keys that must not be empty in services that declare them. Used with O(compare_environment=true).
    type: list
    elements: str
    default: []
  wait_starting:
    description:
      - Seconds, 0 to 3600, for which containers are waited for whose health check has not told yet whether they are healthy. They are judged after that.
      - Nothing is waited for when anything else is of severity V(failing), or once a container's own check had the time to tell, which is its start
        period, one timeout, and interval and timeout for each of its retries.
    type: int
    default: 0
  on_problem:
    description: With V(fail), the task fails with RV(ignore:reason=stack_unhealthy) when a problem of severity V(failing) was found.
    type: str
    choices: [report, fail]
    default: report
notes:
  - Reasons of failures are V(stack_unhealthy), V(unknown_service), V(project_missing), V(compose_config_invalid), V(compose_missing),
    V(compose_too_old), V(engine_unreachable), V(engine_failed), V(bad_input).
seealso:
  - module: runbook.compose.compose_service
  - module: runbook.compose.compose_logs
"""

EXAMPLES = r"""
- name: Look at the stack
  runbook.compose.compose_info:
    stack_name: shop
    project_dir: /srv/shop
  register: stack

- name: Fail when the API is not as it should be, or uses most of its memory
  runbook.compose.compose_info:
    stack_name: shop
    project_dir: /srv/shop
    services: [api]
    samples: 3
    thresholds: {memory_percent: 90}
    on_problem: fail

- name: Look after a restart, and wait up to 30 seconds for what is starting
  runbook.compose.compose_info:
    stack_name: shop
    project_dir: /srv/shop
    wait_starting: 30
"""

RETURN = r"""
at:
  description: UTC time of the look.
  returned: success
  type: str
  sample: "2026-11-21T03:10:00Z"
waited:
  description: Seconds for which containers were waited for that were starting.
  returned: success
  type: float
  sample: 0.0
healthy:
  description: Whether no problem of severity V(failing) was found. Drift and warnings do not keep a stack from working.
  returned: success
  type: bool
  sample: true
problems:
  description: Everything that is not as it should be. Empty when all is well.
  returned: success
  type: list
  elements: dict
  contains:
    service: {description: Service., type: str, sample: api}
    container: {description: Container. Empty when it is about the service., type: str, sample: shop-api-1}
    problem:
      description:
        - Of severity V(failing) are V(missing), V(not_running), V(exited), V(unhealthy), V(starting), V(restart_loop), V(oom_killed), V(too_few),
          V(paused), V(dead) and V(required_key_empty).
        - Of severity V(drift) are V(config_drift), V(environment_drift), V(wrong_image) and V(orphan).
        - Of severity V(warning) are V(too_many), V(memory_high) and V(cpu_high).
      type: str
      sample: unhealthy
    severity: {description: "V(failing), V(drift) or V(warning).", type: str, sample: failing}
    message: {description: The problem in a sentence., type: str, sample: shop-api-1 is unhealthy.}
    procedure: {description: Playbook that helps., type: str, sample: playbooks/service/restart.yml}
services:
  description: The chosen services, with their containers.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Service., type: str, sample: api}
    image: {description: Image reference of the files., type: str, sample: "shop-api:v2"}
    image_ids: {description: Ids of the images that run., type: list, elements: str, sample: ["sha256:1ad1"]}
    expected_replicas: {description: Containers that the files ask for., type: int, sample: 1}
    replicas_in_deploy: {description: Whether they ask for it by C(deploy.replicas)., type: bool, sample: false}
    running: {description: Containers that run., type: int, sample: 1}
    config_in_effect: {description: Whether all containers were made with the configuration that the files have now., type: bool, sample: true}
    containers:
      description: Containers with state, health, exit code, restart count, times and, for O(samples), C(usage). More with O(detail=full).
      type: list
      elements: dict
      sample: [{name: shop-api-1, state: running, health: healthy, exit_code: 0, oom_killed: false, restart_count: 0}]
    environment:
      description:
        - With O(compare_environment=true), for each key of the files whether the first container has the same value, with length and fingerprint.
          C(value) only for keys that hold no secret; passwords of URLs and copies of secrets are masked in it.
        - Fingerprints can be compared between calls once the stack has a salt, which M(runbook.compose.env_file) makes. Before, each call has its own.
      type: list
      elements: dict
      sample: [{key: POSTGRES_PASSWORD, secret: true, in_container: true, equal: true, length: 24, fingerprint: 1f0c9d8e7a6b}]
ports:
  description: Ports of the host that lead into containers. C(everywhere) says that they listen on all addresses.
  returned: success
  type: list
  elements: dict
  sample: [{service: edge, container_port: 8080/tcp, host_ip: 127.0.0.1, host_port: 18080, everywhere: false}]
disk:
  description: Free MiB and inodes where the engine keeps its data and where the project is.
  returned: success
  type: dict
  sample: {engine: {path: /var/lib/docker, free_mb: 51200, free_inodes: 900000}}
table:
  description: Containers, with O(samples) their CPU and memory (C(-) where the engine counts none), and problems as aligned text.
  returned: success
  type: str
  sample: "SERVICE  CONTAINER   STATE    HEALTH"
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.compose_info import ComposeInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.compose_info_arguments import compose_info_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(compose_info_arguments()),
        prepare=ComposeInfo.from_params,
    )


if __name__ == "__main__":
    main()
