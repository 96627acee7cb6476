# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two servers of a pair say of their replication, and the promotion of one of them."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Dict, Tuple

from .._core.errors import OperationError
from .._core.postgres_failover import Replica, fork_of
from .._core.postgres_failover_errors import PromotionFailed
from .._core.wal import parse_lsn
from .postgres_session import PostgresSession

_PRIMARY = """
SELECT pg_is_in_recovery() AS in_recovery,
       (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
       CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn()::text END AS ends_at,
       ARRAY(SELECT host(client_addr) FROM pg_stat_replication WHERE state = 'streaming' AND client_addr IS NOT NULL) AS streams_to
"""
_REPLICA = """
SELECT pg_is_in_recovery() AS in_recovery,
       (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
       greatest((SELECT received_tli FROM pg_stat_wal_receiver),
                (SELECT timeline_id FROM pg_control_checkpoint()),
                (SELECT min_recovery_end_timeline FROM pg_control_recovery())) AS timeline,
       coalesce(pg_last_wal_receive_lsn(), '0/0')::text AS received,
       coalesce(pg_last_wal_replay_lsn(), '0/0')::text AS replayed,
       extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float AS replay_age,
       current_setting('synchronous_standby_names') AS synchronous_standby_names,
       current_setting('default_transaction_read_only')::bool AS default_read_only,
       has_function_privilege('pg_promote(boolean, integer)', 'EXECUTE') AS may_promote
"""
_TIMELINE = "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int"
_HISTORY = "SELECT pg_read_file('pg_wal/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '.history', 0, 1048576, true)"
# A commit that leaves nothing behind but a message in the log, which is on the disk before the commit returns.
_WRITE = "SELECT pg_logical_emit_message(true, 'runbook.compose', 'failover')::text AS at, pg_current_xact_id()::text AS transaction"
_WRITTEN = "SELECT pg_xact_status(%s::xid8) = 'committed' AND pg_current_wal_flush_lsn() > %s::pg_lsn"


def primary_facts(session: PostgresSession) -> Dict[str, Any]:
    """As named by the fields of Primary."""
    row = session.rows(_PRIMARY)[0]
    return {
        "in_recovery": row["in_recovery"],
        "system_identifier": row["system_identifier"],
        "end": parse_lsn(row["ends_at"]) if row["ends_at"] else None,
        "streams_to": tuple(row["streams_to"]),
    }


def look_at_replica(session: PostgresSession, service: str, addresses: Tuple[str, ...]) -> Replica:
    row = session.rows(_REPLICA)[0]
    row.update(service=service, addresses=addresses, received=parse_lsn(row["received"]), replayed=parse_lsn(row["replayed"]))
    if not row["in_recovery"]:
        row.update(timeline=session.value(_TIMELINE), replay_age=None)
        row["received"] = row["replayed"] = _fork(session)
    return Replica(**row)


def promote(session: PostgresSession, service: str, timeout: int) -> int:
    """Ends the recovery and proves that the server commits; its new timeline. A failure says how far it came."""
    promoted = False
    try:
        promoted = bool(session.value("SELECT pg_promote(true, %s)", (timeout,))) or not session.value("SELECT pg_is_in_recovery()")
        if not promoted:
            raise PromotionFailed(
                f"{service} was asked to become the primary and is still in recovery after {timeout} s.",
                hint="It may become it yet. The old primary stays stopped; run again, and look at the log of the replica.",
                promoted=False,
            )
        _prove(session, service)
        return session.value(_TIMELINE)
    except PromotionFailed:
        raise
    except OperationError as error:
        became = "is the primary now, but did not prove that it writes" if promoted else "was asked to become the primary, and the outcome is unknown"
        raise PromotionFailed(
            f"{service} {became}: {error}",
            hint="The old primary stays stopped. Look at the log of the replica, and run again.",
            promoted=promoted,
        ) from error


def _prove(session: PostgresSession, service: str) -> None:
    with session.transaction():
        session.execute("SET LOCAL synchronous_commit = on")
        written = session.rows(_WRITE)[0]
    if not session.value(_WRITTEN, (written["transaction"], written["at"])):
        raise PromotionFailed(
            f"{service} is the primary now, but a commit did not reach its disk.",
            hint="The old primary stays stopped. Look at the log of the replica.",
            promoted=True,
        )


def await_received(session: PostgresSession, end: int, seconds: float) -> None:
    """Until the replica has what the primary sent while it stopped. That it lacks something is judged afterwards."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        received = session.value("SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text")
        if received and parse_lsn(received) >= end:
            return
        time.sleep(0.1)


def _fork(session: PostgresSession) -> int:
    with contextlib.suppress(OperationError):  # not every role may read files: then it is not known
        return fork_of(session.value(_HISTORY))
    return 0
