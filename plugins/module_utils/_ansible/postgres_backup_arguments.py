# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of postgres_backup beside those of the stack and its Postgres."""

from __future__ import annotations

from .argument_spec import ArgumentSpec
from .postgres_arguments import postgres_arguments


def postgres_backup_arguments() -> ArgumentSpec:
    """Which databases, where to, how well proven."""
    return postgres_arguments().merged_with(
        ArgumentSpec(
            {
                "state": {"type": "str", "choices": ["present", "verified"], "default": "present"},
                "backup_dir": {"type": "path", "required": True},
                "databases": {"type": "list", "elements": "str", "default": []},
                "purpose": {"type": "str", "choices": ["scheduled", "manual", "pre_deploy", "safety"], "default": "manual"},
                "min_age": {"type": "int", "default": 0},
                "verify": {"type": "str", "choices": ["none", "archive", "restore"], "default": "restore"},
                "assertions": {"type": "list", "elements": "str", "default": []},
                "backup": {"type": "str", "default": "latest"},
                "level": {"type": "int", "choices": [0, 1, 2, 3, 4], "default": 3},
                "encryption": {
                    "type": "dict",
                    "options": {
                        "recipients": {"type": "list", "elements": "str", "default": []},
                        "identity_file": {"type": "path", "default": ""},
                    },
                },
                "format": {"type": "str", "choices": ["auto", "custom", "directory"], "default": "auto"},
                "jobs": {"type": "int", "default": 0},
                "transport": {"type": "str", "choices": ["auto", "helper", "exec"], "default": "auto"},
                "checksums": {"type": "bool", "default": True},
                "checksum_max_mb": {"type": "int", "default": 256},
                "lock_wait_timeout": {"type": "int", "default": 60},
                "timeout": {"type": "int", "default": 14400},
                "space_floor_mb": {"type": "int", "default": 1024},
                "allow_same_disk": {"type": "bool", "default": False},
            }
        )
    )
