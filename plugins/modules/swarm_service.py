#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_service
short_description: Release, scale and restart services of a Docker Swarm, and wait until the swarm is what was asked for
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Changes services that a swarm has already, through the engine of one of its managers. It makes no services, networks or volumes; C(docker stack
    deploy) does.
  - A change ends when the swarm's own update is completed and as many tasks run as there should be, all of them made from the new specification. How
    fast, in which order, and for how long new tasks are watched, is what the service says of itself (C(deploy.update_config) in the stack's file).
  - When the swarm gives an update up, or it does not end in time, that service and those changed before it go back to what they were, and the task
    still fails.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  state:
    description:
      - V(released) gives O(services) the image of O(version). The release is kept in the stack's ledger as V(pending) and is staged; M(runbook.compose.release)
        calls it verified when it was proven. What runs well before there is a ledger is adopted as its first entry.
      - V(rolled_back) gives the services of O(release) its images again; it was verified before. Number of tasks and everything else stay as they are.
      - V(scaled) brings services to the numbers of O(replicas).
      - V(restarted) makes all tasks anew, in the order and pace of the service's own rule. Each time is a change.
      - V(looked) only looks.
    type: str
    choices: [released, rolled_back, scaled, restarted, looked]
    required: true
  services:
    description:
      - Names of services, as in the stack's file or whole, with the name of the stack before them. All of the stack when empty. A name that the stack
        does not have is refused. Not used with O(state=scaled) and O(state=rolled_back).
    type: list
    elements: str
    default: []
  version:
    description: Tag of the images. Required for O(state=released), refused for other states.
    type: str
    default: ''
  repositories:
    description: Repository (without tag) for services whose image comes from another one than now. For O(state=released).
    type: dict
    default: {}
  pin:
    description:
      - With V(digest), the manager asks the registry which image the tag means, and the services get just that one. Without an answer nothing is done.
      - With V(tag), the name is taken as it is. For images that are on every node and in no registry; whether all nodes have the same image under that
        name is not known then.
    type: str
    choices: [digest, tag]
    default: digest
  release:
    description: For O(state=rolled_back), an id or version of the ledger, V(current) or V(previous), as in O(runbook.compose.release#module:release).
    type: str
    default: previous
  replicas:
    description: Number of tasks for each service, 0 or more. Required for O(state=scaled), refused for other states.
    type: dict
    default: {}
  published:
    description:
      - With V(asked), whether each TCP port that a service publishes takes a connection is found out from the target. One of the routing mesh on every
        node that is ready, one in the mode C(host) on the nodes where tasks of the service run. For O(state=looked).
    type: str
    choices: [ignored, asked]
    default: ignored
  timeout:
    description: Seconds that each service has to become what was asked for, and as many to go back.
    type: int
    default: 300
  created_by:
    description: Who does it, for the ledger and the journal.
    type: str
    default: ''
notes:
  - Of the options of the stack, O(compose_files), O(env_file) and O(profiles) mean nothing here, and nothing is read from O(project_dir).
  - The login of the target's user to the registry (C(docker login)) is handed to the nodes with the update; where there is none, the one that the service
    was made with stays.
  - C(docker stack deploy) by hand brings numbers and images back to what its file says.
  - Refused before anything is touched, with a C(reason) - V(not_a_swarm_manager), V(unknown_service), V(swarm_update_running), V(cannot_scale),
    V(image_digest_unknown), V(no_such_release), V(no_release_to_roll_back_to), V(release_failed_before), V(release_rolled_back_before),
    V(release_of_other_engine), V(ledger_unreadable), V(bad_input), V(engine_unreachable), V(engine_failed), V(python_library_missing), V(lease_lost).
  - Failed on the way, and taken back - V(swarm_update_failed), V(swarm_not_converged) with C(service), C(running), C(update), C(tasks) and C(taken_back) in
    C(details). Not taken back - V(swarm_rollback_failed).
  - A run that was killed leaves its release staged; the next run of the same version finishes it, and V(rolled_back) goes back.
seealso:
  - module: runbook.compose.release
  - module: runbook.compose.http_probe
"""

EXAMPLES = r"""
- name: Give the API of the swarm the image of a version
  runbook.compose.swarm_service:
    stack_name: shop
    project_dir: /srv/shop
    state: released
    services: [api]
    version: v42

- name: Run five of it
  runbook.compose.swarm_service:
    stack_name: shop
    project_dir: /srv/shop
    state: scaled
    replicas: {api: 5}

- name: Go back to the release before
  runbook.compose.swarm_service:
    stack_name: shop
    project_dir: /srv/shop
    state: rolled_back
"""

RETURN = r"""
services:
  description: The chosen services, in the order in which they were worked on.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Service without the name of the stack., type: str, sample: api}
    full_name: {description: Its name in the swarm., type: str, sample: shop_api}
    mode: {description: "V(replicated) or V(global).", type: str, sample: replicated}
    before:
      description: "C(image), C(replicas) that there should be, C(running) ones that are as they should be, C(force_update), state of the last C(update)."
      type: dict
      sample: {image: "registry.example/shop/api:v41@sha256:1ad1", replicas: 3, running: 3, force_update: 0, update: completed}
    after:
      description: The same after the task; in check mode as it would be.
      type: dict
      sample: {image: "registry.example/shop/api:v42@sha256:2be2", replicas: 3, running: 3, force_update: 0, update: completed}
    nodes: {description: Nodes on which it runs., type: list, elements: str, sample: [node-1, node-2]}
    troubles: {description: What the engines said of tasks of a service that is not as it should be., type: list, elements: dict, sample: []}
    ready_after_ms: {description: Milliseconds until it had converged. Null when it was not changed., type: int, sample: 7400}
healthy:
  description: Whether of every chosen service as many tasks run as there should be, and no update is under way.
  returned: success
  type: bool
  sample: true
table:
  description: The services as aligned text for people.
  returned: success
  type: str
  sample: "shop_api  replicated  3/3"
release:
  description: The release of O(state=released) or O(state=rolled_back), with the keys of RV(runbook.compose.release#module:release); for O(state=looked) the
    current one. Images have no C(kept_as); their C(id) is the digest.
  returned: when O(state) is released, rolled_back or looked
  type: dict
  sample: {id: "0002", version: v42, verdict: pending}
current:
  description: Id of the current release, the one proven last. Empty when none was ever verified.
  returned: when O(state) is released, rolled_back or looked
  type: str
  sample: "0001"
previous:
  description: Id of the release that a rollback leads to. Empty when there is none.
  returned: when O(state) is released, rolled_back or looked
  type: str
  sample: ""
staged:
  description: Id of the release that the services were last made to mean, until that one is verified; then empty.
  returned: when O(state) is released, rolled_back or looked
  type: str
  sample: "0002"
already_current:
  description: Whether the release is the current one and all its services have its images.
  returned: when O(state) is released, rolled_back or looked
  type: bool
  sample: false
problems:
  description:
    - What is wrong, the worst first. C(tasks_missing), C(image_differs) from the current release in the ledger, and C(port_silent) are critical;
      C(update_given_up) and C(release_unfinished) are warnings, as is C(image_differs) as long as a release is not finished.
  returned: when O(state) is looked
  type: list
  elements: dict
  contains:
    section: {description: Always V(swarm)., type: str, sample: swarm}
    problem: {description: A stable word., type: str, sample: port_silent}
    severity: {description: "V(critical) or V(warning).", type: str, sample: critical}
    subject: {description: Service or release., type: str, sample: shop_api}
    message: {description: What is wrong., type: str, sample: "Port 80 of shop_api does not answer on node-2 (10.0.0.2): Connection refused."}
    hint: {description: What to do next., type: str, sample: ""}
published:
  description: The ports that were asked.
  returned: when O(state) is looked
  type: list
  elements: dict
  contains:
    service: {description: Service., type: str, sample: shop_api}
    node: {description: Node., type: str, sample: node-2}
    address: {description: Its address., type: str, sample: 10.0.0.2}
    port: {description: Port., type: int, sample: 80}
    answers: {description: Whether it took a connection., type: bool, sample: true}
elapsed_ms:
  description: Milliseconds that the task took.
  returned: success
  type: int
  sample: 8200
actions:
  description: "What was or would be done: V(adopt), V(register), V(stage), V(update), V(scale), V(restart)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: update}
    target: {description: Service or release., type: str, sample: shop_api}
    detail: {description: More about it., type: str, sample: 3 to 5}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.swarm_service import swarm_operation
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module
from ansible_collections.runbook.compose.plugins.module_utils._ansible.swarm_service_arguments import swarm_service_arguments


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(swarm_service_arguments()),
        prepare=swarm_operation,
    )


if __name__ == "__main__":
    main()
