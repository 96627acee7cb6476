# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``compose_service`` beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec

_STATES = ["started", "stopped", "restarted", "recreated", "scaled", "absent"]


def compose_service_arguments() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": _STATES, "default": "started"},
            "services": {"type": "list", "elements": "str", "default": []},
            "replicas": {"type": "dict", "default": {}},
            "restart_when": {"type": "str", "choices": ["always", "unhealthy"], "default": "always"},
            "on_drift": {"type": "str", "choices": ["recreate", "ignore", "fail"], "default": "recreate"},
            "wait": {"type": "str", "choices": ["healthy", "started", "none"], "default": "healthy"},
            "health_timeout": {"type": "int", "default": 60},
            "stop_timeout": {"type": "int"},
            "orphans": {"type": "list", "elements": "str", "default": []},
        }
    )
