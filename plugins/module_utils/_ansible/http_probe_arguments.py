# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of http_probe beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec

_MAX_AGE = {
    "field": {"type": "str", "required": True},
    "seconds": {"type": "float", "required": True},
}
_HEADER_FROM = {
    "variable": {"type": "str", "required": True},
    "header": {"type": "str", "default": "Authorization"},
    "prefix": {"type": "str", "default": "Bearer "},
}
_MEASURE = {
    "requests": {"type": "int", "default": 20},
    "seconds": {"type": "float", "default": 10.0},
    "max_p95_ms": {"type": "float"},
    "max_p99_ms": {"type": "float"},
    "max_connect_p95_ms": {"type": "float"},
}
# Any header and any part of a body may be a credential: Ansible hides them, and the operation
# shows again what is known to be none (see _core/probe_secrets.py).
_PROBE = {
    "name": {"type": "str"},
    "url": {"type": "str", "required": True},
    "role": {"type": "str", "choices": ["liveness", "readiness", "dependency", "smoke"], "default": "liveness"},
    "via": {"type": "str", "choices": ["host", "network"]},
    "from_service": {"type": "str"},
    "method": {"type": "str", "choices": ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"], "default": "GET"},
    "headers": {"type": "dict", "no_log": True},
    "body": {"type": "raw", "no_log": True},
    "redirects": {"type": "str", "choices": ["follow", "stop"], "default": "stop"},
    "validate_certs": {"type": "bool", "default": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "timeout": {"type": "float", "default": 5.0},
    "status": {"type": "list", "elements": "str", "default": ["2xx"]},
    "json": {"type": "raw"},
    "header": {"type": "dict"},
    "contains": {"type": "list", "elements": "str"},
    "absent": {"type": "list", "elements": "str"},
    "max_latency_ms": {"type": "float"},
    "max_age": {"type": "dict", "options": _MAX_AGE},
    "stay_open": {"type": "float", "default": 0.0},
    "header_from": {"type": "dict", "options": _HEADER_FROM},
    "measure": {"type": "dict", "options": _MEASURE},
}


def http_probe_arguments() -> ArgumentSpec:
    """What to ask, and how long."""
    return ArgumentSpec(
        {
            "probes": {"type": "list", "elements": "dict", "required": True, "options": _PROBE},
            "deadline": {"type": "float", "default": 30.0},
            "interval": {"type": "int", "default": 100},
            "longest_interval": {"type": "int", "default": 1000},
            "most_attempts": {"type": "int"},
            "successes": {"type": "int", "default": 1},
            "on_failure": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
        }
    )
