#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_images
short_description: Bring newer images of stores and of the edge in, with a way back
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - For services whose image no release carries, such as Postgres, Redis and nginx. A name such as C(redis:7) means a newer image from time to time,
    and once it was pulled, nobody knows which one ran before.
  - This module asks the registry what the name means by now, fetches that image by its digest beside what runs, and has it scanned. Only then the name
    that compose uses is given to it. The image that ran before keeps a name of ours, C(runbook.images/<stack>/<service>:before), and
    C(<state_dir>/<stack_name>/images.json) records the last update of each service.
  - It touches no container; M(runbook.compose.compose_service) with O(runbook.compose.compose_service#module:state=started) recreates what changed.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  state:
    description:
      - V(prepared) looks for newer images, fetches and scans them. No name that compose uses changes.
      - V(applied) gives the names to the prepared images of O(services).
      - V(verified) writes down that the new images run. V(returned) gives the names back to the images from before the last update.
    type: str
    choices: [prepared, applied, verified, returned]
    required: true
  services:
    description:
      - Names of services. Empty means with V(prepared) all whose image is neither built nor part of the current release; with V(verified) and V(returned)
        all that were updated. Required for V(applied).
      - A service of the current release is refused; its image changes with M(runbook.compose.release).
    type: list
    elements: str
    default: []
  images:
    description: Services and the image that each is to get, a name or a digest, instead of what its own name means. Used by V(prepared).
    type: dict
    default: {}
  acquire:
    description:
      - V(pull) asks the registry. V(never) takes what the name means on the host, which somebody pulled, built or loaded.
    type: str
    choices: [never, pull]
    default: pull
  scan:
    description: What may refuse an image, run on the target for each that is newer. Used by V(prepared).
    type: dict
    suboptions:
      command:
        description: Program and its words; C({image}) stands for the name of the candidate. An exit code other than 0 refuses it.
        type: list
        elements: str
        required: true
      timeout:
        description: Seconds that it may take for one image.
        type: int
        default: 600
  timeout:
    description: Seconds that the pull of one image may take.
    type: int
    default: 1800
  by:
    description: Who does this, for the record and the journal.
    type: str
    default: ''
notes:
  - Reasons of failures are V(bad_input), V(unknown_service), V(image_of_release), V(image_pinned), V(image_missing), V(image_pull_failed),
    V(image_refused), V(image_other_major), V(no_update_to_undo), V(ledger_unreadable), V(state_unwritable), V(timed_out), and those of the engine and of
    compose. None of them changed a name that compose uses.
  - What C(before) names is not held by a container. C(docker image prune --all) takes it away, and with it the way back.
seealso:
  - module: runbook.compose.compose_service
  - module: runbook.compose.release
"""

EXAMPLES = r"""
- name: Look for newer images and have them scanned
  runbook.compose.service_images:
    stack_name: shop
    project_dir: /srv/shop
    state: prepared
    scan: {command: [trivy, image, --exit-code, "1", --severity, CRITICAL, "{image}"]}
  register: found

- name: Let compose use them
  runbook.compose.service_images:
    stack_name: shop
    project_dir: /srv/shop
    state: applied
    services: "{{ found.newer }}"
  when: found.newer | length > 0
"""

RETURN = r"""
services:
  description: The chosen services.
  returned: with O(state=prepared)
  type: list
  elements: dict
  contains:
    service: {description: Name of the service., type: str, sample: redis}
    reference: {description: The name that compose uses., type: str, sample: "redis:7"}
    before_id: {description: Id of the image that runs., type: str, sample: "sha256:1ad1"}
    before_digest: {description: Its digest in the registry. Empty for a local image., type: str, sample: "redis@sha256:77aa"}
    after_id: {description: Id of the newer image. Empty as long as it was not fetched., type: str, sample: "sha256:2be2"}
    after_digest: {description: Its digest., type: str, sample: "redis@sha256:88bb"}
    state: {description: "V(newer), V(unchanged), V(pinned) (the compose file names a digest) or V(unknown).", type: str, sample: newer}
    candidate: {description: Our name of the newer image. Empty when there is none., type: str, sample: "runbook.images/shop/redis:candidate"}
newer:
  description: Names of the services that have a newer image.
  returned: with O(state=prepared)
  type: list
  elements: str
  sample: [redis]
scans:
  description: What the scans said, each with C(service), C(exit_code) and the end of C(output).
  returned: with O(state=prepared)
  type: list
  elements: dict
  sample: [{service: redis, exit_code: 0, output: []}]
updates:
  description: What was recorded, each with C(service), C(reference), ids and digests before and after, C(at), C(by) and C(outcome).
  returned: with any other O(state)
  type: list
  elements: dict
  sample: [{service: redis, outcome: applied}]
table:
  description: The services as aligned text.
  returned: with O(state=prepared)
  type: str
  sample: "redis  redis:7  77aa  88bb  newer"
actions:
  description: "What was or would be done: V(pull), V(keep) a candidate under our name, V(tag), V(verify)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: tag}
    target: {description: Name of the image or of the service., type: str, sample: "redis:7"}
    detail: {description: More., type: str, sample: "1ad1 -> 2be2"}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.service_images import ServiceImages
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module
from ansible_collections.runbook.compose.plugins.module_utils._ansible.service_images_arguments import service_images_arguments


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(service_images_arguments()),
        prepare=lambda params, host: ServiceImages.from_params(params),
    )


if __name__ == "__main__":
    main()
