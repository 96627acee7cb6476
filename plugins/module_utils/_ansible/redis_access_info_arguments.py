# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``redis_access_info`` beside those of the stack's Redis."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def redis_access_info_arguments() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "application": {"type": "str", "default": ""},
            "used_percent": {"type": "float", "default": 80},
        }
    )
