# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of dependency_refresh beside those of the stack."""

from __future__ import annotations

from .argument_spec import ArgumentSpec


def dependency_refresh_arguments() -> ArgumentSpec:
    """What to refresh, and what has a say in it."""
    words = {"type": "list", "elements": "str"}
    return ArgumentSpec(
        {
            "source": {"type": "path", "required": True},
            "artefacts": {"type": "path", "required": True},
            "command": {**words, "required": True},
            "files": {**words, "required": True},
            "audit": {**words, "default": []},
            "test": {**words, "default": []},
            "excludes": {**words, "default": [".git", ".venv", "node_modules"]},
            "environment": {"type": "dict", "default": {}, "no_log": True},
            "timeout": {"type": "int", "default": 1800},
        }
    )
