# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves a published backup."""

from __future__ import annotations

from .._core.backup_catalogue import Backup, Verification, timestamp
from .._core.backup_request import BackupRequest
from .._core.stack import Stack
from .backup_store import BackupStore
from .clock import utc_now
from .postgres_dump import Server


def prove(stack: Stack, server: Server, store: BackupStore, backup: Backup, request: BackupRequest) -> Verification:
    damage = store.damaged_files(backup)
    return Verification(timestamp(utc_now()), 0, "failed" if damage else "passed", differences=tuple(damage))
