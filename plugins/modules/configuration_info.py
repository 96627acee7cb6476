#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: configuration_info
short_description: Say what about a stack's configuration must not reach production
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Reads the env file and the compose files as Compose resolves them. Names what is missing, against its rule, or a secret that everybody knows.
  - Changes nothing, and tells names only, never values.
  - A secret is well known when it is a usual one, holds a placeholder such as C(change-me), or is the value of a secret in C(env.example),
    C(.env.example), C(.env.sample) or C(.env.dist) beside the compose files.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  required_keys:
    description: Settings that must have a value.
    type: list
    elements: str
    default: []
  validate:
    description: Rules for settings, as of M(runbook.compose.env_file).
    type: dict
    default: {}
  stores:
    description: Services that must not be published on every address of the host.
    type: list
    elements: str
    default: []
  on_problem:
    description: Whether a critical problem fails the task, or is only told.
    type: str
    choices: [fail, report]
    default: fail
notes:
  - Reasons of failures are V(configuration_unfit), V(bad_input), V(env_file_malformed), V(project_missing), V(compose_config_invalid), V(compose_missing)
    and V(compose_too_old).
seealso:
  - module: runbook.compose.env_file
"""

EXAMPLES = r"""
- name: Review the configuration
  runbook.compose.configuration_info:
    stack_name: shop
    project_dir: /srv/shop
    required_keys: [POSTGRES_PASSWORD]
    stores: [postgres, redis]
"""

RETURN = r"""
healthy:
  description: Whether nothing critical was found.
  returned: success
  type: bool
  sample: true
problems:
  description: What was found, the critical first.
  returned: success
  type: list
  elements: dict
  contains:
    section: {description: "V(settings), or the service.", type: str, sample: settings}
    problem:
      description:
        - "Critical are V(setting_missing), V(value_refused), V(default_secret), V(store_published) and V(file_readable) (of the env file)."
        - "Warnings are V(short_secret), V(shared_secret), V(privileged), V(floating_image), V(no_healthcheck) and V(no_restart)."
      type: str
      sample: default_secret
    severity: {description: "V(critical) or V(warning).", type: str, sample: critical}
    subject: {description: Name of the setting or of the service., type: str, sample: POSTGRES_PASSWORD}
    message: {description: A sentence., type: str, sample: POSTGRES_PASSWORD has no value.}
    hint: {description: What to do., type: str, sample: Set it.}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.configuration_info import ConfigurationInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.configuration_info_arguments import configuration_info_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(configuration_info_arguments()),
        prepare=lambda params, host: ConfigurationInfo.from_params(params),
    )


if __name__ == "__main__":
    main()
