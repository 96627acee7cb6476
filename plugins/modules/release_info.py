#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Read the ledger of a stack's releases
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Lists the releases of a stack, newest first, with their images, verdicts and activations; says which one is current and which one a rollback leads to.
  - Compares the containers of the stack with the current release.
  - Changes nothing, and shows no value of an env file.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  release:
    description: Show only this release, an id, a version, V(current) or V(previous), as in O(runbook.compose.release#module:release).
    type: str
    default: ''
  limit:
    description: How many releases to show, at least 1. Not used with O(release).
    type: int
    default: 20
seealso:
  - module: runbook.compose.release
notes:
  - Reasons of failures are V(bad_input), V(no_such_release), V(no_release_to_roll_back_to), V(ledger_unreadable), V(engine_unreachable), V(engine_failed),
    V(python_library_missing).
"""

EXAMPLES = r"""
- name: Show what was released, and what is live
  runbook.compose.release_info:
    stack_name: shop
    project_dir: /srv/shop
  register: history

- name: Print it
  ansible.builtin.debug:
    msg: "{{ history.table.split('\n') }}"

- name: Look at the release that a rollback would bring back
  runbook.compose.release_info:
    stack_name: shop
    project_dir: /srv/shop
    release: previous
"""

RETURN = r"""
releases:
  description: Entries of the ledger, newest first, with the keys of RV(runbook.compose.release#module:release). Empty when there are none.
  returned: success
  type: list
  elements: dict
  sample: [{id: "0001", version: v1, verdict: verified}]
current:
  description: Id of the current release, the one proven last. Empty when none was ever verified.
  returned: success
  type: str
  sample: "0002"
previous:
  description: Id of the release that a rollback leads to. Empty when there is none.
  returned: success
  type: str
  sample: "0001"
staged:
  description: Id of the release that the live files were last made to mean, until that one is verified; then empty. Not empty means that a deploy or
    rollback is under way or was interrupted.
  returned: success
  type: str
  sample: ""
drift:
  description: Where containers are not those of the current release. Empty when all are, and when there is no current release.
  returned: success
  type: list
  elements: dict
  contains:
    service: {description: Compose service., type: str, sample: api}
    problem: {description: "V(missing), V(not_running) (ended with an error) or V(wrong_image).", type: str, sample: wrong_image}
    expected_image_id: {description: Image of the current release., type: str, sample: "sha256:1ad1"}
    running_image_id: {description: Image of the container. Empty when there is none., type: str, sample: "sha256:e1fc"}
kept_images:
  description: Images that are kept for this stack by a name of ours.
  returned: success
  type: list
  elements: dict
  contains:
    reference: {description: Our name., type: str, sample: "runbook.local/shop/api:0001"}
    id: {description: Id of the image., type: str, sample: "sha256:e1fc"}
    held:
      description:
        - Whether a container that is never started holds the image under this name, so that C(docker image prune --all) cannot take it.
        - The next release that is registered or verified makes a missing holder again, when the ledger has the release of that name.
      type: bool
      sample: true
table:
  description: The releases as aligned text for people. A star marks the current release, C(>) the staged one.
  returned: success
  type: str
  sample: "*  0001  v1  verified"
history:
  description: What was released when, by whom and with what, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    place: {description: "V(current), V(staged), V(last_known_good) (what going back leads to), or empty.", type: str, sample: current}
    id: {description: Id of the release., type: str, sample: "0002"}
    version: {description: Its name for people., type: str, sample: v2}
    verdict: {description: "V(pending), V(verified), V(failed) or V(rolled_back).", type: str, sample: verified}
    verdict_reason: {description: Why. Often empty., type: str, sample: ""}
    registered: {description: When it was registered., type: str, sample: "2026-11-21T03:00:00Z"}
    live_since: {description: When it went live last. Empty when it never did., type: str, sample: "2026-11-21T03:01:00Z"}
    how: {description: "How: V(deploy), V(rollback), V(automatic_rollback) or V(adopted).", type: str, sample: deploy}
    by: {description: Who did it., type: str, sample: ada}
    times_live: {description: How often it went live., type: int, sample: 1}
    digests: {description: Registry digest of each service's image; of an image that came from no registry its id., type: dict, sample: {api: "sha256:1ad1"}}
    git_revision: {description: Git revision it was built from. Empty when nobody said., type: str, sample: 4f1c2ab}
    migration_level: {description: The last migration that the database had when the release was judged last., type: str, sample: 003 order_channel}
    settings: {description: Salted fingerprint of its configuration. Two releases with the same one had the same settings., type: str, sample: 9f3c}
    backup_id: {description: Backup from before it was deployed., type: str, sample: ""}
history_table:
  description: The same as aligned text. A star marks the current release, C(>) the staged one, C(<) the last known good one before it.
  returned: success
  type: str
  sample: "*  0001  v1  verified"
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.release_info import ReleaseInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import ArgumentSpec, stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    own = ArgumentSpec({"release": {"type": "str", "default": ""}, "limit": {"type": "int", "default": 20}})
    run_module(
        arguments=stack_arguments().merged_with(own),
        prepare=lambda params, host: ReleaseInfo.from_params(params),
    )


if __name__ == "__main__":
    main()
