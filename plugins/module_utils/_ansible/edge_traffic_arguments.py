# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of edge_traffic beside those of the stack and its edge."""

from __future__ import annotations

from .argument_spec import ArgumentSpec, stack_arguments
from .edge_arguments import edge_arguments


def edge_traffic_arguments() -> ArgumentSpec:
    switch = {"type": "str", "choices": ["on", "off"], "default": "on"}
    ends = {"until": {"type": "str", "default": ""}, "minutes": {"type": "int"}}
    maintenance = {
        "state": switch,
        **ends,
        "title": {"type": "str", "default": ""},
        "notice": {"type": "str", "default": ""},
        "exempt_health": {"type": "bool", "default": True},
        "stays": {"type": "bool", "default": False},
        "admits": {"type": "int", "default": 0},
    }
    attack = {"state": switch, **ends, "rate": {"type": "int"}, "burst": {"type": "int"}}
    allow = {
        "address": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        **ends,
    }
    own = ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["changed", "settled"], "default": "changed"},
            "pools": {"type": "dict", "default": {}},
            "maintenance": {"type": "dict", "options": maintenance},
            "attack": {"type": "dict", "options": attack},
            "allow": {"type": "list", "elements": "dict", "options": allow, "default": []},
            "drain": {"type": "list", "elements": "str", "default": []},
            "drain_timeout": {"type": "int", "default": 30},
            "owner": {"type": "str", "default": ""},
        }
    )
    return stack_arguments().merged_with(edge_arguments()).merged_with(own)
