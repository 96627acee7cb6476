# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``postgres_query`` beside those of the stack's Postgres."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def postgres_query_arguments() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "query": {"type": "str", "required": True},
            "parameters": {"type": "raw", "no_log": True},
            "database": {"type": "str", "default": ""},
            "login_of": {"type": "str", "default": ""},
            "write": {"type": "bool", "default": False},
            "confirm": {"type": "str", "default": ""},
            "statement_timeout": {"type": "float", "default": 30},
            "max_rows": {"type": "int", "default": 1000},
            "mask": {"type": "list", "elements": "str", "default": ["password", "secret", "token"], "no_log": False},
        },
    )
