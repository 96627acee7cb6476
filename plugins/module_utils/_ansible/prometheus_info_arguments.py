# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of prometheus_info beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def prometheus_info_arguments() -> ArgumentSpec:
    """Whom to ask, and what is expected."""
    return ArgumentSpec(
        {
            "url": {"type": "str", "required": True},
            "headers": {"type": "dict", "default": {}, "no_log": True},
            "validate_certs": {"type": "bool", "default": True},
            "expect_jobs": {"type": "list", "elements": "str", "default": []},
            "expect_rules": {"type": "list", "elements": "str", "default": []},
            "expect_alertmanagers": {"type": "int", "default": 0},
            "deadline": {"type": "int", "default": 0},
            "on_problem": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
        }
    )
