# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specs that can be put together from shared parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Tuple


@dataclass(frozen=True)
class ArgumentSpec:
    """Options with their constraints; the doc fragment of the same scope is their twin."""

    options: Dict[str, Any] = field(default_factory=dict)
    required_if: Tuple = ()
    required_by: Dict[str, Any] = field(default_factory=dict)
    mutually_exclusive: Tuple = ()
    required_together: Tuple = ()
    required_one_of: Tuple = ()

    def merged_with(self, other: "ArgumentSpec") -> "ArgumentSpec":
        repeated = self.options.keys() & other.options.keys()
        if repeated:
            raise ValueError(f"options defined twice: {', '.join(sorted(repeated))}")
        return ArgumentSpec(
            {**self.options, **other.options},
            self.required_if + other.required_if,
            {**self.required_by, **other.required_by},
            self.mutually_exclusive + other.mutually_exclusive,
            self.required_together + other.required_together,
            self.required_one_of + other.required_one_of,
        )

    def to_kwargs(self) -> Dict[str, Any]:
        return {
            "argument_spec": dict(self.options),
            "required_if": list(self.required_if),
            "required_by": dict(self.required_by),
            "mutually_exclusive": list(self.mutually_exclusive),
            "required_together": list(self.required_together),
            "required_one_of": list(self.required_one_of),
        }


def stack_arguments() -> ArgumentSpec:
    """Twin of the documentation fragment ``runbook.compose.stack``."""
    return ArgumentSpec(
        {
            "stack_name": {"type": "str", "required": True},
            "project_dir": {"type": "path", "required": True},
            "compose_files": {"type": "list", "elements": "str", "default": []},
            "env_file": {"type": "str", "default": ".env"},
            "profiles": {"type": "list", "elements": "str", "default": []},
            "state_dir": {"type": "path", "default": "/var/lib/runbook"},
            "docker_host": {"type": "str", "default": ""},
            "lease_token": {"type": "str", "default": "", "no_log": False},
        }
    )
