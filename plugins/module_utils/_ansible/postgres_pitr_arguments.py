# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of postgres_pitr."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def postgres_pitr_arguments() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["status", "enabled", "disabled", "base_backup", "recovered"], "default": "status"},
            "backup_dir": {"type": "path", "required": True},
            "max_slot_wal_keep_mb": {"type": "int", "default": 0},
            "receive_timeout": {"type": "int", "default": 30},
            "min_age": {"type": "int", "default": 0},
            "keep_bases": {"type": "int", "default": 7},
            "target_time": {"type": "str", "default": ""},
            "database": {"type": "str", "default": ""},
            "destination": {"type": "path", "default": ""},
            "timeout": {"type": "int", "default": 7200},
        }
    )
