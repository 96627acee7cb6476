"""Redis, the configuration and the databases as one set, and Redis back from it, as a person runs the playbooks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_catalogue import Backup
from tests.support.backed_up_shop import BackedUpShop
from tests.support.stacks import docker, unique_name


class Shop(BackedUpShop):
    """Its sessions are what nobody may make valid again."""

    def __init__(self, directory: Path) -> None:
        archives = [{"kind": "config", "accept_unencrypted": True}]
        super().__init__(directory, unique_name("redis-pb"), stores=["redis", "files", "postgres"], archives=archives)

    def saved(self, service: str) -> list[Backup]:
        return BackupStore(str(self.backup_dir), self.name, service).all()[0]

    def require_nothing_left(self) -> None:
        assert docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={self.name}") == ""
        assert [*self.backup_dir.rglob(".tmp-*")] == [] and self.lease_is_free()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("redis-pb"))
    try:
        made.must("deploy/install", version="v1")
        made.redis("MSET", *[word for number in range(50) for word in (f"cart:{number}", "full")])
        made.redis("SET", "session:old", "1")
        yield made
    finally:
        made.remove()


def test_both_stores_and_the_configuration_are_one_set_and_a_dead_one_does_not_keep_the_other(shop):
    made = shop.must("backup/create", min_age=0)
    rows = made.told["result"]["backups"]
    assert [(row["service"], row["state"]) for row in rows] == [(name, "verified") for name in ("redis", "files", "postgres", "postgres")]
    assert {row["set_id"] for row in rows} == {made.told["result"]["set_id"]} and rows[0]["keys_saved"] >= 51
    assert rows[0]["finished"] < rows[1]["started"] < rows[2]["started"], "the databases come last"
    again = shop.must("backup/create")
    assert (again.changed, [row["made"] for row in again.told["result"]["backups"]]) == (0, [False] * 4)
    assert shop.must("backup/verify").changed == 0
    tested = shop.must("backup/restore_test", stores=["redis", "files"])
    assert [(row["subject"], row["verified_level"]) for row in tested.told["result"]["backups"]] == [("rdb", 3), ("config", 3)]

    docker("pause", shop.project.containers("redis")[0]["Id"])
    try:
        failed = shop.play("backup/create", min_age=0, verify="none")
    finally:
        docker("unpause", shop.project.containers("redis")[0]["Id"])
    assert (failed.code != 0, failed.reason) == (True, "redis_not_in_stack")  # it does not run
    assert [len(shop.saved(service)) for service in ("redis", "files", "postgres")] == [1, 2, 4]
    unsaved = shop.play("backup/create", stores=["files", "redis"], backup_archives_declared=[{"kind": "config"}])
    assert (unsaved.code != 0, unsaved.reason) == (True, "files_unencrypted")
    assert [row["made"] for row in unsaved.told.get("result", {}).get("backups", [])] == [] and len(shop.saved("redis")) == 1
    shop.require_nothing_left()


def test_redis_comes_back_without_what_was_revoked_and_that_is_undone(shop):
    backup = shop.saved("redis")[0]
    shop.redis("FLUSHALL")
    shop.redis("SET", "session:new", "2")
    assert "confirm: redis" in shop.play("restore/redis", confirm="local").message
    done = shop.must("restore/redis", backup=backup.id, confirm="local", confirm_service="redis")
    told = done.told["result"]
    assert (told["source"], told["restart_proven"]) == (f"backup {backup.id}", True) and told["databases"] == backup.manifest.content["databases"]
    carts = next(group for group in told["groups"] if group["name"] == "cart:")
    assert (carts["count"], carts["expiring"], carts["restored"], told["not_compared"]) == (50, 0, 50, "")
    assert told["keys_carried"] >= 1 and told["unavailable_ms"] > 0 and "-e restore_action=undone" in done.output
    assert [shop.redis("GET", name) for name in ("cart:49", "session:old", "session:new")] == ["full", "1", "2"]
    assert shop.ready() == "ok"

    undone = shop.must("restore/redis", restore_action="undone", confirm="local", confirm_service="redis")
    assert [shop.redis("EXISTS", name) for name in ("cart:49", "session:new")] == ["0", "1"] and shop.ready() == "ok"
    recovered = shop.must("restore/redis", restore_action="recovered")
    assert recovered.told["result"]["recovered"] == []
    expired = shop.must("restore/redis", restore_action="expired", restore_undo_ttl=0)
    assert expired.told["result"]["dropped"] == [undone.told["result"]["kept_directory"]]
    shop.require_nothing_left()


def test_data_that_the_application_does_not_work_with_are_taken_back(shop):
    """The probes find nobody ready, whatever the data are."""
    shop.redis("SET", "since", "1")
    probes = [{"name": "never", "role": "readiness", "status": ["200"], "url": f"http://127.0.0.1:{shop.port}/health", "json": {"status": "never"}}]
    short = {"restore_health_timeout": 30, "restore_probe_deadline": 3, "stack_probes": probes}
    failed = shop.play("restore/redis", confirm="local", confirm_service="redis", **short)
    assert failed.code != 0 and "is DOWN or not proven" in failed.message
    assert shop.redis("GET", "since") == "1"
    until = time.monotonic() + 60
    while shop.ready() != "ok":  # nothing waited for it: the probes ask for what never comes
        assert time.monotonic() < until, "the application did not come back to its data"
        time.sleep(0.2)
    shop.require_nothing_left()
