# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``postgres_info`` beside those of the stack's Postgres."""

from __future__ import annotations

from .argument_spec import ArgumentSpec

_SECTIONS = [
    "server", "connections", "activity", "locks", "progress", "databases", "tables", "indexes", "unused_indexes", "bloat", "statements", "settings",
    "replication", "integrity",
]  # fmt: skip


def postgres_info_arguments() -> ArgumentSpec:
    counted = {
        "table": {"type": "str", "required": True},
        "time_column": {"type": "str", "default": ""},
        "min_rows": {"type": "int", "default": 0},
        "max_age_seconds": {"type": "int", "default": 0},
    }
    return ArgumentSpec(
        {
            "sections": {"type": "list", "elements": "str", "choices": _SECTIONS, "default": [name for name in _SECTIONS if name != "bloat"]},
            "database": {"type": "str", "default": ""},
            "limit": {"type": "int", "default": 20},
            "interval": {"type": "float", "default": 0},
            "statements_by": {"type": "str", "choices": ["total", "mean", "calls", "temp"], "default": "total"},
            "bloat_method": {"type": "str", "choices": ["estimate", "measure"], "default": "estimate"},
            "counts": {"type": "list", "elements": "dict", "options": counted, "default": []},
            "thresholds": {"type": "dict", "default": {}},
            "statement_timeout": {"type": "float", "default": 30},
            "on_problem": {"type": "str", "choices": ["report", "fail"], "default": "report"},
        }
    )
