# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of postgres_maintenance beside those of the stack and its Postgres."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def postgres_maintenance_arguments() -> ArgumentSpec:
    """What to do, with which tables and indexes, and within which limits."""
    return ArgumentSpec(
        {
            "task": {"type": "str", "choices": ["vacuum", "analyze", "vacuum_full", "reindex"], "required": True},
            "database": {"type": "str", "default": ""},
            "tables": {"type": "list", "elements": "str", "default": []},
            "indexes": {"type": "list", "elements": "str", "default": []},
            "min_dead_ratio": {"type": "float", "default": 0.1},
            "min_dead_rows": {"type": "int", "default": 1000},
            "min_bloat_ratio": {"type": "float", "default": 0.3},
            "min_size_bytes": {"type": "int"},
            "lock_timeout": {"type": "int", "default": 10},
            "max_duration": {"type": "int", "default": 3600},
            "parallel": {"type": "int"},
            "confirm": {"type": "str", "default": ""},
        }
    )
