#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_tests
short_description: Run the tests of a release apart from everything that is live
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Tests that run inside the live container write into the live stores. This module runs them in a container of the release's own image, in a compose
    project of its own (C(<stack_name>-tests)) with stores of its own and one network that leads nowhere, not even to the Internet.
  - The service and its O(stores) are made as the compose files say, without their ports, networks, labels, links and hosts. Files of the
    configuration are mounted to be read; volumes and directories are empty.
  - Afterwards the project is gone, however the tests ended, and it is proven that the container was in its own network only. What the last ten runs
    printed and wrote stays below C(<state_dir>/<stack_name>/tests).
  - It always reports no change. In check mode nothing is run.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  service:
    description: Service whose image has the tests.
    type: str
    required: true
  command:
    description: Program and its words. An exit code other than 0 means that tests failed.
    type: list
    elements: str
    required: true
  release:
    description: Release whose image is tested, an id, a version, V(current) or V(previous). Empty means the current one, and without a ledger the image
      that the compose files name.
    type: str
    default: ''
  stores:
    description: Services of which the tests get one of their own, empty, under the same name and with the same login.
    type: list
    elements: str
    default: []
  environment:
    description: Variables for the tests, over those of the service. They are shown; no secrets.
    type: dict
    default: {}
  junit:
    description: Path of the JUnit file that the command writes in the container. With it, tests that did not pass, and a run without any, fail the task.
    type: str
    default: ''
  timeout:
    description: Seconds that the tests may take.
    type: int
    default: 900
  store_timeout:
    description: Seconds that the stores have to become healthy.
    type: int
    default: 60
notes:
  - Reasons of failures are V(tests_failed), V(tests_unreadable), V(command_timed_out), V(executable_missing), V(not_isolated), V(bad_input),
    V(unknown_service), V(image_missing), V(no_such_release), V(ledger_unreadable), V(compose_failed), and those of the engine and of compose.
  - A module that is killed leaves the project of the tests; the next run removes it first.
seealso:
  - module: runbook.compose.compose_exec
  - module: runbook.compose.release
"""

EXAMPLES = r"""
- name: Run the tests of the current release with a Redis of their own
  runbook.compose.release_tests:
    stack_name: shop
    project_dir: /srv/shop
    service: api
    stores: [redis]
    command: [pytest, --junit-xml, /tmp/junit.xml]
    junit: /tmp/junit.xml
"""

RETURN = r"""
service:
  description: The service.
  returned: success
  type: str
  sample: api
release:
  description: Id of the release. Empty when there is no ledger.
  returned: success
  type: str
  sample: "0002"
images:
  description: Ids of the images that were used, by service.
  returned: success
  type: dict
  sample: {api: "sha256:1ad1", redis: "sha256:2be2"}
project:
  description: Name of the compose project of the tests.
  returned: success
  type: str
  sample: shop-tests
ran:
  description: Whether the tests were run; not in check mode.
  returned: success
  type: bool
  sample: true
exit_code:
  description: Exit code of the command.
  returned: when the tests were run
  type: int
  sample: 0
duration_ms:
  description: Milliseconds that they took.
  returned: when the tests were run
  type: int
  sample: 8400
counts:
  description: What the JUnit file says, C(count), C(good), C(failures), C(errors), C(left_out), and C(not_passed) with the first names. Empty without
    O(junit).
  returned: when the tests were run
  type: dict
  sample: {count: 12, good: 12, failures: 0, errors: 0, left_out: 0, not_passed: []}
networks:
  description: The networks that the container was in, which is the one of the tests.
  returned: when the tests were run
  type: list
  elements: str
  sample: [shop-tests_default]
junit_file:
  description: Where the JUnit file is kept on the target. Empty when there is none.
  returned: when the tests were run
  type: str
  sample: /var/lib/runbook/shop/tests/20261122T070000Z-0002.xml
output_file:
  description: Where the output is kept on the target; secrets in it are masked.
  returned: when the tests were run
  type: str
  sample: /var/lib/runbook/shop/tests/20261122T070000Z-0002.log
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.release_tests import ReleaseTests
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.release_tests_arguments import release_tests_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(release_tests_arguments()),
        prepare=lambda params, host: ReleaseTests.from_params(params),
    )


if __name__ == "__main__":
    main()
