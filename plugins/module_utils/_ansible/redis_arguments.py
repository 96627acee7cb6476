# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that say how to reach a stack's Redis."""

from __future__ import annotations

from .argument_spec import ArgumentSpec, stack_arguments


def redis_arguments() -> ArgumentSpec:
    """The stack's options with those of its Redis; twin of the fragments ``stack`` and ``redis``."""
    return stack_arguments().merged_with(
        ArgumentSpec(
            {
                "service": {"type": "str", "default": "redis"},
                "host": {"type": "str", "default": ""},
                "port": {"type": "int", "default": 6379},
                "username": {"type": "str", "default": ""},
                "password": {"type": "str", "no_log": True},
                "connect_timeout": {"type": "int", "default": 10},
            }
        )
    )
