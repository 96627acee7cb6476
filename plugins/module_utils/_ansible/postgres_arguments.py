# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that say how to reach a stack's Postgres."""

from __future__ import annotations

from .argument_spec import ArgumentSpec, stack_arguments


def postgres_arguments() -> ArgumentSpec:
    """The stack's options with those of its Postgres; twin of the fragments ``stack`` and ``postgres``."""
    return stack_arguments().merged_with(
        ArgumentSpec(
            {
                "service": {"type": "str", "default": "postgres"},
                "host": {"type": "str", "default": ""},
                "port": {"type": "int", "default": 5432},
                "username": {"type": "str", "default": ""},
                "password": {"type": "str", "no_log": True},
                "maintenance_database": {"type": "str", "default": "postgres"},
                "connect_timeout": {"type": "int", "default": 10},
            }
        )
    )
