# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live schema beside the one that a release was verified with."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ..._core.errors import OperationError
from ..._core.ledger import Release
from ..._core.schema_shape import NOT_KNOWN, LiveShape, ShapeChange, compare
from ..live_schema import live_shape
from ..postgres_target import PostgresTarget
from .release_context import ReleaseContext


class ReleaseSchema:
    """A schema that cannot be read is unknown, with a warning: it must not keep a good release from being verified, or a bad one from being left."""

    def __init__(self, params: Mapping[str, Any], context: ReleaseContext) -> None:
        self._params = params
        self._context = context

    def live(self) -> Optional[LiveShape]:
        """None when no database was named, or when it cannot be asked."""
        database = self._params["database"]
        if not database:
            return None
        try:
            return live_shape(PostgresTarget.from_params(self._params), database)
        except OperationError as error:
            self._context.host.warn(f"The schema of database {database} could not be looked at, so only recorded migrations count. {error}")
            return None

    def change_since(self, release: Release) -> ShapeChange:
        """How the live schema changed since the release was verified."""
        if not self._params["database"] or not release.schema_fingerprint:
            return NOT_KNOWN
        kept = self._context.files.kept_schema(release)
        if kept is None:
            self._context.host.warn(f"The schema kept with release {release.title} is missing or damaged, so only recorded migrations count.")
            return NOT_KNOWN
        live = self.live()
        return compare(kept, live) if live else NOT_KNOWN
