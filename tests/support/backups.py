"""A Postgres stack with backups, and backups that are not what they say."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_backup import PostgresBackup
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_backup_arguments import postgres_backup_arguments
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_catalogue import Backup
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_manifest import new_id, sequence_of
from tests.support.dying import Quiet
from tests.support.postgres import PostgresStack
from tests.support.stacks import docker


class BackedUpStack(PostgresStack):
    """Its backups lie beside its other files."""

    def __init__(self, directory: Path, name: str, version: str = "15", settings: tuple[str, ...] = ()) -> None:
        super().__init__(directory, name, version, settings)
        self.backup_dir = directory / "backups"

    @property
    def store(self) -> BackupStore:
        return BackupStore(str(self.backup_dir), self.name, "postgres")

    @property
    def backing_up(self) -> dict:
        return {"backup_dir": str(self.backup_dir), "verify": "none", "allow_same_disk": True, "space_floor_mb": 0}

    def back_up(self, *databases: str, **options: Any) -> Backup:
        """The published backup of the (last) database."""
        made = self.module("postgres_backup", **{**self.backing_up, "databases": list(databases), **options})
        assert not made["failed"], made["msg"]
        return self.store.read(made["backups"][-1]["directory"])

    def backup_params(self, **options: Any) -> dict:
        """Everything that the module would be told."""
        defaults = {name: option.get("default") for name, option in postgres_backup_arguments().options.items()}
        return {**defaults, **self.options, **self.backing_up, "databases": ["shop"], **options}

    def backup_operation(self, **options: Any) -> PostgresBackup:
        """What the module calls, in this process: for faults that are made here, and to save the start of another."""
        return PostgresBackup.from_params(self.backup_params(**options), Quiet())

    def require_nothing_left(self, after: str = "") -> None:
        """Neither helpers, nor sessions, nor files that are no backup."""
        helpers = docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={self.name}").split()
        leftovers = [name for subject in self.store.subjects() for name in self.store.leftovers(subject)]
        assert (helpers, leftovers) == ([], []), after
        self.require_sessions_end()

    def require_sessions_end(self) -> None:
        """Ours: the server's process for one sees that its client has gone when it gets the processor."""
        self.await_rows("SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'runbook.compose%'", [])

    def published(self, database: str) -> list[Backup]:
        return [backup for backup in self.store.all()[0] if backup.manifest.subject == database]


def forged(store: BackupStore, claimed: Backup, held: Backup, **changes: Any) -> Backup:
    """A backup that claims to be one and holds the files of another; every hash fits. ``changes`` go into the manifest."""
    earlier = [sequence_of(backup.id) for backup in store.all()[0]]
    manifest = dataclasses.replace(
        claimed.manifest, **{"id": new_id(claimed.manifest.created, max(earlier, default=0) + 1, 0xF0), "files": held.manifest.files, **changes}
    )
    with store.working_on(manifest.subject):
        directory = Path(store.begin(manifest.subject, manifest.id))
        for file in manifest.files:
            shutil.copyfile(Path(held.directory) / file.path, directory / file.path)
        return store.read(store.publish(str(directory), manifest))


def brought_from(stack: str, backup: Backup, backup_dir: Path) -> Backup:
    """The same backup with its verification, as a stack on another server would have made it, where ``rsync -a`` would put it."""
    source = {**backup.manifest.source, "system_identifier": "7000000000000000001"}
    claimed = dataclasses.replace(backup, manifest=dataclasses.replace(backup.manifest, stack=stack, source=source))
    store = BackupStore(str(backup_dir), stack, backup.manifest.service)
    brought = forged(store, claimed, backup)
    for proof in Path(backup.directory).glob("verify-*.json"):
        shutil.copy(proof, brought.directory)
    return store.read(brought.directory)
