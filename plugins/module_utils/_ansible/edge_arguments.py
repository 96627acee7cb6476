# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that describes a stack's edge."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def edge_arguments() -> ArgumentSpec:
    """Twin of the documentation fragment ``runbook.compose.edge``."""
    operators = {
        "addresses": {"type": "list", "elements": "str", "default": []},
        "header": {"type": "str", "default": "X-Maintenance-Bypass"},
        "secret": {"type": "str", "no_log": True},
    }
    attack = {"rate": {"type": "int", "default": 5}, "burst": {"type": "int", "default": 10}}
    options = {
        "kind": {"type": "str", "choices": ["compose", "host"], "default": "compose"},
        "service": {"type": "str", "default": "edge"},
        "directory": {"type": "str", "default": "edge"},
        "mounted_as": {"type": "str", "default": "/etc/nginx/runbook"},
        "pools": {"type": "dict", "default": {}},
        "health_paths": {"type": "list", "elements": "str", "default": []},
        "operators": {"type": "dict", "options": operators},
        "url": {"type": "str", "default": ""},
        "attack": {"type": "dict", "options": attack},
        "prefix": {"type": "str", "default": "runbook"},
        "command": {"type": "list", "elements": "str", "default": ["nginx"]},
        "pid_file": {"type": "str", "default": "/run/nginx.pid"},
    }
    return ArgumentSpec({"edge": {"type": "dict", "options": options}})
