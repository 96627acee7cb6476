"""Archives of configuration as an inventory declares them, and what was saved of them."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore


def declared(directory: Path, *paths: str) -> dict:
    """A ``stack_backup`` with one archive of configuration, of the env file and the compose files unless paths are named."""
    return {"dir": str(directory), "allow_same_disk": True, "archives": [{"kind": "config", "paths": list(paths), "accept_unencrypted": True}]}


def saved(directory: Path, name: str) -> list[str]:
    """Ids of the verified backups of it, oldest first."""
    backups, unreadable = BackupStore(str(directory), name, "files").all()
    assert not unreadable
    return sorted(backup.id for backup in backups if backup.state == "verified")
