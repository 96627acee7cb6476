# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of postgres_backup beside those of the stack and its Postgres."""

from __future__ import annotations

from .argument_spec import ArgumentSpec
from .backup_arguments import backup_arguments
from .postgres_arguments import postgres_arguments


def postgres_backup_arguments() -> ArgumentSpec:
    """Which databases, where to, how well proven."""
    own = ArgumentSpec(
        {
            "databases": {"type": "list", "elements": "str", "default": []},
            "assertions": {"type": "list", "elements": "str", "default": []},
            "format": {"type": "str", "choices": ["auto", "custom", "directory"], "default": "auto"},
            "jobs": {"type": "int", "default": 0},
            "transport": {"type": "str", "choices": ["auto", "helper", "exec"], "default": "auto"},
            "checksums": {"type": "bool", "default": True},
            "checksum_max_mb": {"type": "int", "default": 256},
            "lock_wait_timeout": {"type": "int", "default": 60},
        }
    )
    return postgres_arguments().merged_with(backup_arguments([0, 1, 2, 3, 4])).merged_with(own)
