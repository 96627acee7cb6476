# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of configuration_info beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def configuration_info_arguments() -> ArgumentSpec:
    """What a configuration has to have."""
    return ArgumentSpec(
        {
            "required_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "validate": {"type": "dict", "default": {}},
            "stores": {"type": "list", "elements": "str", "default": []},
            "on_problem": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
        }
    )
