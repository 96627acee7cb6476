# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a backup run, and what follows from it for every database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .backup_catalogue import DUMPED, RESTORED_AND_COMPARED, VERIFIED, Backup, latest, newest_first
from .backup_errors import BackupMissing, ClockWrong, RecipientInvalid, UnknownDatabase
from .backup_manifest import is_id
from .errors import BadInput
from .plan import Plan, Step

LEVELS = {"none": 0, "archive": 1, "restore": RESTORED_AND_COMPARED}
ASSERTED = 4
MIB = 2**20
AUTO, CUSTOM, DIRECTORY = "auto", "custom", "directory"
HELPER, EXEC = "helper", "exec"
# One worker of pg_dump takes about a minute for so much.
_LARGE = 10 * 2**30
# Databases that a restore makes beside the real one.
_OURS = re.compile(r"__(new|undo|redo)_[0-9A-Za-z-]+$")
_RECIPIENT = re.compile(r"age1[0-9a-z]{20,}|ssh-(ed25519|rsa) [A-Za-z0-9+/=]+( .*)?")
_CLOCK_TOLERANCE = timedelta(minutes=5)
# Without an earlier backup to go by: text compresses to less than this part of the space that it takes in the database.
_FIRST_ESTIMATE = 0.5
_SHRUNK = 0.2


@dataclass(frozen=True)
class BackupRequest:
    """Times in seconds. ``checksum_max_bytes`` of -1 takes no checksums."""

    state: str
    backup_dir: str
    databases: Tuple[str, ...] = ()
    purpose: str = "manual"
    min_age: int = 0
    verify: str = "restore"
    assertions: Tuple[str, ...] = ()
    checksum_max_bytes: int = 256 * MIB
    lock_wait_timeout: int = 60
    timeout: int = 14400
    floor_bytes: int = 1024 * MIB
    recipients: Tuple[str, ...] = ()
    identity_file: str = ""
    allow_same_disk: bool = False
    backup: str = "latest"
    level: int = RESTORED_AND_COMPARED
    format: str = AUTO
    jobs: int = 0
    transport: str = AUTO
    set_id: str = ""

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "BackupRequest":
        """Raises BadInput for what cannot be meant."""
        request = cls(
            **_shared(params),
            databases=tuple(dict.fromkeys(params["databases"])),
            assertions=tuple(params["assertions"]),
            checksum_max_bytes=params["checksum_max_mb"] * MIB if params["checksums"] else -1,
            lock_wait_timeout=params["lock_wait_timeout"],
            format=params["format"],
            jobs=params["jobs"],
            transport=params["transport"],
        )
        request._check()
        return request

    @classmethod
    def for_snapshot(cls, params: Mapping[str, Any], subject: str) -> "BackupRequest":
        """Of a server that is saved as a whole; raises BadInput for what cannot be meant."""
        request = cls(**_shared(params), databases=(subject,))
        request._check()
        return request

    @property
    def wanted_level(self) -> int:
        """The level of verification that a run asks for."""
        if self.state == "verified":
            return max(self.level, ASSERTED) if self.assertions else self.level
        return ASSERTED if self.assertions and self.verify == "restore" else LEVELS[self.verify]

    def _check(self) -> None:
        for name, least in (("min_age", 0), ("lock_wait_timeout", 1), ("timeout", 1), ("floor_bytes", 0), ("jobs", 0), ("checksum_max_bytes", -1)):
            if getattr(self, name) < least:
                raise BadInput(f"{name} must be at least {least}, but is {getattr(self, name)}.", hint="Correct the option.")
        if not self.backup_dir.startswith("/"):
            raise BadInput(f"backup_dir must be an absolute path, but is {self.backup_dir!r}.", hint="Set stack_backup.dir in the inventory.")
        if self.state == "verified" and len(self.databases) != 1:
            raise BadInput("state=verified needs exactly one database in databases.", hint="Name the database whose backup is to be verified.")
        if self.transport == EXEC and self.format == DIRECTORY:
            raise BadInput("transport=exec carries one stream, so format cannot be directory.", hint="Leave one of them out.")
        if self.assertions and self.wanted_level < RESTORED_AND_COMPARED:
            raise BadInput("assertions need verify=restore: they are asked of the restored copy.", hint="Leave them out, or verify by restoring.")
        if self.set_id and not is_id(self.set_id):
            raise BadInput(f"{self.set_id!r} is not the id of a set.", hint="Take it from the result of the other backup.")
        require_recipients(self.recipients)
        if self.recipients and not self.identity_file and self.state == "present" and self.wanted_level > 0:
            raise BadInput(
                f"verify={self.verify} has to read what is encrypted, and encryption.identity_file is not given.",
                hint="Give it, or use verify=none here and verify where the identity is kept.",
            )


def _shared(params: Mapping[str, Any]) -> Dict[str, Any]:
    """What every kind of backup is told."""
    encryption = params["encryption"] or {}
    same = ("state", "backup_dir", "purpose", "min_age", "verify", "timeout", "allow_same_disk", "backup", "level", "set_id")
    return {
        **{name: params[name] for name in same},
        "floor_bytes": params["space_floor_mb"] * MIB,
        "recipients": tuple(encryption.get("recipients") or ()),
        "identity_file": encryption.get("identity_file") or "",
    }


@dataclass(frozen=True)
class DatabaseSize:
    """A database that can be backed up."""

    name: str
    bytes: int


@dataclass(frozen=True)
class Decision:
    """``kept`` is the backup that is young enough, None when a new one is needed."""

    database: DatabaseSize
    kept: Optional[Backup]
    estimate_bytes: int
    newest: Optional[Backup]
    proven: Optional[Backup]  # the newest verified one


def require_recipients(recipients: Iterable[str]) -> None:
    for recipient in recipients:
        if not _RECIPIENT.fullmatch(recipient):
            raise RecipientInvalid(
                f"{recipient!r} is not a public key of age (age1..., ssh-ed25519 ..., ssh-rsa ...).", hint="Correct encryption.recipients."
            )


def choose_databases(there: Sequence[DatabaseSize], wanted: Sequence[str]) -> List[DatabaseSize]:
    """The named ones, else all but those that a restore left beside the real ones."""
    by_name = {database.name: database for database in there}
    unknown = [name for name in wanted if name not in by_name]
    if unknown:
        raise UnknownDatabase(
            f"The server has no database {', '.join(map(repr, unknown))} that accepts connections.",
            hint=f"It has: {', '.join(sorted(by_name)) or 'none'}.",
            unknown=unknown,
        )
    return [by_name[name] for name in wanted] if wanted else [database for database in there if not is_ours(database.name)]


def is_ours(database: str) -> bool:
    """Whether the name is one that a restore gives."""
    return _OURS.search(database) is not None


def decide(databases: Iterable[DatabaseSize], backups: Sequence[Backup], request: BackupRequest, now: datetime) -> List[Decision]:
    """What to do for every database. Raises ClockWrong when the newest backup is not from the past."""
    for backup in newest_first(backups):
        if backup.manifest.created > now + _CLOCK_TOLERANCE:
            raise ClockWrong(
                f"Backup {backup.id} of {backup.manifest.subject} is from the future: it says {backup.manifest.started}, and the clock {now.isoformat()}Z.",
                hint="Correct the clock; if the backup was made with a wrong one, remove it. Until then nobody can tell which backup is the latest.",
                backup=backup.id,
            )
    return [_decide(database, backups, request, now) for database in databases]


def _decide(database: DatabaseSize, backups: Sequence[Backup], request: BackupRequest, now: datetime) -> Decision:
    newest, proven = latest(backups, database.name), latest(backups, database.name, VERIFIED)
    young = [backup for backup in (newest, proven) if backup and _is_enough(backup, request, now)]
    return Decision(database, young[0] if young else None, _estimate(database, newest), newest, proven)


def _is_enough(backup: Backup, request: BackupRequest, now: datetime) -> bool:
    proven = max((one.level for one in backup.verifications if one.outcome == "passed"), default=0)
    return now - backup.manifest.created < timedelta(seconds=request.min_age) and proven >= request.wanted_level


def choose_format(database: DatabaseSize, request: BackupRequest, free: int) -> str:
    """Several workers for a large database, where the disk has room for the dump before compression as well."""
    if request.format != AUTO:
        return request.format
    room = free - request.floor_bytes - round(database.bytes * (1 + _FIRST_ESTIMATE))
    return DIRECTORY if database.bytes >= _LARGE and room >= 0 else CUSTOM


def _estimate(database: DatabaseSize, newest: Optional[Backup]) -> int:
    known = newest.manifest.content.get("database_bytes") if newest else None
    if newest and isinstance(known, int) and known > 0:
        return round(database.bytes * newest.manifest.bytes / known)
    return round(database.bytes * _FIRST_ESTIMATE)


def shrunk(size: int, proven: Optional[Backup]) -> str:
    """A sentence when a dump is far smaller than the last verified one (both before compression); empty when it is not."""
    before = max((file.plain_bytes for file in proven.manifest.files), default=0) if proven else 0
    if size >= before * _SHRUNK:
        return ""
    return f"The dump has {size} bytes, the last verified one had {before}: less than a fifth is left."


def plan_run(decisions: Sequence[Decision], request: BackupRequest) -> Plan:
    """``before`` and ``after`` are the latest backups; an id that is not made yet is said to be new."""
    steps = [step for decision in decisions if decision.kept is None for step in _steps(decision, request)]
    before = {decision.database.name: decision.newest.id if decision.newest else None for decision in decisions}
    made = {decision.database.name: "new" for decision in decisions if decision.kept is None}
    return Plan(before={"latest": before}, after={"latest": {**before, **made}}, steps=tuple(steps))


def _steps(decision: Decision, request: BackupRequest) -> List[Step]:
    steps = [Step("back_up", decision.database.name, f"about {decision.estimate_bytes} bytes")]
    return steps + ([Step("verify", decision.database.name, f"level {request.wanted_level}")] if request.wanted_level else [])


def choose_backup(backups: Sequence[Backup], database: str, wanted: str) -> Backup:
    """``latest``, ``latest_unverified`` or an id, of one database."""
    own = [backup for backup in newest_first(backups) if backup.manifest.subject == database]
    if wanted == "latest":
        found = own[:1]
    elif wanted == "latest_unverified":
        found = [backup for backup in own if backup.state == DUMPED][:1]
    else:
        found = [backup for backup in own if backup.id == wanted]
    if not found:
        raise BackupMissing(f"There is no backup {wanted} of {database}.", hint="backup_info lists those that are there.", database=database, backup=wanted)
    return found[0]
