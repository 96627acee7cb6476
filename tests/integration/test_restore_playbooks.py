"""A database goes back to a backup, and away from one on which the application does not work."""

from __future__ import annotations

import pytest

from tests.support.backed_up_shop import ORDERS, BackedUpShop
from tests.support.stacks import unique_name


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = BackedUpShop(tmp_path_factory.mktemp("restore-pb"), unique_name("restore-pb"))
    try:
        made.must("deploy/install", version="v3")
        yield made
    finally:
        made.remove()


def test_a_backup_comes_back_while_the_application_runs_and_that_is_undone(shop):
    good = shop.back_up()
    shop.sql("DELETE FROM order_events; DELETE FROM orders")
    started = shop.started("api")
    done = shop.must("restore/postgres", backup=good, confirm="local", confirm_database="shop")
    assert (shop.orders(), shop.ready(), shop.started("api")) == (ORDERS, "ok", started)
    assert done.told["result"]["unavailable_ms"] > 0
    undone = shop.must("restore/postgres", restore_action="undone", confirm="local", confirm_database="shop")
    assert (shop.orders(), shop.ready()) == (0, "ok")
    assert undone.told["result"]["kept_database"] in shop.databases() and "live as before the restore of backup" in undone.output


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
    short = {"restore_health_timeout": 15, "restore_probe_deadline": 10, "restore_allow_unverified": True}
    failed = shop.play("restore/postgres", backup=broken, confirm="local", confirm_database="shop", **short)
    assert failed.code != 0
    assert "What was live before is live again and the application answers" in failed.message
    assert (shop.orders(), shop.ready(), shop.accepts("shop"), shop.lease_is_free()) == (ORDERS + 1, "ok", True, True)
