# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a lease is taken, renewed, freed and broken."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Optional

from .lease import Lease, LeaseHeld, LeaseNotYours, LeaseRecord, Moment, lease_lost
from .plan import Plan, Step

DEFAULT_EXPIRES_AFTER = 120


@dataclass(frozen=True)
class LeaseChange:
    """What becomes of a record. Without ``event`` nothing happened that people need to read in the journal."""

    before: LeaseRecord
    after: LeaseRecord
    action: str = ""
    detail: str = ""
    event: str = ""
    event_facts: Dict[str, Any] = field(default_factory=dict)

    def to_plan(self, now: Moment, with_token: bool) -> Plan:
        steps = (Step(self.action, self.after.name, self.detail),) if self.action else ()
        return Plan(_summary(self.before), _summary(self.after), steps, {"lease": self.lease_facts(now, with_token)})

    def lease_facts(self, now: Moment, with_token: bool = True) -> Dict[str, Any]:
        """The lease as results show it: the same keys, whether or not it is held."""
        holder = self.after.holder
        if holder is not None and holder.is_expired(now):
            holder = None
        free = {name: "" for name in ("owner", "operation", "reason", "host", "since", "until", "heartbeat")}
        return {
            **(holder.facts() if holder else free),
            "name": self.after.name,
            "token": holder.token if holder and with_token else "",
            "held": holder is not None,
            "expires_after": holder.expires_after if holder else 0,
            "seconds_left": max(0, round(holder.seconds_left(now))) if holder else 0,
        }


@dataclass(frozen=True)
class Claim:
    """Who wants to hold a lease and for what. ``token`` is the one held so far, ``new_token`` the one to be given."""

    owner: str
    operation: str
    reason: str
    host: str
    new_token: str
    token: str = ""
    expires_after: Optional[int] = None

    def lease(self, now: Moment) -> Lease:
        return Lease(
            owner=self.owner,
            operation=self.operation,
            reason=self.reason,
            token=self.new_token,
            host=self.host,
            expires_after=self.expires_after or DEFAULT_EXPIRES_AFTER,
            since=now.text,
        ).renewed(now)


def hold(record: LeaseRecord, claim: Claim, now: Moment) -> LeaseChange:
    """Renews the lease for its owner, or takes it when nobody holds it."""
    record.refuse_damage()
    holder, ended = record.holder, record.ended(claim.token)
    expired = holder is not None and holder.is_expired(now)
    if holder is not None and claim.token == holder.token and not expired:
        return LeaseChange(record, replace(record, holder=holder.renewed(now, claim.expires_after)))
    # Whoever freed a lease may take it anew; whoever lost one must look first.
    if (holder is not None and claim.token == holder.token) or (ended is not None and ended.ended != "freed"):
        raise lease_lost(record, claim.token, now)
    if holder is not None and not expired:
        raise _lease_held(record, holder, now)
    taken = replace(record.without_holder("expired", claim.owner, now), holder=claim.lease(now))
    facts = {"owner": claim.owner, "operation": claim.operation, "reason": claim.reason, "expires_after": taken.holder.expires_after}
    if holder is None:
        return LeaseChange(record, taken, "take", claim.operation, "lease_taken", facts)
    detail = f"{claim.operation} (the lease of {holder.owner} expired at {holder.until})"
    facts["expired"] = holder.facts()
    return LeaseChange(record, taken, "take_over", detail, "lease_taken_over", facts)


def free(record: LeaseRecord, token: str, outcome: str, now: Moment) -> LeaseChange:
    """Ends the lease for its owner; nothing is left to do when nobody holds it."""
    record.refuse_damage()
    holder = record.holder
    if holder is not None and token and holder.token == token:
        facts = {**_past(holder), "outcome": outcome, "expired": holder.is_expired(now)}
        after = record.without_holder("freed", holder.owner, now)
        return LeaseChange(record, after, "free", outcome, "lease_freed", facts)
    if holder is not None and record.ended(token) is not None:
        raise lease_lost(record, token, now)
    if holder is not None and not holder.is_expired(now):
        raise LeaseNotYours(
            f"The {record.name} lease of stack {record.stack} is not this run's to free: it is held for {holder.for_people(now)}.",
            hint="Only its owner frees it, with its token (lease_token). To end it all the same, break it (state=broken with a reason).",
            lease=record.name,
            stack=record.stack,
            holder=holder.facts(),
        )
    # An expired lease of somebody else is as good as none; whoever takes the lease next writes down that it expired.
    return LeaseChange(record, record)


def break_lease(record: LeaseRecord, by: str, reason: str, now: Moment) -> LeaseChange:
    """Ends the lease whoever holds it, and damaged ones."""
    holder = record.holder
    if holder is None and not record.damaged:
        return LeaseChange(record, record)
    after = record.without_holder("broken", by, now, reason)
    facts = {"by": by, "reason": reason, "broken": _past(holder) if holder else {}, "damaged": record.damaged}
    detail = f"{holder.owner}: {holder.operation}" if holder else "damaged"
    return LeaseChange(record, after, "break", detail, "lease_broken", facts)


def _lease_held(record: LeaseRecord, holder: Lease, now: Moment) -> LeaseHeld:
    return LeaseHeld(
        f"The {record.name} lease of stack {record.stack} is held for {holder.for_people(now)}. Nothing was done.",
        hint=(
            "Wait until it ends; without its owner's heartbeat it expires by itself. If that run is certainly dead, break the lease:"
            ' -e break_lease="why" (or state=broken with a reason); that is written down.'
        ),
        lease=record.name,
        stack=record.stack,
        holder=holder.facts(),
        seconds_left=round(holder.seconds_left(now)),
    )


def _past(holder: Lease) -> Dict[str, Any]:
    return {name: getattr(holder, name) for name in ("owner", "operation", "since", "heartbeat")}


def _summary(record: LeaseRecord) -> Dict[str, Any]:
    """What diff mode shows: no token, and no times that change by themselves."""
    holder = record.holder
    if holder is None:
        return {"lease": record.name, "held": False}
    return {"lease": record.name, "held": True, "owner": holder.owner, "operation": holder.operation, "reason": holder.reason}
