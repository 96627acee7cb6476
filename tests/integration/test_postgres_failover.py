"""postgres_failover with a real pair of servers, one of which streams to the other."""

from __future__ import annotations

import time

import psycopg2
import pytest
import yaml

from tests.support.postgres import PASSWORD, PostgresStack
from tests.support.replicas import await_streaming, replica_service
from tests.support.stacks import docker, unique_name

REPLICA = replica_service("17", "replica")
STRANGER = {
    "image": "runbook-postgres:17",
    "environment": {"POSTGRES_USER": "shop", "POSTGRES_PASSWORD": "${POSTGRES_PASSWORD}"},
    "healthcheck": REPLICA["healthcheck"],
}
PAIR = {"services": {"postgres": {"restart": "always"}, "replica": REPLICA, "stranger": STRANGER}, "volumes": {"replica": {}}}


class Pair(PostgresStack):
    def __init__(self, directory, name):
        super().__init__(directory, name, "17")
        (self.directory / "compose.override.yaml").write_text(yaml.safe_dump(PAIR))

    def fail_over(self, check: bool = False, **options) -> dict:
        return self.module("postgres_failover", check=check, **{"replica": "replica", "confirm": self.name, **options})

    def ask(self, service: str, *statements: str) -> list[tuple]:
        """As ``sql``, of either server."""
        networks = self.containers(service)[0]["NetworkSettings"]["Networks"]
        address = next(network["IPAddress"] for network in networks.values())
        connection = psycopg2.connect(host=address, user="shop", password=PASSWORD, dbname="shop")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def state(self, service: str) -> tuple[str, str]:
        found = self.containers(service)[0]
        return found["State"]["Status"], found["HostConfig"]["RestartPolicy"]["Name"]

    def await_streaming(self) -> None:
        await_streaming(self.sql)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    made = Pair(tmp_path_factory.mktemp("failover"), unique_name("pg-failover"))
    try:
        made.up("postgres", "stranger")
        primary = made.containers("postgres")[0]["Id"]
        docker("exec", primary, "bash", "-c", "echo 'host replication all all scram-sha-256' >> $PGDATA/pg_hba.conf")
        made.sql("CREATE TABLE orders (id int)", "SELECT pg_reload_conf()")
        made.up("replica")
        made.await_streaming()
        made.sql("INSERT INTO orders SELECT generate_series(1, 100)")
        yield made
    finally:
        made.down()


def actions(result: dict) -> list[tuple[str, str]]:
    return [(one["action"], one["target"]) for one in result["actions"]]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"replica": "absent"}, "replica_missing"),
        ({"replica": "absent", "check": True}, "replica_missing"),
        ({"replica": "stranger"}, "replica_unfit"),
        ({"replica": "stranger", "check": True}, "replica_unfit"),
        ({"confirm": "another"}, "confirmation_missing"),
        ({"confirm": "another", "check": True}, "confirmation_missing"),
        ({"service": "replica", "replica": "postgres"}, "replica_unfit"),
        ({"replica": "postgres"}, "bad_input"),
        ({"max_lag_bytes": -1}, "bad_input"),
    ],
)
def test_what_is_wrong_is_refused_and_the_primary_goes_on(pair, options, reason):
    refused = pair.fail_over(**options)
    assert (refused["failed"], refused.get("reason")) == (True, reason), refused
    if reason == "replica_missing":
        assert "not available" in refused["msg"]
    assert pair.state("postgres") == ("running", "always")
    assert pair.ask("replica", "SELECT pg_is_in_recovery()") == [(True,)]


def test_a_replica_that_is_behind_is_refused_with_how_much(pair):
    pair.ask("replica", "SELECT pg_wal_replay_pause()")
    try:
        pair.sql("CREATE TABLE ballast AS SELECT repeat('x', 500) FROM generate_series(1, 4000)")
        refused = pair.fail_over(check=True)
        assert refused["reason"] == "replica_behind"
        assert refused["details"]["lag_bytes"] > 1048576 and refused["details"]["missing_bytes"] is not None
        assert refused["details"]["lag_seconds"] > 0
    finally:
        pair.ask("replica", "SELECT pg_wal_replay_resume()")
    pair.await_streaming()


def test_a_primary_that_was_killed_leaves_an_unknown_loss(pair):
    docker("update", "--restart=no", pair.containers("postgres")[0]["Id"])
    pair.compose("kill", "postgres")
    refused = pair.fail_over()
    assert refused["reason"] == "replica_loss_unknown", refused
    assert pair.state("postgres") == ("exited", "no")
    docker("update", "--restart=always", pair.containers("postgres")[0]["Id"])
    pair.compose("start", "postgres")
    pair.await_healthy("postgres")
    pair.await_streaming()


def test_a_gate_that_closes_after_the_stop_gives_the_primary_back(pair):
    """A primary that cannot stop cleanly is killed, and then nobody knows where its log ends."""
    ((checkpointer,),) = pair.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    docker("exec", pair.containers("postgres")[0]["Id"], "bash", "-c", f"kill -STOP {checkpointer}")
    refused = pair.fail_over(stop_timeout=1)
    assert refused["reason"] == "replica_loss_unknown" and "is as it was before" in refused["msg"], refused
    assert pair.state("postgres") == ("running", "always")
    pair.await_healthy("postgres")
    pair.await_streaming()
    assert pair.ask("replica", "SELECT pg_is_in_recovery()") == [(True,)]


def test_check_do_check_again_do_again(pair):
    checked = pair.fail_over(check=True)
    assert actions(checked) == [("fence", "postgres"), ("promote", "replica")], checked
    assert (checked["promoted"], checked["lost_bytes"], pair.state("postgres")[0]) == (False, 0, "running")
    # What is only received, and not replayed, is no loss.
    pair.ask("replica", "SELECT pg_wal_replay_pause()")
    pair.sql("INSERT INTO orders SELECT generate_series(101, 150)")
    began = time.monotonic()
    done = pair.fail_over(max_lag_seconds=3600)  # the last commit that it replayed is as old as the tests before
    took_ms = (time.monotonic() - began) * 1000
    assert not done["failed"], done
    assert actions(done) == actions(checked)
    assert (done["promoted"], done["primary"], done["lost_bytes"]) == (True, "replica", 0)
    assert (done["timeline_before"], done["timeline_after"]) == (1, 2)
    assert 0 < done["unavailable_ms"] < took_ms
    assert done["old_primary"]["fenced"] and "may follow" in done["old_primary"]["recovery"]
    assert pair.state("postgres") == ("exited", "no")
    assert pair.ask("replica", "INSERT INTO orders VALUES (151)", "SELECT count(*) FROM orders") == [(151,)]
    assert PASSWORD not in str([checked, done])
    again = [pair.fail_over(check=True, confirm=""), pair.fail_over()]
    assert [(result["failed"], result["changed"], result["promoted"]) for result in again] == [(False, False, True)] * 2, again


def test_the_old_primary_that_somebody_starts_is_read_only(pair):
    pair.compose("start", "postgres")
    pair.await_healthy("postgres")
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        pair.sql("INSERT INTO orders VALUES (0)")
    assert not pair.fail_over()["changed"]


def test_two_primaries_are_told(pair):
    pair.sql("SELECT pg_promote()")
    told = pair.fail_over()
    assert told["reason"] == "two_primaries", told
