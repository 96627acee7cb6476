# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that describe a stack; twin of ``stack_arguments()``."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared by every module of the action group ``runbook.compose.stack``."""

    DOCUMENTATION = r"""
options:
  stack_name:
    description:
      - Name of the stack, which is the name of its compose project.
      - Lower-case letters, digits, C(-) and C(_); begins with a letter or a digit.
    type: str
    required: true
  project_dir:
    description: Directory of the compose project on the target.
    type: path
    required: true
  compose_files:
    description:
      - Compose files, relative to O(project_dir) or absolute, in the order in which they are merged.
      - Without any, the files are used that Docker Compose itself would find in O(project_dir).
    type: list
    elements: str
    default: []
  env_file:
    description: File with the variables of the compose files, relative to O(project_dir) or absolute.
    type: str
    default: .env
  profiles:
    description: Compose profiles to include.
    type: list
    elements: str
    default: []
  state_dir:
    description:
      - Directory on the target that holds the records of all stacks (leases, releases, journal).
      - Below it every stack has a directory of its own name, readable only by its owner.
    type: path
    default: /var/lib/runbook
  docker_host:
    description:
      - Address of the Docker engine, for example V(unix:///var/run/docker.sock).
      - Without one, E(DOCKER_HOST) is used, and without that the local socket.
    type: str
    default: ''
  lease_token:
    description:
      - Token of the operation lease that this run holds, as returned by M(runbook.compose.operation_lease).
      - When given, the module acts only while the lease is held under this token, and renews it while it acts.
        A run that lost its lease fails with RV(ignore:reason=lease_lost) before it changes anything.
    type: str
    default: ''
requirements:
  - docker (Python library on the target, 5.0 or newer) for modules that talk to the engine
  - Docker Compose 2 or newer on the target for modules that read compose files
notes:
  - A failed task carries RV(ignore:reason), a stable code to branch on, RV(ignore:msg), which says what happened, where and what to do next,
    and RV(ignore:details) with the facts.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and tell what it would do, without doing it.
  diff_mode:
    support: full
    description: Shows what changes, from the same plan that a real run follows. Secrets are masked.
"""
