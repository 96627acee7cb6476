"""How an application logs in, read from its environment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._core.application_login import ApplicationLogin, LoginNotFound, application_login

SHOP = ApplicationLogin("db", 6432, "shop app", "p@ss:w/rd?", "orders")


@pytest.mark.parametrize(
    "environment",
    [
        {"DATABASE_URL": "postgresql://shop%20app:p%40ss%3Aw%2Frd%3F@db:6432/orders?sslmode=disable"},
        {"DATABASE_URL": "redis://db:1", "POSTGRES_URL": "postgresql+psycopg2://shop%20app:p%40ss%3Aw%2Frd%3F@db:6432/orders"},
        {"DATABASE_HOST": "db", "DATABASE_PORT": "6432", "DATABASE_USER": "shop app", "DATABASE_PASSWORD": "p@ss:w/rd?", "DATABASE_NAME": "orders"},
        {"PGHOST": "db", "PGPORT": "6432", "PGUSER": "shop app", "PGPASSWORD": "p@ss:w/rd?", "PGDATABASE": "orders", "DB_HOST": "other"},
    ],
)
def test_a_url_or_its_parts_tell_it(environment):
    assert application_login(environment, "api-1") == SHOP


def test_what_is_left_out_is_what_libpq_would_take():
    assert application_login({"DATABASE_URL": "postgres://shop@db"}, "api-1") == ApplicationLogin("db", 5432, "shop", "", "shop")


@pytest.mark.parametrize("environment", [{}, {"DATABASE_URL": "postgres://db/orders"}, {"DATABASE_URL": "postgres://u@db:x/"}, {"DB_HOST": "db"}])
def test_an_environment_that_does_not_tell_it_is_refused(environment):
    with pytest.raises(LoginNotFound) as refused:
        application_login(environment, "api-1")
    assert "api-1" in str(refused.value)


def test_the_password_is_not_shown():
    assert SHOP.password not in repr(SHOP)


@given(some.text())
def test_no_url_ends_it_otherwise(text):
    try:
        application_login({"DATABASE_URL": text}, "api-1")
    except LoginNotFound as refused:
        assert refused.reason == "application_login_not_found"
