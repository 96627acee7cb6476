# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The extensions of a database."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from .._core.errors import BadInput
from .postgres_session import PostgresSession, quoted
from .postgres_target import PostgresTarget

_EXTENSIONS = "SELECT name, default_version, installed_version FROM pg_catalog.pg_available_extensions WHERE name = ANY(%s)"


class Extensions:
    """The extensions of one database."""

    def __init__(self, target: PostgresTarget, database: str) -> None:
        self._target = target
        self._database = database

    def look(self, names: Sequence[str]) -> List[Dict[str, Any]]:
        """In the order of ``names``; raises BadInput for one that the server does not have."""
        with self._session() as session:
            found = {row["name"]: row for row in session.rows(_EXTENSIONS, (list(names),))}
        missing = [name for name in names if name not in found]
        if missing:
            raise BadInput(f"The server does not have the extension {missing[0]!r}.", hint="Use an image that brings it.", extensions=missing)
        return [found[name] for name in names]

    def create(self, names: Sequence[str]) -> None:
        """All or none."""
        with self._session() as session, session.transaction():
            for name in names:
                session.execute(f"CREATE EXTENSION IF NOT EXISTS {quoted(name)}")

    def _session(self) -> PostgresSession:
        return self._target.open("postgres_settings extensions", self._database)
