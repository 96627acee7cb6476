"""The receiver: what it is made from, and when it has to be made anew."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.wal_receiver import Receiver, Wanted, fault, parse_receiver, receiver_name

WANTED = Wanted("shop", "postgres", "sha256:1", "c1", 5432, "shop", "/backup/wal", "999:999", True)
INSPECTED = {
    "Id": "r1",
    "State": {"Status": "running", "StartedAt": "2026-11-21T02:00:01Z"},
    "HostConfig": {"NetworkMode": "container:c1"},
    "Config": {"Labels": {"runbook.wal.fingerprint": WANTED.fingerprint}},
    "RestartCount": 2,
}
RIGHT = parse_receiver(INSPECTED)


def test_what_the_engine_says_is_read():
    assert RIGHT == Receiver("r1", "running", "2026-11-21T02:00:01Z", WANTED.fingerprint, "c1", 2)
    assert parse_receiver({"Id": "r1"}) == Receiver("r1", "unknown", "", "", "")


def test_it_is_made_on_the_network_of_the_server_and_comes_back_by_itself():
    made = WANTED.settings()
    assert made["HostConfig"]["NetworkMode"] == "container:c1"
    assert made["HostConfig"]["RestartPolicy"] == {"Name": "unless-stopped"}
    assert made["User"] == "999:999" and made["Image"] == "sha256:1"
    assert made["Labels"]["com.docker.compose.project"] == "", "no part of the stack"
    assert {"--slot=runbook_pitr", "--synchronous", "--no-loop"} < set(made["Cmd"])


def test_a_password_is_named_by_its_file_only():
    assert any(entry.startswith("PGPASSFILE=") for entry in WANTED.settings()["Env"])
    assert "PGPASS" not in json.dumps(replace(WANTED, has_password=False).settings())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ""),
        ({"state": "restarting"}, ""),
        ({"state": "exited"}, "stopped"),
        ({"fingerprint": "other"}, "outdated"),
        ({"network_of": "c0"}, "stranded"),
        ({"network_of": "c0", "state": "exited"}, "stranded"),
    ],
)
def test_each_fault_has_its_name(change, expected):
    assert fault(replace(RIGHT, **change), WANTED, streaming=True) == expected


def test_without_a_receiver_or_a_stream_it_does_not_work():
    assert fault(None, WANTED, streaming=False) == "absent"
    assert fault(RIGHT, WANTED, streaming=False) == "not_streaming"


@pytest.mark.parametrize("change", [{"image_id": "sha256:2"}, {"username": "other"}, {"port": 1}, {"directory": "/b"}, {"owner": "70:70"}])
def test_whatever_it_is_made_from_changes_its_fingerprint(change):
    assert replace(WANTED, **change).fingerprint != WANTED.fingerprint


def test_two_stacks_never_share_a_name():
    assert receiver_name("a-b", "c") != receiver_name("a", "b-c")
