"""postgres_growth against a real server: a history that grows, is private, and survives what is in it."""

from __future__ import annotations

import json

import pytest

from tests.support.postgres import PASSWORD, PostgresStack
from tests.support.samples import documented_sample, undocumented
from tests.support.stacks import unique_name


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = PostgresStack(tmp_path_factory.mktemp("growth"), unique_name("pg-growth"), settings=("autovacuum=off",))  # sizes are compared
    try:
        made.up()
        made.sql("CREATE TABLE grown AS SELECT generate_series(1, 10000) AS id", 'CREATE DATABASE "../odd name"')
        yield made
    finally:
        made.down()


def grow(server: PostgresStack, check: bool = False, **options) -> dict:
    result = server.module("postgres_growth", check=check, **options)
    assert PASSWORD not in json.dumps(result)
    return result


def history(server: PostgresStack, database: str = "shop"):
    return server.state_dir / server.name / "history" / f"postgres-{database}.ndjson"


def test_check_do_check_again_do_again(server):
    checked = grow(server, check=True)
    assert checked["changed"] and not history(server).exists()
    assert checked["look"]["database_bytes"] == server.sql("SELECT pg_database_size('shop')")[0][0]
    done = grow(server)
    assert (done["changed"], [step["action"] for step in done["actions"]], done["growth"]["looks"]) == (True, ["record"], 1)
    assert done["look"]["tables"]["public.grown"] == server.sql("SELECT pg_total_relation_size('grown')")[0][0]
    assert done["look"]["disk_free_bytes"] > 0
    told = {name for name in undocumented(done, documented_sample("postgres_growth")) if not name.startswith(".look.tables")}
    assert told <= {".changed", ".diff", ".failed", ".invocation"}
    assert (history(server).stat().st_mode & 0o777, history(server).parent.stat().st_mode & 0o777) == (0o600, 0o700)
    before = history(server).read_text()
    for check in (True, False):
        again = grow(server, check=check)
        assert (again["changed"], again["actions"]) == (False, [])
    assert history(server).read_text() == before


def test_growth_is_told_and_what_a_crash_left_is_counted_and_let_go(server):
    line = json.loads(history(server).read_text().splitlines()[0])
    old = [{**line, "at": f"2026-01-{day:02}T00:00:00Z", "database_bytes": day * 2**20, "disk_free_bytes": 2**40} for day in range(1, 11)]
    history(server).write_text("".join(f"{json.dumps(one)}\n" for one in old) + '{"at": "2026-01-')
    done = grow(server, keep_days=3650)
    assert (done["changed"], done["unreadable"], done["growth"]["looks"], done["growth"]["certainty"]) == (True, 1, 11, "high")
    assert [look["at"] for look in done["history"]][:10] == [one["at"] for one in old]
    assert len(history(server).read_text().splitlines()) == 11
    assert grow(server, min_interval=0, keep_days=1)["growth"]["looks"] == 2


def test_a_database_with_an_odd_name_has_its_history_below_the_state(server):
    assert grow(server, database="../odd name")["changed"]
    assert history(server, "%2E.%2Fodd%20name").is_file()


@pytest.mark.parametrize("option", [{"limit": 0}, {"keep_days": 0}, {"min_interval": -1}, {"statement_timeout": 0}])
def test_numbers_out_of_range_are_refused(server, option):
    assert grow(server, **option)["reason"] == "bad_input"


def test_a_state_that_cannot_be_written_is_said(server):
    blocked = server.state_dir / "file"
    blocked.write_text("")
    assert grow(server, state_dir=str(blocked))["reason"] == "state_unwritable"
