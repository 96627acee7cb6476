"""postgres_pitr on version 18: what is lost of the log is noticed, and nothing is promised that cannot be kept."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.support.pitr import PitrStack, names
from tests.support.postgres import PASSWORD
from tests.support.stacks import docker, unique_name


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    # Little log is kept for reuse, so that it is removed soon.
    made = PitrStack(tmp_path_factory.mktemp("pitr-faults"), unique_name("pg-pitr-faults"), version="18", settings=("min_wal_size=32MB",))
    try:
        made.up()
        made.sql("CREATE TABLE orders (id int)", "INSERT INTO orders SELECT generate_series(1, 300000)")
        yield made
    finally:
        made.pitr("disabled")
        made.down()


HBA = "/var/lib/postgresql/18/docker/pg_hba.conf"


def test_a_server_that_lets_no_receiver_in_is_left_as_it_was(server):
    container = server.containers("postgres")[0]["Id"]
    before = docker("exec", container, "cat", HBA)
    docker("exec", container, "sed", "-i", "/replication/d", HBA)
    server.sql("SELECT pg_reload_conf()")
    failed = server.pitr("enabled", max_slot_wal_keep_mb=256, receive_timeout=3)
    assert failed["reason"] == "wal_receiver_failed" and "replication" in failed["msg"] and PASSWORD not in json.dumps(failed)
    assert server.sql("SELECT count(*) FROM pg_replication_slots") == [(0,)] and not server.must()["enabled"]
    docker("exec", "-i", container, "tee", HBA, stdin=before)
    server.sql("SELECT pg_reload_conf()")

    server.sql("CREATE ROLE reader LOGIN PASSWORD 'reader-of-tests'", "GRANT pg_read_all_settings TO reader")
    refused = server.pitr("enabled", max_slot_wal_keep_mb=256, username="reader", password="reader-of-tests")
    assert refused["reason"] == "pitr_not_possible" and "REPLICATION" in refused["msg"]


def test_a_base_backup_that_is_killed_leaves_nothing_that_the_next_one_does_not_remove(server):
    server.must("enabled", max_slot_wal_keep_mb=256)
    begun = server.begin("base_backup")
    until = time.monotonic() + 60
    while not list(server.backup.rglob(".tmp-*/data/base")):
        assert time.monotonic() < until and begun.poll() is None
        time.sleep(0.01)
    os.killpg(begun.pid, signal.SIGKILL)
    begun.wait()
    assert list(server.backup.rglob(".tmp-*")) and server.must()["bases"] == []
    taken = server.must("base_backup")
    assert len(taken["bases"]) == 1 and taken["problems"] == [] and not list(server.backup.rglob(".tmp-*"))
    assert docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={server.name}", "--filter", "label=runbook.made=helper") == ""


def test_a_deleted_segment_is_a_gap_until_a_new_base_backup(server):
    before = server.now
    for unused in range(3):
        server.sql("INSERT INTO orders VALUES (1)", "SELECT pg_switch_wal()")
    after = server.now
    server.await_segment()
    whole = sorted(path for path in server.wal.iterdir() if path.suffix != ".partial")
    whole[-2].unlink()
    assert names(server.must()) == ["wal_gap", "no_base"]
    refused = server.recovered(after)
    assert refused["reason"] == "wal_gap" and refused["details"]["segment"] == whole[-2].name
    assert server.recovered(before, check=True)["changed"], "before the gap nothing is lost"
    with whole[-3].open("r+b") as handle:
        handle.truncate(1000)
    assert names(server.must()) == ["wal_damaged", "wal_gap", "no_base"]

    renewed = server.must("base_backup", keep_bases=1)
    assert [step["action"] for step in renewed["actions"]] == ["take_base_backup", "remove_base_backup", "remove_wal"]
    assert [base["id"] for base in renewed["bases"]] == [renewed["base"]] and names(renewed) == []
    assert not whole[0].exists()


def test_a_lost_slot_is_told_and_made_anew(server):
    server.must("enabled", max_slot_wal_keep_mb=16)
    docker("stop", server.receiver["Id"])
    for unused in range(6):
        server.sql("INSERT INTO orders SELECT generate_series(1, 1000)", "SELECT pg_switch_wal()")
    server.sql("CHECKPOINT")
    assert names(server.must())[:2] == ["slot_lost", "receiver_stopped"]
    repaired = server.must("enabled")
    assert [step["action"] for step in repaired["actions"]] == ["create_slot", "start_receiver"]
    assert repaired["receiver"]["state"] == "streaming" and names(repaired) == ["wal_gap", "no_base"]
    assert names(server.must("base_backup")) == ["wal_gap"]
