# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the sessions, the settings and the replication of a Postgres server."""

from __future__ import annotations

from typing import Callable, Dict, List

from .problem import CRITICAL, WARNING, Limits, Problem, Section, bytes_text, seconds_text

_END = "End them with playbooks/postgres/sessions.yml."
_DANGEROUS = {
    "fsync": (CRITICAL, "A crash of the host can destroy all data."),
    "full_page_writes": (CRITICAL, "A crash of the host can destroy data."),
    "autovacuum": (WARNING, "Dead rows stay, tables grow, and the transaction ids run out."),
    "track_counts": (WARNING, "Autovacuum does not work without it, and reports are empty."),
    "track_activities": (WARNING, "Nobody can see what sessions do."),
}


def connection_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    used = section["used_percent"]
    if used >= limits["connections_warning_percent"]:
        severity = CRITICAL if used >= limits["connections_critical_percent"] else WARNING
        message = f"{section['used']} of {section['max_connections'] - section['reserved']} connections for ordinary roles are taken ({used:g} %)."
        found.append(Problem("connections", "connections_high", severity, "", message, f"Look at by_client. Idle transactions: {_END}"))
    idle = section["longest_idle_in_transaction_seconds"]
    if idle >= limits["idle_in_transaction_seconds"]:
        message = f"A session has been idle in a transaction for {seconds_text(idle)}: it keeps its locks, and dead rows of all tables."
        found.append(Problem("connections", "idle_in_transaction", WARNING, "", message, _END))
    longest = section["longest_transaction_seconds"]
    if longest >= limits["transaction_seconds"]:
        message = f"A transaction has been open for {seconds_text(longest)}: dead rows since then stay in all tables."
        found.append(Problem("connections", "long_transaction", WARNING, "", message, f"Look at it in section activity. {_END}"))
    if section["hidden"]:
        message = f"{section['hidden']} sessions of other roles are hidden from this one, so the report is not complete."
        found.append(Problem("connections", "sessions_hidden", WARNING, "", message, "Log in as a superuser or a member of pg_monitor."))
    return found


def activity_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    for session in section["sessions"]:
        seconds = session["statement_seconds"] or 0
        if seconds >= limits["statement_seconds"]:
            message = f"A statement of {session['username']} ({session['application'] or 'no name'}) has been running for {seconds_text(seconds)}."
            hint = "Cancel it with playbooks/postgres/sessions.yml, if nobody waits for it."
            found.append(Problem("activity", "long_statement", WARNING, str(session["pid"]), message, hint))
    return found


def lock_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    waited = section["longest_wait_seconds"]
    if waited >= limits["blocked_seconds"]:
        first = section["blocking"][0]
        who = "a prepared transaction" if first["pid"] == 0 else f"pid {first['pid']} of {first['username']} ({first['state']})"
        message = f"{section['waiting_total']} sessions wait for locks, the longest for {seconds_text(waited)}. Most of them wait for {who}."
        hint = "ROLLBACK PREPARED ends it (see prepared)." if first["pid"] == 0 else _END
        found.append(Problem("locks", "blocked", CRITICAL, str(first["pid"]), message, hint))
    for one in section["prepared"]:
        if one["age_seconds"] >= limits["prepared_seconds"]:
            message = f"Transaction {one['name']} of {one['database']} was prepared {seconds_text(one['age_seconds'])} ago and never ended."
            hint = "It keeps its locks over restarts. COMMIT PREPARED or ROLLBACK PREPARED ends it."
            found.append(Problem("locks", "prepared_transaction", WARNING, one["name"], message, hint))
    return found


def setting_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    for name, is_on in section["safety"].items():
        if not is_on:
            severity, why = _DANGEROUS[name]
            hint = "Switch it on with playbooks/postgres/settings.yml."
            found.append(Problem("settings", "dangerous_setting", severity, name, f"{name} is off. {why}", hint))
    for one in section["pending_restart"]:
        message = f"{one['name']} was changed and waits for a restart; {one['value']} is in effect."
        hint = "Restart the service when it may be (playbooks/service/restart.yml)."
        found.append(Problem("settings", "pending_restart", WARNING, one["name"], message, hint))
    for one in section["file_errors"]:
        place = f"{one['file']}, line {one['line']}"
        message = f"The server cannot read its settings: {one['error']} ({place})."
        hint = "As long as it is there, no change of the settings is loaded, and the next start fails. Correct it."
        found.append(Problem("settings", "settings_file_error", CRITICAL, one["name"] or place, message, hint))
    return found


def replication_problems(section: Section, limits: Limits) -> List[Problem]:
    found = [*_sender_problems(section, limits), *_slot_problems(section, limits), *_replica_problems(section["replica"], limits)]
    archiver = section["archiver"]
    if archiver["enabled"] and archiver["failing"]:
        message = f"Archiving of the log fails ({archiver['last_failed_wal']}); the log is kept until the disk is full."
        found.append(Problem("replication", "archiving_fails", CRITICAL, "", message, "Look at the server's log for what archive_command says."))
    return found


def _sender_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    for sender in section["senders"]:
        behind, late = sender["lag_bytes"] or 0, sender["lag_seconds"] or 0
        if behind >= limits["replication_lag_bytes"] or late >= limits["replication_lag_seconds"]:
            message = f"{sender['application'] or sender['client']} is {bytes_text(behind)} and {seconds_text(late)} behind."
            hint = "Look at the load and the network of whoever takes the log."
            found.append(Problem("replication", "replication_lag", WARNING, sender["application"], message, hint))
    return found


def _slot_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    for slot in section["slots"]:
        kept = slot["retained_bytes"] or 0
        if slot["wal_status"] in ("lost", "unreserved") or slot["invalidation_reason"]:
            message = f"Slot {slot['name']} has lost log that is needed ({slot['invalidation_reason'] or slot['wal_status']})."
            found.append(Problem("replication", "slot_lost", CRITICAL, slot["name"], message, "Whoever uses it has to begin anew: drop it and make a new one."))
        elif kept >= limits["slot_retained_bytes"]:
            severity = WARNING if slot["active"] or section["slot_limit_mb"] >= 0 else CRITICAL
            message = f"Slot {slot['name']} keeps {bytes_text(kept)} of log{'' if slot['active'] else ', and nobody takes it'}."
            hint = "Bring its user back, or drop it; max_slot_wal_keep_size keeps it from filling the disk."
            found.append(Problem("replication", "slot_keeps_log", severity, slot["name"], message, hint))
    return found


def _replica_problems(replica: Section, limits: Limits) -> List[Problem]:
    if not replica:
        return []
    found = []
    if replica["streams"] and replica["receiver"] != "streaming":
        message = f"The replica does not get the log of its primary (receiver: {replica['receiver']})."
        found.append(Problem("replication", "replica_cut_off", CRITICAL, "", message, "Look at the network, at the primary, and at the server's log."))
    if replica["replay_paused"]:
        message = "The replica was told to pause, and does not apply the log."
        found.append(Problem("replication", "replay_paused", WARNING, "", message, "SELECT pg_wal_replay_resume() goes on."))
    late = replica["replay_lag_seconds"] or 0
    if late >= limits["replication_lag_seconds"] and replica["unreplayed_bytes"]:
        message = f"The replica is {bytes_text(replica['unreplayed_bytes'])} and {seconds_text(late)} behind what it received."
        found.append(Problem("replication", "replay_lag", WARNING, "", message, "A long query on the replica may hold it up: look at section activity."))
    return found


RULES: Dict[str, Callable[[Section, Limits], List[Problem]]] = {
    "connections": connection_problems,
    "activity": activity_problems,
    "locks": lock_problems,
    "settings": setting_problems,
    "replication": replication_problems,
}
