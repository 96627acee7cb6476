# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack: one compose project in one environment, as the inventory describes it."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Any, Mapping, Tuple

from .errors import BadInput

# What Docker Compose accepts as a project name.
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class Stack:
    """Where a stack's files, its containers and our records of it are."""

    name: str
    project_dir: str
    compose_files: Tuple[str, ...] = ()
    env_file: str = ".env"
    profiles: Tuple[str, ...] = ()
    state_dir: str = "/var/lib/runbook"
    docker_host: str = ""

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "Stack":
        """Checks the shared options of all stack modules (see the ``stack`` documentation fragment)."""
        name = params["stack_name"]
        if not _NAME.fullmatch(name):
            raise BadInput(
                f"{name!r} is not a compose project name.",
                hint="Use lower-case letters, digits, '-' and '_', and begin with a letter or a digit.",
                stack_name=name,
            )
        return cls(
            name=name,
            project_dir=params["project_dir"],
            compose_files=tuple(params.get("compose_files") or ()),
            env_file=params.get("env_file") or ".env",
            profiles=tuple(params.get("profiles") or ()),
            state_dir=params.get("state_dir") or "/var/lib/runbook",
            docker_host=params.get("docker_host") or "",
        )

    def in_project(self, path: str) -> str:
        """A path of the project: absolute as it is, relative below the project directory."""
        return posixpath.join(self.project_dir, path)

    def in_state(self, *parts: str) -> str:
        """A path below this stack's own state directory on the target."""
        return posixpath.join(self.state_dir, self.name, *parts)

    @property
    def env_path(self) -> str:
        return self.in_project(self.env_file)
