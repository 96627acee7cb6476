"""The playbooks that look after Postgres, on a whole stack."""

from __future__ import annotations

import time

import psycopg2
import pytest

from tests.support.archives import declared, saved
from tests.support.postgres_shop import Shop
from tests.support.stacks import unique_name


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("pg-playbooks"), unique_name("pg-playbooks"), stack_postgres={"application_is_superuser": True})
    try:
        made.must("deploy/install", version="v1")
        yield made
    finally:
        made.remove()


def test_a_forgotten_transaction_is_listed_and_ended_and_the_application_goes_on(shop):
    forgotten = shop.connect("forgotten")
    with forgotten.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1")
    time.sleep(2)
    chosen = {"applications": ["forgotten"], "postgres_sessions_older_than": 1}
    listed = shop.must("postgres/sessions", **chosen)
    assert listed.changed == 0
    assert [one["application"] for one in listed.told["result"]["sessions"]] == ["forgotten"]
    ended = shop.must("postgres/sessions", state="terminated", **chosen)
    assert [one["outcome"] for one in ended.told["result"]["sessions"]] == ["terminated"]
    with pytest.raises(psycopg2.Error), forgotten.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert shop.must("postgres/sessions", state="terminated", **chosen).changed == 0
    assert shop.version() == "v1"


def test_a_table_with_dead_rows_is_vacuumed_once(shop):
    shop.sql(
        "CREATE TABLE swept (id int) WITH (autovacuum_enabled = off)",
        "INSERT INTO swept SELECT generate_series(1, 20000)",
        "DELETE FROM swept WHERE id <= 15000",
        "SELECT pg_stat_force_next_flush()",  # so that the server has counted them
    )
    done = shop.must("postgres/maintain", tables=["public.swept"])
    assert [(one["name"], one["action"]) for one in done.told["result"]["maintained"]] == [("public.swept", "vacuum")]
    assert shop.must("postgres/maintain", tables=["public.swept"]).changed == 0


def test_a_full_vacuum_asks_for_the_environment_and_for_the_database(shop):
    size = shop.sql("SELECT pg_table_size('swept')")
    refused = shop.play("postgres/maintain", task="vacuum_full", tables=["public.swept"])
    assert refused.code != 0 and "confirm=local" in refused.output
    unnamed = shop.play("postgres/maintain", task="vacuum_full", tables=["public.swept"], confirm="local")
    assert unnamed.reason == "confirmation_missing"
    assert shop.sql("SELECT pg_table_size('swept')") == size
    shop.must("postgres/maintain", task="vacuum_full", tables=["public.swept"], confirm="local", confirm_database="shop")
    assert shop.sql("SELECT pg_table_size('swept')") < size


def test_a_setting_is_in_effect_and_a_second_run_changes_nothing(shop):
    archive = shop.directory / "archive"
    done = shop.must("postgres/settings", settings={"log_min_duration_statement": "1s"}, stack_backup=declared(archive))
    assert shop.setting("log_min_duration_statement") == "1s"
    assert done.told["result"]["configuration_saved"]["backups"] == saved(archive, shop.name) and len(saved(archive, shop.name)) == 1
    again = shop.must("postgres/settings", settings={"log_min_duration_statement": "1000ms"}, stack_backup=declared(archive))
    assert (again.changed, again.told["result"]["configuration_saved"]["backups"]) == (0, [])
    back = shop.must("postgres/settings", settings={"log_min_duration_statement": None})
    assert back.told["result"]["previous"] == {"log_min_duration_statement": "1s"}
    assert "declares no archive" in back.told["result"]["configuration_saved"]["message"]
    assert shop.setting("log_min_duration_statement") == "-1"


def test_statements_are_counted_after_one_restart(shop):
    wanted = {"settings": {"shared_preload_libraries": ["pg_stat_statements"]}, "merge_lists": True, "extensions": ["pg_stat_statements"]}
    assert shop.play("postgres/settings", **wanted, restart="when_pending").code != 0  # it asks for the environment's name
    before = shop.project.containers("postgres")[0]["State"]["StartedAt"]
    shop.must("postgres/settings", **wanted, restart="when_pending", confirm="local")
    started = shop.project.containers("postgres")[0]["State"]["StartedAt"]
    assert started != before
    assert shop.sql("SELECT count(*) > 0 FROM pg_stat_statements") == [(True,)]
    assert shop.must("postgres/settings", **wanted, restart="when_pending", confirm="local").changed == 0
    assert shop.project.containers("postgres")[0]["State"]["StartedAt"] == started
    assert shop.version() == "v1"


def test_settings_with_which_the_stack_does_not_answer_are_taken_back(shop):
    # The application finds its tables no more, and says that it is not ready.
    played = shop.play("postgres/settings", settings={"search_path": ["nowhere"], "log_min_duration_statement": "2s"}, postgres_probe_deadline=10)
    assert played.code != 0
    assert "the ones before are in effect again and the stack answers" in played.message
    assert (shop.setting("search_path"), shop.setting("log_min_duration_statement")) == ('"$user", public', "-1")
