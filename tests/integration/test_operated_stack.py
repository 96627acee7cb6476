"""Procedures as a person runs them: the whole playbook on a stack that runs, twice, and what is true afterwards."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.support.archives import declared, saved
from tests.support.modules import ROOT
from tests.support.operated import OperatedStack, Played
from tests.support.stacks import docker, unique_name

BUILD = """
services:
  api:
    build:
      context: {source}
      args: {{VERSION: "${{APP_VERSION}}"}}
"""
DOCKERFILE = "FROM runbook-api:v3\nARG VERSION\nENV APP_VERSION=${VERSION}\nCOPY note.txt /note.txt\n"
LIMITED = {"services": {"edge": {"deploy": {"resources": {"limits": {"memory": "96M"}}}}}}
API_KEY = "key-of-the-shop-that-nobody-may-read"
MIB = 2**20


class SourceRepository:
    """A repository with one commit that builds the API's image."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        (directory / "Dockerfile").write_text(DOCKERFILE)
        (directory / "note.txt").write_text("first\n")
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "first")
        self.revision = self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        return subprocess.run(["git", *identity, *words], cwd=self.directory, capture_output=True, text=True, check=True).stdout.strip()


class Shop(OperatedStack):
    """The miniature with a file of limits, and an API that can be built from source. Its images have names of its own."""

    first: Played  # the installation of a version that does not work, which came before all

    def __init__(self, directory: Path, name: str) -> None:
        self.source = SourceRepository(directory / "source")
        local = ROOT / "inventories/local/group_vars/stack"
        release = yaml.safe_load((local / "release.yml").read_text())["stack_release"]
        settings = yaml.safe_load((local / "stack.yml").read_text())["stack_environment"]
        super().__init__(
            directory,
            name,
            stack_compose_files=["compose.yaml", "compose.build.yaml", "compose.limits.yaml"],
            stack_release={**release, "source": {"repository": str(self.source.directory)}},
            stack_environment={**settings, "API_IMAGE": f"{name}-api"},
        )
        (self.project.directory / "compose.build.yaml").write_text(BUILD.format(source=self.source.directory))
        (self.project.directory / "compose.limits.yaml").write_text(yaml.safe_dump(LIMITED))
        for version in ("v3", "broken"):
            docker("tag", f"runbook-api:{version}", f"{name}-api:{version}")

    def api_setting(self, key: str) -> str:
        environment = dict(entry.split("=", 1) for entry in self.project.containers("api")[0]["Config"]["Env"])
        return environment[key]

    def limits(self, service: str) -> tuple[int, int]:
        """Memory in MiB and thousandths of a CPU that the engine allows the service's container."""
        allowed = self.project.containers(service)[0]["HostConfig"]
        return allowed["Memory"] // MIB, allowed["NanoCpus"] // 10**6

    def id_of(self, service: str) -> str:
        return self.project.containers(service)[0]["Id"]

    def ready(self) -> dict:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            return json.load(refused)

    def sql(self, statements: str) -> None:
        docker("exec", self.id_of("postgres"), "psql", "--username=shop", "--set=ON_ERROR_STOP=1", "--command", statements, "shop")

    def remove(self) -> None:
        super().remove()
        images = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"{self.name}-api").split()
        if images:
            docker("image", "rm", "--force", *images)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    operated = Shop(tmp_path_factory.mktemp("operated"), unique_name("operated"))
    try:
        operated.first = operated.play("deploy/install", version="broken")
        operated.must("deploy/install", version="v3")
        yield operated
    finally:
        operated.remove()


def test_a_first_installation_that_fails_says_that_there_is_nothing_to_go_back_to_and_the_next_one_works(shop):
    assert shop.first.code != 0
    assert "there is no earlier release to go back to" in shop.first.message
    assert "Cause (service_exited)" in shop.first.message and "No release is current" not in shop.first.message
    assert shop.first.reason == "service_exited"
    assert (shop.verdicts()["broken"], shop.version()) == ("failed", "v3")


def test_the_status_shows_samples(shop):
    shown = shop.must("service/status", service_samples=2, service_sample_period=1)
    assert shown.changed == 0
    assert "CPU AVG/MAX" in shown.output and "MEMORY AVG/MAX" in shown.output
    assert " MiB" in shown.output or "The engine counts neither CPU nor memory on this host" in shown.output


def test_limits_are_in_force_and_those_of_other_services_stay(shop):
    assert (shop.limits("redis"), shop.limits("edge")) == ((0, 0), (96, 0))
    edge = shop.id_of("edge")
    wanted = {"redis": {"memory": "128M", "cpus": "0.5"}}
    archive = shop.directory / "archive"
    would = shop.start("service/configure", check=True, limits=wanted, stack_backup=declared(archive))
    assert "The configuration would be saved first." in would.communicate(timeout=900)[0] and not archive.exists()
    done = shop.must("service/configure", limits=wanted, stack_backup=declared(archive))
    assert done.told["result"]["configuration_saved"]["backups"] == saved(archive, shop.name) and len(saved(archive, shop.name)) == 1
    assert (shop.limits("redis"), shop.limits("edge")) == ((128, 500), (96, 0))
    redis = shop.id_of("redis")
    assert shop.must("service/configure", limits=wanted, stack_backup=declared(archive)).changed == 0
    assert len(saved(archive, shop.name)) == 1
    assert (shop.id_of("redis"), shop.id_of("edge")) == (redis, edge)


def test_limits_that_the_engine_refuses_are_undone(shop):
    before = (shop.project.directory / "compose.limits.yaml").read_text(), shop.limits("redis")
    played = shop.play("service/configure", limits={"redis": {"memory": "1M"}})
    assert played.code != 0
    assert "the ones before are in effect again and answer" in played.message
    assert played.reason == "start_failed"
    assert ((shop.project.directory / "compose.limits.yaml").read_text(), shop.limits("redis")) == before


def test_versions_of_the_configuration_are_listed_without_values_and_one_comes_back(shop):
    shop.must("service/configure", settings={"LOG_LEVEL": "debug", "API_KEY": API_KEY})
    assert (shop.api_setting("LOG_LEVEL"), shop.api_setting("API_KEY")) == ("debug", API_KEY)
    listed = shop.must("incident/rollback", kind="config")
    assert listed.changed == 0
    assert '"LOG_LEVEL"' in listed.output and API_KEY not in listed.output
    newest = re.findall(r'"id": "([^"]+)"', listed.output)[0]
    store = shop.id_of("postgres")

    back = shop.must("incident/rollback", kind="config", to=newest)
    assert API_KEY not in back.output + json.dumps(back.record)
    assert (shop.api_setting("LOG_LEVEL"), shop.api_setting("API_KEY")) == ("info", "")
    api = shop.id_of("api")
    assert shop.must("incident/rollback", kind="config", to=newest).changed == 0
    assert (shop.id_of("api"), shop.id_of("postgres")) == (api, store)


def test_a_version_of_the_configuration_that_is_not_kept_is_refused(shop):
    api = shop.id_of("api")
    played = shop.play("incident/rollback", kind="config", to="20200101T000000Z-1")
    assert (played.code != 0, played.reason) == (True, "no_such_version"), played.message
    assert shop.id_of("api") == api and shop.lease_is_free()


def test_the_running_release_gets_the_migrations_that_its_database_lost(shop):
    # As after a restore of a database from before the migration.
    shop.sql("DROP TABLE order_events; ALTER TABLE orders DROP COLUMN channel; DELETE FROM schema_migrations WHERE version = '003'")
    assert shop.ready()["schema"] == "outdated"
    checked = shop.play("health/check", health_deadline=4)
    assert checked.code != 0
    assert f"ready (http://127.0.0.1:{shop.port}/health/ready) is not_ready, status 503: " in checked.message
    assert "alive (" not in checked.message

    foreseen = shop.play("deploy/migrate", check=True)
    assert foreseen.code == 0 and foreseen.changed == 1, foreseen.output
    assert shop.ready()["schema"] == "outdated"

    done = shop.must("deploy/migrate")
    assert done.changed == 1
    assert done.told["result"] == {"applied": ["order_channel"], "backup": "", "changed": True}
    assert shop.ready()["status"] == "ok"
    again = shop.must("deploy/migrate")
    assert (again.changed, again.told["result"]["applied"]) == (0, [])


def test_a_revision_is_built_from_a_clean_tree_and_runs(shop):
    note = shop.source.directory / "note.txt"
    note.write_text("edited at night\n")
    refused = shop.play("incident/rollback", kind="code", revision=shop.source.revision)
    assert (refused.code != 0, refused.reason) == (True, "repository_dirty"), refused.message
    assert shop.version() == "v3" and shop.lease_is_free()

    note.write_text("first\n")
    version = f"rev-{shop.source.revision[:12]}"
    shop.must("incident/rollback", kind="code", revision=shop.source.revision)
    assert shop.version() == version
    ledger = shop.ledger()
    current = [entry for entry in ledger["releases"] if entry["id"] == ledger["current"]]
    assert [(one["version"], one["verdict"], one["git_revision"]) for one in current] == [(version, "verified", shop.source.revision)]
    assert ledger["drift"] == []

    api = shop.id_of("api")
    assert shop.must("incident/rollback", kind="code", revision=shop.source.revision).changed == 0
    assert shop.id_of("api") == api
    assert shop.source.git("worktree", "list").count("\n") == 0
