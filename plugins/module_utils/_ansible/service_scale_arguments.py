# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``service_scale`` beside those of the stack and its edge."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def service_scale_arguments() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "service": {"type": "str", "required": True},
            "replicas": {"type": "int", "required": True},
            "health_timeout": {"type": "int", "default": 60},
            "stop_timeout": {"type": "int"},
            "drain_timeout": {"type": "float", "default": 30},
            "serve_timeout": {"type": "float", "default": 15},
            "served_by": {"type": "str", "default": ""},
            "path": {"type": "str", "default": "/health"},
        }
    )
