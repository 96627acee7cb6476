"""A Redis stack with backups, and something that depends on it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Sequence

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.redis_backup import RedisBackup
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.redis_restore import RedisRestore
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import ArgumentSpec
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_backup_arguments import redis_backup_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.redis_restore_arguments import redis_restore_arguments
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_catalogue import Backup
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError
from tests.support.dying import dies_at
from tests.support.redis import RedisStack
from tests.support.stacks import docker

DEPENDENT = """
  app:
    image: runbook-redis:7
    command: [sleep, "86400"]
    init: true
    depends_on: [redis]
    stop_grace_period: 1s
volumes:"""


class Told:
    """A host that keeps warnings for the test."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class BackedUpRedis(RedisStack):
    """``user`` is the one that the server's container runs as; the image has uid and gid of its own for that."""

    def __init__(self, directory: Path, name: str, appendonly: str = "no", settings: Sequence[str] = (), replaced: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(directory, name, appendonly, settings)
        self.backup_dir = directory / "backups"
        compose = self.directory / "compose.yaml"
        text = compose.read_text().replace("\nvolumes:", DEPENDENT, 1)
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        compose.write_text(text)

    @property
    def store(self) -> BackupStore:
        return BackupStore(str(self.backup_dir), self.name, "redis")

    @property
    def backing_up(self) -> dict:
        return {"backup_dir": str(self.backup_dir), "allow_same_disk": True, "space_floor_mb": 0}

    @property
    def restoring(self) -> dict:
        return {"backup_dir": str(self.backup_dir), "confirm": "redis", "safety_backup": False, "stop_timeout": 20, "timeout": 60}

    def back_up(self, check: bool = False, **options: Any) -> dict:
        """In this process, which saves a test the start of another."""
        return _attempt(RedisBackup, self.params(redis_backup_arguments(), {**self.backing_up, **options}), check)

    def restore(self, check: bool = False, **options: Any) -> dict:
        return _attempt(RedisRestore, self.params(redis_restore_arguments(), {**self.restoring, **options}), check)

    def dies_at(self, step: int | str, **options: Any) -> str:
        return dies_at(step, "redis_restore", self.params(redis_restore_arguments(), {**self.restoring, **options}))

    def params(self, arguments: ArgumentSpec, options: dict) -> dict:
        defaults = {name: option.get("default") for name, option in arguments.options.items()}
        return {**defaults, **self.options, **options}

    def published(self) -> list[Backup]:
        backups, unreadable = self.store.all()
        assert unreadable == []
        return backups

    def fill(self, keys: int = 300) -> None:
        """Two databases, keys with any bytes, and some that expire soon and late."""
        with self.session() as session:
            session.pipeline([("SET", f"order:{number}", f"paid {number:08}") for number in range(keys)])
            session.pipeline([("SET", f"session:{number}", "x", "EX", 86400) for number in range(50)])
            session.pipeline([("SET", f"gone:{number}", "x", "PX", 50) for number in range(20)])
            session.pipeline([("HSET", b"\x00odd \r\n key*?\xff", "field", "value"), ("RPUSH", "list", *range(5))])
        self.redis("SET", "other", "1", database=3)

    def keys(self) -> dict[str, int]:
        with self.session() as session:
            found = session.info("keyspace")
        return {name: int(text.partition("keys=")[2].partition(",")[0]) for name, text in found.items()}

    def inside(self, *words: str, user: str = "0") -> str:
        """A program in the server's container, as root."""
        return docker("exec", "--user", user, self.containers("redis")[0]["Id"], *words)

    def files(self) -> set[str]:
        return set(self.inside("ls", "-A1", "/data").split())

    def started(self, service: str) -> str:
        state = self.containers(service)[0]["State"]
        assert state["Running"], service
        return state["StartedAt"]

    def saves(self) -> int:
        with self.session() as session:
            return int(session.info("persistence")["rdb_saves"])

    def await_saving(self, flag: str = "1") -> None:
        until = time.monotonic() + 60
        with self.session() as session:
            while session.info("persistence")["rdb_bgsave_in_progress"] != flag:
                assert time.monotonic() < until, "it never began or ended to save"
                time.sleep(0.02)

    def await_saved(self) -> None:
        self.await_saving("0")

    def slowly(self, microseconds: int) -> None:
        """Each key takes so long to save."""
        self.redis("CONFIG SET", "rdb-key-save-delay", microseconds)

    def require_nothing_left(self) -> None:
        """Neither helpers, nor links in the volume, nor work beside the backups."""
        assert docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={self.name}") == ""
        assert [name for name in self.files() if name.startswith((".runbook-save-", ".runbook-new-"))] == []
        assert [*self.backup_dir.rglob(".tmp-*"), *Path(self.state_dir).rglob(".tmp-*")] == []


def _attempt(kind: Any, params: dict, check: bool) -> dict:
    host = Told()
    try:
        operation = kind.from_params(params, host)
        plan = operation.plan()
        outcome = {} if check else operation.apply(plan)
    except OperationError as error:
        return {"failed": True, "warnings": host.warnings, **error.to_result()}
    return {"failed": False, "warnings": host.warnings, **plan.to_result(), **outcome}
