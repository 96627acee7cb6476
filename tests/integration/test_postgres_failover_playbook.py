"""playbooks/postgres/failover.yml on a whole stack whose Postgres has a replica."""

from __future__ import annotations

import shutil

import pytest
import yaml

from tests.support.postgres_shop import Shop
from tests.support.replicas import await_streaming, replica_service
from tests.support.stacks import MINIATURE, unique_name

LET_IN = 'echo "host replication all all scram-sha-256" >>"$PGDATA/pg_hba.conf"\n'
REPLICATED = {
    "services": {
        "api": {"environment": {"DATABASE_HOST": "${DATABASE_HOST:-postgres}"}},
        "postgres": {"volumes": ["./replication.sh:/docker-entrypoint-initdb.d/replication.sh:ro"]},
        "postgres-replica": {**replica_service("15", "replica-data"), "restart": "unless-stopped"},
    },
    "volumes": {"replica-data": {}},
}
FAILOVER = {"replica": "postgres-replica", "environment": {"DATABASE_HOST": "postgres-replica"}}


class ReplicatedShop(Shop):
    def __init__(self, directory, name):
        super().__init__(directory, name, stack_postgres={"database": "shop", "failover": FAILOVER})
        shutil.copytree(MINIATURE, self.project.directory, dirs_exist_ok=True)
        (self.project.directory / "compose.override.yaml").write_text(yaml.safe_dump(REPLICATED))
        (self.project.directory / "replication.sh").write_text(LET_IN)
        secrets = {"POSTGRES_PASSWORD": "demo-only-postgres", "REDIS_PASSWORD": "demo-only-redis"}
        self.project.write_env({"APP_VERSION": "v1", "EDGE_PORT": str(self.port), **secrets})

    def state(self, service: str) -> str:
        return self.project.containers(service)[0]["State"]["Status"]

    def database_host(self) -> str:
        environment = dict(entry.split("=", 1) for entry in self.project.containers("api")[0]["Config"]["Env"])
        return environment["DATABASE_HOST"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = ReplicatedShop(tmp_path_factory.mktemp("pg-failover-play"), unique_name("pg-failover-play"))
    try:
        made.project.up("postgres-replica", "redis")
        made.project.compose("run", "--rm", "-T", "api", "app", "migrate", "deploy")
        made.project.up()
        await_streaming(made.sql)
        yield made
    finally:
        made.remove()


def test_without_a_replica_a_failover_is_not_available(shop):
    without = shop.play("postgres/failover", confirm="local", confirm_stack=shop.name, stack_postgres={"database": "shop"})
    assert without.code != 0 and "not available" in without.message
    assert (shop.state("postgres"), shop.database_host(), shop.version()) == ("running", "postgres", "v1")


def test_when_the_application_does_not_work_with_it_the_new_primary_is_named_and_the_next_run_finishes(shop):
    wrong = {"database": "shop", "failover": {**FAILOVER, "environment": {"DATABASE_HOST": "nowhere"}}}
    confirmed = {"confirm": "local", "confirm_stack": shop.name}
    failed = shop.play("postgres/failover", **confirmed, stack_postgres=wrong, postgres_probe_deadline=5, postgres_health_timeout=5)
    assert failed.code != 0 and "postgres-replica IS THE PRIMARY NOW" in failed.message
    assert shop.state("postgres") == "exited"

    done = shop.must("postgres/failover", **confirmed)
    told = done.told["result"]
    assert (told["promoted"], told["primary"], told["lost_bytes"]) == (True, "postgres-replica", 0)
    assert (shop.state("postgres"), shop.database_host(), shop.version()) == ("exited", "postgres-replica", "v1")
    assert shop.must("postgres/failover", **confirmed).changed == 0
