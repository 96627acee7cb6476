"""What INFO and other answers of Redis come to, in its newest and its oldest words."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core import redis_answers, redis_sections
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_change import change_between
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_prefixes import PrefixSample
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_words import Monitored, Prefixing, Told

PREFIXING = Prefixing(b":", 1)
INFO = {
    "used_memory": "850", "used_memory_rss": "1200", "maxmemory": "1000", "mem_not_counted_for_evict": "50", "maxmemory_policy": "noeviction",
    "role": "master", "master_repl_offset": "500", "slave0": "ip=10.0.0.2,port=6379,state=online,offset=400,lag=1", "slave_read_only": "1",
    "db0": "keys=10,expires=4,avg_ttl=1500", "db10": "keys=1,expires=0,avg_ttl=0", "keyspace_hits": "9", "keyspace_misses": "1",
    "cmdstat_get": "calls=10,usec=50,usec_per_call=5.00,rejected_calls=0,failed_calls=1", "cmdstat_config|set": "calls=1,usec=90,usec_per_call=90.00",
    "latency_percentiles_usec_get": "p50=1.003,p99=12.5,p99.9=20", "connected_clients": "3", "maxclients": "10", "blocked_clients": "1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "limit", "share", "of"),
    [
        ({}, 4000, 80.0, "maxmemory"),
        ({"maxmemory": "0"}, 4000, 30.0, "container"),
        ({"maxmemory": "0"}, None, None, ""),
    ],
)
def test_memory_is_told_in_percent_of_what_limits_it(changed, limit, share, of):
    told = redis_sections.memory({**INFO, **changed}, limit, None)
    assert (told["used_percent"], told["percent_of"]) == (share, of)


def test_an_old_server_that_tells_less_is_told_all_the_same():
    told = redis_sections.memory({"used_memory": "5"}, None, None)
    assert (told["rss_bytes"], told["fragmentation_ratio"], told["evicted"]) == (None, None, 0)
    assert redis_sections.hits({})["hit_percent"] is None
    assert redis_sections.persistence({}, 10.0)["last_save_age_seconds"] is None
    assert redis_answers.clients({}, "", 5)["used_percent"] is None
    assert redis_sections.server({"loading": "1", "loading_loaded_perc": "nan"})["loading_percent"] is None


def test_databases_replicas_and_commands_are_read_from_their_lines():
    assert redis_sections.keyspace(INFO) == {
        "total": 11,
        "without_expiry": 7,
        "databases": [
            {"database": 0, "key_count": 10, "expiring": 4, "without_expiry": 6, "average_ttl_seconds": 1.5},
            {"database": 10, "key_count": 1, "expiring": 0, "without_expiry": 1, "average_ttl_seconds": None},
        ],
    }
    assert redis_sections.replication(INFO)["replicas"] == [{"address": "10.0.0.2:6379", "state": "online", "lag_bytes": 100, "lag_seconds": 1}]
    first, second = redis_sections.commands(INFO, 5)["commands"]
    assert (first["command"], first["p99_ms"]) == ("CONFIG SET", None)
    assert (second["command"], second["calls"], second["mean_ms"], second["p99_ms"], second["failed"]) == ("GET", 10, 0.005, 0.0125, 1)


def test_save_points_are_pairs():
    assert redis_sections.save_points("900 1 300 10") == [{"seconds": 900, "changes": 1}, {"seconds": 300, "changes": 10}]
    assert redis_sections.save_points("") == []


def test_clients_are_grouped_and_we_are_not_one_of_them():
    listing = "\n".join(
        f"id={number} addr=10.0.0.{host}:{number} name=api idle={number} flags={flags} db=0 omem=0 user=default"
        for number, host, flags in ((1, 5, "N"), (2, 5, "b"), (3, 9, "N"))
    )
    told = redis_answers.clients(INFO, listing, 5, own="3")
    assert (told["connected"], told["used_percent"]) == (2, 20.0)
    assert told["by_client"] == [
        {
            "name": "api",
            "address": "10.0.0.5",
            "username": "default",
            "database": 0,
            "connections": 2,
            "blocked": 1,
            "longest_idle_seconds": 2,
            "output_bytes": 0,
        }
    ]


def test_the_slow_log_of_old_servers_has_no_client():
    rows = redis_answers.slow_commands([[2, 1700000000, 250000, [b"HGETALL", b"a:s3cret"], b"10.0.0.5:1", b"api"], [1, 1700000000, 9, [b"PING"]]], PREFIXING)
    assert [(row["command"], row["prefix"], row["client"], row["client_name"], row["seconds"]) for row in rows] == [
        ("HGETALL", "a:", "10.0.0.5", "api", 0.25),
        ("PING", "", "", "", 9e-06),
    ]


def test_observed_commands_are_counted_by_name_and_prefix():
    get, ping = Told("GET", "a:"), Told("PING", "")
    told = redis_answers.observed([Monitored(0, "10.0.0.5:1", get), Monitored(0, "10.0.0.6:1", get), Monitored(0, "10.0.0.5:2", ping)], 2.0, 1)
    assert told == {
        "seconds": 2.0, "calls": 3, "per_second": 1.5,
        "commands": [{"command": "GET", "prefix": "a:", "calls": 2, "share_percent": 66.7, "clients": ["10.0.0.5"]}],
    }  # fmt: skip
    assert redis_answers.observed([], 1.0, 5)["commands"] == []


def test_the_hit_ratio_of_an_interval_is_its_own():
    later = {**INFO, "keyspace_hits": "10", "keyspace_misses": "4", "cmdstat_get": "calls=14,usec=80", "evicted_keys": "2"}
    change = change_between(INFO, later, 2.0, 5)
    assert (change["valid"], change["hits"], change["misses"], change["hit_percent"], change["evicted"]) == (True, 1, 3, 25.0, 2)
    assert change["commands"] == [{"command": "GET", "calls": 4, "seconds": 3e-05}]
    assert change_between(INFO, INFO, 2.0, 5)["hit_percent"] is None


@pytest.mark.parametrize("later", [{**INFO, "keyspace_hits": "0"}, {**INFO, "run_id": "another"}])
def test_counters_that_began_anew_tell_nothing(later):
    change = change_between(INFO, later, 2.0, 5)
    assert (change["valid"], change["hits"], change["hit_percent"], change["commands"], set(change["rates"].values())) == (False, None, None, [], {None})


def test_a_sample_speaks_for_all_keys_of_its_database():
    sample = PrefixSample(PREFIXING, ["token:"])
    for number in range(30):
        if sample.add(0, b"token:%d" % number, 100):
            sample.examine(0, b"token:%d" % number, "string", expires=True)
    assert not sample.add(0, b"token:more", None), "of each prefix only a few are examined"
    assert sample.add(1, b"plain", 900)
    sample.examine(1, b"plain", "hash", expires=False)
    told = sample.result({0: 310, 1: 1}, 5)
    assert (told["sampled"], told["total"], told["sampled_percent"], told["estimated_bytes"]) == (32, 311, 10.3, 31900)
    assert told["prefixes"] == [
        {
            "database": 0, "prefix": "token:", "key_count": 310, "bytes": 31000, "bytes_per_key": 100, "without_expiry": 0, "share_percent": 97.2,
            "types": ["string"],
        },
        {"database": 1, "prefix": "", "key_count": 1, "bytes": 900, "bytes_per_key": 900, "without_expiry": 1, "share_percent": 2.8, "types": ["hash"]},
    ]  # fmt: skip
    assert told["protected"] == [{"prefix": "token:", "sampled": 20, "expiring": 20}]


def test_a_sample_without_sizes_tells_none():
    sample = PrefixSample(PREFIXING)
    assert sample.result({}, 5) == {
        "sampled": 0, "total": 0, "sampled_percent": 100.0, "estimated_bytes": None, "prefixes": [], "protected": [],
    }  # fmt: skip
    sample.add(0, b"a:1", None)
    assert [(row["bytes"], row["bytes_per_key"], row["share_percent"]) for row in sample.result({0: 1}, 5)["prefixes"]] == [(None, None, None)]
