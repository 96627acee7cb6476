# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how to reach a stack's Postgres; twin of ``postgres_arguments()``."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared by every module of the action group ``runbook.compose.postgres``."""

    DOCUMENTATION = r"""
options:
  service:
    description: Compose service of the stack that runs Postgres.
    type: str
    default: postgres
  host:
    description:
      - Address of the server, when it is not the address of the service's container on its network.
      - With a host of its own, the server need not be a container of the stack; what needs a container then fails with
        RV(ignore:reason=postgres_not_in_stack).
    type: str
    default: ''
  port:
    description: TCP port of the server at O(host), or inside its container.
    type: int
    default: 5432
  username:
    description:
      - Role to log in as. Without one, the service's own container tells (E(POSTGRES_USER) or its C(_FILE) form, else V(postgres)).
    type: str
    default: ''
  password:
    description:
      - Password of O(username). Without one, the service's own container tells (E(POSTGRES_PASSWORD) or its C(_FILE) form).
      - It is never written to a command line, a log or a result.
    type: str
  maintenance_database:
    description: Database to be connected to while others are looked at or renamed.
    type: str
    default: postgres
  connect_timeout:
    description: Seconds to wait for a connection.
    type: int
    default: 10
requirements:
  - psycopg2 (Python library on the target, 2.8 or newer)
notes:
  - Of Postgres, the major versions 13 to 18 are supported.
"""
