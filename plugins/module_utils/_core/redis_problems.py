# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a Redis server."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from .problem import CRITICAL, WARNING, Limits, Problem, Section, bytes_text, seconds_text, worst_first
from .redis_eviction import NO_EVICTION, PART_OF_LIMIT, endangered, most_memory
from .redis_numbers import percent

_CONFIG, _CLEAR, _REPORT = "playbooks/redis/config.yml", "playbooks/redis/clear.yml", "playbooks/redis/report.yml"
Sections = Mapping[str, Any]


def server_problems(section: Section, limits: Limits) -> List[Problem]:
    if not section["loading"]:
        return []
    left = f", about {seconds_text(section['loading_seconds_left'])} are left" if section["loading_seconds_left"] else ""
    done = "" if section["loading_percent"] is None else f" ({section['loading_percent']:g} % done{left})"
    message = f"The server still reads its data from disk{done}; it refuses everybody until then."
    return [Problem("server", "loading", CRITICAL, "", message, "Wait; a restart would begin anew.")]


def memory_problems(section: Section, limits: Limits) -> List[Problem]:
    found, used, policy = [], section["used_percent"], section["policy"]
    if used is not None and used >= limits["memory_warning_percent"]:
        of = "maxmemory" if section["percent_of"] == "maxmemory" else "the memory of its container"
        then = _when_full(section)
        severity = CRITICAL if used >= limits["memory_critical_percent"] else WARNING
        hint = f"See which prefixes take it ({_REPORT}); clear what can be made again ({_CLEAR}), or raise maxmemory ({_CONFIG})."
        found.append(Problem("memory", "memory_high", severity, "", f"{used:g} % of {of} are used; {then}", hint))
    if used is None and section["maxmemory_bytes"] == 0:
        message = "Neither maxmemory nor the container limits the memory: the server may take all that the host has."
        found.append(Problem("memory", "memory_unlimited", WARNING, "", message, f"Set maxmemory ({_CONFIG})."))
    most = most_memory(section["container_limit_bytes"] or 0)
    if most and section["maxmemory_bytes"] > most:
        message = f"maxmemory ({bytes_text(section['maxmemory_bytes'])}) is more than {PART_OF_LIMIT} % of the memory of the container: the kernel may kill it."
        found.append(Problem("memory", "maxmemory_high", WARNING, "", message, f"Set it to {bytes_text(most)} at most ({_CONFIG})."))
    if policy != NO_EVICTION and section["maxmemory_bytes"] == 0:
        message = f"The policy {policy} does nothing: there is no maxmemory."
        found.append(Problem("memory", "policy_without_limit", WARNING, policy, message, f"Set maxmemory ({_CONFIG})."))
    ratio, wasted = section["fragmentation_ratio"] or 0, section["fragmentation_bytes"] or 0
    if ratio >= limits["fragmentation_ratio"] and wasted >= limits["fragmentation_bytes"]:
        message = f"The process takes {ratio:g} times the memory that its data need ({bytes_text(wasted)} more)."
        found.append(Problem("memory", "fragmented", WARNING, "", message, "Switch activedefrag on where the server has it, or restart it in a quiet hour."))
    return found


def _when_full(section: Section) -> str:
    if section["percent_of"] != "maxmemory":
        return "beyond, the kernel kills the server."
    return "when full it refuses writes." if section["policy"] == NO_EVICTION else f"when full it evicts ({section['policy']})."


def hit_problems(section: Section, limits: Limits) -> List[Problem]:
    hits, reads = section["hit_percent"], (section["hits"] or 0) + (section["misses"] or 0)
    if hits is None or reads < limits["reads"] or hits >= limits["hit_percent"]:
        return []
    hint = "Look at evictions, at expiries that are too short, and at what the application reads. A flush makes it worse."
    return [Problem("hits", "cache_misses", WARNING, "", f"Only {hits:g} % of {reads} reads found their key.", hint)]


def client_problems(section: Section, limits: Limits) -> List[Problem]:
    used = section["used_percent"]
    if used is None or used < limits["clients_warning_percent"]:
        return []
    severity = CRITICAL if used >= limits["clients_critical_percent"] else WARNING
    message = f"{section['connected']} of {section['max']} connections are taken."
    return [Problem("clients", "clients_high", severity, "", message, f"See who holds them (by_client), then raise maxclients ({_CONFIG}).")]


def persistence_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    # INFO says ok where nothing is saved; what failed says so whatever is configured, and may stop writes.
    for name, fine, what in (("save_failed", section["last_save_ok"], "snapshot"), ("aof_failed", section["aof_ok"], "append-only file")):
        if not fine:
            hint = "Look at the server's log and at the free space of its volume; writes may be refused (MISCONF) until one succeeds."
            found.append(Problem("persistence", name, CRITICAL, "", f"The last write of the {what} failed.", hint))
    points, kept = section["save_points"], section["aof_enabled"]
    if points == [] and not kept:
        message = "Nothing is written to disk: all data is gone after a restart."
        found.append(Problem("persistence", "not_persisted", WARNING, "", message, f"Set save or appendonly ({_CONFIG}), unless that is meant."))
    elif section["on_volume"] is False:
        message = f"{section['dir']} is not on a volume: the data is gone when the container is made anew."
        found.append(Problem("persistence", "not_on_volume", CRITICAL, section["dir"], message, "Mount a volume there in the compose file; back up first."))
    elif section["volume_anonymous"]:
        message = f"{section['dir']} is on a volume without a name: the data is lost from sight when the stack is taken down."
        found.append(Problem("persistence", "volume_anonymous", WARNING, section["dir"], message, "Give the volume a name in the compose file; back up first."))
    age, changes = section["last_save_age_seconds"], section["changes_since_save"]
    if points and not kept and age is not None and age >= limits["save_age_seconds"] and changes >= limits["changes_since_save"]:
        message = f"The last snapshot is {seconds_text(age)} old, and {changes} changes came since."
        found.append(Problem("persistence", "save_old", WARNING, "", message, "Look at the save points, and why none was reached."))
    return found


def replication_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    if section["link_up"] is False:
        down = section["link_down_seconds"] or 0
        severity = CRITICAL if down >= limits["link_down_seconds"] else WARNING
        message = f"The link to the primary {section['primary']} is down{' for ' + seconds_text(down) if down > 0 else ''}."
        found.append(
            Problem("replication", "link_down", severity, section["primary"], message, "Look at the primary, at its password (masterauth) and at the network.")
        )
    for one in section["replicas"]:
        if one["state"] != "online" or one["lag_bytes"] >= limits["replication_lag_bytes"]:
            message = f"Replica {one['address']} is {one['state']} and {bytes_text(one['lag_bytes'])} behind."
            found.append(Problem("replication", "replica_behind", WARNING, one["address"], message, "Look at the replica and at the network."))
    return found


def slow_problems(section: Section, limits: Limits) -> List[Problem]:
    recent = [one for one in section["entries"] if one["seconds"] >= limits["slow_seconds"] and one["age_seconds"] <= limits["slow_within_seconds"]]
    if not recent:
        return []
    worst = max(recent, key=lambda one: one["seconds"])
    message = f"{len(recent)} slow commands within {seconds_text(limits['slow_within_seconds'])}, the slowest {worst['command']} with {worst['seconds']:g} s."
    return [Problem("slowlog", "slow_commands", WARNING, worst["command"], message, "Everybody waits for a slow command. See what sends it (client, prefix).")]


def latency_problems(section: Section, limits: Limits) -> List[Problem]:
    if section["ping_median_ms"] is None or section["ping_median_ms"] < limits["ping_ms"]:
        return []
    message = f"A PING takes {section['ping_median_ms']:g} ms (median), {section['ping_longest_ms']:g} ms at most."
    return [Problem("latency", "slow_answers", WARNING, "", message, "Look at slow commands, at saving, and at the load of the host.")]


def change_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    if section["valid"] and limits["evicted"] and section["evicted"] >= limits["evicted"]:
        message = f"{section['evicted']} keys were evicted within {section['seconds']:g} s: the server is full."
        found.append(Problem("change", "evicting", WARNING, "", message, f"Raise maxmemory ({_CONFIG}), or clear what is not needed ({_CLEAR})."))
    if section["valid"] and section["rejected"]:
        message = f"{section['rejected']} connections were refused within {section['seconds']:g} s: maxclients is reached."
        found.append(Problem("change", "clients_rejected", CRITICAL, "", message, "See who holds them (clients.by_client)."))
    return found


RULES: Dict[str, Callable[[Section, Limits], List[Problem]]] = {
    "server": server_problems,
    "memory": memory_problems,
    "hits": hit_problems,
    "clients": client_problems,
    "persistence": persistence_problems,
    "replication": replication_problems,
    "slowlog": slow_problems,
    "latency": latency_problems,
    "change": change_problems,
}


def find_problems(sections: Sections, limits: Limits, protected: Sequence[str]) -> List[Problem]:
    """Of all sections that were read, the critical ones first."""
    found = [problem for name, rule in RULES.items() if sections.get(name) is not None for problem in rule(sections[name], limits)]
    return worst_first([*found, *_policy_problems(sections, protected), *_expiry_problems(sections, limits)])


def _policy_problems(sections: Sections, protected: Sequence[str]) -> List[Problem]:
    """Volatile policies are judged by a sample: without one they are taken for harmless here, and refused by redis_settings."""
    memory, sample = sections.get("memory"), sections.get("prefixes")
    if memory is None:
        return []
    expiring = {row["prefix"]: row["expiring"] for row in (sample or {}).get("protected", [])}
    names = endangered(memory["policy"], {prefix: expiring.get(prefix, 0) for prefix in protected})
    message = f"The policy {memory['policy']} may evict protected keys: {', '.join(names)}."
    hint = f"Set maxmemory-policy to {NO_EVICTION} ({_CONFIG}), or give the cache a server of its own."
    severity = CRITICAL if memory["maxmemory_bytes"] else WARNING
    return [Problem("memory", "protected_evictable", severity, memory["policy"], message, hint)] if names else []


def _expiry_problems(sections: Sections, limits: Limits) -> List[Problem]:
    """A policy that evicts only what expires has nothing to evict when nothing does."""
    memory, keyspace = sections.get("memory"), sections.get("keyspace")
    if memory is None or keyspace is None or not memory["policy"].startswith("volatile-") or not memory["maxmemory_bytes"]:
        return []
    share: Optional[float] = percent(keyspace["without_expiry"], keyspace["total"])
    if share is None or share < limits["without_expiry_percent"]:
        return []
    message = f"{share:g} % of the keys have no expiry, and {memory['policy']} evicts only those that have one: a full server will refuse writes."
    return [Problem("keyspace", "nothing_to_evict", WARNING, memory["policy"], message, "Let the application give its cache an expiry.")]


def unavailable(section: str, command: str, reason: str, message: str) -> Problem:
    """What the server would not tell us is no fault of its own, and nobody knows whether it is well."""
    return Problem(
        section,
        "unavailable",
        WARNING,
        command,
        f"{command} is not available, so a part of {section} is not known. {message}",
        "Allow it to this user, or leave the section out.",
    )
