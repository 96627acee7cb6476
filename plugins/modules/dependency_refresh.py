#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dependency_refresh
short_description: Refresh lock files in a copy, and show what that changes
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Copies a source tree, runs the lock command in the copy, then an audit and the tests, and compares the lock files. The source is never written to;
    that it is as it was is checked afterwards.
  - What comes of it is to be reviewed, the diff, the refreshed files, and the outputs, below O(artefacts).
  - It is run where builds are, on the controller or a builder, never on a server. It asks neither the engine nor the stack, whose options it takes
    so that they can be given once per play.
  - It always reports no change. In check mode nothing is run.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  source:
    description: Directory of the source tree.
    type: path
    required: true
  artefacts:
    description: Directory for the results, outside of O(source). It is made, readable only by its owner.
    type: path
    required: true
  command:
    description: Program and its words that write the lock files, run in the copy.
    type: list
    elements: str
    required: true
  files:
    description: The lock files, relative to O(source).
    type: list
    elements: str
    required: true
  audit:
    description: Program and its words that look for known weaknesses, run after O(command).
    type: list
    elements: str
    default: []
  test:
    description: Program and its words that test the copy with the refreshed files.
    type: list
    elements: str
    default: []
  excludes:
    description: Patterns of names that are not copied.
    type: list
    elements: str
    default: [.git, .venv, node_modules]
  environment:
    description: Variables for the commands. Of those of the task they get PATH, languages, proxies and certificates only, and a HOME of their own.
    type: dict
    default: {}
  timeout:
    description: Seconds that each command may take.
    type: int
    default: 1800
notes:
  - Reasons of failures are V(dependencies_failed), V(dependencies_refused), V(source_changed), V(bad_input) and V(state_unwritable). With the first two,
    C(details) have the steps, the diffs and C(artefacts).
  - The audit does not keep the tests from being run.
"""

EXAMPLES = r"""
- name: Refresh the dependencies for a review
  runbook.compose.dependency_refresh:
    stack_name: shop
    project_dir: /srv/shop
    source: /home/ada/shop
    artefacts: /home/ada/reviews/shop
    command: [pip-compile, --upgrade, --generate-hashes, requirements.in]
    files: [requirements.txt]
    audit: [pip-audit, --requirement, requirements.txt]
    test: [make, test]
  delegate_to: localhost
"""

RETURN = r"""
ran:
  description: Whether the commands were run; not in check mode.
  returned: success
  type: bool
  sample: true
files:
  description: The lock files.
  returned: success
  type: list
  elements: dict
  contains:
    file: {description: Its name., type: str, sample: requirements.txt}
    state: {description: "V(unchanged), V(changed), V(new) or V(missing).", type: str, sample: changed}
    added: {description: Lines that are new., type: int, sample: 2}
    removed: {description: Lines that are gone., type: int, sample: 2}
    packages: {description: "Packages whose pinned version differs (lines such as C(name==1.2)), with C(package), C(before) and C(after).", type: list,
      elements: dict, sample: [{package: requests, before: "2.31.0", after: "2.32.3"}]}
    diff: {description: Unified diff of at most 2000 lines., type: str, sample: "-requests==2.31.0"}
newer:
  description: Names of the lock files that would change.
  returned: success
  type: list
  elements: str
  sample: [requirements.txt]
steps:
  description: The commands, each with C(step), C(exit_code), C(good), C(seconds), the end of its C(output), and C(log), where all of it is.
  returned: success
  type: list
  elements: dict
  sample: [{step: lock, exit_code: 0, good: true, seconds: 3.1, output: [], log: /home/ada/reviews/shop/lock.log}]
artefacts:
  description: Where the results are.
  returned: success
  type: str
  sample: /home/ada/reviews/shop
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.dependency_refresh import DependencyRefresh
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.dependency_refresh_arguments import dependency_refresh_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(dependency_refresh_arguments()),
        prepare=lambda params, host: DependencyRefresh.from_params(params),
    )


if __name__ == "__main__":
    main()
