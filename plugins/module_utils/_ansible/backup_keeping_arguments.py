# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of backup_info and backup_retention, with those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec, stack_arguments


def backup_info_arguments() -> ArgumentSpec:
    """Which backups, how young they have to be, and what happens when they are not."""
    return stack_arguments().merged_with(
        ArgumentSpec(
            {
                "backup_dir": {"type": "path", "required": True},
                "services": {"type": "list", "elements": "str", "default": []},
                "required_services": {"type": "list", "elements": "str", "default": []},
                "subjects": {"type": "list", "elements": "str", "default": []},
                "states": {"type": "list", "elements": "str", "choices": ["dumped", "verified", "damaged"], "default": []},
                "purposes": {"type": "list", "elements": "str", "choices": ["scheduled", "manual", "pre_deploy", "safety"], "default": []},
                "max_age": {"type": "int"},
                "required_state": {"type": "str", "choices": ["verified", "dumped"], "default": "verified"},
                "retired": {"type": "list", "elements": "str", "default": []},
                "check_hashes": {"type": "bool", "default": False},
                "compare_rows": {"type": "bool", "default": False},
                "rows_now": {"type": "dict", "default": {}},
                "on_problem": {"type": "str", "choices": ["report", "fail"], "default": "report"},
            }
        )
    )


def backup_retention_arguments() -> ArgumentSpec:
    """A policy with its conditions, or backups to pin."""
    return stack_arguments().merged_with(
        ArgumentSpec(
            {
                "state": {"type": "str", "choices": ["applied", "pinned", "unpinned"], "default": "applied"},
                "backup_dir": {"type": "path", "required": True},
                "services": {"type": "list", "elements": "str", "default": []},
                "subjects": {"type": "list", "elements": "str", "default": []},
                "retired": {"type": "list", "elements": "str", "default": []},
                "keep_last": {"type": "int"},
                "hourly": {"type": "int", "default": 0},
                "daily": {"type": "int", "default": 0},
                "weekly": {"type": "int", "default": 0},
                "monthly": {"type": "int", "default": 0},
                "yearly": {"type": "int", "default": 0},
                "keep_within": {"type": "int", "default": 0},
                "keep_schemas": {"type": "int", "default": 5},
                "min_copies": {"type": "int", "default": 2},
                "min_verified": {"type": "int", "default": 1},
                "max_delete_fraction": {"type": "float", "default": 0.5},
                "stale_freeze": {"type": "int", "default": 172800},
                "safety_ttl": {"type": "int", "default": 259200},
                "damaged_ttl": {"type": "int", "default": 604800},
                "require_offsite": {"type": "bool", "default": False},
                "backups": {"type": "list", "elements": "str", "default": []},
                "pin_reason": {"type": "str", "default": ""},
            }
        )
    )
