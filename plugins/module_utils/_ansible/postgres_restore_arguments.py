# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of postgres_restore beside those of the stack and its Postgres."""

from __future__ import annotations

from .argument_spec import ArgumentSpec
from .backup_arguments import ENCRYPTION
from .postgres_arguments import postgres_arguments


def postgres_restore_arguments() -> ArgumentSpec:
    """What from, what into, and what has to be true first."""
    return postgres_arguments().merged_with(
        ArgumentSpec(
            {
                "state": {"type": "str", "choices": ["present", "undone", "redone", "recovered", "expired"], "default": "present"},
                "database": {"type": "str", "default": ""},
                "backup_dir": {"type": "path", "default": ""},
                "backup": {"type": "str", "default": ""},
                "backup_stack": {"type": "str", "default": ""},
                "file": {"type": "path", "default": ""},
                "restore_id": {"type": "str", "default": ""},
                "confirm": {"type": "str", "default": ""},
                "confirm_replace": {"type": "str", "default": ""},
                "mode": {"type": "str", "choices": ["swap", "replace"], "default": "swap"},
                "safety_backup": {"type": "bool", "default": True},
                "safety_max_age": {"type": "int", "default": 900},
                "allow_unverified": {"type": "bool", "default": False},
                "allow_foreign": {"type": "bool", "default": False},
                "roles": {"type": "str", "choices": ["needed", "all"], "default": "needed"},
                "dependents": {"type": "list", "elements": "str"},
                "fence_timeout": {"type": "int", "default": 10},
                "jobs": {"type": "int", "default": 0},
                "assertions": {"type": "list", "elements": "str", "default": []},
                "masking": {"type": "list", "elements": "str", "default": [], "no_log": True},
                "masking_checks": {"type": "list", "elements": "str", "default": []},
                "encryption": ENCRYPTION,
                "timeout": {"type": "int", "default": 14400},
                "undo_ttl": {"type": "int", "default": 259200},
            },
            mutually_exclusive=(("backup", "file"),),
        )
    )
