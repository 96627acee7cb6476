"""redis_keys against a real server: which keys it finds, which it touches, and which never."""

from __future__ import annotations

import json
import random

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.redis_glob import Glob, escape
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_keys_text import shown
from tests.support.redis import PASSWORD, RedisStack
from tests.support.stacks import unique_name

# What each holds would end a listing, split a word, or match others.
ODD = [
    b"cache:a b",
    b"cache:line\nbreak",
    b"cache:nul\0",
    b"cache:*",
    b"cache:[ab]?",
    b"cache:\xff\xfe",
    b"cache:back\\slash",
    "cache:Köln".encode(),
    b"cache:'\"$(x)",
]
WRITES = {"del", "unlink", "expire", "pexpire", "set", "flushdb", "hset", "persist"}


class Server(RedisStack):
    """Every command that must not be needed is renamed away."""

    def __init__(self, directory, name):
        renamed = [word for command in ("KEYS", "FLUSHALL", "MONITOR", "CONFIG", "DEL") for word in ("--rename-command", command, "")]
        super().__init__(directory, name, settings=renamed)

    def keys(self, state: str = "listed", check: bool = False, **options) -> dict:
        return self.module("redis_keys", check=check, state=state, **options)

    def there(self, database: int = 0) -> set[bytes]:
        found, cursor = set(), b"0"
        with self.session(database) as session:
            while True:
                cursor, keys = session.command("SCAN", cursor, "COUNT", 1000)
                found |= set(keys)
                if cursor == b"0":
                    return found

    def fill(self, *names: bytes, database: int = 0) -> None:
        with self.session(database) as session:
            session.pipeline([("SET", name, "v") for name in names])

    def writes(self) -> dict[str, str]:
        with self.session() as session:
            stats = session.info("commandstats")
        return {name: told.split(",")[0] for name, told in stats.items() if name.removeprefix("cmdstat_") in WRITES}


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("keys"), unique_name("redis-keys"))
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def server(started):
    for database in (0, 2):
        started.redis("FLUSHDB", database=database)
    return started


def test_check_do_check_again_do_again(server):
    server.fill(*ODD, *(b"cache:%d" % number for number in range(3000)), b"cach", b"cachet:1", b"other:cache:1")
    before = server.writes()
    checked = server.keys("absent", check=True, prefix="cache:")
    assert (checked["changed"], checked["matched"], checked["deleted"]) == (True, 3009, 0)
    assert len(checked["sample"]) == 20 and checked["bytes"] > 3009 * 40
    assert checked["actions"] == [{"action": "delete", "target": "prefix 'cache:'", "detail": "3,009 keys of database 0"}]
    assert server.writes() == before, "check mode wrote something"
    done = server.keys("absent", prefix="cache:")
    assert (done["changed"], done["matched"], done["deleted"], done["came_anew"]) == (True, 3009, 3009, 0)
    assert (done["keys_before"], done["keys_after"]) == (3012, 3)
    assert done["longest_stall_ms"] > 0
    assert server.there() == {b"cach", b"cachet:1", b"other:cache:1"}
    assert not server.keys("absent", check=True, prefix="cache:")["changed"]
    again = server.keys("absent", prefix="cache:")
    assert (again["changed"], again["matched"], again["actions"]) == (False, 0, [])
    journal = (server.state_dir / server.name / "journal.ndjson").read_text()
    assert [json.loads(line)["touched"] for line in journal.splitlines() if "redis_keys_ended" in line] == [3009]
    assert PASSWORD not in journal


def test_a_name_means_one_key_whatever_is_in_it(server):
    server.fill(*ODD)
    listed = server.keys(keys=[shown(odd) for odd in ODD])
    assert sorted(one["name"] for one in listed["sample"]) == sorted(map(shown, ODD))
    half = ODD[::2]
    done = server.keys("absent", keys=[*map(shown, half), shown(half[0]), "not:there", "cache:?b", "cache:"])
    assert (done["deleted"], done["missing"]) == (len(half), ["not:there", "cache:?b", "cache:"])
    assert server.there() == set(ODD) - set(half)
    assert server.keys("absent", prefix=shown(ODD[1]))["deleted"] == 1
    assert server.there() == set(ODD[3::2])


def test_a_prefix_is_no_pattern_and_a_pattern_is(server):
    server.fill(*ODD, b"cache:x")
    assert server.keys("absent", prefix="cache:*")["deleted"] == 1
    assert b"cache:*" not in server.there() and len(server.there()) == len(ODD)
    assert server.keys("absent", pattern="cach[e]:?")["deleted"] == 1
    assert server.there() == set(ODD) - {b"cache:*"}


def test_a_real_server_reads_patterns_as_we_do(server):
    chosen = random.Random(7)
    alphabet = [bytes([byte]) for byte in b"ab*?[]\\^-\x00\xff\n"]
    names = {b"".join(chosen.choices(alphabet, k=chosen.randint(1, 6))) for unused in range(400)}
    patterns = [b"".join(chosen.choices(alphabet, k=chosen.randint(1, 7))) for unused in range(600)]
    patterns += [escape(name) for name in sorted(names)[:100]] + [b"[", b"[^", b"[a-", b"a\\", b"**", b"*[^]"]
    server.fill(*names, database=2)
    with server.session(2) as session:
        for pattern in patterns:
            found = set(session.command("SCAN", 0, "MATCH", pattern, "COUNT", 100_000)[1])
            assert found == {name for name in names if Glob(pattern).matches(name)}, pattern


def test_every_type_is_told_with_its_values_only_when_asked(server):
    with server.session() as session:
        session.pipeline(
            [
                ("SET", "t:string", "secret-text", "EX", 500),
                ("RPUSH", "t:list", "a", "b"),
                ("SADD", "t:set", "m", b"\xff"),
                ("ZADD", "t:zset", "1.5", "x", "inf", "y"),
                ("HSET", "t:hash", "state", "OPEN", "failures", "5"),
                ("XADD", "t:stream", "1-1", "field", "text"),
            ]
        )
    shown_values = {one["name"]: one for one in server.keys(prefix="t:", show_values=True)["sample"]}
    assert {key: one["value"] for key, one in shown_values.items()} == {
        "t:string": "secret-text",
        "t:list": ["a", "b"],
        "t:set": ["\\xff", "m"],
        "t:zset": [{"member": "x", "score": 1.5}, {"member": "y", "score": "inf"}],
        "t:hash": {"state": "OPEN", "failures": "5"},
        "t:stream": [{"id": "1-1", "fields": {"field": "text"}}],
    }
    assert all(one["bytes"] > 0 and one["length"] for one in shown_values.values())
    assert 400 < shown_values["t:string"]["ttl"] <= 500 and shown_values["t:list"]["ttl"] == -1
    masked = server.keys(prefix="t:")
    assert {one["value"] for one in masked["sample"]} == {"********"} and "secret-text" not in str(masked)
    assert [one["name"] for one in server.keys(prefix="t:", type="hash")["sample"]] == ["t:hash"]
    assert server.keys("absent", prefix="t:", without_expiry=True)["deleted"] == 5
    assert server.there() == {b"t:string"}
    wrong = server.keys("absent", keys=["t:string"], type="hash")
    assert (wrong["reason"], server.there()) == ("redis_wrong_type", {b"t:string"})


def test_protected_keys_stay_until_they_are_named(server):
    rest = {b"token:1", b"token:2", b"lockout:alice:1"}
    server.fill(*rest, b"to", b"cache:token:1", b"model:1")
    guard = {"protected_prefixes": ["token:", "lockout:"]}
    for refused in ({"keys": ["model:1", "token:1"]}, {"prefix": "token:"}, {"prefix": "token:1"}, {"pattern": "[t]oken:*"}):
        result = server.keys("absent", **refused, **guard)
        assert (result["reason"], result["details"]["prefixes"]) == ("keys_protected", ["token:"])
    assert len(server.there()) == 6
    done = server.keys("absent", pattern="*o*", **guard)
    assert (done["matched"], done["deleted"]) == (6, 3)
    assert done["left_alone"] == [{"why": "protected", "prefix": "lockout:", "count": 1}, {"why": "protected", "prefix": "token:", "count": 2}]
    assert server.there() == rest
    assert not server.keys("absent", prefix="to", **guard)["changed"]
    assert server.keys("absent", prefix="token:", accept_protected=["tok"], **guard)["reason"] == "bad_input"
    assert server.keys("absent", prefix="token:", accept_protected=["token:"], **guard)["deleted"] == 2
    assert server.there() == {b"lockout:alice:1"}


def test_more_keys_than_allowed_are_all_left(server):
    server.fill(*(b"cache:%d" % number for number in range(50)))
    refused = server.keys("absent", prefix="cache:", max_keys=49)
    assert (refused["reason"], refused["details"]["matched"], len(server.there())) == ("too_many_keys", 50, 50)
    assert server.keys("absent", prefix="cache:4", max_keys=49)["deleted"] == 11


def test_a_soft_purge_spreads_and_never_lengthens(server):
    server.fill(*(b"cache:%d" % number for number in range(400)))
    server.redis("SET", "cache:soon", "v", "PX", 500_000)
    server.redis("SET", "cache:late", "v", "EX", 90_000)
    wanted = {"prefix": "cache:", "spread": 1000}
    assert server.keys("expiring", check=True, **wanted)["actions"][0]["action"] == "expire"
    assert server.redis("TTL", "cache:1") == -1
    done = server.keys("expiring", **wanted)
    assert (done["expiring"], done["deleted"], done["came_anew"]) == (401, 0, 0)
    assert done["left_alone"] == [{"why": "expiring_already", "prefix": "", "count": 1}]
    with server.session() as session:
        lives = session.pipeline([("PTTL", b"cache:%d" % number) for number in range(400)])
    there = [left for left in lives if left > 0]
    assert max(there) <= 1_000_000 and len({left // 100_000 for left in there}) == 10, "they go one after the other"
    assert server.redis("PTTL", "cache:soon") <= 500_000 and server.redis("TTL", "cache:late") <= 1000
    assert not server.keys("expiring", **wanted)["changed"]


def test_a_database_is_emptied_only_by_its_number_and_the_name_of_its_stack(server):
    server.fill(b"a", b"token:1", database=2)
    server.fill(b"here")
    confirmed = {"confirm": server.name, "database": 2}
    assert server.keys("flushed", database=2, confirm="other")["reason"] == "confirmation_missing"
    assert server.keys("flushed", confirm=server.name)["reason"] == "bad_input"
    assert server.keys("flushed", prefix="a", **confirmed)["reason"] == "bad_input"
    assert server.keys("flushed", check=True, protected_prefixes=["token:"], **confirmed)["changed"]
    assert server.there(2) == {b"a", b"token:1"}
    done = server.keys("flushed", protected_prefixes=["token:"], **confirmed)
    assert (done["deleted"], done["left_alone"][0]["count"], server.there(2)) == (1, 1, {b"token:1"})
    assert done["protected"] == [{"prefix": "token:", "before": 1, "after": 1}]
    assert not server.keys("flushed", protected_prefixes=["token:"], **confirmed)["changed"]
    assert server.keys("flushed", **confirmed)["deleted"] == 1
    assert not server.keys("flushed", **confirmed)["changed"]
    assert (server.there(2), server.there()) == (set(), {b"here"})


def test_everything_is_listed_by_its_beginnings(server):
    server.fill(b"plain", *(b"session:%d" % number for number in range(30)), *(b"cache:customer:%d" % number for number in range(5)))
    listed = server.keys(prefix="")
    assert (listed["matched"], listed["changed"], len(listed["sample"])) == (36, False, 20)
    assert listed["prefixes"] == [{"prefix": "session:", "count": 30}, {"prefix": "cache:", "count": 5}, {"prefix": "", "count": 1}]
    assert server.keys(prefix="cache:")["prefixes"] == [{"prefix": "cache:customer:", "count": 5}]
    assert server.keys(database=9, prefix="")["matched"] == 0
    assert server.keys(database=99, prefix="")["reason"] == "redis_failed"


def test_the_largest_and_smallest_of_many_come_first(server):
    with server.session() as session:
        session.pipeline([("SET", f"hits:{number}", number) for number in range(3000)])
        session.pipeline([("HSET", f"bucket:{number}", "tokens", number + 0.5, "refilled", 9) for number in range(50)])
        session.pipeline([("SET", "hits:odd", "no number"), ("ZADD", "hits:window", *[word for number in range(4000) for word in (number, number)])])
    top = server.module("redis_keys", prefix="hits:", order="largest", sample_size=3)
    assert [(one["name"], one["number"]) for one in top["sample"]] == [("hits:window", 4000), ("hits:2999", 2999), ("hits:2998", 2998)]
    assert (top["matched"], top["without_number"], top["changed"]) == (3002, 1, False)
    assert "NUMBER" in top["table"] and all(one["value"] == "********" for one in top["sample"])
    least = server.module("redis_keys", prefix="bucket:", order="smallest", order_by="tokens", sample_size=2)
    assert [(one["name"], one["number"]) for one in least["sample"]] == [("bucket:0", 0.5), ("bucket:1", 1.5)]
    assert server.module("redis_keys", prefix="bucket:", order="smallest", order_by="absent")["without_number"] == 50
    assert server.module("redis_keys", prefix="bucket:", order="smallest", state="absent")["reason"] == "bad_input"
