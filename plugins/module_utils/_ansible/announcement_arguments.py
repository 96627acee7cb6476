# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of announcement beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def announcement_arguments() -> ArgumentSpec:
    """What is said, to whom, and how hard it is tried."""
    target = {
        "kind": {"type": "str", "choices": ["webhook", "mail", "file"], "required": True},
        "name": {"type": "str"},
        "url": {"type": "str", "no_log": True},
        "headers": {"type": "dict", "no_log": True},
        "extra": {"type": "dict"},
        "path": {"type": "path"},
        "host": {"type": "str"},
        "port": {"type": "int", "default": 25},
        "sender": {"type": "str"},
        "recipients": {"type": "list", "elements": "str"},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "security": {"type": "str", "choices": ["none", "starttls", "tls"], "default": "none"},
    }
    return ArgumentSpec(
        {
            "event": {"type": "str", "default": "maintenance"},
            "subject": {"type": "str", "required": True},
            "text": {"type": "str", "default": ""},
            "facts": {"type": "dict", "default": {}},
            "targets": {"type": "list", "elements": "dict", "default": [], "options": target},
            "attempts": {"type": "int", "default": 3},
            "timeout": {"type": "float", "default": 5.0},
            "on_failure": {"type": "str", "choices": ["warn", "fail"], "default": "warn"},
        }
    )
