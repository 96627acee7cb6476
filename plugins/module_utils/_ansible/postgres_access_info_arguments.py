# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``postgres_access_info`` beside those of the stack's Postgres."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def postgres_access_info_arguments() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "application": {"type": "str", "default": ""},
            "replicas": {"type": "int", "default": 0},
            "pool_setting": {"type": "str", "default": ""},
            "disk_free_min_mb": {"type": "int", "default": 64},
            "used_percent": {"type": "float", "default": 80},
        }
    )
