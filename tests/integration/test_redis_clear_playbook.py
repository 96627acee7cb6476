"""playbooks/redis/clear.yml with an inventory that describes what the keys are."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore
from tests.support.operated import OperatedStack
from tests.support.redis import RedisStack
from tests.support.stacks import unique_name

REDIS = {
    "protected_prefixes": ["session:"],
    "keys": {
        "sessions": {"prefix": "session:", "key_of": "session:{id}"},
        "models": {"prefix": "model:"},
    },
}


class Store(OperatedStack):
    """An inventory whose stack is only a Redis, which is all that its probes ask for."""

    def __init__(self, directory, name):
        probes = [{"name": "redis", "role": "readiness", "url": "redis://redis:6379"}]
        self.backup_dir = directory / "backups"
        backup = {"dir": str(self.backup_dir), "allow_same_disk": True, "stores": ["redis"]}
        super().__init__(directory, name, stack_redis=REDIS, stack_probes=probes, stack_dependency_probes=[], stack_backup=backup)
        self.stack = RedisStack(directory, name)

    def clear(self, **variables):
        return self.play("redis/clear", **variables)

    def looked(self, playbook, **variables) -> str:
        """What a run in check mode says."""
        started = self.start(playbook, check=True, **variables)
        output = started.communicate(timeout=900)[0]
        assert started.returncode == 0, output
        return output

    def saved(self):
        return BackupStore(str(self.backup_dir), self.name, "redis").all()[0]

    def exists(self, *names: str) -> int:
        return self.stack.redis("EXISTS", *names)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store(tmp_path_factory.mktemp("redis-clear"), unique_name("redis-clear"))
    try:
        made.stack.up()
        yield made
    finally:
        made.remove()


@pytest.fixture(autouse=True)
def filled(store):
    store.stack.redis("FLUSHDB")
    store.stack.redis("MSET", "model:1", "secret-of-a-model", "model:2", "v", "session:alice", "v", "session:alice2", "v", "session:*", "v", "other", "v")


def test_a_cache_is_listed_and_cleared_and_what_is_protected_stays(store):
    listed = store.must("redis/clear", family="models")
    assert (listed.changed, listed.told["result"]["matched"], listed.told["result"]["deleted"]) == (0, 2, 0)
    assert "secret-of-a-model" not in listed.output
    unconfirmed = store.clear(family="models", state="absent")
    assert unconfirmed.code != 0 and "confirm=local" in unconfirmed.output
    cleared = store.must("redis/clear", family="models", state="absent", confirm="local")
    assert cleared.told["result"]["deleted"] == 2 and cleared.changed == 1
    assert store.lease_is_free()
    assert store.must("redis/clear", pattern="*s*", state="absent", confirm="local").told["result"]["left_alone"][0]["count"] == 3
    assert (store.exists("model:1", "model:2"), store.exists("session:alice", "session:alice2", "session:*")) == (0, 3)


def test_the_session_of_one_is_cleared_and_that_of_another_stays(store):
    wanted = {"family": "sessions", "state": "absent", "confirm": "local"}
    assert store.clear(**wanted, of="alice").reason == "keys_protected"
    assert store.clear(**wanted, of="", accept_protected=["session:"]).reason == "bad_input"
    store.must("redis/clear", **wanted, of="alice", accept_protected=["session:"])
    assert (store.exists("session:alice"), store.exists("session:alice2", "session:*")) == (0, 2)


def test_a_flush_asks_for_the_environment_and_for_the_stack(store):
    wanted = {"state": "flushed", "confirm": "local"}
    assert store.clear(**wanted, database=0).reason == "confirmation_missing"
    assert store.clear(**wanted, confirm_stack=store.name).reason == "bad_input"
    assert store.saved() == [], "nothing is backed up for what is refused"


def test_a_database_is_saved_and_proven_before_it_is_emptied_and_comes_back(store):
    wanted = {"state": "flushed", "database": 0, "confirm": "local", "confirm_stack": store.name, "watch_seconds": 1}
    refused = store.clear(**wanted, backup_dir="/proc/none")
    assert refused.code != 0 and "Nothing was deleted: Redis was not saved and proven first." in refused.message
    assert (refused.reason, store.exists("model:1", "other", "session:alice"), store.lease_is_free()) == ("backup_no_space", 3, True)

    preview = store.looked("redis/clear", **wanted)
    assert "-e state=expiring -e spread=600 -e prefix=model:" in preview and "-e family=models" in preview and "-e prefix=session:" not in preview
    assert store.exists("model:1", "other") == 2 and store.saved() == []

    flushed = store.must("redis/clear", **wanted)
    told = flushed.told["result"]
    (backup,) = store.saved()
    assert (told["deleted"], told["backup"], backup.state, backup.manifest.purpose) == (3, backup.id, "verified", "safety")
    assert told["protected"] == [{"prefix": "session:", "before": 3, "after": 3}] and told["way_back"] in flushed.output
    assert (told["hits_after"]["hit_percent"], "n/a (nothing was read)" in flushed.output) == (None, True)
    assert "Protected: session:, 3 keys before and 3 after." in flushed.output
    assert store.exists("session:alice", "session:alice2", "session:*", "other") == 3

    store.stack.redis("SET", "other", "anew")
    without = store.must("redis/clear", **wanted, without_backup="a cache of a test")
    assert (without.told["result"]["without_backup"], len(store.saved()), store.exists("other")) == ("a cache of a test", 1, 0)

    words = dict(word.split("=", 1) for word in told["way_back"].split() if "=" in word)
    store.must("restore/redis", **words)
    assert store.exists("model:1", "model:2", "other", "session:alice") == 4
