"""Backups for tests: described for decisions, or published in a directory through the real store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_catalogue import Backup, Verification, timestamp
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_manifest import BackupFile, Manifest, new_id

STACK, SERVICE, SUBJECT = "shop", "postgres", "shop"
FILE = "db.dump.zst"


def described(at: datetime, state: str = "verified", number: int = 1, **manifest: object) -> Backup:
    """A backup as the catalogue knows it. ``state`` is verified, dumped or damaged; ``pinned`` and parts of the manifest by name."""
    pinned = str(manifest.pop("pinned", ""))
    verifications = (passed(at),) if state == "verified" else ()
    damage = (f"{FILE}: missing",) if state == "damaged" else ()
    made = replace(manifest_of(at, number), **manifest)
    return Backup(made, f"/backups/{made.id}", verifications, damage, pinned)


def passed(at: datetime, level: int = 3) -> Verification:
    return Verification(timestamp(at + timedelta(minutes=1)), level, "passed", seconds=4.5)


def manifest_of(at: datetime, number: int = 1, content: bytes = b"") -> Manifest:
    identifier, digest = new_id(at, number, number), hashlib.sha256(content).hexdigest()
    return Manifest(
        id=identifier,
        set_id=identifier,
        kind="postgres-logical",
        purpose="scheduled",
        stack=STACK,
        service=SERVICE,
        subject=SUBJECT,
        started=timestamp(at),
        finished=timestamp(at + timedelta(seconds=9)),
        source={"server_version": 150018},
        content={"schema_fingerprint": "sha256:3f2a9c01d4e5"},
        files=(BackupFile(FILE, len(content), digest, len(content), digest, "pg_dump-custom", "zstd"),),
        restore_hint="zstd -d | pg_restore",
    )


@dataclass(frozen=True)
class BackupDirectory:
    """A directory of published backups. They are real; only the dump in them is not."""

    path: Path
    service: str = SERVICE
    stack: str = STACK

    @property
    def store(self) -> BackupStore:
        return BackupStore(str(self.path), self.stack, self.service)

    def publish(self, at: datetime, state: str = "verified", subject: str = SUBJECT, **manifest: object) -> Path:
        """One backup made at that time; ``damaged`` is one of which a restore was not what had been dumped."""
        content = f"a dump of {at}".encode()
        with self.store.working_on(subject):
            identifier = self.store.next_id(subject, at)
            temporary = Path(self.store.begin(subject, identifier))
            (temporary / FILE).write_bytes(content)
            own = {"id": identifier, "subject": subject, "service": self.service, "stack": self.stack, **manifest}
            published = self.store.publish(str(temporary), replace(manifest_of(at, content=content), **own))
            if state != "dumped":
                found = passed(at) if state == "verified" else replace(passed(at), outcome="failed", differences=("public.orders: 2 rows, expected 3",))
                self.store.add_verification(self.store.read(published), found)
        return Path(published)

    def ids(self, subject: str = SUBJECT) -> list[str]:
        return sorted(path.name for path in Path(self.store.directory(subject)).iterdir() if path.is_dir() and not path.is_symlink() and path.name[0] != ".")
