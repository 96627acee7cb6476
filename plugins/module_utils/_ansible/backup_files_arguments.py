# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of backup_files beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec, stack_arguments
from .backup_arguments import ENCRYPTION


def backup_files_arguments() -> ArgumentSpec:
    """Which files, where to, and what is brought back."""
    return stack_arguments().merged_with(
        ArgumentSpec(
            {
                "state": {"type": "str", "choices": ["present", "verified", "restored"], "default": "present"},
                "backup_dir": {"type": "path", "required": True},
                "kind": {"type": "str", "choices": ["config", "application"], "required": True},
                "name": {"type": "str", "default": ""},
                "paths": {"type": "list", "elements": "str", "default": []},
                "excludes": {"type": "list", "elements": "str", "default": []},
                "purpose": {"type": "str", "choices": ["scheduled", "manual", "pre_deploy", "safety"], "default": "manual"},
                "reuse": {"type": "str", "choices": ["young", "same"], "default": "young"},
                "min_age": {"type": "int", "default": 0},
                "set_id": {"type": "str", "default": ""},
                "encryption": ENCRYPTION,
                "accept_unencrypted": {"type": "bool", "default": False},
                "backup": {"type": "str", "default": "latest"},
                "only": {"type": "list", "elements": "str", "default": []},
                "into": {"type": "path", "default": ""},
                "validate": {"type": "str", "choices": ["compose", "none"], "default": "compose"},
                "timeout": {"type": "int", "default": 3600},
                "space_floor_mb": {"type": "int", "default": 1024},
            }
        )
    )
