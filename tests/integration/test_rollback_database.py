"""A deploy that migrates makes the way back, and the database goes back with the release that knows it."""

from __future__ import annotations

import re

import pytest

from tests.support.backed_up_shop import ORDERS, BackedUpShop
from tests.support.stacks import unique_name


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = BackedUpShop(tmp_path_factory.mktemp("rollback-db"), unique_name("rollback-db"))
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


def test_a_change_by_hand_decides_whether_a_release_can_come_back(shop):
    shop.must("deploy/release", version="v3-again", deploy_variables={"APP_VERSION": "v3", "SECOND": "1"}, deploy_backup="required")
    before = shop.entry("v3-again")["backup_id"]
    shop.sql("ALTER TABLE orders DROP COLUMN channel")
    refused = shop.play("incident/rollback")
    assert (refused.reason, shop.entry("v3-again")["verdict"]) == ("schema_incompatible", "verified")
    assert "not the one that release was verified with: column public.orders.channel is gone" in refused.message
    assert re.search(rf"kind=db -e backup={before}\), which loses what was written since 2\S+Z \(\d+ minutes?\)", refused.message)

    shop.sql("ALTER TABLE orders ADD COLUMN channel text NOT NULL DEFAULT 'web', ADD COLUMN by_hand text")
    shop.must("incident/rollback")
    assert (shop.verdicts()["v3-again"], shop.verdicts()["v3"], shop.ready()) == ("rolled_back", "verified", "ok")
