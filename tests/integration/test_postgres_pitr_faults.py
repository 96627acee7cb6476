"""postgres_pitr on version 18: what is lost of the log is noticed, and nothing is promised that cannot be kept."""

from __future__ import annotations

import pytest

from tests.support.pitr import PitrStack, names
from tests.support.stacks import docker, unique_name


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    # Little log is kept for reuse, so that it is removed soon.
    made = PitrStack(tmp_path_factory.mktemp("pitr-faults"), unique_name("pg-pitr-faults"), version="18", settings=("min_wal_size=32MB",))
    try:
        made.up()
        made.sql("CREATE TABLE orders (id int)")
        made.must("enabled", max_slot_wal_keep_mb=256)
        made.must("base_backup")
        yield made
    finally:
        made.pitr("disabled")
        made.down()


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
