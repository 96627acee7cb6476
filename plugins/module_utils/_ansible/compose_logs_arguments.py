# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of compose_logs beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def compose_logs_arguments() -> ArgumentSpec:
    """Which lines, how many, and where to."""
    return ArgumentSpec(
        {
            "services": {"type": "list", "elements": "str", "default": []},
            "since": {"type": "str", "default": ""},
            "until": {"type": "str", "default": ""},
            "tail": {"type": "int", "default": 200},
            "scan": {"type": "int", "default": 100000},
            "streams": {"type": "list", "elements": "str", "choices": ["stdout", "stderr"], "default": ["stdout", "stderr"]},
            "level": {"type": "str", "choices": ["debug", "info", "warning", "error", "critical"]},
            "match": {"type": "str", "default": ""},
            "text": {"type": "str", "default": ""},
            "fields": {"type": "dict", "default": {}},
            "max_bytes": {"type": "int"},
            "destination": {"type": "path", "default": ""},
        }
    )
