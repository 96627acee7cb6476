#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_access_info
short_description: Find out why an application cannot work with its Redis
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Looks at what lies between an application and its Redis, one after the other - the server's container, whether the server answers, whether it still
    loads its data, whether the application's container resolves its name, whether there are connections left, whether the application's own login works,
    whether it takes writes, and how full it is - and names the first that does not work.
  - Logs in once with O(username) and once as the application. Changes nothing, and writes no key.
  - It fails only when the engine cannot be asked. What it finds is a result.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.redis
options:
  application:
    description:
      - Service of the stack whose own login is tried, read from the environment of its container (E(REDIS_URL), or E(REDIS_HOST), E(REDIS_USER) and
        E(REDIS_PASSWORD), and the like). Without it, only the server is looked at.
    type: str
    default: ''
  used_percent:
    description: Percent of maxmemory, else of the container's memory, more than 0 to 100, from which on the server is too full.
    type: float
    default: 80
seealso:
  - module: runbook.compose.redis_info
  - module: runbook.compose.redis_keys
notes:
  - The password of the application is compared by logging in with it, and never shown.
  - Reasons of failures are V(bad_input), V(engine_unreachable), V(engine_failed), V(python_library_missing), V(lease_lost).
"""

EXAMPLES = r"""
- name: Find out why the application cannot work with its Redis
  runbook.compose.redis_access_info:
    stack_name: shop
    project_dir: /srv/shop
    application: api
  register: access

- name: Say what to do
  ansible.builtin.debug:
    msg: "{{ access.finding }}: {{ access.message }} {{ access.hint }}"
"""

RETURN = r"""
finding:
  description:
    - What is wrong, the first of V(container_down), V(not_ready), V(loading), V(name_not_found), V(clients_exhausted), V(login_refused), V(read_only),
      V(cannot_save), V(memory_full), V(login_failed), V(memory_high); else V(healthy).
  returned: success
  type: str
  sample: memory_high
healthy:
  description: Whether nothing is wrong.
  returned: success
  type: bool
  sample: false
message:
  description: The finding in a sentence.
  returned: success
  type: str
  sample: 92 % of the memory (maxmemory) are used.
hint:
  description: What to do. Empty when nothing is wrong.
  returned: success
  type: str
  sample: Clear what can be made again (playbooks/incident/redis.yml with fix=true), or raise maxmemory (playbooks/redis/config.yml).
checks:
  description: All checks in their order, with the verdict V(yes) for what is wrong.
  returned: success
  type: list
  elements: dict
  sample: [{check: container_down, verdict: "no", message: ""}]
memory:
  description: As RV(runbook.compose.redis_info#module:memory). Empty when the server could not be asked.
  returned: success
  type: dict
  sample: {used_bytes: 96468992, maxmemory_bytes: 104857600, used_percent: 92.0, percent_of: maxmemory, policy: noeviction}
application:
  description: How the application got on. C(resolves) is null where that cannot be asked, C(reason) is that of a login that failed.
  returned: success
  type: dict
  sample: {service: api, host: redis, username: "", resolves: true, reason: "", connect_seconds: 0.004}
table:
  description: The checks as aligned text.
  returned: success
  type: str
  sample: "CHECK  VERDICT  MESSAGE"
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.redis_access_info import RedisAccessInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_access_info_arguments import redis_access_info_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_arguments import redis_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=redis_arguments().merged_with(redis_access_info_arguments()),
        prepare=RedisAccessInfo.from_params,
    )


if __name__ == "__main__":
    main()
