# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how to reach a stack's Redis; twin of ``redis_arguments()``."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared by every module of the action group ``runbook.compose.redis``."""

    DOCUMENTATION = r"""
options:
  service:
    description: Compose service of the stack that runs Redis.
    type: str
    default: redis
  host:
    description:
      - Address of the server, when it is not the address of the service's container on its network.
      - With a host of its own, the server need not be a container of the stack; what needs a container then fails with
        RV(ignore:reason=redis_not_in_stack).
    type: str
    default: ''
  port:
    description: TCP port of the server at O(host), or inside its container.
    type: int
    default: 6379
  username:
    description:
      - User to log in as (ACL). Without one, the service's own container tells (E(REDIS_USERNAME) or its C(_FILE) form, else the default user).
    type: str
    default: ''
  password:
    description:
      - Password of O(username). Without one, the service's own container tells (E(REDIS_PASSWORD) or its C(_FILE) form, or C(--requirepass)
        on its command line).
      - It is never written to a command line, a log or a result.
    type: str
  connect_timeout:
    description: Seconds to wait for a connection.
    type: int
    default: 10
requirements:
  - redis (Python library on the target, 4.3 or newer)
notes:
  - Of Redis, the versions 6.2 to 8 are supported, and Valkey 8; 7.0, 8.0 and Valkey 8.1 are tested.
  - A node of a Redis Cluster is refused with RV(ignore:reason=redis_cluster).
"""
