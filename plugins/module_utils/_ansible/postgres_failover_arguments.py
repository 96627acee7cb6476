# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of postgres_failover beside those of the stack and its Postgres."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def postgres_failover_arguments() -> ArgumentSpec:
    """Which server takes the place of the primary, and what may be lost."""
    return ArgumentSpec(
        {
            "replica": {"type": "str", "required": True},
            "max_lag_bytes": {"type": "int", "default": 1048576},
            "max_lag_seconds": {"type": "float", "default": 30},
            "unknown_loss": {"type": "str", "choices": ["refuse", "accept"], "default": "refuse"},
            "confirm": {"type": "str", "default": ""},
            "stop_timeout": {"type": "int", "default": 60},
            "timeout": {"type": "int", "default": 60},
        }
    )
