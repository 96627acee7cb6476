# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of postgres_sessions beside those of the stack and its Postgres."""

from __future__ import annotations

from .argument_spec import ArgumentSpec

_STATES = ["active", "idle", "idle in transaction", "idle in transaction (aborted)", "fastpath function call"]


def postgres_sessions_arguments() -> ArgumentSpec:
    """Which sessions, and what shall become of them."""
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["listed", "cancelled", "terminated"], "default": "listed"},
            "databases": {"type": "list", "elements": "str", "default": []},
            "usernames": {"type": "list", "elements": "str", "default": []},
            "applications": {"type": "list", "elements": "str", "default": []},
            "clients": {"type": "list", "elements": "str", "default": []},
            "states": {"type": "list", "elements": "str", "choices": _STATES, "default": []},
            "older_than": {"type": "int", "default": 300},
            "max_sessions": {"type": "int", "default": 10},
            "include_superusers": {"type": "bool", "default": False},
            "protect": {"type": "list", "elements": "str", "default": []},
            "grace": {"type": "int", "default": 5},
            "timeout": {"type": "int", "default": 10},
        }
    )
