# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's readiness for receiving its log, and what is wrong with the receiving."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import BadInput
from .pitr import Base, Reach
from .wal import Wal, lsn_text, parse_lsn

UNLIMITED = -1
_SPARE_SENDERS = 3  # the receiver, a base backup, and the log that goes with it


class PitrNotPossible(BadInput):
    """Settings or tablespaces of the server, or the rights of the role, do not allow it."""

    reason = "pitr_not_possible"


@dataclass(frozen=True)
class Slot:
    """The replication slot, with the connection that uses it. ``lag_seconds`` is None when nothing tells."""

    wal_status: str
    restart_lsn: str
    kept_bytes: int
    safe_bytes: Optional[int]
    active_pid: Optional[int] = None
    state: str = ""
    received_lsn: str = ""
    lag_seconds: Optional[float] = None
    sync_state: str = ""

    @property
    def lost(self) -> bool:
        return self.wal_status == "lost"

    @property
    def streaming(self) -> bool:
        return self.state == "streaming" and not self.lost


@dataclass(frozen=True)
class Server:
    """What the server says of itself, in one look. ``now`` is its clock, read before its position ``lsn``."""

    now: str
    lsn: str
    version: int
    system_identifier: str
    in_recovery: bool
    wal_level: str
    free_senders: int
    free_slots: int
    slot_limit_mb: int
    segment_bytes: int
    may_replicate: bool
    username: str
    superuser: str
    data_directory: str
    tablespaces: Tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    slot: Optional[Slot] = None

    @property
    def caught_up(self) -> bool:
        slot = self.slot
        return slot is not None and slot.streaming and bool(slot.received_lsn) and parse_lsn(slot.received_lsn) >= parse_lsn(self.lsn)


def require_possible(server: Server, limit_mb: int) -> None:
    """Raises PitrNotPossible with everything that stands in the way. ``limit_mb`` as the option ``max_slot_wal_keep_mb``."""
    missing = _missing(server)
    if server.slot is None and server.free_slots < 1:
        missing.append("no replication slot is free (max_replication_slots)")
    if server.free_senders < (_SPARE_SENDERS - (1 if server.slot and server.slot.active_pid else 0)):
        missing.append(f"fewer than {_SPARE_SENDERS} connections for replication are free (max_wal_senders)")
    if limit_mb == 0 and server.slot_limit_mb == UNLIMITED:
        missing.append("max_slot_wal_keep_size is unlimited, so a receiver that stops would fill the server's disk: give max_slot_wal_keep_mb")
    _refuse(missing)


def require_base_possible(server: Server) -> None:
    missing = _missing(server)
    if server.tablespaces:
        missing.append(f"base backups with tablespaces are not supported ({', '.join(server.tablespaces)})")
    _refuse(missing)


def _missing(server: Server) -> List[str]:
    missing = []
    if server.in_recovery:
        missing.append("the server is a replica: ask the primary")
    if server.wal_level not in ("replica", "logical"):
        missing.append(f"wal_level is {server.wal_level}, and replica is needed")
    if not server.may_replicate:
        missing.append(f"role {server.username} has neither SUPERUSER nor REPLICATION")
    return missing


def _refuse(missing: Sequence[str]) -> None:
    if missing:
        raise PitrNotPossible(
            f"The server cannot be recovered to a point in time as it is: {'; '.join(missing)}.",
            hint="Settings are changed with playbooks/postgres/settings.yml. Nothing was done.",
            missing=list(missing),
        )


_RECEIVER_PROBLEMS = {
    "absent": "There is a replication slot and no receiver: the server keeps its log for nobody.",
    "stranded": "The receiver belongs to an earlier container of the server, and reaches nothing.",
    "stopped": "The receiver does not run.",
    "outdated": "The receiver was made for other settings than the present ones.",
    "not_streaming": "The receiver runs, and nothing arrives.",
}
_REPAIR = "Run state=enabled."


@dataclass(frozen=True)
class Situation:
    """All that problems are found in. ``fault`` is of the receiver; ``server`` is None when it could not be asked."""

    enabled: bool
    server: Optional[Server]
    fault: str
    bases: Sequence[Base]
    unreadable: Sequence[str]
    reaches: Sequence[Reach]
    wal: Wal


def problems(seen: Situation) -> List[Dict[str, str]]:
    """The worst first; empty when every time since the oldest base can be reached."""
    found: List[Tuple[str, str]] = []
    if not seen.enabled:
        return []
    slot = seen.server.slot if seen.server else None
    if seen.server and slot is None:
        found.append(("slot_missing", f"The replication slot is gone, so the server may remove log before it is received. {_REPAIR}"))
    if slot and slot.lost:
        found.append(("slot_lost", f"The server removed log before it was received. {_REPAIR} Then take a base backup."))
    elif slot and slot.wal_status == "unreserved":
        found.append(("slot_unreserved", "The server is about to remove log that was not received: the receiver is too far behind."))
    if seen.fault:
        found.append((f"receiver_{seen.fault}", f"{_RECEIVER_PROBLEMS[seen.fault]} {_REPAIR}"))
    if slot and slot.sync_state in ("sync", "quorum"):
        found.append(("receiver_synchronous", "Transactions wait for the receiver: take it out of synchronous_standby_names."))
    found += [("base_unreadable", f"{name} is not the description of a base backup.") for name in seen.unreadable]
    return [{"problem": name, "message": text} for name, text in (*found, *_of_the_log(seen))]


def _of_the_log(seen: Situation) -> List[Tuple[str, str]]:
    found = [("wal_damaged", f"{path} has not the size of a segment.") for path in seen.wal.damaged]
    for base in seen.bases:
        if seen.server and base.system_identifier != seen.server.system_identifier:
            found.append(("base_of_another_server", f"Base backup {base.id} was taken from another cluster."))
        elif all(reach.base.id != base.id for reach in seen.reaches):
            found.append(("wal_gap", f"Segment {_first_missing(base, seen.wal)} is missing, without which base backup {base.id} is of no use."))
    for gap in sorted({reach.gap for reach in seen.reaches if reach.gap}):
        found.append(("wal_gap", f"Segment {gap} is missing or incomplete; only base backups after it lead further."))
    newest = max(seen.reaches, key=lambda reach: reach.base.finished, default=None)
    if newest is None or newest.gap:
        found.append(("no_base", "No base backup leads to the present. Take one (state=base_backup)."))
    return found


def _first_missing(base: Base, wal: Wal) -> str:
    last = wal.run_end(base.first_segment)
    return wal.name(base.first_segment if last is None else last + 1)


def slot_facts(server: Optional[Server]) -> Dict[str, Any]:
    """As results show it; empty values where there is no slot."""
    slot = server.slot if server else None
    behind = max(0, parse_lsn(server.lsn) - parse_lsn(slot.received_lsn)) if server and slot and slot.received_lsn else None
    return {
        "exists": slot is not None,
        "wal_status": slot.wal_status if slot else "",
        "kept_bytes": slot.kept_bytes if slot else 0,
        "safe_bytes": slot.safe_bytes if slot else None,
        "received_lsn": slot.received_lsn if slot else "",
        "current_lsn": lsn_text(parse_lsn(server.lsn)) if server else "",
        "lag_bytes": behind,
        "lag_seconds": 0.0 if behind == 0 else slot.lag_seconds if slot else None,
        "limit_mb": server.slot_limit_mb if server else None,
    }
