# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore writes down before each step, so that whoever comes after its death knows what to do."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Iterator, Mapping, Optional, Tuple

from .errors import OperationError
from .restore_names import begun, is_run_id

SCHEMA = 1
# In the order in which they are passed. ``dropping`` is passed by mode=replace only.
PLANNED, RESTORING, RESTORED, STOPPING, FENCING, DROPPING, SWAPPING, SWAPPED, FINISHED = (
    "planned",
    "restoring",
    "restored",
    "stopping",
    "fencing",
    "dropping",
    "swapping",
    "swapped",
    "finished",
)
STAGES = (PLANNED, RESTORING, RESTORED, STOPPING, FENCING, DROPPING, SWAPPING, SWAPPED, FINISHED)
PRESENT, UNDONE, REDONE = "present", "undone", "redone"


class RecordUnreadable(OperationError):
    """The record of a restore is there and is not what this collection wrote."""

    reason = "restore_record_unreadable"


@dataclass(frozen=True)
class KeptDatabase:
    """A database that an exchange left beside the live one. ``name`` may be anybody's; the number is the server's own, for ever."""

    name: str
    oid: int
    since: str


@dataclass(frozen=True)
class RestoreRecord:
    """``operation`` exchanges the database called ``database`` (``live_oid``, None when there was none) for ``coming``.

    ``position`` is which operation ended last: present, undone or redone; empty as long as none did.
    ``dropped`` tells that the live database was given up for want of room (mode=replace), so that only ``safety_backup`` has it.
    """

    run_id: str
    service: str
    database: str
    system_identifier: str
    source: str
    operation: str = PRESENT
    stage: str = PLANNED
    position: str = ""
    live_oid: Optional[int] = None
    coming_name: str = ""
    coming_oid: Optional[int] = None
    aside_name: str = ""
    kept: Optional[KeptDatabase] = None
    containers: Tuple[str, ...] = ()
    dropped: bool = False
    backup_dir: str = ""
    safety_backup: str = ""
    schema: int = SCHEMA

    @property
    def finished(self) -> bool:
        return self.stage == FINISHED

    def at(self, stage: str, **changes: Any) -> "RestoreRecord":
        return replace(self, stage=stage, **changes)

    def concluded(self, now: str) -> "RestoreRecord":
        """After the exchange: what was live is kept."""
        kept = KeptDatabase(self.aside_name, self.live_oid, now) if self.live_oid is not None and not self.dropped else None
        return self.at(FINISHED, position=self.operation, kept=kept, containers=())

    def reverted(self) -> "RestoreRecord":
        """After an operation that was taken back; what an earlier one kept is kept still."""
        return self.at(FINISHED, containers=())

    def to_bytes(self) -> bytes:
        return (json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def parse_record(content: bytes, where: str) -> RestoreRecord:
    """Raises RecordUnreadable, and nothing else, for whatever the bytes are."""
    with reading_record(where, "Look at the databases of the server by hand (postgres_info); then move the file away."):
        value = json.loads(content)
        if value["schema"] != SCHEMA:
            raise ValueError(f"schema {value['schema']!r}")
        kept = value.get("kept")
        record = RestoreRecord(**{**value, "kept": KeptDatabase(**kept) if kept else None, "containers": tuple(value["containers"])})
        _check(record)
        return record


@contextlib.contextmanager
def reading_record(where: str, hint: str) -> Iterator[None]:
    """Whatever bytes that somebody else wrote lead to is RecordUnreadable."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RecordUnreadable(f"{where} is not the record of a restore ({type(error).__name__}).", hint=hint, path=where) from error


def _check(record: RestoreRecord) -> None:
    texts = (record.service, record.database, record.system_identifier, record.source, record.coming_name, record.aside_name)
    if not is_run_id(record.run_id) or not all(isinstance(text, str) for text in (*texts, record.backup_dir, record.safety_backup, *record.containers)):
        raise ValueError("texts")
    begun(record.run_id)
    if record.stage not in STAGES or record.operation not in (PRESENT, UNDONE, REDONE) or not record.database:
        raise ValueError("stage")
    if not all(isinstance(oid, (int, type(None))) for oid in (record.live_oid, record.coming_oid)):
        raise ValueError("oid")


@dataclass(frozen=True)
class Recovery:
    """What has to be done after a run ended in the middle, in this order. Empty names ask for nothing.

    ``outcome`` is finished (the exchange counts) or undone (everything is as before the operation).
    """

    outcome: str
    rename: Tuple[Tuple[str, str], ...] = ()
    drop: str = ""
    allow: str = ""
    restore_safety_backup: bool = False


class NeedsAttention(OperationError):
    """The databases are not in any order that a restore leaves behind."""

    reason = "restore_needs_attention"


def recovery(record: RestoreRecord, there: Mapping[str, int], back: bool) -> Recovery:
    """``there`` maps the names of the server's databases to their numbers.

    An exchange that was committed counts, unless ``back`` asks for the way back: the run itself found fault with it.
    """
    live = there.get(record.database)
    committed = record.coming_oid is not None and live == record.coming_oid and live != record.live_oid
    if committed:
        return _swap_back(record, there) if back else Recovery("finished", allow=record.database)
    new = record.coming_name if record.operation == PRESENT and record.coming_name in there else ""
    if live is not None and live == record.live_oid:
        return Recovery("undone", drop=new, allow=record.database)
    if live is None and record.live_oid is None:
        return Recovery("undone", drop=new)
    if live is None and record.dropped:
        return _after_drop(record, there, new, back)
    raise _disorder(record, there)


def _swap_back(record: RestoreRecord, there: Mapping[str, int]) -> Recovery:
    """The databases get the names back that they had before the exchange."""
    if record.dropped:
        return Recovery("finished", allow=record.database)
    if record.coming_name in there or (record.live_oid is not None and there.get(record.aside_name) != record.live_oid):
        raise _disorder(record, there)
    home = ((record.database, record.coming_name),)
    if record.live_oid is not None:
        home += ((record.aside_name, record.database),)
    return Recovery("undone", home, record.coming_name if record.operation == PRESENT else "", record.database if record.live_oid is not None else "")


def _after_drop(record: RestoreRecord, there: Mapping[str, int], new: str, back: bool) -> Recovery:
    """The old database is gone: a copy that was compared already becomes live, else the safety backup does."""
    compared = record.stage in (RESTORED, SWAPPING) and record.coming_oid is not None and there.get(record.coming_name) == record.coming_oid
    if compared and not back:
        return Recovery("finished", ((record.coming_name, record.database),), allow=record.database)
    return Recovery("undone", drop=new, allow=record.database, restore_safety_backup=True)


def _disorder(record: RestoreRecord, there: Mapping[str, int]) -> NeedsAttention:
    names = sorted(name for name in there if name in (record.database, record.coming_name, record.aside_name))
    return NeedsAttention(
        f"Restore {record.run_id} of {record.database} ended at the stage {record.stage}, and the databases that are there"
        f" ({', '.join(names) or 'none of them'}) do not fit to it: somebody else renamed or dropped them.",
        hint="Nothing was changed. Rename the right one to the database's name by hand, allow connections to it, and move the record away.",
        databases=names,
    )
