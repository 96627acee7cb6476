"""An operation in a process of its own that kills itself, or loses its engine, before the n-th of its steps.

A process of its own, not a fork: the tests have threads, and a fork of them may wait for ever for a lock that nobody holds any more.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any, Callable, Iterable, Mapping

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore
from ansible_collections.runbook.compose.plugins.module_utils._adapters.compose_cli import ComposeCli
from ansible_collections.runbook.compose.plugins.module_utils._adapters.database_swap import DatabaseSwap
from ansible_collections.runbook.compose.plugins.module_utils._adapters.dependents import Dependents
from ansible_collections.runbook.compose.plugins.module_utils._adapters.edge_control import EdgeControl
from ansible_collections.runbook.compose.plugins.module_utils._adapters.edge_files import EdgeRecordFile, IncludedFiles
from ansible_collections.runbook.compose.plugins.module_utils._adapters.health_watch import HealthWatch
from ansible_collections.runbook.compose.plugins.module_utils._adapters.helper_container import HelperContainer
from ansible_collections.runbook.compose.plugins.module_utils._adapters.image_holders import ImageHolders
from ansible_collections.runbook.compose.plugins.module_utils._adapters.image_store import ImageStore
from ansible_collections.runbook.compose.plugins.module_utils._adapters.ledger_store import LedgerStore
from ansible_collections.runbook.compose.plugins.module_utils._adapters.nginx_server import ContainerNginx
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.backup_copy import BackupCopy
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.edge_traffic import EdgeTraffic
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_backup import PostgresBackup
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_restore import PostgresRestore
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.redis_backup import RedisBackup
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.redis_restore import RedisRestore
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.release import release_operation
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.service_rollout import ServiceRollout
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.service_scale import ServiceScale
from ansible_collections.runbook.compose.plugins.module_utils._adapters.redis_control import RedisControl
from ansible_collections.runbook.compose.plugins.module_utils._adapters.redis_files import RedisFiles
from ansible_collections.runbook.compose.plugins.module_utils._adapters.release_files import ReleaseFiles
from ansible_collections.runbook.compose.plugins.module_utils._adapters.restore_records import RestoreRecords
from ansible_collections.runbook.compose.plugins.module_utils._adapters.rollout_scene import RolloutScene
from ansible_collections.runbook.compose.plugins.module_utils._adapters.rollout_store import RolloutStore
from ansible_collections.runbook.compose.plugins.module_utils._adapters.service_work import ServiceWork
from ansible_collections.runbook.compose.plugins.module_utils._adapters.shadow_database import ShadowDatabase
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError

from tests.support.cut_engine import CutEngine

# Of each operation every step that changes something, and the moment in which a helper works.
RESTORE = [
    *((RestoreRecords, name) for name in ("write", "remove")),
    *((DatabaseSwap, name) for name in ("fence", "rename", "allow", "prove", "drop")),
    *((Dependents, name) for name in ("stop", "start")),
    *((ShadowDatabase, name) for name in ("make", "fill", "mask")),
    (HelperContainer, "wait"),
]
# The file system's own calls: whatever was written before is on the disk, and nothing after it.
BACKUP = [
    *((os, name) for name in ("mkdir", "rename", "replace", "symlink", "unlink", "fsync")),
    *((BackupStore, name) for name in ("begin", "publish", "add_verification", "point")),
    *((HelperContainer, name) for name in ("__enter__", "wait", "__exit__")),
]
# What brings a backup back writes files only.
FETCH = [step for step in BACKUP if step[0] is not HelperContainer]
# Of Redis also every file that is moved.
REDIS_RESTORE = [
    *((RestoreRecords, name) for name in ("write", "remove")),
    *((RedisControl, name) for name in ("stop", "start", "discard")),
    *((RedisFiles, name) for name in ("stage", "move", "make_private", "remove")),
    *((Dependents, name) for name in ("stop", "start")),
]
EDGE = [(EdgeRecordFile, "save"), (IncludedFiles, "write"), (ContainerNginx, "run"), (ContainerNginx, "reload")]
ROLLOUT = [
    *((RolloutStore, name) for name in ("put", "end")),
    *((RolloutScene, name) for name in ("send", "start_beside", "require_answers", "drain", "rest")),
    *((ServiceWork, name) for name in ("stop", "remove")),
]
RELEASE = [
    *((ReleaseFiles, name) for name in ("keep", "write_live", "keep_superseded")),
    *((owner, name) for owner, name in ((ImageStore, "tag"), (ImageHolders, "hold"), (LedgerStore, "save"))),
]
SCALE = [*((EdgeControl, name) for name in ("change", "drain")), (ComposeCli, "up"), (HealthWatch, "wait")]


class Release:
    """One operation for each state, made by a function."""

    from_params = staticmethod(release_operation)


OPERATIONS = {
    "edge_traffic": (EdgeTraffic, EDGE),
    "postgres_restore": (PostgresRestore, RESTORE),
    "postgres_backup": (PostgresBackup, BACKUP),
    "backup_copy": (BackupCopy, FETCH),
    "redis_restore": (RedisRestore, REDIS_RESTORE),
    "redis_backup": (RedisBackup, BACKUP),
    "service_rollout": (ServiceRollout, ROLLOUT),
    "release": (Release, RELEASE),
    "service_scale": (ServiceScale, SCALE),
}


def dies_at(step: int | str, operation: str, params: Mapping[str, Any]) -> str:
    """Kills the operation before its n-th step, or before the first one of that name.

    The step's name; empty when it never came, and the operation ended well.
    """
    child = _run({"step": step, "operation": operation, "params": params})
    name = child.stdout.strip()
    assert child.returncode == (-signal.SIGKILL if name else 0), f"the child ended by itself with {child.returncode}: {child.stderr}"
    return name


def loses_engine_at(step: int | str, operation: str, params: Mapping[str, Any], before: str = "") -> dict:
    """Takes the engine away from the operation when a step begins, or by the first request in it that has ``before`` in it; what its error says.

    Empty when the step never came or the operation ended well all the same.
    """
    child = _run({"step": step, "operation": operation, "params": params, "cut_before": before})
    assert child.returncode == 0, f"the child ended with {child.returncode}: {child.stderr}"
    return json.loads(child.stdout or "{}")


def _run(asked: dict) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    words = [sys.executable, "-m", __name__]
    return subprocess.run(words, input=json.dumps(asked), env=environment, capture_output=True, text=True, timeout=600, check=False)


class Quiet:
    """A host that keeps warnings to itself."""

    check_mode = False

    def warn(self, message: str) -> None:
        """Nothing to be told to."""

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None:
        """Nothing is shown."""

    def show_as(self, option: str, value: Any) -> None:
        """Nothing is shown."""


def _die(name: str) -> None:
    print(name, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def _live_until(step: int | str, operation: str, params: Mapping[str, Any], cut_before: str | None = None) -> None:
    passed: list[str] = []
    happens = _die
    if cut_before is not None:
        engine = CutEngine()
        params = {**params, "docker_host": engine.address}

        def happens(name: str) -> None:
            engine.cut_before(cut_before) if cut_before else engine.cut()

    def fatal(name: str, original: Callable) -> Callable:
        def before(*arguments: Any, **options: Any) -> Any:
            passed.append(name)
            if step in (len(passed), name, f"{name}:{passed.count(name)}"):
                happens(name)
            return original(*arguments, **options)

        return before

    kind, steps = OPERATIONS[operation]
    made = kind.from_params(params, Quiet())
    plan = made.plan()
    for owner, name in steps:
        setattr(owner, name, fatal(f"{owner.__name__}.{name}", getattr(owner, name)))
    try:
        made.apply(plan)
    except OperationError as error:
        if cut_before is None:
            raise
        print(json.dumps(error.to_result(), default=str))


if __name__ == "__main__":
    _live_until(**json.load(sys.stdin))
