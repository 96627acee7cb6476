# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run with a remote did, for people and machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Sequence, Tuple

from .backup_manifest import Manifest
from .backup_report import size
from .text_table import aligned

PASSED, FAILED, UNKNOWN = "passed", "failed", ""
_HEADER = ("SERVICE", "SUBJECT", "BACKUP", "SIZE", "DONE", "READ BACK", "OUTCOME")


@dataclass(frozen=True)
class SetRow:
    """One set. ``done`` is copied, read_back, proof_added, checked, fetched or nothing; ``directory`` is where it is on this host, if it is."""

    service: str
    subject: str
    id: str
    kind: str
    started: str
    bytes: int
    done: str
    outcome: str = UNKNOWN
    read_bytes: int = 0
    directory: str = ""
    problems: List[str] = field(default_factory=list)

    @classmethod
    def of(cls, manifest: Manifest, done: str, **more: Any) -> "SetRow":
        return cls(manifest.service, manifest.subject, manifest.id, manifest.kind, manifest.started, manifest.bytes, done, **more)

    def to_dict(self) -> Dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def offsite_facts(remote: str, rows: Sequence[SetRow], failures: Sequence[Tuple[str, str]] = ()) -> Dict[str, Any]:
    """``failures`` are what could not be done, by name and sentence."""
    return {"remote": remote, "sets": [row.to_dict() for row in rows], "table": _table(remote, rows, failures)}


def _table(remote: str, rows: Sequence[SetRow], failures: Sequence[Tuple[str, str]]) -> str:
    cells = [_HEADER] + [
        (row.service, row.subject, row.id, size(row.bytes), row.done.replace("_", " "), size(row.read_bytes) if row.read_bytes else "-", row.outcome or "-")
        for row in rows
    ]
    told = [f"FAILED: {row.service}/{row.subject} {row.id}: {problem}" for row in rows for problem in row.problems]
    told += [f"FAILED: {name}: {sentence}" for name, sentence in failures]
    return "\n".join([f"Remote: {remote}", *(aligned(cells) if rows else ["No backups."]), *told])
