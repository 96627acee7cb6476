# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves a published backup as a request asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .._core.backup_catalogue import Backup, Verification
from .._core.backup_request import BackupRequest
from .._core.stack import Stack
from .backup_store import BackupStore
from .backup_verifier import BackupVerifier, VerifySettings
from .postgres_dump import Server
from .progress_file import ProgressFile


@dataclass(frozen=True)
class Prover:
    """Proves backups as far as the request says, with the image that the service runs now."""

    stack: Stack
    server: Server
    request: BackupRequest
    progress: Optional[ProgressFile] = None

    def prove(self, store: BackupStore, backup: Backup) -> Verification:
        request = self.request
        settings = VerifySettings(request.identity_file, request.assertions, request.timeout)
        verifier = BackupVerifier(self.stack, self.server.engine, self.server.service.container.image_id, settings, self.progress)
        return verifier.verify(store, backup, request.wanted_level)
