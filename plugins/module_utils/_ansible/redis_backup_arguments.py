# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of redis_backup beside those of the stack and its Redis."""

from __future__ import annotations

from .argument_spec import ArgumentSpec
from .backup_arguments import backup_arguments
from .redis_arguments import redis_arguments


def redis_data_arguments() -> ArgumentSpec:
    """Where the server keeps its files, for one that does not tell."""
    return ArgumentSpec({"data_dir": {"type": "str", "default": ""}, "dbfilename": {"type": "str", "default": ""}})


def redis_backup_arguments() -> ArgumentSpec:
    """Where to, how well proven, and by what its keys are counted."""
    counting = ArgumentSpec({"families": {"type": "dict", "default": {}}, "prefix_depth": {"type": "int", "default": 1}})
    return redis_arguments().merged_with(backup_arguments([0, 1, 2, 3])).merged_with(redis_data_arguments()).merged_with(counting)
