# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of redis_settings beside those of the stack and its Redis."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def redis_settings_arguments() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "settings": {"type": "dict", "required": True},
            "override_file": {"type": "str", "default": ""},
            "protected_prefixes": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 60},
        }
    )
