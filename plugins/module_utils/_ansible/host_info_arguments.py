# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``host_info``."""

from __future__ import annotations

from .argument_spec import ArgumentSpec, stack_arguments

_SECTIONS = ["system", "disks", "memory", "load", "certificates", "listeners", "engine", "clock", "logs", "containers", "packages", "hours"]


def host_info_arguments() -> ArgumentSpec:
    certificate = {"file": {"type": "path"}, "served": {"type": "str"}, "server_name": {"type": "str"}, "ca_file": {"type": "path"}}
    return stack_arguments().merged_with(
        ArgumentSpec(
            {
                "sections": {"type": "list", "elements": "str", "choices": _SECTIONS, "default": _SECTIONS[:-3]},
                "paths": {"type": "dict", "default": {}},
                "certificates": {"type": "list", "elements": "dict", "default": [], "options": certificate},
                "listeners": {"type": "list", "elements": "str", "default": []},
                "hours": {"type": "list", "elements": "dict", "default": []},
                "timezone": {"type": "str", "default": ""},
                "interval": {"type": "float", "default": 0},
                "thresholds": {"type": "dict", "default": {}},
                "on_problem": {"type": "str", "choices": ["report", "fail"], "default": "report"},
            }
        )
    )
