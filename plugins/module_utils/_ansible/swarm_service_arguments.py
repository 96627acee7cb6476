# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module ``swarm_service`` beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def swarm_service_arguments() -> ArgumentSpec:
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["released", "rolled_back", "scaled", "restarted", "looked"], "required": True},
            "services": {"type": "list", "elements": "str", "default": []},
            "version": {"type": "str", "default": ""},
            "repositories": {"type": "dict", "default": {}},
            "pin": {"type": "str", "choices": ["digest", "tag"], "default": "digest"},
            "release": {"type": "str", "default": "previous"},
            "replicas": {"type": "dict", "default": {}},
            "published": {"type": "str", "choices": ["ignored", "asked"], "default": "ignored"},
            "timeout": {"type": "int", "default": 300},
            "created_by": {"type": "str", "default": ""},
        },
        required_if=(("state", "released", ("version",)),),
    )
