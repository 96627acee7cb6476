"""Asking the database by playbook, and the incident that the application cannot reach it, on a whole stack."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.support.modules import call
from tests.support.postgres_shop import Shop
from tests.support.samples import documented_sample, undocumented
from tests.support.stacks import docker, unique_name

PASSWORD = "demo-only-postgres"
SLOTS = 12  # 3 of them for superusers


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    database = {"application_is_superuser": True, "pool_setting": "DATABASE_POOL_SIZE"}
    made = Shop(tmp_path_factory.mktemp("pg-access"), unique_name("pg-access"), stack_postgres=database)
    try:
        made.must("deploy/install", version="v1")
        made.sql(f"ALTER SYSTEM SET max_connections = {SLOTS}", "CREATE TABLE notes (id int PRIMARY KEY, note text, token text)")
        docker("restart", container(made))
        made.project.await_healthy("postgres")
        yield made
    finally:
        made.remove()


def container(shop: Shop, service: str = "postgres") -> str:
    return shop.project.containers(service)[0]["Id"]


def look(shop: Shop, **options) -> dict:
    result = call("postgres_access_info", {**shop.project.options, "application": "api", **options})
    assert PASSWORD not in json.dumps(result)
    return result


def used(shop: Shop) -> int:
    """By the application and ``leaking`` sessions: those of this test and of a look end some time after they were left."""
    clients = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    return shop.sql(f"{clients} AND application_name <> 'test' AND application_name NOT LIKE 'runbook%'")[0][0]


def test_more_containers_than_the_server_has_connections_for_are_refused(shop):
    told = look(shop, replicas=3, pool_setting="DATABASE_POOL_SIZE")
    assert (told["suggested_pool_size"], told["application"]["pool_size"]) == (2, 4)
    assert look(shop, pool_setting="ABSENT")["application"]["pool_size"] is None
    assert look(shop, replicas=-1)["reason"] == "bad_input"
    played = shop.play("scaling/scale", service="api", replicas=3)
    assert played.code != 0 and "each pool should hold at most 2 connections. Nothing was done" in " ".join(played.output.split())
    assert len(shop.project.containers("api")) == 1


def test_a_question_is_answered_with_the_applications_own_login_and_without_the_lease(shop):
    shop.sql("INSERT INTO notes SELECT g, 'note ' || g, 'hidden-value' FROM generate_series(1, 5) AS g")
    journal = shop.project.state_dir / shop.name / "journal.ndjson"
    before = journal.read_text()
    asked = shop.must("postgres/query", statement="SELECT * FROM notes WHERE id > %s ORDER BY id", parameters=[3], max_rows=1, login="application")
    result = asked.told["result"]
    assert (result["username"], result["row_count"], result["truncated"], asked.changed) == ("shop", 1, True, 0)
    assert result["rows"][0]["note"] == "note 4" and "(at least 1 row)" in asked.output
    for text in (asked.output, json.dumps(asked.record)):
        assert "hidden-value" not in text and PASSWORD not in text
    assert journal.read_text() == before


def test_writing_asks_for_the_database_by_name(shop):
    write = {"statement": "UPDATE notes SET note = 'new' WHERE id = 1 AND note <> 'new'", "write": True}
    refused = shop.play("postgres/query", **write)
    assert (refused.reason, shop.sql("SELECT note FROM notes WHERE id = 1")) == ("confirmation_missing", [("note 1",)])
    assert shop.must("postgres/query", **write, confirm_database="shop").told["result"]["rows_touched"] == 1
    assert shop.must("postgres/query", **write, confirm_database="shop").changed == 0
    assert shop.sql("SELECT note FROM notes WHERE id = 1") == [("new",)]
    assert shop.lease_is_free()


def test_a_stack_that_is_well_has_no_finding(shop):
    found = look(shop)
    told = {name for name in undocumented(found, documented_sample("postgres_access_info")) if not name.startswith(".connections")}
    assert told <= {".actions", ".changed", ".diff", ".failed", ".invocation"}
    assert (found["finding"], found["changed"], found["application"]["resolves"], found["application"]["reason"]) == ("healthy", False, True, "")
    assert found["suggested_pool_size"] == 7
    assert look(shop, disk_free_min_mb=10**9)["finding"] == "disk_full"
    assert look(shop, application="redis")["finding"] == "login_failed"


def test_a_full_pool_is_told_first_and_emptied_when_that_is_asked_for(shop):
    held = []
    while used(shop) < SLOTS - 3:
        held.append(shop.connect("leaking"))
    told = shop.play("incident/db_connections")
    assert told.code != 0 and "connections_exhausted" in told.message
    assert "at most 7 connections" in " ".join(told.message.split())
    assert told.told["result"]["connections"]["free"] == 0
    assert used(shop) >= SLOTS - 3
    fixed = shop.must("incident/db_connections", fix=True, idle_seconds=1)
    assert (fixed.told["result"]["finding"], fixed.told["result"]["now"]) == ("connections_exhausted", "healthy")
    assert {one["application"] for one in fixed.told["result"]["ended"]} >= {"leaking"}
    assert fixed.told["result"]["connections"]["used_percent"] < 80 and shop.version() == "v1"
    assert shop.must("incident/db_connections", fix=True, idle_seconds=1).changed == 0
    for connection in held:
        connection.close()


def test_a_pool_that_leaves_no_room_is_refused_before_it_is_set(shop):
    before, api = shop.project.env_path.read_text(), container(shop, "api")  # molecule/service_care sets one that fits
    refused = shop.play("service/configure", settings={"DATABASE_POOL_SIZE": 8})
    assert refused.code != 0 and "at most 7 connections" in " ".join(refused.message.split())
    assert (shop.project.env_path.read_text(), container(shop, "api")) == (before, api)
    accepted = shop.start("service/configure", check=True, settings={"DATABASE_POOL_SIZE": 8}, service_large_pool="accept")
    output = accepted.communicate(timeout=900)[0]
    assert accepted.returncode == 0, output[-2000:]


def test_a_server_that_does_not_run_is_started_and_nothing_else(shop):
    before = shop.project.containers("api")[0]["State"]["StartedAt"]
    docker("stop", container(shop))
    assert look(shop)["finding"] == "container_down"
    fixed = shop.must("incident/db_connections", fix=True)
    assert (fixed.told["result"]["finding"], fixed.told["result"]["now"]) == ("container_down", "healthy")
    assert shop.project.containers("api")[0]["State"]["StartedAt"] == before


def test_a_password_that_does_not_fit_and_a_server_that_does_not_answer_are_told_apart(shop):
    kept = shop.connect()
    with kept.cursor() as cursor:
        cursor.execute("ALTER ROLE shop PASSWORD 'another'")
        try:
            refused = look(shop)
        finally:
            cursor.execute(f"ALTER ROLE shop PASSWORD '{PASSWORD}'")
    kept.close()
    assert (refused["finding"], refused["application"]["reason"]) == ("login_refused", "postgres_login_refused")
    process = shop.project.containers("postgres")[0]["State"]["Pid"]
    os.kill(process, signal.SIGSTOP)
    try:
        assert look(shop, connect_timeout=2)["finding"] == "not_ready"
    finally:
        os.kill(process, signal.SIGCONT)
    # It has those to answer first who knocked meanwhile.
    until = time.monotonic() + 120
    while not (now := look(shop))["healthy"]:
        assert time.monotonic() < until, now["table"]


def test_a_name_that_the_application_does_not_find(shop):
    labels = {"project": shop.name, "service": "other", "oneoff": "False", "container-number": "1"}
    words = [word for name, value in labels.items() for word in ("--label", f"com.docker.compose.{name}={value}")]
    url = f"postgres://shop:{PASSWORD}@nowhere:5432/shop"
    docker("run", "--detach", *words, "--env", f"DATABASE_URL={url}", "--entrypoint", "sleep", "runbook-postgres:15", "1000")
    found = look(shop, application="other")
    assert (found["finding"], found["application"]["host"], found["application"]["resolves"]) == ("name_not_found", "nowhere", False), found["table"]
