# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a restore, of its undoing, and of the end of what it kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, List, Mapping, Optional, Protocol, Sequence, Tuple, TypeVar

from .backup_catalogue import VERIFIED, Backup, latest, newest_first
from .backup_errors import BackupMissing
from .backup_manifest import TIME_FORMAT
from .errors import ConfirmationMissing
from .plan import Plan, Step
from .restore_errors import NothingToUndo, RestoreUnfinished, SwapFailed
from .restore_names import REDO, UNDO, begun, beside
from .restore_record import PRESENT, REDONE, UNDONE, RestoreRecord
from .restore_request import LATEST_VERIFIED, REPLACE, RestoreRequest

SAFETY = "safety"


@dataclass(frozen=True)
class Outline:
    """What a restore will do, as far as it is known before. ``safety`` is the id of a young backup, ``new``, or empty for none."""

    record: RestoreRecord
    label: str
    safety: str = ""
    roles: Tuple[str, ...] = ()
    services: Tuple[str, ...] = ()
    compared: bool = True


def choose_source(backups: Sequence[Backup], database: str, wanted: str, state: str = VERIFIED) -> Backup:
    """``latest-verified``, or an id of any database of the service."""
    if wanted == LATEST_VERIFIED:
        found = newest_wanted(backups, database, state)
        own = [backup for backup in backups if backup.manifest.subject == database]
        said = "none of them verified (safety backups do not count): verify one, or name one with allow_unverified=true"
        hint = f"{len(own)} backups of it are there, {said}." if own else ""
    else:
        found = next((backup for backup in newest_first(backups) if backup.id == wanted), None)
        hint = "backup_info lists those that are there."
    if found is None:
        raise BackupMissing(f"There is no backup {wanted} of {database}.", hint=hint or "There is no backup of it at all.", database=database, backup=wanted)
    return found


def newest_wanted(backups: Sequence[Backup], database: str, state: str) -> Optional[Backup]:
    """A safety backup holds what somebody was about to give up: nobody means it who does not name it."""
    return latest([backup for backup in backups if backup.manifest.purpose != SAFETY], database, state)


def plan_restore(outline: Outline, request: RestoreRequest) -> Plan:
    record = outline.record
    make = [Step("create_role", role) for role in outline.roles]
    young = "a new safety backup" if outline.safety == "new" else f"{outline.safety} is young enough"
    back_up = [Step("back_up", record.database, young)] if outline.safety else []
    fill = [Step("restore", record.coming_name, outline.label), Step("compare" if outline.compared else "count", record.coming_name)]
    stop = [Step("stop", service) for service in outline.services]
    fill += [Step("mask", record.coming_name, request.masking.summary)] if request.masking else []
    if request.mode == REPLACE and record.live_oid is not None:
        steps = [*stop, *back_up, Step("drop", record.database), *make, *fill, Step("rename", record.coming_name, f"to {record.database}")]
    else:
        swap = f"kept as {record.aside_name}" if record.live_oid is not None else "nothing was there before"
        steps = [*back_up, *make, *fill, *stop, Step("swap", record.database, swap)]
    steps += [Step("start", service) for service in outline.services]
    before, after = {record.database: "live" if record.live_oid is not None else None}, {record.database: f"restored from {outline.label}"}
    if record.live_oid is not None and request.mode != REPLACE:
        after[record.aside_name] = "what was live before"
    return Plan(before={"databases": before}, after={"databases": after}, steps=tuple(steps))


def plan_exchange(record: RestoreRecord, services: Sequence[str]) -> Plan:
    """Of a record that was prepared by ``prepare_exchange``."""
    steps = [Step("stop", service) for service in services]
    steps.append(Step("swap", record.database, f"{record.coming_name} becomes live, what is live now is kept as {record.aside_name}"))
    steps += [Step("start", service) for service in services]
    before = {record.database: "live", record.coming_name: "kept"}
    after = {record.database: f"what {record.coming_name} was", record.aside_name: "what was live before"}
    return Plan(before={"databases": before}, after={"databases": after}, steps=tuple(steps))


def prepare_exchange(records: Sequence[RestoreRecord], request: RestoreRequest, there: Mapping[str, int]) -> Optional[RestoreRecord]:
    """The record with the exchange that ``undone`` or ``redone`` asks for; None when that was the last thing done already."""
    chosen = _choose(records, request)
    if chosen.position == request.state or (request.state == REDONE and chosen.position == PRESENT):
        return None
    kept = chosen.kept
    if kept is None or there.get(kept.name) != kept.oid or request.database not in there:
        raise NothingToUndo(
            f"What restore {chosen.run_id} of {request.database} kept is not there any more.", hint="Restore a backup instead.", restore_id=chosen.run_id
        )
    aside = beside(request.database, REDO if request.state == UNDONE else UNDO, chosen.run_id)
    return chosen.at(
        "planned", operation=request.state, live_oid=there[request.database], coming_name=kept.name, coming_oid=kept.oid, aside_name=aside, containers=()
    )


def _choose(records: Sequence[RestoreRecord], request: RestoreRequest) -> RestoreRecord:
    own = [record for record in records if record.database == request.database and (not request.restore_id or record.run_id == request.restore_id)]
    if not own:
        which = f" {request.restore_id}" if request.restore_id else ""
        raise NothingToUndo(f"There is no restore{which} of {request.database}.", hint="Restore a backup instead.", database=request.database)
    return max(own, key=lambda record: record.run_id)


class AnyRecord(Protocol):
    """What records of all kinds of restores tell."""

    @property
    def run_id(self) -> str: ...

    @property
    def database(self) -> str: ...

    @property
    def stage(self) -> str: ...

    @property
    def finished(self) -> bool: ...

    @property
    def kept(self) -> Any: ...


Record = TypeVar("Record", bound=AnyRecord)


def require_finished(records: Sequence[AnyRecord], database: str, module: str = "postgres_restore") -> None:
    for record in records:
        if record.database == database and not record.finished:
            raise RestoreUnfinished(
                f"Restore {record.run_id} of {database} died at the stage {record.stage}.",
                hint=f"Run {module} with state=recovered, then again.",
                restore_id=record.run_id,
                stage=record.stage,
            )


def require_same(record: RestoreRecord, there: Mapping[str, int]) -> None:
    """Before a database is touched by its name, that name has to mean what it meant when the record was made."""
    expected = {record.database: record.live_oid, record.coming_name: record.coming_oid}
    other = sorted(name for name, oid in expected.items() if there.get(name) != oid)
    if other:
        raise SwapFailed(
            f"Somebody else exchanged, made or dropped {', '.join(other)} since restore {record.run_id} looked.",
            hint="Look at the databases of the server (postgres_info), and run again.",
            databases=other,
        )


def require_confirmation(request: RestoreRequest, stack: str, plan: Plan) -> None:
    """The name of what is exchanged, or of its stack; a replacement asks a second time."""
    would = "; ".join(" ".join(part for part in (step.action, step.target, f"({step.detail})" if step.detail else "") if part) for step in plan.steps)
    if request.confirm not in (request.database, stack):
        raise ConfirmationMissing(
            f"This exchanges the database {request.database} of stack {stack}: {would}. Nothing was done.",
            hint=f"If that is meant, give confirm: {request.database}",
            would=[step.action for step in plan.steps],
        )
    if request.state == PRESENT and request.mode == REPLACE and request.confirm_replace != request.database:
        raise ConfirmationMissing(
            f"mode=replace drops the database {request.database} before the backup is restored: {would}. Nothing was done.",
            hint=f"If that is meant, give confirm_replace: {request.database}",
            would=[step.action for step in plan.steps],
        )


def expired(records: Sequence[Record], now: datetime, seconds: int) -> List[Record]:
    """Finished restores whose kept data is older than that, or that kept none and are older themselves; oldest first."""
    until = now - timedelta(seconds=seconds)
    old = [record for record in records if record.finished and _since(record) <= until]
    return sorted(old, key=lambda record: record.run_id)


def _since(record: AnyRecord) -> datetime:
    return datetime.strptime(record.kept.since, TIME_FORMAT) if record.kept else begun(record.run_id)
