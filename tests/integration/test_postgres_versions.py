"""The images of newer Postgres versions behave like the official ones, so that tests on them mean something."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.postgres import PASSWORD, PostgresStack
from tests.support.stacks import docker, unique_name

DATA = {"17": "/var/lib/postgresql/data", "18": "/var/lib/postgresql/18/docker"}
TOOLS = ["psql", "pg_dump", "pg_dumpall", "pg_restore", "pg_basebackup", "pg_receivewal", "pg_verifybackup", "pg_amcheck"]


@pytest.fixture(scope="module", params=["17", "18"])
def stack(request, tmp_path_factory):
    made = PostgresStack(tmp_path_factory.mktemp("versions"), unique_name(f"pg{request.param}"), version=request.param)
    made.version = request.param
    made.up()
    yield made
    made.down()


def from_beside(stack: PostgresStack, password: str) -> subprocess.CompletedProcess:
    """What a client in another container of the stack's network gets."""
    command = ["docker", "run", "--rm", "--network", f"{stack.name}_default", "--env", "PGPASSWORD", f"runbook-postgres:{stack.version}"]
    command += ["psql", "-h", "postgres", "-U", "shop", "-d", "shop", "-At", "-c", "SELECT 41 + 1"]
    return subprocess.run(command, env={"PGPASSWORD": password, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)


def test_server_tools_and_extensions_are_of_the_version(stack):
    server = stack.containers("postgres")[0]["Id"]
    for socket in ("/var/run/postgresql", "/tmp"):
        assert docker("exec", server, "psql", "-h", socket, "-U", "shop", "-Atc", "SELECT 1") == "1\n"
    for tool in TOOLS:
        said = docker("exec", server, tool, "--version").split()
        assert said[2].split(".")[0] == stack.version, said
    assert stack.sql("SHOW server_version")[0][0].split(".")[0] == stack.version
    extensions = ["pg_stat_statements", "pgstattuple", "pgcrypto", "pg_trgm", "amcheck", "hstore", "uuid-ossp", "xml2", "dblink"]
    stack.sql(*[f'CREATE EXTENSION "{name}"' for name in extensions])
    assert {row[0] for row in stack.sql("SELECT extname FROM pg_extension")} == {*extensions, "plpgsql"}


def test_data_is_where_the_official_image_has_it_and_survives_recreation(stack):
    stack.sql("CREATE TABLE kept (id int)", "INSERT INTO kept SELECT generate_series(1, 100)")
    assert stack.sql("SHOW data_directory") == [(DATA[stack.version],)]
    before = stack.containers("postgres")[0]["Id"]
    stack.compose("up", "--detach", "--wait", "--force-recreate")
    assert stack.containers("postgres")[0]["Id"] != before
    assert stack.sql("SELECT count(*) FROM kept") == [(100,)]
    # Nothing of the data in a volume without a name, which compose would leave behind.
    assert [mount["Name"] for mount in stack.containers("postgres")[0]["Mounts"]] == [f"{stack.name}_data"]


def test_other_containers_have_to_know_the_password(stack):
    answered = from_beside(stack, PASSWORD)
    assert (answered.returncode, answered.stdout) == (0, "42\n"), answered.stderr
    refused = from_beside(stack, "wrong")
    assert refused.returncode == 2 and not refused.stdout
    assert stack.sql("SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'shop'") == [(True,)]
