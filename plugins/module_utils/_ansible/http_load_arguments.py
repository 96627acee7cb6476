# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of http_load beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def http_load_arguments() -> ArgumentSpec:
    """What to send where, how often, and what is too bad."""
    return ArgumentSpec(
        {
            "url": {"type": "str", "required": True},
            "via": {"type": "str", "choices": ["host", "network"], "default": "host"},
            "declared": {"type": "list", "elements": "str", "default": []},
            "method": {"type": "str", "choices": ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"], "default": "GET"},
            "headers": {"type": "dict", "no_log": True},
            "body": {"type": "raw", "no_log": True},
            "validate_certs": {"type": "bool", "default": True},
            "timeout": {"type": "float", "default": 5.0},
            "status": {"type": "list", "elements": "str", "default": ["2xx"]},
            "count": {"type": "int", "default": 100},
            "rate": {"type": "float", "default": 0.0},
            "concurrency": {"type": "int", "default": 4},
            "seconds": {"type": "float", "default": 60.0},
            "connections": {"type": "str", "choices": ["kept", "new"], "default": "kept"},
            "show_headers": {"type": "list", "elements": "str", "default": []},
            "limits": {
                "type": "dict",
                "options": {
                    "max_error_percent": {"type": "float"},
                    "max_p95_ms": {"type": "float"},
                    "max_p99_ms": {"type": "float"},
                },
            },
        }
    )
