"""postgres_pitr on version 17: the log is received, and rows that were deleted come back."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone

import pytest

from tests.support.pitr import PitrStack, names
from tests.support.postgres import PASSWORD
from tests.support.stacks import docker, unique_name


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = PitrStack(tmp_path_factory.mktemp("pitr"), unique_name("pg-pitr"), version="17")
    try:
        made.up()
        made.sql("CREATE TABLE orders (id int)", "CREATE UNLOGGED TABLE scratch (id int)")
        yield made
    finally:
        made.pitr("disabled")
        made.down()


def test_a_receiver_that_could_fill_the_disk_of_the_server_is_refused(server):
    refused = server.pitr("enabled")
    assert (refused["failed"], refused["reason"]) == (True, "pitr_not_possible") and "max_slot_wal_keep_mb" in refused["msg"]
    assert server.pitr("base_backup")["reason"] == "wal_receiver_failed"
    assert server.pitr("base_backup", keep_bases=0)["reason"] == "bad_input"
    assert server.recovered("2026-11-21 10:00:00")["reason"] == "bad_input", "a time without a zone"
    assert server.must()["enabled"] is False


def test_enabled_is_done_once_and_keeps_the_password_to_itself(server):
    wanted = {"max_slot_wal_keep_mb": 256}
    foreseen = server.must("enabled", check=True, **wanted)
    assert [step["action"] for step in foreseen["actions"]] == ["set", "create_slot", "start_receiver"]
    assert not server.must()["enabled"]
    done = server.must("enabled", **wanted)
    assert done["actions"] == foreseen["actions"] and done["receiver"]["state"] == "streaming" and done["slot"]["limit_mb"] == 256
    assert names(done) == ["no_base"]
    assert not server.must("enabled", check=True, **wanted)["changed"]
    assert not server.must("enabled", **wanted)["changed"]

    assert PASSWORD not in json.dumps(server.receiver) and PASSWORD not in json.dumps(done)
    assert docker("top", server.receiver["Id"], "-eo", "pid,args").count("pg_receivewal") >= 1
    assert PASSWORD not in docker("top", server.receiver["Id"], "-eo", "pid,args")
    private = [path for path in server.backup.rglob("*") if path.name != "backup"]
    assert private and all(path.stat().st_mode & 0o077 == 0 for path in private if path.is_dir() or path.name != ".lock"), private


def test_base_backup_is_proven_and_not_repeated_while_it_is_young(server):
    assert [step["action"] for step in server.must("base_backup", check=True)["actions"]] == ["take_base_backup"]
    assert server.must()["bases"] == []
    taken = server.must("base_backup", min_age=3600)
    assert taken["changed"] and [base["id"] for base in taken["bases"]] == [taken["base"]] and taken["problems"] == []
    assert taken["reachable"][0]["start"] == taken["bases"][0]["finished_at"] <= taken["reachable"][0]["end"]
    for check in (True, False):
        again = server.must("base_backup", check, min_age=3600)
        assert not again["changed"] and again["base"] == taken["base"]


def test_deleted_rows_come_back_even_while_the_receiver_is_away(server):
    server.sql("INSERT INTO orders SELECT generate_series(1, 100)")
    moment = server.now
    server.sql("DELETE FROM orders")
    server.await_segment()
    container = server.containers("postgres")[0]["Id"]
    docker("stop", "--time", "5", container)
    docker("pause", server.receiver["Id"])
    docker("start", container)
    server.await_healthy("postgres")
    # The receiver waits a while before it follows, here for us: nothing but the log itself can say how far it leads.
    refused = server.recovered(server.now)
    assert refused["reason"] == "time_unreachable" and "Reachable: 2" in refused["msg"]
    assert [step["action"] for step in server.recovered(moment, check=True)["actions"]] == ["recover", "dump"]
    dump = server.recovered(moment)["dump"]
    assert dump["target_time"] >= dump["last_commit"] > server.must()["bases"][0]["finished_at"] and dump["timeline"] == 2
    assert (server.rows_of(dump), server.sql("SELECT count(*) FROM orders")) == (100, [(0,)])
    for check in (True, False):
        again = server.recovered(moment, check)
        assert not again["changed"] and again["dump"] == dump
    docker("unpause", server.receiver["Id"])
    until = time.monotonic() + 120
    while server.must()["receiver"]["state"] != "streaming":
        assert time.monotonic() < until, "the receiver did not come back"
        time.sleep(1)
    assert names(server.must()) == [] and server.receiver["RestartCount"] == 1


def test_times_outside_are_refused_with_the_interval(server):
    start = datetime.fromisoformat(server.must()["reachable"][0]["start"])
    for moment in (start - timedelta(seconds=1), datetime.now(timezone.utc) + timedelta(hours=1)):
        refused = server.recovered(moment.isoformat())
        assert refused["reason"] == "time_unreachable" and start.strftime("Reachable: %Y-%m-%dT%H:%M:%S") in refused["msg"]


def test_a_recreated_server_is_repaired_without_a_gap_and_a_stopped_one_recovered(server):
    server.compose("up", "--detach", "--wait", "--force-recreate")
    server.sql("INSERT INTO orders VALUES (1), (2)")
    assert names(server.must()) == ["receiver_stranded"]
    repaired = server.must("enabled")
    assert repaired["actions"][0]["detail"] == "stranded" and repaired["problems"] == [] and len(repaired["reachable"]) == 1

    moment = server.now
    server.sql("DROP TABLE orders")
    server.await_segment()
    server.compose("stop", "postgres")
    assert names(server.must())[0] == "server_silent"
    assert server.recovered(moment)["reason"] == "bad_input", "nobody tells the database"
    recovered = server.recovered(moment, database="shop")
    assert server.rows_of(recovered["dump"], running=False) == 2
    server.compose("up", "--detach", "--wait")
    server.sql("CREATE TABLE orders (id int)")
    server.must("enabled")


def test_disabled_leaves_what_was_received(server):
    segments = server.must()["wal"]["segments"]
    assert [step["action"] for step in server.must("disabled", check=True)["actions"]] == ["remove_receiver", "drop_slot"]
    done = server.must("disabled")
    assert done["changed"] and not done["enabled"] and done["wal"]["segments"] == segments and len(done["bases"]) == 1
    assert server.sql("SELECT count(*) FROM pg_replication_slots") == [(0,)]
    assert not server.must("disabled", check=True)["changed"] and not server.must("disabled")["changed"]
    made = docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={server.name}")
    assert made == "", "no container of ours is left"
    assert not [path for path in server.backup.rglob(".*") if path.name.startswith((".tmp-", ".recover-", ".trash-"))]
