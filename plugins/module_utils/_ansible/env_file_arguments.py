# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of env_file beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def env_file_arguments() -> ArgumentSpec:
    """Which file, which variables, which version. Ansible hides all of ``set``; the operation shows what is no secret."""
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["present", "restored"], "default": "present"},
            "path": {"type": "str", "default": ""},
            "set": {"type": "dict", "default": {}, "no_log": True},
            "remove": {"type": "list", "elements": "str", "default": []},
            "validate": {"type": "dict", "default": {}},
            "secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "version": {"type": "str", "default": ""},
            "keep_versions": {"type": "int", "default": 20},
        }
    )
