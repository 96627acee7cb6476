# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that every module that makes backups has."""

from __future__ import annotations

from typing import List

from .argument_spec import ArgumentSpec

ENCRYPTION = {
    "type": "dict",
    "options": {
        "recipients": {"type": "list", "elements": "str", "default": []},
        "identity_file": {"type": "path", "default": ""},
    },
}


def backup_arguments(levels: List[int]) -> ArgumentSpec:
    """Where to, what for, how well proven up to which of its ``levels``."""
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["present", "verified"], "default": "present"},
            "backup_dir": {"type": "path", "required": True},
            "purpose": {"type": "str", "choices": ["scheduled", "manual", "pre_deploy", "safety"], "default": "manual"},
            "min_age": {"type": "int", "default": 0},
            "verify": {"type": "str", "choices": ["none", "archive", "restore"], "default": "restore"},
            "backup": {"type": "str", "default": "latest"},
            "level": {"type": "int", "choices": levels, "default": 3},
            "set_id": {"type": "str", "default": ""},
            "encryption": ENCRYPTION,
            "timeout": {"type": "int", "default": 14400},
            "space_floor_mb": {"type": "int", "default": 1024},
            "allow_same_disk": {"type": "bool", "default": False},
        }
    )
