# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves a published backup as a request asks for it."""

from __future__ import annotations

from .._core.backup_catalogue import Backup, Verification
from .._core.backup_request import BackupRequest
from .._core.stack import Stack
from .backup_store import BackupStore
from .backup_verifier import BackupVerifier, VerifySettings
from .postgres_dump import Server


def prove(stack: Stack, server: Server, store: BackupStore, backup: Backup, request: BackupRequest) -> Verification:
    """With the image that the service runs now."""
    settings = VerifySettings(request.identity_file, request.assertions, request.timeout)
    return BackupVerifier(stack, server.engine, server.service.container.image_id, settings).verify(store, backup, request.wanted_level)
