# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore of Redis writes down before each step, so that whoever comes after its death knows what to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Optional, Tuple

from .rdb_content import SUBJECT
from .restore_names import begun, is_run_id
from .restore_record import PRESENT, UNDONE, reading_record

SCHEMA = 1
# In the order in which they are passed. Until EXCHANGING the files of the server are its own, from PROVEN on the others are.
PLANNED, STAGED, STOPPING, HALTED, EXCHANGING, STARTING, PROVEN, FINISHED = (
    "planned",
    "staged",
    "stopping",
    "halted",
    "exchanging",
    "starting",
    "proven",
    "finished",
)
STAGES = (PLANNED, STAGED, STOPPING, HALTED, EXCHANGING, STARTING, PROVEN, FINISHED)
_NEW, _UNDO, _REDO = ".runbook-new-", ".runbook-undo-", ".runbook-redo-"


@dataclass(frozen=True)
class KeptFiles:
    """A directory beside the server's files, with those that were live before."""

    name: str
    since: str


@dataclass(frozen=True)
class RedisRestoreRecord:
    """``names`` are those of the files and directories that make up the data; ``held`` those of them that were there when the server had stopped.

    ``coming`` and ``aside`` are directories beside them, with what is to become live and for what was. ``position`` is which operation ended last.
    ``down``: the server could not run before.
    """

    run_id: str
    service: str
    directory: str
    source: str
    names: Tuple[str, ...]
    operation: str = PRESENT
    stage: str = PLANNED
    position: str = ""
    held: Tuple[str, ...] = ()
    coming: str = ""
    aside: str = ""
    kept: Optional[KeptFiles] = None
    containers: Tuple[str, ...] = ()
    safety_backup: str = ""
    down: bool = False
    schema: int = SCHEMA

    @property
    def database(self) -> str:
        """What is restored, in the words of all restores."""
        return SUBJECT

    @property
    def finished(self) -> bool:
        return self.stage == FINISHED

    def reached(self, stage: str) -> bool:
        return STAGES.index(self.stage) >= STAGES.index(stage)

    def at(self, stage: str, **changes: Any) -> "RedisRestoreRecord":
        return replace(self, stage=stage, **changes)

    def concluded(self, now: str) -> "RedisRestoreRecord":
        """After the exchange: what was live is kept."""
        return self.at(FINISHED, position=self.operation, kept=KeptFiles(self.aside, now), containers=())

    def reverted(self) -> "RedisRestoreRecord":
        """After an undoing that was taken back; what was kept is kept still."""
        return self.at(FINISHED, containers=())

    def to_bytes(self) -> bytes:
        return (json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def coming_name(run_id: str) -> str:
    return _NEW + run_id.rpartition("-")[2]


def aside_name(run_id: str, operation: str) -> str:
    return (_UNDO if operation == PRESENT else _REDO) + run_id.rpartition("-")[2]


def parse_redis_record(content: bytes, where: str) -> RedisRestoreRecord:
    """Raises RecordUnreadable, and nothing else, for whatever the bytes are."""
    with reading_record(where, "Look at the server's files by hand; then move the file away."):
        value = json.loads(content)
        if value["schema"] != SCHEMA:
            raise ValueError(f"schema {value['schema']!r}")
        kept = value.get("kept")
        lists = {name: tuple(value[name]) for name in ("names", "held", "containers")}
        record = RedisRestoreRecord(**{**value, **lists, "kept": KeptFiles(**kept) if kept else None})
        _check(record)
        return record


def _check(record: RedisRestoreRecord) -> None:
    """What becomes a path has to be harmless, whoever wrote the file."""
    texts = (record.service, record.source, record.safety_backup, record.position, *record.containers)
    if not is_run_id(record.run_id) or not all(isinstance(text, str) for text in texts):
        raise ValueError("texts")
    begun(record.run_id)
    if record.stage not in STAGES or not isinstance(record.down, bool) or record.operation not in (PRESENT, UNDONE):
        raise ValueError("stage")
    beside = (record.coming, record.aside, *([record.kept.name] if record.kept else []))
    ours = [name for name in beside if name and not name.startswith((_NEW, _UNDO, _REDO))]
    names = (*beside, *record.names, *record.held)
    if ours or not record.directory.startswith("/") or not all(is_plain_name(name) for name in names if name) or not all(record.names):
        raise ValueError("names")


def is_plain_name(name: str) -> bool:
    return "/" not in name and "\0" not in name and name not in ("", ".", "..")
