# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of service_images beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def service_images_arguments() -> ArgumentSpec:
    """Which images, where they come from, and who may refuse them."""
    scan = {"command": {"type": "list", "elements": "str", "required": True}, "timeout": {"type": "int", "default": 600}}
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["prepared", "applied", "verified", "returned"], "required": True},
            "services": {"type": "list", "elements": "str", "default": []},
            "images": {"type": "dict", "default": {}},
            "acquire": {"type": "str", "choices": ["never", "pull"], "default": "pull"},
            "scan": {"type": "dict", "options": scan},
            "timeout": {"type": "int", "default": 1800},
            "by": {"type": "str", "default": ""},
        },
        required_if=(("state", "applied", ("services",)),),
    )
