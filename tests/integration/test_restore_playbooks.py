"""A database goes back: before a deploy, to a backup, and away from one on which the application does not work."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
import yaml

from tests.support.modules import ROOT, call
from tests.support.operated import OperatedStack
from tests.support.stacks import docker, unique_name

ORDERS = 200  # the migrations bring them


class Shop(OperatedStack):
    """The miniature, with a directory for its backups."""

    def started(self, service: str) -> str:
        return self.project.containers(service)[0]["State"]["StartedAt"]

    def sql(self, statements: str, database: str = "shop") -> str:
        words = ["exec", self.project.containers("postgres")[0]["Id"], "psql", "--username=shop", "--set=ON_ERROR_STOP=1", "--quiet"]
        return docker(*words, "--tuples-only", "--no-align", "--command", statements, database).strip()

    def orders(self) -> int:
        return int(self.sql("SELECT count(*) FROM orders"))

    def databases(self) -> set[str]:
        return set(self.sql("SELECT datname FROM pg_database").split())

    def accepts(self, database: str) -> bool:
        return self.sql(f"SELECT datallowconn FROM pg_database WHERE datname = '{database}'", "postgres") == "t"

    def ready(self) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=5) as answer:
                return json.load(answer)["status"]
        except urllib.error.HTTPError as refused:
            return json.load(refused)["status"]

    def back_up(self, verify: str = "restore") -> str:
        options = {"backup_dir": str(self.directory / "backups"), "databases": ["shop"], "verify": verify, "allow_same_disk": True}
        result = call("postgres_backup", {**self.project.options, **options})
        assert not result["failed"], result
        return result["backups"][0]["id"]

    def backups(self) -> dict[str, dict]:
        result = call("backup_info", {**self.project.options, "backup_dir": str(self.directory / "backups")})
        return {one["id"]: one for one in result["backups"]}

    def entry(self, version: str) -> dict:
        return next(one for one in self.ledger()["releases"] if one["version"] == version)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    directory = tmp_path_factory.mktemp("restore-playbooks")
    release = yaml.safe_load((ROOT / "inventories/local/group_vars/stack/release.yml").read_text())["stack_release"]
    del release["backup"]  # the demo makes none, everybody else does
    own = {"stack_release": release, "stack_backup": {"dir": str(directory / "backups"), "allow_same_disk": True, "min_age": 3600}}
    made = Shop(directory, unique_name("restore-pb"), **own)
    try:
        made.must("deploy/install", version="v3")
        yield made
    finally:
        made.remove()


def test_a_deploy_that_migrates_keeps_the_way_back_and_the_database_goes_back_with_its_release(shop):
    assert shop.backups() == {}  # the first release of all had nothing to lose
    shop.must("deploy/release", version="v4", deploy_breaking_migrations="accept")
    before = shop.entry("v4")["backup_id"]
    made = shop.backups()[before]
    assert (made["state"], made["purpose"], shop.ready()) == ("verified", "pre_deploy", "ok")

    shop.sql("INSERT INTO orders (customer, amount_cents) VALUES ('customer1@example.com', 4711)")
    refused = shop.play("incident/rollback")
    assert (refused.reason, shop.version()) == ("schema_incompatible", "v4")
    assert f"kind=db -e backup={before}), which loses what was written since 2" in refused.message

    unconfirmed = shop.play("incident/rollback", kind="db")
    assert unconfirmed.code != 0 and "confirm=local" in unconfirmed.output
    assert shop.version() == "v4"

    back = shop.must("incident/rollback", kind="db", confirm="local", confirm_database="shop")
    assert (shop.version(), shop.ready(), shop.orders()) == ("v3", "ok", ORDERS)
    assert (shop.verdicts()["v4"], shop.verdicts()["v3"], shop.ledger()["drift"]) == ("rolled_back", "verified", [])
    told = back.told["result"]
    assert told["source"] == f"backup {before}" and told["kept_database"] in shop.databases() and told["rows"] > ORDERS


def test_a_backup_comes_back_while_the_application_runs_and_that_is_undone(shop):
    good = shop.back_up()
    shop.sql("DELETE FROM order_events; DELETE FROM orders")
    started = shop.started("api")
    done = shop.must("restore/postgres", backup=good, confirm="local", confirm_database="shop")
    assert (shop.orders(), shop.ready(), shop.started("api")) == (ORDERS, "ok", started)
    assert done.told["result"]["unavailable_ms"] > 0
    undone = shop.must("restore/postgres", restore_action="undone", confirm="local", confirm_database="shop")
    assert (shop.orders(), shop.ready()) == (0, "ok")
    assert undone.told["result"]["kept_database"] in shop.databases()
    assert shop.must("restore/postgres", restore_action="undone", confirm="local", confirm_database="shop").changed == 0


def test_after_a_loss_the_last_good_backup_is_found_and_restored_and_the_damage_kept(shop):
    assert shop.orders() == 0
    databases, backups, started = shop.databases(), shop.backups(), shop.started("api")
    looked = shop.must("incident/data_loss")
    good = looked.told["result"]["before_loss"]
    assert "public.orders 200 -> 0" in looked.output and f"-e backup={good} -e confirm_database=shop -e confirm=local" in looked.output
    assert (looked.changed, shop.databases(), shop.backups().keys(), shop.started("api")) == (0, databases, backups.keys(), started)

    done = shop.must("incident/data_loss", backup=good, confirm="local", confirm_database="shop", reason="somebody emptied the table")
    told = done.told["result"]
    assert (shop.orders(), shop.ready()) == (ORDERS, "ok") and shop.started("api") != started
    assert shop.backups()[told["evidence"]]["pinned"] == "damaged, before a restore: somebody emptied the table"
    assert (told["rows_before"]["public.orders"], told["rows_after"]["public.orders"]) == (0, ORDERS)
    assert told["lost_from"] < told["lost_until"] and "public.orders 0 -> 200" in done.output


def test_a_database_on_which_the_application_does_not_work_is_taken_back(shop):
    shop.sql("ALTER TABLE schema_migrations RENAME TO hidden")
    broken = shop.back_up(verify="none")
    shop.sql("ALTER TABLE hidden RENAME TO schema_migrations; INSERT INTO orders (customer_email, amount_cents) VALUES ('customer1@example.com', 1)")
    short = {"restore_health_timeout": 5, "restore_probe_deadline": 5, "restore_allow_unverified": True}
    failed = shop.play("restore/postgres", backup=broken, confirm="local", confirm_database="shop", **short)
    assert failed.code != 0
    assert "What was live before is live again and the application answers" in failed.message and "TODO" not in failed.message
    assert (shop.orders(), shop.ready(), shop.accepts("shop"), shop.lease_is_free()) == (ORDERS + 1, "ok", True, True)
