# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of operation_lease beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def operation_lease_arguments() -> ArgumentSpec:
    """Which lease, what becomes of it, and what people should know of it."""
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["held", "free", "broken"], "required": True},
            "lease": {"type": "str", "default": "operation"},
            "owner": {"type": "str", "default": ""},
            "operation": {"type": "str", "default": ""},
            "reason": {"type": "str", "default": ""},
            "expires_after": {"type": "int"},
            "wait": {"type": "int", "default": 0},
            "outcome": {"type": "str", "default": ""},
        }
    )
