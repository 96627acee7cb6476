# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``service_rollout`` beside those of the stack and of its edge."""

from __future__ import annotations

from .argument_spec import ArgumentSpec

_STATES = ["rolled_out", "finished", "switched_back", "settled"]
_POST = {
    "path": {"type": "str", "required": True},
    "body": {"type": "str", "default": ""},
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "every": {"type": "int", "default": 5},
}
_PROBE = {
    "path": {"type": "str", "default": "/"},
    "rate": {"type": "float", "default": 50},
    "timeout": {"type": "float", "default": 10},
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "post": {"type": "dict", "options": _POST},
    "budget": {"type": "dict", "options": {"errors": {"type": "int", "default": 5}, "p99_ms": {"type": "float", "default": 0}}},
}


def service_rollout_arguments() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": _STATES, "default": "rolled_out"},
            "services": {"type": "list", "elements": "str", "default": []},
            "strategy": {"type": "str", "choices": ["rolling", "canary", "blue_green"], "default": "rolling"},
            "steps": {"type": "list", "elements": "int", "default": [10, 50, 100]},
            "hold": {"type": "float", "default": 10},
            "watch": {"type": "float", "default": 1},
            "bake": {"type": "int", "default": 900},
            "fallback": {"type": "str", "choices": ["refuse", "stop_first"], "default": "refuse"},
            "health_timeout": {"type": "int", "default": 60},
            "drain_timeout": {"type": "float", "default": 30},
            "stop_timeout": {"type": "int"},
            "probe": {"type": "dict", "options": _PROBE},
        }
    )
