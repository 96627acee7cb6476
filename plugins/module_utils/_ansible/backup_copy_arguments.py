# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of backup_copy beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec, stack_arguments


def backup_copy_arguments() -> ArgumentSpec:
    """Which backups, which remote, and how it is opened."""
    return stack_arguments().merged_with(
        ArgumentSpec(
            {
                "state": {"type": "str", "choices": ["present", "checked", "fetched"], "default": "present"},
                "backup_dir": {"type": "path", "required": True},
                "tool": {"type": "str", "choices": ["restic", "rclone"], "required": True},
                "remote": {"type": "str", "required": True},
                "environment": {"type": "dict", "default": {}, "no_log": True},
                "environment_file": {"type": "path", "default": ""},
                "password": {"type": "str", "no_log": True},
                "password_file": {"type": "path", "default": "", "no_log": False},
                "backups": {"type": "list", "elements": "str", "default": []},
                "services": {"type": "list", "elements": "str", "default": []},
                "subjects": {"type": "list", "elements": "str", "default": []},
                "which": {"type": "str", "choices": ["newest", "every"], "default": "newest"},
                "required_state": {"type": "str", "choices": ["verified", "dumped"], "default": "verified"},
                "data_percent": {"type": "int", "default": 100},
                "accept_unencrypted": {"type": "bool", "default": False},
                "initialize": {"type": "bool", "default": False},
                "timeout": {"type": "int", "default": 14400},
                "space_floor_mb": {"type": "int", "default": 1024},
            },
            mutually_exclusive=(("password", "password_file"),),
        )
    )
