"""A moment that no backup has comes back: the log is received, and a database goes back to a time, by playbooks on a whole stack."""

from __future__ import annotations

import json
import time
import urllib.request

import pytest

from tests.support.operated import OperatedStack
from tests.support.stacks import docker, unique_name


class Shop(OperatedStack):
    """The miniature, with a directory for its backups."""

    @property
    def backups(self):
        return self.directory / "backups"

    def sql(self, statements: str, database: str = "shop") -> str:
        words = ["exec", self.project.containers("postgres")[0]["Id"], "psql", "--username=shop", "--set=ON_ERROR_STOP=1", "--quiet"]
        return docker(*words, "--tuples-only", "--no-align", "--command", statements, database).strip()

    def orders(self) -> int:
        return int(self.sql("SELECT count(*) FROM orders"))

    def ready(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=5) as answer:
            return json.load(answer)["status"]

    def now(self) -> str:
        """The server's clock, with commits before and after it apart from it."""
        time.sleep(0.05)
        moment = self.sql("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        time.sleep(0.05)
        return moment

    def back(self, **variables: object):
        return self.play("restore/postgres", confirm="local", confirm_database="shop", **variables)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pitr-playbooks")
    own = {"dir": str(directory / "backups"), "allow_same_disk": True, "point_in_time": {"slot_keep_mb": 256, "min_age": 3600}}
    made = Shop(directory, unique_name("pitr-pb"), stack_backup=own)
    try:
        made.must("deploy/install", version="v1")
        yield made
    finally:
        receiver = docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={made.name}").split()
        if receiver:
            docker("rm", "--force", *receiver)
        made.remove()


def test_what_is_declared_is_missed_until_it_is_enabled_and_has_a_base_backup(shop):
    missed = shop.play("backup/point_in_time")
    assert missed.code != 0 and "declared, and the log is not received" in missed.message
    begun = shop.must("backup/point_in_time", state="enabled")
    assert begun.told["result"]["receiver"] == "streaming" and begun.changed > 0
    half = shop.play("backup/point_in_time")
    assert half.code != 0 and "Take one (state=base_backup)" in half.message
    taken = shop.must("backup/point_in_time", state="base_backup")
    assert [taken.told["result"]["base"]] == taken.told["result"]["bases"]
    for again in ({"state": "base_backup"}, {}):
        looked = shop.must("backup/point_in_time", **again)
        assert (looked.changed, looked.told["result"]["problems"]) == (0, [])
    assert f"reachable {looked.told['result']['reachable'][0]['start']} to 2" in looked.output


def test_rows_deleted_a_moment_ago_come_back_into_the_running_application(shop):
    before = shop.orders()
    moment = shop.now()
    shop.sql("DELETE FROM orders")
    unnamed = shop.play("restore/postgres", target_time=moment, confirm="local")
    assert unnamed.code != 0 and "confirm_database=shop" in unnamed.message
    refused = shop.back(target_time="2020-01-01T00:00:00Z")
    assert refused.reason == "time_unreachable" and "Reachable: 2" in refused.message
    assert shop.orders() == 0 and shop.lease_is_free()
    done = shop.back(target_time=moment)
    assert done.code == 0, done.output
    assert (shop.orders(), shop.ready()) == (before, "ok") and before > 0
    assert done.told["result"]["unavailable_ms"] > 0 and "as of 2" in done.output
    assert list((shop.backups / ".recovered" / shop.name).iterdir()) == []


def test_a_receiver_that_died_fails_the_look_and_is_repaired(shop):
    docker("rm", "--force", f"runbook-wal-{shop.name}.postgres")
    looked = shop.play("backup/point_in_time")
    assert looked.code != 0 and "keeps its log for nobody" in looked.message
    repaired = shop.must("backup/point_in_time", state="enabled")
    assert repaired.changed > 0 and repaired.told["result"]["problems"] == []
    gone = shop.must("backup/point_in_time", state="disabled")
    assert gone.told["result"]["enabled"] is False and shop.sql("SELECT count(*) FROM pg_replication_slots") == "0"
