# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``compose_info`` beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def compose_info_arguments() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "services": {"type": "list", "elements": "str", "default": []},
            "detail": {"type": "str", "choices": ["summary", "full"], "default": "summary"},
            "samples": {"type": "int", "default": 0},
            "period": {"type": "int", "default": 5},
            "thresholds": {"type": "dict", "default": {}},
            "compare_environment": {"type": "bool", "default": False},
            "required_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "wait_starting": {"type": "int", "default": 0},
            "on_problem": {"type": "str", "choices": ["report", "fail"], "default": "report"},
        }
    )
