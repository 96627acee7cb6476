#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_settings
short_description: Change settings of a Redis server, now and for its next start
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Sets what differs with C(CONFIG SET), proves that the server goes by it, and writes it to where the next start reads it. When one of these fails,
    all values are set back.
  - Where it is written follows from how the container runs, setting by setting. A setting that the server's command line gives is changed there, because
    the command line wins.
  - Any other goes into the server's configuration file, if that lies on this host (a bind mount), or is on a volume, where the server writes it itself
    (C(CONFIG REWRITE), which writes everything that was ever set).
  - A file in the container's own layer is lost with it. Then the setting goes to the command line, in O(override_file).
  - What was written is proven by reading it as a start would. A setting that is in effect and not kept is a change as well.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.redis
options:
  settings:
    description:
      - Settings and their values, any that C(CONFIG SET) takes. Sizes may have a unit (C(1gb)), truth values are C(yes) and C(no), C(save) is a text
        (C(900 1 300 10), or empty for no snapshots) or a list of pairs.
      - What means the same is no change, such as C(1gb) and C(1073741824).
      - Those that could lock everybody out or lose the data (C(requirepass), C(bind), C(dir), C(replicaof), C(tls-*), and others) are refused with
        RV(ignore:reason=dangerous_setting).
    type: dict
    required: true
  override_file:
    description:
      - Compose file, relative to O(project_dir), in which the command line of the service is kept when there is no better place. It must be one of the
        stack's compose files, the last of them, and begin with nothing but an empty C(services). It is written as JSON.
      - The next time that the service is brought up, it is recreated with it.
      - Without it, a change that needs it is refused with RV(ignore:reason=redis_settings_not_kept), which tells the command to write.
    type: str
    default: ''
  protected_prefixes:
    description:
      - Prefixes of keys that must not be evicted, such as those of revoked tokens or of locked accounts. A C(maxmemory-policy) that could, or a first
        C(maxmemory) under such a policy, is refused with RV(ignore:reason=protected_evictable).
      - Policies that evict anything always could; those that evict only what expires could if a key below a prefix has an expiry, or if O(timeout) was
        not enough to look at all keys.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds for the append-only file to be complete after it was switched on, and for a look at protected keys.
    type: int
    default: 60
notes:
  - C(maxmemory) is refused with RV(ignore:reason=memory_limit_unsafe) when it is more than 75 percent of the container's memory, or less than what is in
    use.
  - The policy is set first and C(maxmemory) last, so that nothing is evicted by a policy that is about to go.
  - Reasons of failures are V(bad_input), V(dangerous_setting), V(protected_evictable), V(memory_limit_unsafe), V(redis_settings_not_kept),
    V(setting_not_in_effect), V(redis_failed), V(redis_permission_denied), V(redis_unreachable), V(redis_connections_exhausted),
    V(redis_login_refused), V(redis_not_in_stack),
    V(redis_restarted), V(redis_cluster), V(compose_config_invalid), V(compose_failed), V(compose_missing), V(project_missing), V(engine_unreachable),
    V(engine_failed), V(python_library_missing), V(state_unwritable), V(lease_lost).
seealso:
  - module: runbook.compose.redis_info
"""

EXAMPLES = r"""
- name: Limit the memory, and let writes fail rather than lose revoked tokens
  runbook.compose.redis_settings:
    stack_name: shop
    project_dir: /srv/shop
    settings:
      maxmemory: 512mb
      maxmemory-policy: noeviction
    protected_prefixes: ["token:", "lockout:"]

- name: Take snapshots and keep an append-only file
  runbook.compose.redis_settings:
    stack_name: shop
    project_dir: /srv/shop
    compose_files: [compose.yaml, compose.redis.yaml]
    override_file: compose.redis.yaml
    settings:
      save: 900 1 300 10 60 10000
      appendonly: true
"""

RETURN = r"""
settings:
  description: The settings that were asked for, as they are after the task. In check mode as they are.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name., type: str, sample: maxmemory}
    in_effect: {description: Value that the server goes by., type: str, sample: "536870912"}
    kept: {description: What the next start makes of it. Null when nothing says., type: str, sample: 512mb}
    kept_in: {description: Where it is or would be written., type: str, sample: /srv/shop/redis.conf}
previous:
  description: What was in effect before, for each changed setting. Accepted as O(settings) to undo the change.
  returned: success
  type: dict
  sample: {maxmemory: "0"}
recreates:
  description: Whether the command line was or would be changed, so that the service is recreated when it is brought up again.
  returned: success
  type: bool
  sample: false
actions:
  description: "What was or would be done: V(set) now, V(keep) for the next start."
  returned: success
  type: list
  elements: dict
  contains:
    action: {description: What., type: str, sample: set}
    target: {description: Name of the setting., type: str, sample: maxmemory}
    detail: {description: "The values, or where it is kept.", type: str, sample: "'0' -> '512mb'"}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.redis_settings import RedisSettings
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_arguments import redis_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_settings_arguments import redis_settings_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=redis_arguments().merged_with(redis_settings_arguments()),
        prepare=RedisSettings.from_params,
    )


if __name__ == "__main__":
    main()
