# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of edge_site beside those of the stack and its edge."""

from __future__ import annotations

from .argument_spec import ArgumentSpec, stack_arguments
from .edge_arguments import edge_arguments


def edge_site_arguments() -> ArgumentSpec:
    own = ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["present", "reloaded"], "default": "present"},
            "content": {"type": "str", "default": ""},
            "file": {"type": "str", "default": ""},
            "enabled_as": {"type": "str", "default": ""},
            "websockets": {"type": "str", "choices": ["keep", "ensure"], "default": "keep"},
            "may_change": {"type": "list", "elements": "str", "default": []},
        }
    )
    return stack_arguments().merged_with(edge_arguments()).merged_with(own)
