# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says about receiving its log, and the few things that are changed there: slot, limit, a mark in the log."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping, Optional

from .._core.pitr import time_text
from .._core.pitr_state import Server, Slot
from .._core.postgres_settings import SettingChange, decide_settings
from .._core.wal import parse_lsn
from .._core.wal_receiver import SLOT
from .postgres_configuration import PostgresConfiguration
from .postgres_session import PostgresSession
from .postgres_target import PostgresTarget

# What a server that goes through this log has to have at least, or has to have loaded.
_NEEDED = ["max_connections", "max_wal_senders", "max_prepared_transactions", "max_locks_per_transaction", "shared_preload_libraries"]
_SERVER = """
SELECT clock_timestamp() AS now, pg_is_in_recovery() AS in_recovery, current_setting('server_version_num')::int AS version,
  (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier, current_setting('wal_level') AS wal_level,
  current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication)::int AS free_senders,
  current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots)::int AS free_slots,
  (SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS slot_limit_mb,
  (SELECT setting::int FROM pg_settings WHERE name = 'wal_segment_size') AS segment_bytes,
  current_user AS username, (SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user) AS may_replicate,
  (SELECT rolname FROM pg_roles WHERE oid = 10) AS superuser, current_setting('data_directory') AS data_directory,
  (SELECT coalesce(array_agg(spcname::text ORDER BY spcname), '{}') FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')) AS tablespaces,
  (SELECT json_object_agg(name, setting) FROM pg_settings WHERE name = ANY(%s)) AS settings
"""
# After the clock: what was committed by then lies before this position.
_POSITION = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END::text"
_SLOT = """
SELECT coalesce(s.wal_status, '') AS wal_status, coalesce(s.restart_lsn::text, '') AS restart_lsn, s.active_pid, s.safe_wal_size AS safe_bytes,
  CASE WHEN pg_is_in_recovery() THEN 0 ELSE coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0) END::bigint AS kept_bytes,
  coalesce(r.state, '') AS state, coalesce(r.flush_lsn::text, '') AS received_lsn, extract(epoch FROM r.flush_lag)::float AS lag_seconds,
  coalesce(r.sync_state, '') AS sync_state
FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name = %s AND s.slot_type = 'physical'
"""
_POLL_SECONDS = 0.1
_RELOAD_SECONDS = 10.0
_LIMIT = "max_slot_wal_keep_size"


class PitrServer:
    """Opens a session for each look: between them the server may be restarted."""

    def __init__(self, target: PostgresTarget) -> None:
        self._target = target
        self._configuration = PostgresConfiguration(target)

    def look(self) -> Server:
        with self._open() as session:
            row = session.rows(_SERVER, (_NEEDED,))[0]
            position = session.value(_POSITION)
            slot = _slot(session)
        known = {name: value for name, value in row.items() if name not in ("now", "tablespaces")}
        return Server(now=time_text(row["now"]), lsn=position, slot=slot, tablespaces=tuple(row["tablespaces"]), **known)

    def limit_changes(self, megabytes: int) -> List[SettingChange]:
        """Of ``max_slot_wal_keep_size``; empty when it is so."""
        wanted = {_LIMIT: f"{megabytes}MB"}
        return decide_settings(self._configuration.look([_LIMIT]), wanted, [], False)

    def set_limit(self, changes: List[SettingChange]) -> None:
        self._configuration.write(changes, _RELOAD_SECONDS)

    def create_slot(self) -> None:
        """It keeps the log from now on, not only from the first connection."""
        with self._open() as session:
            session.value("SELECT pg_create_physical_replication_slot(%s, true)::text", (SLOT,))

    def drop_slot(self, seconds: float) -> None:
        """Ends what still uses it; a slot that is gone already is fine."""
        until = time.monotonic() + seconds
        with self._open() as session:
            while True:
                slot = _slot(session)
                if slot is None:
                    return
                if slot.active_pid is None or time.monotonic() >= until:
                    session.execute("SELECT pg_drop_replication_slot(%s)", (SLOT,))
                    return
                session.value("SELECT pg_terminate_backend(%s)", (slot.active_pid,))
                time.sleep(_POLL_SECONDS)

    def mark(self) -> str:
        """Commits a message into the log, which touches no table; the position after it."""
        with self._open() as session:
            session.value("SELECT pg_logical_emit_message(true, 'runbook.compose', 'mark')::text")
            return session.value("SELECT pg_current_wal_flush_lsn()::text")

    def await_received(self, position: str, seconds: float) -> Optional[Slot]:
        """The slot, when all up to ``position`` is received and durable; None when that takes too long."""
        until = time.monotonic() + seconds
        with self._open() as session:
            while True:
                slot = _slot(session)
                if slot and slot.streaming and slot.received_lsn and parse_lsn(slot.received_lsn) >= parse_lsn(position):
                    return slot
                if time.monotonic() >= until:
                    return None
                time.sleep(_POLL_SECONDS)

    def bytes(self) -> int:
        """The size of all databases. The server looks at every file for it."""
        with self._open() as session:
            return int(session.value("SELECT sum(pg_database_size(oid)) FROM pg_database"))

    def _open(self) -> PostgresSession:
        return self._target.open("postgres_pitr")


def _slot(session: PostgresSession) -> Optional[Slot]:
    rows: List[Dict[str, Any]] = session.rows(_SLOT, (SLOT,))
    return Slot(**_typed(rows[0])) if rows else None


def _typed(row: Mapping[str, Any]) -> Dict[str, Any]:
    safe = row["safe_bytes"]
    return {**row, "safe_bytes": None if safe is None else int(safe)}
