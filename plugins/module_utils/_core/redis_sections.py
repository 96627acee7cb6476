# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What INFO says about a Redis server, in our words."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .redis_numbers import Fields, counted, decimal, moment, pairs, percent, whole

Section = Dict[str, Any]


def server(info: Fields) -> Section:
    return {
        "version": info.get("redis_version", ""),
        "mode": info.get("redis_mode", ""),
        "run_id": info.get("run_id", ""),
        "role": "primary" if info.get("role", "master") == "master" else "replica",
        "uptime_seconds": counted(info, "uptime_in_seconds"),
        "config_file": info.get("config_file", ""),
        "loading": counted(info, "loading") == 1,
        "loading_percent": decimal(info, "loading_loaded_perc"),
        "loading_seconds_left": whole(info, "loading_eta_seconds"),
        "commands_per_second": whole(info, "instantaneous_ops_per_sec"),
    }


def memory(info: Fields, container_limit: Optional[int], doctor: Optional[str]) -> Section:
    """Used in percent of maxmemory; without one, the process in percent of its container's limit; without either, of nothing."""
    used, rss, maximum = counted(info, "used_memory"), whole(info, "used_memory_rss"), counted(info, "maxmemory")
    evictable = used - counted(info, "mem_not_counted_for_evict")
    share = percent(evictable, maximum) if maximum else percent(rss, container_limit)
    return {
        "used_bytes": used,
        "peak_bytes": counted(info, "used_memory_peak"),
        "rss_bytes": rss,
        "dataset_bytes": whole(info, "used_memory_dataset"),
        "fragmentation_ratio": decimal(info, "mem_fragmentation_ratio"),
        "fragmentation_bytes": whole(info, "mem_fragmentation_bytes"),
        "maxmemory_bytes": maximum,
        "container_limit_bytes": container_limit,
        "used_percent": share,
        "percent_of": "" if share is None else "maxmemory" if maximum else "container",
        "policy": info.get("maxmemory_policy", ""),
        "evicted": counted(info, "evicted_keys"),
        "expired": counted(info, "expired_keys"),
        "doctor": doctor,
    }


def hits(info: Fields) -> Section:
    found, missed = counted(info, "keyspace_hits"), counted(info, "keyspace_misses")
    return {"hits": found, "misses": missed, "hit_percent": percent(found, found + missed)}


def persistence(info: Fields, now: float) -> Section:
    """What is written, and whether that works. Where it lies is added by who can see it."""
    saved = whole(info, "rdb_last_save_time")
    return {
        "last_save_at": moment(saved),
        "last_save_age_seconds": max(0, round(now - saved)) if saved else None,
        "changes_since_save": counted(info, "rdb_changes_since_last_save"),
        "last_save_ok": info.get("rdb_last_bgsave_status", "ok") == "ok",
        "saving": counted(info, "rdb_bgsave_in_progress") == 1,
        "aof_enabled": counted(info, "aof_enabled") == 1,
        "aof_ok": info.get("aof_last_write_status", "ok") == "ok" and info.get("aof_last_bgrewrite_status", "ok") == "ok",
        "aof_rewriting": counted(info, "aof_rewrite_in_progress") == 1,
        "aof_bytes": whole(info, "aof_current_size"),
    }


def save_points(text: str) -> List[Dict[str, int]]:
    """``900 1 300 10`` as CONFIG GET save tells it."""
    numbers = [int(word) for word in text.split()]
    return [{"seconds": seconds, "changes": changes} for seconds, changes in zip(numbers[::2], numbers[1::2])]


def replication(info: Fields) -> Section:
    offset = counted(info, "master_repl_offset")
    is_replica = info.get("role") == "slave"
    return {
        "role": "replica" if is_replica else "primary",
        "primary": f"{info.get('master_host', '')}:{info.get('master_port', '')}" if is_replica else "",
        "link_up": info.get("master_link_status") == "up" if is_replica else None,
        "link_down_seconds": whole(info, "master_link_down_since_seconds"),
        "syncing": counted(info, "master_sync_in_progress") == 1,
        "replicas": [_replica(pairs(text), offset) for name, text in sorted(info.items()) if name.startswith("slave") and name[5:].isdigit()],
    }


def _replica(told: Fields, offset: int) -> Section:
    return {
        "address": f"{told.get('ip', '')}:{told.get('port', '')}",
        "state": told.get("state", ""),
        "lag_bytes": max(0, offset - counted(told, "offset")),
        "lag_seconds": whole(told, "lag"),
    }


def keyspace(info: Fields) -> Section:
    rows = [_database(int(name[2:]), pairs(text)) for name, text in info.items() if name.startswith("db") and name[2:].isdigit()]
    rows.sort(key=lambda row: row["database"])
    return {
        "total": sum(row["key_count"] for row in rows),
        "without_expiry": sum(row["without_expiry"] for row in rows),
        "databases": rows,
    }


def _database(number: int, told: Fields) -> Section:
    total, expiring = counted(told, "keys"), counted(told, "expires")
    average = whole(told, "avg_ttl")
    return {
        "database": number,
        "key_count": total,
        "expiring": expiring,
        "without_expiry": total - expiring,
        "average_ttl_seconds": round(average / 1000, 1) if average else None,
    }


def commands(info: Fields, limit: int) -> Section:
    """What took the most time first."""
    rows = [_command(name[8:], pairs(text), info) for name, text in info.items() if name.startswith("cmdstat_")]
    rows.sort(key=lambda row: (-row["seconds"], row["command"]))
    return {"total": len(rows), "calls": sum(row["calls"] for row in rows), "commands": rows[:limit]}


def _command(name: str, told: Fields, info: Fields) -> Section:
    slow = decimal(pairs(info.get(f"latency_percentiles_usec_{name}", "")), "p99")
    return {
        "command": name.replace("|", " ").upper(),
        "calls": counted(told, "calls"),
        "seconds": round(counted(told, "usec") / 1e6, 6),
        "mean_ms": round((decimal(told, "usec_per_call") or 0) / 1000, 4),
        "p99_ms": None if slow is None else round(slow / 1000, 4),
        "failed": counted(told, "failed_calls"),
        "rejected": counted(told, "rejected_calls"),
    }
