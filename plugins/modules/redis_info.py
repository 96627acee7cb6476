#!/usr/bin/python
# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_info
short_description: Look at a stack's Redis and say what is wrong with it
version_added: 0.1.0
author: ["runbook.compose contributors (@runbook-compose)"]
description:
  - Reads the counters of a server, its clients, slow commands and a sample of its keys, and compares them with thresholds. Changes nothing, and never
    asks what blocks the server.
  - Keys are shown by their prefix only, which ends with the first O(separator). What commands carry is never shown.
  - A command that was renamed or that the user may not run leaves its part unknown (null or empty) and is a problem V(unavailable); the rest is told.
  - Sizes are in bytes, times in seconds or in UTC, unless the name says otherwise. A number that cannot be known is null.
extends_documentation_fragment:
  - runbook.compose.stack
  - runbook.compose.redis
options:
  sections:
    description:
      - What to look at. All of it by default.
      - V(keyspace) are the databases and how many keys they have, V(prefixes) the biggest prefixes of keys, V(hits) how often a read found its key.
    type: list
    elements: str
    choices: [server, memory, hits, clients, persistence, replication, slowlog, latency, keyspace, prefixes, commands]
    default: [server, memory, hits, clients, persistence, replication, slowlog, latency, keyspace, prefixes, commands]
  limit:
    description: Rows of each list at most, 1 to 1000. Databases are always all there.
    type: int
    default: 20
  interval:
    description: Seconds, 0 to 300, between two looks at the counters, which make RV(change). With 0 there is one look only.
    type: float
    default: 0
  sample_keys:
    description:
      - Keys that the section V(prefixes) looks at, at most, 1 to 1000000. With no more keys than that it looks at all of them.
      - Of at most 20 of each prefix, and 2000 in all, type and expiry are asked as well. The server counts that as reads of these keys.
    type: int
    default: 10000
  sample_seconds:
    description: Seconds, 0.1 to 300, after which the section V(prefixes) looks at no more keys.
    type: float
    default: 5
  separator:
    description: What ends a prefix of a key.
    type: str
    default: ':'
  prefix_depth:
    description:
      - How many separators a prefix has, 1 to 5. A key that has fewer is told by those that it has.
      - With more than 1, names of users or addresses may become visible, depending on how the application names its keys.
    type: int
    default: 1
  protected_prefixes:
    description:
      - Prefixes of keys that must not be evicted, such as those of revoked tokens or of locked accounts. A policy that could is a problem
        V(protected_evictable).
      - Whether one that evicts only what expires could is judged by the section V(prefixes).
    type: list
    elements: str
    default: []
  observe:
    description:
      - Watches commands as they come to the server (C(MONITOR)) and counts them by name and prefix of the key. Their values are dropped.
      - It costs the server up to half of its throughput while it lasts. Prefer the section V(commands) with an O(interval).
    type: dict
    suboptions:
      seconds:
        description: For so long, 0.1 to 60.
        type: float
        default: 5
      commands:
        description: And not more commands than that, 1 to 100000.
        type: int
        default: 10000
  thresholds:
    description:
      - Numbers of 0 or more, from which on something is a problem. Another name is refused.
      - C(memory_warning_percent) (default 80) and C(memory_critical_percent) (90) of maxmemory, else of the container's memory.
      - C(fragmentation_ratio) (1.5) together with C(fragmentation_bytes) (100 MiB).
      - C(hit_percent) (50), below which the cache is a problem when there were C(reads) (1000).
      - C(clients_warning_percent) (80) and C(clients_critical_percent) (90) of the connections.
      - C(save_age_seconds) (86400) of the last snapshot when C(changes_since_save) (1) came since.
      - C(replication_lag_bytes) (10 MiB), and C(link_down_seconds) (60), from which on a lost primary is critical.
      - C(slow_seconds) (0.1) of a command within the last C(slow_within_seconds) (3600), and C(ping_ms) (100) of an answer.
      - C(evicted) (1) keys within O(interval), and C(without_expiry_percent) (90) of the keys with a policy that evicts only what expires.
    type: dict
    default: {}
  reply_timeout:
    description: Seconds to wait for each answer.
    type: float
    default: 30
  on_problem:
    description: With V(fail), the task fails with RV(ignore:reason=redis_unhealthy) when a problem of severity V(critical) was found.
    type: str
    choices: [report, fail]
    default: report
seealso:
  - module: runbook.compose.compose_info
notes:
  - The questions of the report are counted by the server like everybody's, but for those within O(interval).
  - Reasons of failures are V(redis_unhealthy), V(bad_input), V(redis_unreachable), V(redis_connections_exhausted),
    V(redis_login_refused), V(redis_permission_denied),
    V(redis_not_in_stack), V(redis_cluster), V(engine_unreachable), V(engine_failed), V(python_library_missing), V(lease_lost).
"""

EXAMPLES = r"""
- name: Look at the Redis of the stack
  runbook.compose.redis_info:
    stack_name: shop
    project_dir: /srv/shop
  register: looked

- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ looked.table }}"

- name: Fail when it is nearly full, cannot save, or has no volume
  runbook.compose.redis_info:
    stack_name: shop
    project_dir: /srv/shop
    sections: [memory, persistence]
    thresholds: {memory_critical_percent: 95}
    on_problem: fail

- name: Tell the hit ratio of ten seconds
  runbook.compose.redis_info:
    stack_name: shop
    project_dir: /srv/shop
    sections: [server]
    interval: 10

- name: Watch for three seconds who sends what
  runbook.compose.redis_info:
    stack_name: shop
    project_dir: /srv/shop
    sections: [server]
    observe: {seconds: 3, commands: 5000}
"""

RETURN = r"""
at:
  description: UTC time of the look.
  returned: success
  type: str
  sample: "2026-11-21T03:10:00Z"
healthy:
  description: Whether no problem of severity V(critical) was found.
  returned: success
  type: bool
  sample: true
complete:
  description: Whether the server told everything that was asked. What it did not tell is a problem V(unavailable).
  returned: success
  type: bool
  sample: true
problems:
  description: Everything that is beyond its threshold or plainly wrong, the critical first. Empty when all is well.
  returned: success
  type: list
  elements: dict
  contains:
    section: {description: Section in which it was found., type: str, sample: memory}
    problem:
      description:
        - Of V(server) is V(loading); of V(memory) are V(memory_high), V(memory_unlimited), V(maxmemory_high), V(policy_without_limit), V(fragmented),
          V(protected_evictable); of V(hits) V(cache_misses); of V(clients) V(clients_high).
        - Of V(persistence) are V(save_failed), V(aof_failed), V(not_persisted), V(not_on_volume), V(volume_anonymous), V(save_old); of V(replication)
          V(link_down), V(replica_behind).
        - Of V(slowlog) is V(slow_commands); of V(latency) V(slow_answers); of V(keyspace) V(nothing_to_evict); of V(change) V(evicting),
          V(clients_rejected). Of any V(unavailable).
      type: str
      sample: memory_high
    severity: {description: "V(critical) or V(warning).", type: str, sample: critical}
    subject: {description: "What it is about: a policy, a command, a directory. Empty for the server.", type: str, sample: ""}
    message: {description: The problem in a sentence., type: str, sample: 92 % of maxmemory are used; when full it refuses writes.}
    hint: {description: What to do., type: str, sample: See which prefixes take it (playbooks/redis/report.yml).}
table:
  description: Problems and sections as aligned text.
  returned: success
  type: str
  sample: "No problems found."
server:
  description: The server. C(loading_percent) and C(loading_seconds_left) are null when it is not reading its data from disk.
  returned: when the section was asked for
  type: dict
  sample: {version: 7.0.15, mode: standalone, run_id: 3f0bce4f0f0e3ba0bb7d3ddb3c0d4ac29e1d4f2a, role: primary, uptime_seconds: 86400,
           config_file: /run/redis/redis.conf, loading: false, loading_percent: null, loading_seconds_left: null, commands_per_second: 820}
memory:
  description: Memory, what limits it and what happens when it is full.
  returned: when the section was asked for
  type: dict
  contains:
    used_bytes: {description: What the server allocated., type: int, sample: 96468992}
    peak_bytes: {description: The most since its start., type: int, sample: 99614720}
    rss_bytes: {description: What the process takes of the host., type: int, sample: 110100480}
    dataset_bytes: {description: What the data takes., type: int, sample: 94371840}
    fragmentation_ratio: {description: C(rss_bytes) by C(used_bytes)., type: float, sample: 1.14}
    fragmentation_bytes: {description: The difference., type: int, sample: 13631488}
    maxmemory_bytes: {description: The limit of the server. 0 for none., type: int, sample: 104857600}
    container_limit_bytes: {description: The limit of its container. Null for none., type: int, sample: 268435456}
    used_percent: {description: "Used in percent of RV(memory.percent_of). Null when nothing limits it.", type: float, sample: 92.0}
    percent_of: {description: "V(maxmemory), or V(container) when there is no maxmemory. Empty when nothing limits it.", type: str, sample: maxmemory}
    policy: {description: What is evicted when it is full., type: str, sample: noeviction}
    evicted: {description: Keys evicted since the start., type: int, sample: 0}
    expired: {description: Keys expired since the start., type: int, sample: 1810}
    doctor: {description: What C(MEMORY DOCTOR) says., type: str, sample: "Hi Sam, I can't find any memory issue in your instance."}
hits:
  description: How often a read found its key since the server's start. C(hit_percent) is null without a read.
  returned: when the section was asked for
  type: dict
  sample: {hits: 96000, misses: 4000, hit_percent: 96.0}
clients:
  description: Who is connected. The task's own connection is not counted.
  returned: when the section was asked for
  type: dict
  contains:
    connected: {description: How many there are., type: int, sample: 12}
    blocked: {description: How many of them wait for a key (C(BLPOP) and the like)., type: int, sample: 1}
    max: {description: How many the server takes., type: int, sample: 10000}
    used_percent: {description: How many of these are taken., type: float, sample: 0.1}
    rejected: {description: Connections refused since the start., type: int, sample: 0}
    by_client:
      description: Connections by name, address, user and database, the most first. C(output_bytes) is what they have not read yet.
      type: list
      elements: dict
      sample: [{name: "", address: 172.18.0.5, username: default, database: 0, connections: 12, blocked: 1, longest_idle_seconds: 310, output_bytes: 0}]
persistence:
  description: What is written to disk, and whether that works.
  returned: when the section was asked for
  type: dict
  contains:
    dir: {description: Directory of the files within the container. Empty when the server does not tell., type: str, sample: /data}
    on_volume: {description: Whether it is on a volume or a directory of the host. Null when nobody knows., type: bool, sample: true}
    volume: {description: "Name of the volume, or the directory of the host.", type: str, sample: shop_redis-data}
    volume_anonymous: {description: Whether the volume has no name of its own., type: bool, sample: false}
    save_points: {description: When a snapshot is taken. Null when the server does not tell., type: list, elements: dict, sample: [{seconds: 900, changes: 1}]}
    aof_fsync: {description: When the append-only file reaches the disk., type: str, sample: everysec}
    last_save_at: {description: UTC time of the last snapshot. A start counts as one., type: str, sample: "2026-11-21T03:00:00Z"}
    last_save_age_seconds: {description: Its age., type: int, sample: 600}
    changes_since_save: {description: Changes that it does not have., type: int, sample: 42}
    last_save_ok: {description: Whether the last attempt succeeded., type: bool, sample: true}
    saving: {description: Whether one is being written., type: bool, sample: false}
    aof_enabled: {description: Whether there is an append-only file., type: bool, sample: true}
    aof_ok: {description: Whether its last write and its last rewrite succeeded., type: bool, sample: true}
    aof_rewriting: {description: Whether it is being rewritten., type: bool, sample: false}
    aof_bytes: {description: Its size. Null without one., type: int, sample: 5242880}
replication:
  description: Its part in a replication. C(primary), C(link_up) and C(link_down_seconds) are told of a replica.
  returned: when the section was asked for
  type: dict
  sample: {role: primary, primary: "", link_up: null, link_down_seconds: null, syncing: false,
           replicas: [{address: "172.18.0.7:6379", state: online, lag_bytes: 0, lag_seconds: 1}]}
slowlog:
  description: The newest slow commands, the newest first.
  returned: when the section was asked for
  type: dict
  contains:
    slower_than_ms: {description: From when on the server keeps a command., type: float, sample: 10.0}
    total: {description: How many it has., type: int, sample: 3}
    entries:
      description: The commands, with the prefix of their key.
      type: list
      elements: dict
      sample: [{id: 14, at: "2026-11-21T03:05:00Z", age_seconds: 300, seconds: 0.21, command: HGETALL, prefix: "session:", client: 172.18.0.5,
                client_name: ""}]
latency:
  description: How long an answer takes.
  returned: when the section was asked for
  type: dict
  contains:
    ping_median_ms: {description: Median of 20 round trips from the target., type: float, sample: 0.11}
    ping_longest_ms: {description: The longest of them., type: float, sample: 0.4}
    watched_from_ms: {description: From when on the server notices events itself. 0 when it does not., type: int, sample: 100}
    events: {description: The events., type: list, elements: dict, sample: [{event: fork, at: "2026-11-21T03:00:00Z", last_ms: 110, longest_ms: 130}]}
    doctor: {description: What C(LATENCY DOCTOR) says., type: str, sample: "Dave, no latency spike was observed during the lifetime of this Redis instance."}
keyspace:
  description: The databases that have keys. C(average_ttl_seconds) is null where nothing expires.
  returned: when the section was asked for
  type: dict
  sample: {total: 120000, without_expiry: 1200,
           databases: [{database: 0, key_count: 120000, expiring: 118800, without_expiry: 1200, average_ttl_seconds: 1740.5}]}
prefixes:
  description: The biggest prefixes, estimated from a sample of the keys.
  returned: when the section was asked for
  type: dict
  contains:
    sampled: {description: Keys that were looked at., type: int, sample: 10000}
    total: {description: Keys that there are., type: int, sample: 120000}
    sampled_percent: {description: How many of all were looked at., type: float, sample: 8.3}
    estimated_bytes: {description: What all keys take., type: int, sample: 94371840}
    prefixes:
      description: The prefixes, the biggest first. The empty one is that of keys without a separator. Sizes are null when the server does not tell them.
      type: list
      elements: dict
      sample: [{database: 0, prefix: "cache:", key_count: 96000, bytes: 88080384, bytes_per_key: 917, without_expiry: 0, share_percent: 93.3,
                types: [string]}]
    protected:
      description: How many keys below each of O(protected_prefixes) were looked at, and how many of them expire.
      type: list
      elements: dict
      sample: [{prefix: "token:", sampled: 20, expiring: 20}]
commands:
  description: What was called, what took the most time first. C(p99_ms) is null before Redis 7.
  returned: when the section was asked for
  type: dict
  sample: {total: 24, calls: 1081500, commands: [{command: GET, calls: 100000, seconds: 1.2, mean_ms: 0.012, p99_ms: 0.05, failed: 0, rejected: 0}]}
change:
  description:
    - What happened within O(interval). C(valid) is false when the server was restarted or its counters were reset meanwhile; the numbers are null then.
    - C(hit_percent) is null when nothing was read.
  returned: when O(interval) is not 0
  type: dict
  sample: {valid: true, seconds: 10.0, hits: 960, misses: 40, expired: 12, evicted: 0, rejected: 0, hit_percent: 96.0,
           rates: {commands_per_second: 820.0, connections_per_second: 0.2, input_bytes_per_second: 40200.0, output_bytes_per_second: 150300.0},
           commands: [{command: GET, calls: 1000, seconds: 0.012}]}
observed:
  description: Commands as they came, the most frequent first.
  returned: when O(observe) is given
  type: dict
  sample: {seconds: 3.0, calls: 2460, per_second: 820.0, commands: [{command: GET, prefix: "cache:", calls: 2000, share_percent: 81.3, clients: [172.18.0.5]}]}
"""

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.redis_info import RedisInfo
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_arguments import redis_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_info_arguments import redis_info_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.run_module import run_module


def main() -> None:
    run_module(
        arguments=redis_arguments().merged_with(redis_info_arguments()),
        prepare=RedisInfo.from_params,
    )


if __name__ == "__main__":
    main()
