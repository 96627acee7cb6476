# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of redis_restore beside those of the stack and its Redis."""

from __future__ import annotations

from .argument_spec import ArgumentSpec
from .backup_arguments import ENCRYPTION
from .redis_arguments import redis_arguments
from .redis_backup_arguments import redis_data_arguments


def redis_restore_arguments() -> ArgumentSpec:
    """What from, and what has to be true first."""
    own = ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["present", "undone", "recovered", "expired"], "default": "present"},
            "backup_dir": {"type": "path", "default": ""},
            "backup": {"type": "str", "default": ""},
            "file": {"type": "path", "default": ""},
            "restore_id": {"type": "str", "default": ""},
            "confirm": {"type": "str", "default": ""},
            "safety_backup": {"type": "bool", "default": True},
            "safety_max_age": {"type": "int", "default": 900},
            "allow_unverified": {"type": "bool", "default": False},
            "protected_prefixes": {"type": "list", "elements": "str", "default": []},
            "prove_restart": {"type": "bool", "default": True},
            "dependents": {"type": "list", "elements": "str"},
            "appendonly": {"type": "str", "choices": ["", "yes", "no"], "default": ""},
            "encryption": ENCRYPTION,
            "stop_timeout": {"type": "int", "default": 120},
            "timeout": {"type": "int", "default": 14400},
            "undo_ttl": {"type": "int", "default": 259200},
        },
        mutually_exclusive=(("backup", "file"),),
    )
    return redis_arguments().merged_with(redis_data_arguments()).merged_with(own)
