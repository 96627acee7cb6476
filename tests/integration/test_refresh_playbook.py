"""A stack that is not production gets the masked database of one that is, and production gets nothing."""

from __future__ import annotations

import pytest

from tests.support.backed_up_shop import ORDERS, BackedUpShop
from tests.support.backups import brought_from
from tests.support.stacks import unique_name

PRODUCTION = "shop-production"
MASKED_EMAIL = "'u' || md5({}) || '@example.test'"
MASKING = {
    "masking": [
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_email_fkey",
        f"UPDATE users SET email = {MASKED_EMAIL.format('email')}",
        f"UPDATE orders SET customer_email = {MASKED_EMAIL.format('customer_email')}",
        "ALTER TABLE orders ADD CONSTRAINT orders_customer_email_fkey FOREIGN KEY (customer_email) REFERENCES users (email)",
    ],
    "masking_checks": ["SELECT count(*) = 0 FROM orders WHERE customer_email NOT LIKE '%@example.test'"],
}
SAID = {"confirm": "local", "confirm_database": "shop"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = BackedUpShop(tmp_path_factory.mktemp("refresh-pb"), unique_name("refresh-pb"))
    try:
        made.must("deploy/install", version="v3")
        made.back_up()
        brought_from(PRODUCTION, made.store.all()[0][0], made.backup_dir)
        made.sql("DELETE FROM order_events; DELETE FROM orders")
        yield made
    finally:
        made.remove()


def test_production_is_refused_whatever_is_said(shop):
    production = {"runbook_environment": "production", "confirm": "production", "confirm_database": "shop"}
    databases, backups = shop.databases(), shop.backups().keys()
    for playbook, variables in (("restore/refresh", {"backup_stack": PRODUCTION, **MASKING}), ("restore/postgres", {"restore_backup_stack": PRODUCTION})):
        refused = shop.play(playbook, **production, **variables)
        assert (refused.code, refused.failure["reason"], refused.changed) == (2, "production_refused", 0), refused.output[-2000:]
    assert (shop.orders(), shop.databases(), shop.backups().keys(), shop.lease_is_free()) == (0, databases, backups, True)


def test_it_is_said_outright_how_it_is_masked(shop):
    refused = shop.play("restore/refresh", backup_stack=PRODUCTION, **SAID)
    assert (refused.failure["reason"], refused.changed, shop.orders()) == ("masking_not_chosen", 0, 0)


def test_masked_data_become_live_and_what_was_live_is_kept(shop):
    done = shop.must("restore/refresh", backup_stack=PRODUCTION, **MASKING, **SAID)
    told = done.told["result"]
    assert (shop.orders(), shop.ready(), told["masked"], told["masking_checks"]) == (ORDERS, "ok", 4, 1)
    assert shop.sql("SELECT count(*) FROM orders WHERE customer_email NOT LIKE '%@example.test'") == "0"
    assert told["kept_database"] in shop.databases() and f"of stack {PRODUCTION}" in told["source"]
    assert "masked by 4 statements; 1 checks hold" in done.output
