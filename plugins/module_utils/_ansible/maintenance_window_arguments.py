# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of maintenance_window beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec, stack_arguments
from .edge_arguments import edge_arguments


def maintenance_window_arguments() -> ArgumentSpec:
    """Which window, what becomes of it, what is done in it, and who is told when nobody is left."""
    return stack_arguments().merged_with(edge_arguments()).merged_with(_what()).merged_with(_how_long())


def _what() -> ArgumentSpec:
    states = ["planned", "begun", "step", "proven", "watching", "measured", "abandoned", "ended", "expired", "look"]
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": states, "required": True},
            "change": {"type": "str", "default": ""},
            "owner": {"type": "str", "default": ""},
            "tasks": {"type": "list", "elements": "dict", "default": []},
            "release_leaves": {"type": "str", "choices": ["none", "swap", "schema"], "default": "schema"},
            "task": {"type": "int", "default": 0},
            "outcome": {"type": "str", "default": ""},
            "because": {"type": "str", "default": ""},
            "with_stack": {"type": "bool", "default": False},
            "approval": {"type": "str", "choices": ["optional", "required"], "default": "optional"},
            "approved": {"type": "str", "default": ""},
            "approver": {"type": "str", "default": ""},
            "override_reason": {"type": "str", "default": ""},
            "incident_reason": {"type": "str", "default": ""},
        }
    )


def _how_long() -> ArgumentSpec:
    hours = {"days": {"type": "list", "elements": "str"}, "from": {"type": "str", "required": True}, "to": {"type": "str", "required": True}}
    alarm = {
        "kind": {"type": "str", "choices": ["webhook", "file"], "required": True},
        "name": {"type": "str"},
        "url": {"type": "str", "no_log": True},
        "path": {"type": "path"},
        "extra": {"type": "dict"},
    }
    return ArgumentSpec(
        {
            "minutes": {"type": "int", "default": 30},
            "starts_at": {"type": "str", "default": ""},
            "hours": {"type": "list", "elements": "dict", "default": [], "options": hours},
            "timezone": {"type": "str", "default": ""},
            "expires_after": {"type": "int", "default": 180},
            "alarms": {"type": "list", "elements": "dict", "default": [], "options": alarm},
            "alarm_minutes": {"type": "int", "default": 30},
            "urls": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "float", "default": 30.0},
            "interval": {"type": "float", "default": 0.5},
            "limits": {"type": "dict", "default": {}},
            "headers": {"type": "dict", "default": {}, "no_log": True},
        }
    )
