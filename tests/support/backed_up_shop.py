"""The miniature with a directory for its backups, operated by our own playbooks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore
from tests.support.modules import ROOT, call
from tests.support.operated import OperatedStack
from tests.support.stacks import docker

ORDERS = 200  # the migrations bring them


class BackedUpShop(OperatedStack):
    """Backups are made as the inventories of real environments say, which the demo's does not."""

    def __init__(self, directory: Path, name: str, **settings: object) -> None:
        release = yaml.safe_load((ROOT / "inventories/local/group_vars/stack/release.yml").read_text())["stack_release"]
        del release["backup"]
        release["health_timeout"] = 120  # a first start of Postgres on a busy machine
        self.backup_dir = directory / "backups"
        backup = {"dir": str(self.backup_dir), "allow_same_disk": True, "min_age": 3600, **settings}
        super().__init__(directory, name, stack_release=release, stack_backup=backup)

    @property
    def store(self) -> BackupStore:
        return BackupStore(str(self.backup_dir), self.name, "postgres")

    def started(self, service: str) -> str:
        return self.project.containers(service)[0]["State"]["StartedAt"]

    def sql(self, statements: str, database: str = "shop") -> str:
        words = ["exec", self.project.containers("postgres")[0]["Id"], "psql", "--username=shop", "--set=ON_ERROR_STOP=1", "--quiet"]
        return docker(*words, "--tuples-only", "--no-align", "--command", statements, database).strip()

    def orders(self) -> int:
        return int(self.sql("SELECT count(*) FROM orders"))

    def databases(self) -> set[str]:
        return set(self.sql("SELECT datname FROM pg_database").split())

    def accepts(self, database: str) -> bool:
        return self.sql(f"SELECT datallowconn FROM pg_database WHERE datname = '{database}'", "postgres") == "t"

    def ready(self) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=30) as answer:
                return json.load(answer)["status"]
        except urllib.error.HTTPError as refused:
            return json.load(refused)["status"]

    def back_up(self, verify: str = "restore") -> str:
        options = {"backup_dir": str(self.backup_dir), "databases": ["shop"], "verify": verify, "allow_same_disk": True}
        result = call("postgres_backup", {**self.project.options, **options})
        assert not result["failed"], result
        return result["backups"][0]["id"]

    def backups(self) -> dict[str, dict]:
        result = call("backup_info", {**self.project.options, "backup_dir": str(self.backup_dir)})
        return {one["id"]: one for one in result["backups"]}

    def entry(self, version: str) -> dict:
        return next(one for one in self.ledger()["releases"] if one["version"] == version)
