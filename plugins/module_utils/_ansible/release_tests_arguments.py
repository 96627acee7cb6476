# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of release_tests beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def release_tests_arguments() -> ArgumentSpec:
    """Which tests, of which release, with which stores."""
    return ArgumentSpec(
        {
            "service": {"type": "str", "required": True},
            "command": {"type": "list", "elements": "str", "required": True},
            "release": {"type": "str", "default": ""},
            "stores": {"type": "list", "elements": "str", "default": []},
            "environment": {"type": "dict", "default": {}},
            "junit": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 900},
            "store_timeout": {"type": "int", "default": 60},
        }
    )
