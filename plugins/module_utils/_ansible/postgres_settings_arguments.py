# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of postgres_settings beside those of the stack and its Postgres."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def postgres_settings_arguments() -> ArgumentSpec:
    """Settings of the server, the password of a role, extensions of a database."""
    return ArgumentSpec(
        {
            "settings": {"type": "dict", "default": {}},
            "merge_lists": {"type": "bool", "default": False},
            "accept": {"type": "list", "elements": "str", "default": []},
            "role_password": {
                "type": "dict",
                "no_log": False,  # the password within is hidden; the role is not
                "options": {
                    "role": {"type": "str", "required": True},
                    "password": {"type": "str", "required": True, "no_log": True},
                },
            },
            "extensions": {"type": "list", "elements": "str", "default": []},
            "database": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 10},
        }
    )
