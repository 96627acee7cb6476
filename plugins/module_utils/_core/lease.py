# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lease: the right to work on a stack, which ends by itself unless its owner keeps renewing it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Mapping, Optional, Tuple

from .errors import OperationError

OPERATION = "operation"  # the lease that every changing run holds
_FORMER_KEPT = 20
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class LeaseHeld(OperationError):
    """Somebody else holds the lease. Nothing was done."""

    reason = "lease_held"

    def to_result(self) -> dict:
        return {**super().to_result(), "changed": False, "actions": []}


class LeaseLost(OperationError):
    """The lease was held under this token, and is not any more."""

    reason = "lease_lost"


class LeaseNotYours(OperationError):
    """Only the owner may free a lease."""

    reason = "lease_not_yours"


class LeaseUnreadable(OperationError):
    """The file of the lease is damaged."""

    reason = "lease_unreadable"


@dataclass(frozen=True)
class Moment:
    """One point in time by both clocks. ``boottime`` (seconds) counts only within the boot that ``boot_id`` names."""

    wall: datetime
    boottime: float
    boot_id: str

    @property
    def text(self) -> str:
        return self.wall.strftime(_TIME)


@dataclass(frozen=True)
class Lease:
    """Who works on the stack. Times are UTC; ``expires_after`` and ``boottime_until`` are seconds."""

    owner: str
    operation: str
    reason: str
    token: str
    host: str
    expires_after: int
    since: str
    heartbeat: str = ""
    until: str = ""
    boot_id: str = ""
    boottime_until: float = 0.0

    def renewed(self, now: Moment, expires_after: Optional[int] = None) -> "Lease":
        seconds = expires_after or self.expires_after
        return replace(
            self,
            expires_after=seconds,
            heartbeat=now.text,
            until=(now.wall + timedelta(seconds=seconds)).strftime(_TIME),
            boot_id=now.boot_id,
            boottime_until=now.boottime + seconds,
        )

    def seconds_left(self, now: Moment) -> float:
        """Within one boot the clock decides that nobody can set; after a reboot only the wall clock is left."""
        if self.boot_id and self.boot_id == now.boot_id:
            return self.boottime_until - now.boottime
        until = datetime.strptime(self.until, _TIME).replace(tzinfo=timezone.utc)
        return (until - now.wall).total_seconds()

    def is_expired(self, now: Moment) -> bool:
        return self.seconds_left(now) <= 0

    def for_people(self, now: Moment) -> str:
        left = self.seconds_left(now)
        state = f"{left:.0f} s left" if left > 0 else "expired"
        reason = f", because: {self.reason}" if self.reason else ""
        return f"{self.operation or 'an operation'}, by {self.owner}{reason}, since {self.since} until {self.until} ({state})"

    def facts(self) -> Dict[str, Any]:
        """What everybody may know: all but the token."""
        shown = ("owner", "operation", "reason", "host", "since", "until", "heartbeat")
        return {name: getattr(self, name) for name in shown}


@dataclass(frozen=True)
class EndedLease:
    """How a lease ended: ``freed``, ``expired`` (and taken over) or ``broken``; ``by`` is who ended it."""

    token: str
    ended: str
    by: str
    at: str
    reason: str = ""


@dataclass(frozen=True)
class LeaseRecord:
    """All that is known of one lease of one stack. The tokens that ended tell a lost lease from a foreign one."""

    stack: str
    name: str
    holder: Optional[Lease] = None
    former: Tuple[EndedLease, ...] = ()
    damaged: bool = False

    def to_dict(self) -> Dict[str, Any]:
        return {"holder": asdict(self.holder) if self.holder else None, "former": [asdict(ended) for ended in self.former]}

    def ended(self, token: str) -> Optional[EndedLease]:
        return next((ended for ended in reversed(self.former) if ended.token == token), None) if token else None

    def without_holder(self, ended: str, by: str, now: Moment, reason: str = "") -> "LeaseRecord":
        if self.holder is None:
            return replace(self, damaged=False)
        last = EndedLease(token=self.holder.token, ended=ended, by=by, at=now.text, reason=reason)
        return replace(self, holder=None, former=(*self.former, last)[-_FORMER_KEPT:], damaged=False)

    def refuse_damage(self) -> None:
        if self.damaged:
            raise LeaseUnreadable(
                f"The file of the {self.name} lease of stack {self.stack} is damaged, so nobody knows whether it is held.",
                hint=f"Make sure that nothing works on {self.stack}, then break the lease (state=broken with a reason).",
                lease=self.name,
                stack=self.stack,
            )


def parse_lease_record(stack: str, name: str, value: Any) -> LeaseRecord:
    """Reads what ``to_dict`` wrote; a record that makes no sense is marked as damaged, not taken for a free lease."""
    try:
        holder = value["holder"]
        return LeaseRecord(
            stack=stack,
            name=name,
            holder=_parse_lease(holder) if holder is not None else None,
            former=tuple(EndedLease(**_texts(EndedLease, ended)) for ended in value["former"]),
        )
    except (KeyError, TypeError, ValueError):
        return LeaseRecord(stack, name, damaged=True)


def require_lease(record: LeaseRecord, token: str, now: Moment) -> Lease:
    """The lease held under this token; raises LeaseLost when it is not, or not any more."""
    record.refuse_damage()
    holder = record.holder
    if holder is not None and holder.token == token and not holder.is_expired(now):
        return holder
    raise lease_lost(record, token, now)


def lease_lost(record: LeaseRecord, token: str, now: Moment) -> LeaseLost:
    """The error that says how the lease was lost and who holds it now."""
    holder, ended = record.holder, record.ended(token)
    if holder is not None and holder.token == token:
        how = f"it expired at {holder.until}, {-holder.seconds_left(now):.0f} s ago"
    elif ended is not None:
        words = {"expired": "it expired and was taken over by", "broken": "it was broken by", "freed": "it was freed by"}
        because = f" ({ended.reason})" if ended.reason else ""
        how = f"{words[ended.ended]} {ended.by} at {ended.at}{because}"
    else:
        how = "nothing is known of a lease with this token"
    foreign = holder is not None and holder.token != token and not holder.is_expired(now)
    whose = f" It is held now for {holder.for_people(now)}." if foreign and holder else " Nobody holds it now."
    return LeaseLost(
        f"This run does not hold the {record.name} lease of stack {record.stack} any more: {how}.{whose}",
        hint="Look at what the stack runs, then run the procedure again.",
        lease=record.name,
        stack=record.stack,
        ended=ended.ended if ended else "expired" if holder is not None and holder.token == token else "",
        holder=holder.facts() if foreign and holder else {},
    )


def _parse_lease(value: Mapping[str, Any]) -> Lease:
    numbers = {"expires_after": int(value["expires_after"]), "boottime_until": float(value["boottime_until"])}
    lease = Lease(**{**_texts(Lease, value), **numbers})
    datetime.strptime(lease.until, _TIME)  # what decides about expiry must be readable
    return lease


def _texts(kind: Any, value: Mapping[str, Any]) -> Dict[str, Any]:
    return {entry.name: str(value[entry.name]) for entry in fields(kind)}
