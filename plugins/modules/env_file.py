#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: env_file
short_description: Change the variables of a stack's env file, and bring earlier versions back
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Sets and removes variables in the file from which Docker Compose takes the values of its compose files. All other lines stay as they are, to the byte.
  - The file is replaced whole or not at all, has the mode 0600 afterwards, and keeps its owner. A file that is a symbolic link stays one; what it leads
    to is changed.
  - Before each change the old content is kept as a version in C(<state_dir>/<stack_name>/env/), readable by its owner only.
  - A variable that stands on several lines is reduced to its last one, which is the one that compose reads. An earlier one stays when a line in between
    refers to it.
  - The containers get a change only when they are recreated, for example by M(runbook.compose.compose_service) with
    O(runbook.compose.compose_service#module:state=started).
  - Without O(set) and O(remove) in check mode, it lists the variables and the versions and changes nothing.
extends_documentation_fragment:
  - runbook.compose.stack
options:
  state:
    description:
      - V(present) makes O(set) and O(remove) true. A file that does not exist is created.
      - V(restored) brings back the content of O(version), to the byte, also when the present file is malformed. The present content is kept as a
        version first.
    type: str
    choices: [present, restored]
    default: present
  path:
    description: The file, relative to O(project_dir) or absolute. Without it, O(env_file).
    type: str
    default: ''
  set:
    description:
      - Variables and their values. Texts, numbers, and truth values (written as C(true) and C(false)); quotes are added where compose needs them, and
        nothing within a value refers to another variable.
      - Names begin with a letter or C(_) and have letters, digits, C(_), C(.) and C(-).
      - Values of secret variables are masked wherever the result would repeat them. A variable is secret by its name (such as C(*_PASSWORD), C(*_TOKEN),
        C(*_KEY)), because O(secrets) names it, or because its value contains the value of a secret one or a URL with a password.
    type: dict
    default: {}
  remove:
    description: Variables to remove. Names that are not in the file are fine.
    type: list
    elements: str
    default: []
  validate:
    description:
      - Rules by variable, for all variables of the file as it would become. Nothing is touched when a value does not obey.
      - Each rule is a dictionary of C(type) (V(str), V(int), V(bool) or V(enum)), C(min) and C(max) (of the number, or of the length of a text),
        C(choices) (a list of texts) and C(pattern) (a Python regular expression that the whole value has to match). All of them are optional.
      - A rule for a variable that is not in the file is not applied.
    type: dict
    default: {}
  secrets:
    description: More variables whose values are secret.
    type: list
    elements: str
    default: []
  version:
    description:
      - Version to bring back with O(state=restored), an id from RV(versions), or V(previous) for the newest one, which is what the last change
        replaced.
    type: str
    default: ''
  keep_versions:
    description: How many versions of this file are kept after a change, at least 1.
    type: int
    default: 20
seealso:
  - module: runbook.compose.compose_service
  - module: runbook.compose.release
notes:
  - A file that compose would refuse, or would read differently from how it looks (a name that it ignores, text after a closing quote), is refused with
    the number of the line.
    The line itself is never shown.
  - References to other variables (C($NAME), C(${NAME:-default})) are resolved from earlier lines of the file only.
  - Reasons of failures are V(bad_input), V(env_file_malformed), V(value_refused), V(no_such_version), V(env_file_changed) (somebody else changed it
    meanwhile), V(project_missing),
    V(state_unwritable), V(lease_lost).
"""

EXAMPLES = r"""
- name: Set the pool size and a new key, and drop an old setting
  runbook.compose.env_file:
    stack_name: shop
    project_dir: /srv/shop
    set:
      DATABASE_POOL_SIZE: 20
      PAYMENT_API_KEY: "{{ vault_payment_api_key }}"
    remove: [LEGACY_MODE]
    validate:
      DATABASE_POOL_SIZE: {type: int, min: 1, max: 50}
      LOG_LEVEL: {type: enum, choices: [debug, info, warning, error]}
  register: settings

- name: List the variables and the versions that can be brought back
  runbook.compose.env_file:
    stack_name: shop
    project_dir: /srv/shop
  check_mode: true
  register: configuration

- name: Undo the last change
  runbook.compose.env_file:
    stack_name: shop
    project_dir: /srv/shop
    state: restored
    version: previous
"""

RETURN = r"""
env_file:
  description: The file that was changed or looked at, with links resolved.
  returned: success
  type: str
  sample: /srv/shop/.env
link:
  description: The path that was asked for, when it or a directory above it is a symbolic link. Empty otherwise.
  returned: success
  type: str
  sample: ""
settings:
  description: The variables after the task, in the order of the file. In check mode as they would be.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the variable., type: str, sample: DATABASE_PASSWORD}
    secret: {description: Whether its value is treated as a secret., type: bool, sample: true}
    length: {description: Number of characters of its value., type: int, sample: 24}
    fingerprint:
      description:
        - Equal as long as the variable has the same value. It is made with a random salt that is kept in C(<state_dir>/<stack_name>/salt);
          until that exists, it is good for this task only.
      type: str
      sample: 3f2a9c01d4e5
    value: {description: Its value. Absent when it is a secret., type: str, returned: when it is not a secret, sample: "20"}
changed_keys:
  description: Names of variables that came, went or got another value.
  returned: success
  type: list
  elements: str
  sample: [DATABASE_POOL_SIZE]
version:
  description: Id of the version that holds the content before this change. Empty when nothing was replaced.
  returned: success
  type: str
  sample: 20261121T031000Z-1
restored:
  description: Id of the version that was brought back. Empty with O(state=present).
  returned: success
  type: str
  sample: ""
versions:
  description: Versions of this file that are kept, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: Accepted as O(version)., type: str, sample: 20261121T031000Z-1}
    at: {description: UTC time at which this content was replaced., type: str, sample: "2026-11-21T03:10:00Z"}
    module: {description: The module that replaced it., type: str, sample: env_file}
    changed_keys:
      description:
        - Variables that differ between this content and the one that followed.
      type: list
      elements: str
      sample: [DATABASE_POOL_SIZE]
actions:
  description: "What was or would be done: V(create), V(set), V(remove), V(fold), V(chmod) or V(restore)."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: set}
    target: {description: The variable or the file., type: str, sample: DATABASE_POOL_SIZE}
    detail: {description: More about it; never a value., type: str, sample: changed}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.env_file import EnvFileOperation
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import stack_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.env_file_arguments import env_file_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=stack_arguments().merged_with(env_file_arguments()),
        prepare=EnvFileOperation.from_params,
    )


if __name__ == "__main__":
    main()
