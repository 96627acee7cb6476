# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a replica may become the primary, and what that would lose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping, Optional, Sequence, Tuple

from .plan import Plan, Step
from .postgres_failover_errors import LossUnknown, ReplicaBehind, ReplicaUnfit, TwoPrimaries
from .wal import parse_lsn

CLEANLY_STOPPED = "shut down"  # pg_controldata's word, in the locale C
STOPPED_STATES = ("created", "exited", "dead")
_WITHOUT_RESTART = ("", "no")


@dataclass(frozen=True)
class Primary:
    """What is known of the old primary. ``container_state`` is the engine's word, ``absent`` without a container.

    ``in_recovery`` is None when it does not answer. ``end`` is the end of its log, None when nobody knows it.
    ``marked`` says that its data directory has a standby.signal, with which it starts read-only.
    """

    service: str
    container_state: str
    restart_policy: str = ""
    marked: bool = False
    in_recovery: Optional[bool] = None
    system_identifier: str = ""
    end: Optional[int] = None
    streams_to: Tuple[str, ...] = ()

    @property
    def stopped(self) -> bool:
        return self.container_state == "absent" or self.container_state in STOPPED_STATES

    @property
    def fenced(self) -> bool:
        """Stopped, not brought back by the engine, and read-only should somebody start it."""
        return self.container_state == "absent" or (self.stopped and self.restart_policy in _WITHOUT_RESTART and self.marked)

    @property
    def writes(self) -> bool:
        return self.in_recovery is False


@dataclass(frozen=True)
class Replica:
    """What is known of the replica. ``addresses`` are those of its container; ``replay_age`` is the age in seconds of the last commit it has.

    Of one that was promoted, ``received`` and ``replayed`` are where its timeline left the primary's, 0 when that is not known.
    """

    service: str
    in_recovery: bool
    system_identifier: str
    timeline: int
    received: int = 0
    replayed: int = 0
    replay_age: Optional[float] = None
    addresses: Tuple[str, ...] = ()
    synchronous_standby_names: str = ""
    default_read_only: bool = False
    may_promote: bool = True


@dataclass(frozen=True)
class Limits:
    """``unknown_loss`` is refuse or accept."""

    max_lag_bytes: int
    max_lag_seconds: float
    unknown_loss: str = "refuse"


@dataclass(frozen=True)
class Lag:
    """``bytes`` are written and not replayed, ``missing`` are not even received; both None when the primary's end is not known."""

    bytes: Optional[int]
    missing: Optional[int]
    seconds: Optional[float]


def stopped_end(control: Mapping[str, str]) -> Optional[int]:
    """Where a stopped primary's log ends, by pg_controldata: before its last checkpoint record when it was stopped cleanly, else unknown."""
    if control.get("Database cluster state") != CLEANLY_STOPPED:
        return None
    return parse_lsn(control["Latest checkpoint location"])


def fork_of(history: Optional[str]) -> int:
    """Where a timeline left the one before, by its history file; 0 when there is none."""
    lines = [line.split() for line in (history or "").splitlines() if line.strip() and not line.startswith("#")]
    return parse_lsn(lines[-1][1]) if lines else 0


def parse_control(text: str) -> Dict[str, str]:
    """The lines of pg_controldata as a mapping."""
    pairs = [line.partition(":") for line in text.splitlines()]
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def lag_of(primary: Primary, replica: Replica) -> Lag:
    if primary.end is None:
        return Lag(None, None, replica.replay_age)
    behind = max(0, primary.end - replica.replayed)
    return Lag(behind, max(0, primary.end - max(replica.received, replica.replayed)), replica.replay_age if behind else 0.0)


def is_done(primary: Primary, replica: Replica) -> bool:
    """Whether the replica is the primary already. Raises where that would be a wrong or a dangerous answer."""
    if replica.in_recovery:
        return False
    if primary.system_identifier and primary.system_identifier != replica.system_identifier:
        raise _not_of_this_primary(primary, replica)
    if primary.writes and primary.service != replica.service:
        raise TwoPrimaries(
            f"Both {primary.service} and {replica.service} accept writes; what is written to one is not on the other.",
            hint="Find out which one the application uses, stop the other (playbooks/service/state.yml), and compare them. "
            f"Nothing was done to {replica.service}.",
            services=[primary.service, replica.service],
        )
    if replica.timeline < 2:
        raise ReplicaUnfit(
            f"{replica.service} is no replica, and never was one (timeline {replica.timeline}).",
            hint="Check stack_postgres.failover.replica in the inventory.",
            replica=replica.service,
        )
    return True


def check_replica(primary: Primary, replica: Replica) -> None:
    """Raises ReplicaUnfit unless it replicates this primary and would accept writes after its promotion."""
    if primary.system_identifier and primary.system_identifier != replica.system_identifier:
        raise _not_of_this_primary(primary, replica)
    if primary.in_recovery:
        raise ReplicaUnfit(
            f"{primary.service} is itself a replica, so there is nothing to fail over from.",
            hint="Check stack_services.postgres in the inventory.",
            primary=primary.service,
        )
    if primary.writes and not set(primary.streams_to) & set(replica.addresses):
        raise ReplicaUnfit(
            f"{primary.service} does not stream to {replica.service} ({', '.join(replica.addresses)}) now.",
            hint="Look at the replica's log (playbooks/service/status.yml), and at primary_conninfo and pg_hba.conf.",
            replica=replica.service,
            streams_to=list(primary.streams_to),
        )
    in_the_way = _settings_in_the_way(replica)
    if in_the_way:
        raise ReplicaUnfit(
            f"{replica.service} would not accept writes as a primary: {' and '.join(in_the_way)}.",
            hint=f"Change that on {replica.service} first (postgres_settings with service={replica.service}).",
            replica=replica.service,
            settings=in_the_way,
        )


def check_lag(primary: Primary, replica: Replica, limits: Limits) -> Lag:
    """Raises unless the replica has enough of the primary's log."""
    lag = lag_of(primary, replica)
    facts = {"replica": replica.service, "lag_bytes": lag.bytes, "missing_bytes": lag.missing, "lag_seconds": lag.seconds}
    if lag.bytes is None:
        if limits.unknown_loss == "accept":
            return lag
        raise LossUnknown(
            f"Where the log of {primary.service} ends is not known ({_why_unknown(primary)}), so nobody can tell what {replica.service} lacks; "
            f"its last commit is {_ago(lag.seconds)}.",
            hint=f"Start {primary.service} if that is possible. If it is lost, accept the unknown loss (unknown_loss=accept).",
            **facts,
        )
    late = lag.seconds is not None and lag.seconds > limits.max_lag_seconds
    if lag.bytes > limits.max_lag_bytes or late:
        raise ReplicaBehind(
            f"{replica.service} is behind {primary.service}: {lag.bytes} bytes ({limits.max_lag_bytes} allowed), of which {lag.missing} are not received; "
            f"its last commit is {_ago(lag.seconds)} ({limits.max_lag_seconds:g} s allowed).",
            hint="Wait until it has caught up, find out why it does not replay, or allow more (max_lag_bytes, max_lag_seconds).",
            **facts,
        )
    return lag


def plan_failover(primary: Primary, replica: Replica, limits: Limits) -> Plan:
    """Raises when the gate is closed. A replica that is the primary already leaves only the fence to complete."""
    done = is_done(primary, replica)
    if not done:
        check_replica(primary, replica)
    # The mark is put only after a promotion was proven. Without it, the primary may have gone on after this replica left it.
    lag = lag_of(primary, replica) if done and primary.marked else check_lag(primary, replica, limits)
    facts = {
        "promoted": done,
        "primary": replica.service if done else primary.service,
        "lag_bytes": lag.bytes,
        "lag_seconds": lag.seconds,
        "lost_bytes": lag.missing,
        "unavailable_ms": 0,
        "timeline_before": replica.timeline,
        "timeline_after": replica.timeline,
        "old_primary": {"service": primary.service, "state": primary.container_state, "fenced": primary.fenced},
    }
    before = {primary.service: primary.container_state, replica.service: _part(done)}
    after = {primary.service: _state_after(primary), replica.service: _part(True)}
    return Plan(before, after, _steps(primary, replica, done), facts)


def _steps(primary: Primary, replica: Replica, done: bool) -> Tuple[Step, ...]:
    unfenced = not primary.fenced and not _harmless(primary, done)
    fence = (Step("fence", primary.service, "stopped, not restarted by the engine, read-only should somebody start it"),) if unfenced else ()
    return fence if done else (*fence, Step("promote", replica.service))


def _harmless(primary: Primary, done: bool) -> bool:
    """An old primary that somebody started again, and that came up read-only as it was marked to."""
    return done and primary.in_recovery is True


def _state_after(primary: Primary) -> str:
    return primary.container_state if primary.stopped or primary.in_recovery else "exited"


def _part(is_primary: bool) -> str:
    return "primary" if is_primary else "replica"


def _settings_in_the_way(replica: Replica) -> Sequence[str]:
    found = []
    if replica.synchronous_standby_names:
        found.append(f"synchronous_standby_names is {replica.synchronous_standby_names!r}, and commits would wait for them")
    if replica.default_read_only:
        found.append("default_transaction_read_only is on")
    if not replica.may_promote:
        found.append("the role may not call pg_promote")
    return found


def _not_of_this_primary(primary: Primary, replica: Replica) -> ReplicaUnfit:
    return ReplicaUnfit(
        f"{replica.service} is a server of its own and no replica of {primary.service}: their system identifiers differ.",
        hint="Check stack_postgres.failover.replica in the inventory.",
        replica=replica.service,
        system_identifiers={primary.service: primary.system_identifier, replica.service: replica.system_identifier},
    )


def _why_unknown(primary: Primary) -> str:
    if primary.container_state == "absent":
        return "its container is gone"
    return "it was not stopped cleanly" if primary.stopped else "it runs and does not answer"


def _ago(seconds: Optional[float]) -> str:
    return "of unknown age" if seconds is None else f"{seconds:.1f} s old"


def recovery_of_the_old(primary: str, replica: str, lost_bytes: Optional[int]) -> str:
    """How the old primary becomes a replica of the new one."""
    if lost_bytes == 0:
        return (
            f"{primary} lost nothing and may follow: set primary_conninfo to {replica} in its postgresql.auto.conf and start it; its standby.signal is there. "
            "Otherwise make it anew with pg_basebackup."
        )
    return (
        f"{primary} has log that {replica} does not have. Keep its volume until what was lost is looked at; "
        f"then run pg_rewind against {replica}, or make it anew with pg_basebackup."
    )
