# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of websocket_info beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def websocket_info_arguments() -> ArgumentSpec:
    """Which nginx, which paths, and how long they may be silent."""
    return ArgumentSpec(
        {
            "service": {"type": "str", "default": "edge"},
            "paths": {"type": "list", "elements": "str", "required": True},
            "min_timeout": {"type": "float", "default": 300.0},
        }
    )
