# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database beside the live one: made, filled, and compared, before anybody else sees it."""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Optional, Sequence

from .._core.database_content import DatabaseContent, differences
from .._core.database_properties import DatabaseProperties
from .._core.masking import Masking
from .._core.restore_errors import RestoreDiffers
from .archive_restore import ArchiveInput, ArchiveRestore, RestoreSettings
from .database_maker import apply_properties, create_database, open_database
from .masked_copy import mask_copy
from .postgres_content import Summing, capture_content
from .postgres_dump import Server
from .postgres_session import PostgresSession
from .restored_copy import failed_assertions

_SNAPSHOT = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
_MOST_JOBS = 4


@dataclass(frozen=True)
class ShadowSource:
    """What becomes its content. Without ``expected`` there is nothing to compare with."""

    archive: ArchiveInput
    properties: DatabaseProperties
    expected: Optional[DatabaseContent] = None
    assertions: Sequence[str] = ()
    masking: Masking = Masking()


class ShadowDatabase:
    """``control`` is a session on another database."""

    def __init__(self, server: Server, control: PostgresSession, settings: RestoreSettings, on_piece: Callable[[int], None]) -> None:
        self._server = server
        self._control = control
        self._settings = settings
        self._on_piece = on_piece
        self.warnings: List[str] = []

    def make(self, name: str, source: ShadowSource) -> int:
        """The server's number for it. One that is to be masked is closed until it is."""
        create_database(self._control, name, source.properties, closed=bool(source.masking))
        return self._control.value("SELECT oid::int8 FROM pg_database WHERE datname = %s", (name,))

    def fill(self, name: str, source: ShadowSource) -> Dict[str, Any]:
        """Raises RestoreDiffers when it is not what the manifest says, or an assertion does not hold; facts and times otherwise.

        Raises MaskingFailed and MaskingIncomplete too. What is masked was compared before.
        """
        began = time.monotonic()
        ArchiveRestore(self._server, self._settings, self._on_piece).run(source.archive, name)
        restored = time.monotonic()
        properties, masking = source.properties, source.masking
        self.warnings += apply_properties(self._control, name, replace(properties, grants=None) if masking else properties)
        content = self._compared(name, source)
        compared = time.monotonic()
        if masking:
            self.mask(name, masking)
        masked = time.monotonic()
        with self._session(name) as session:
            session.execute("ANALYZE")
        if masking:
            open_database(self._control, name, properties)
        return {
            "compared": source.expected is not None,
            "tables": len(content.tables),
            "rows": content.rows,
            "restore_seconds": round(restored - began, 3),
            "compare_seconds": round(compared - restored, 3),
            "masked": len(masking.statements),
            "masking_checks": len(masking.checks),
            "masking_seconds": round(masked - compared, 3),
            "analyze_seconds": round(time.monotonic() - masked, 3),
        }

    def mask(self, name: str, masking: Masking) -> None:
        """Raises MaskingFailed and MaskingIncomplete."""
        mask_copy(functools.partial(self._session, name), masking)

    def _compared(self, name: str, source: ShadowSource) -> DatabaseContent:
        expected = source.expected
        with self._session(name) as session, session.transaction(_SNAPSHOT):
            found = capture_content(session, Summing(named=expected.summed_tables if expected else ()))
        said = differences(expected, found) if expected else []
        if not said and source.assertions:
            with self._session(name) as session:
                said = failed_assertions(session, source.assertions)
        if said:
            more = f" and {len(said) - 5} more" if len(said) > 5 else ""
            raise RestoreDiffers(
                f"The restored copy is not what was asked for: {'; '.join(said[:5])}{more}.", hint="Choose another backup.", differences=said[:100]
            )
        return found

    def _session(self, name: str) -> PostgresSession:
        return self._server.session(name, self._settings.purpose, statement_seconds=self._settings.timeout)


def jobs_or_default(jobs: int) -> int:
    """As many as the host has processors, within reason."""
    return jobs or max(1, min(_MOST_JOBS, os.cpu_count() or 1))
