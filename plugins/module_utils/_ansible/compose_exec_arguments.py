# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of compose_exec beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def compose_exec_arguments() -> ArgumentSpec:
    """What to run, where, and what its end means."""
    return ArgumentSpec(
        {
            "service": {"type": "str", "required": True},
            # Raw: as a list, Ansible would cut a string at its commas; the operation refuses a string.
            "argv": {"type": "raw", "required": True},
            "mode": {"type": "str", "choices": ["running", "one_off"], "default": "running"},
            "variables": {"type": "dict", "default": {}},
            "image": {"type": "str", "default": ""},
            "index": {"type": "int"},
            "timeout": {"type": "float", "default": 60.0},
            "read_only": {"type": "bool", "default": False},
            "environment": {"type": "dict", "default": {}, "no_log": True},
            "stdin": {"type": "str", "no_log": True},
            "user": {"type": "str", "default": ""},
            "workdir": {"type": "str", "default": ""},
            "success_codes": {"type": "list", "elements": "int", "default": [0]},
            "parse": {"type": "str", "choices": ["text", "json"], "default": "text"},
            "max_bytes": {"type": "int", "default": 1024 * 1024},
        }
    )
