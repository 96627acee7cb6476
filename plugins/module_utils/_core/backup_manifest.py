# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a published backup says of itself: ``manifest.json``, written once and never changed."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Dict, Mapping, Tuple
from urllib.parse import quote

from .errors import OperationError

SCHEMA = 1
MANIFEST, MANIFEST_HASH = "manifest.json", "manifest.sha256"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_ID = re.compile(r"(\d{8}T\d{6}Z)-(\d{6})-([0-9a-f]{4})")


class ManifestInvalid(OperationError):
    """A manifest is missing, damaged, or of a kind that this version does not know."""

    reason = "backup_manifest_invalid"


@dataclass(frozen=True)
class BackupFile:
    """``plain_*`` describe the content before compression and encryption; ``encryption`` is empty or {type, recipients}."""

    path: str
    bytes: int
    sha256: str
    plain_bytes: int
    plain_sha256: str
    format: str  # pg_dump-custom, pg_dump-directory-tar, sql, rdb, tar
    compression: str = ""  # "" or zstd
    encryption: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """``source`` says where it came from, ``content`` what must be found again after a restore; both are plain JSON.

    ``subject`` is what of the service was saved: the name of a database, or ``rdb``. ``set_id`` joins what one run saved.
    """

    id: str
    set_id: str
    kind: str  # postgres-logical, redis-rdb, ...
    purpose: str  # scheduled, manual, pre_deploy, safety
    stack: str
    service: str
    subject: str
    started: str
    finished: str
    source: Mapping[str, Any]
    content: Mapping[str, Any]
    files: Tuple[BackupFile, ...]
    restore_hint: str
    tool: str = "runbook.compose"
    partial: bool = False
    schema: int = SCHEMA

    def to_bytes(self) -> bytes:
        return (json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()

    @property
    def created(self) -> datetime:
        return datetime.strptime(self.started, TIME_FORMAT)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def parse_manifest(content: bytes, expected_sha256: str, where: str) -> Manifest:
    """Raises ManifestInvalid, and nothing else, for whatever the bytes are."""
    if hashlib.sha256(content).hexdigest() != expected_sha256.strip():
        raise _invalid(where, "its hash is not the one that was written with it")
    try:
        value = json.loads(content)
        if value["schema"] != SCHEMA:
            raise _invalid(where, f"it has the schema {value['schema']!r}, and this version knows {SCHEMA}")
        value["files"] = tuple(BackupFile(**file) for file in value["files"])
        manifest = Manifest(**value)
        _check(manifest)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _invalid(where, f"it is not a manifest ({type(error).__name__})") from error
    return manifest


def new_id(now: datetime, sequence: int, random: int) -> str:
    """Sorts by time, then by sequence: ``20261103T021500Z-000123-7f3a``."""
    return f"{now.strftime('%Y%m%dT%H%M%SZ')}-{sequence:06d}-{random & 0xFFFF:04x}"


def is_id(name: str) -> bool:
    return _ID.fullmatch(name) is not None


def sequence_of(backup_id: str) -> int:
    """The running number in an id, 0 for what is not an id."""
    match = _ID.fullmatch(backup_id)
    return int(match.group(2)) if match else 0


def directory_name(subject: str) -> str:
    """A subject (any database name) as one harmless name of a directory."""
    name = quote(subject, safe="")
    return "%2E" + name[1:] if name.startswith(".") else name


def _check(manifest: Manifest) -> None:
    """Types and names that later code relies on; raises ValueError."""
    texts = (manifest.id, manifest.set_id, manifest.kind, manifest.purpose, manifest.stack, manifest.service, manifest.subject)
    if not all(isinstance(text, str) for text in texts) or not is_id(manifest.id):
        raise ValueError("id")
    if not isinstance(manifest.source, dict) or not isinstance(manifest.content, dict) or not isinstance(manifest.partial, bool):
        raise ValueError("source or content")
    datetime.strptime(manifest.started, TIME_FORMAT)
    datetime.strptime(manifest.finished, TIME_FORMAT)
    for file in manifest.files:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", file.path) or not all(isinstance(size, int) for size in (file.bytes, file.plain_bytes)):
            raise ValueError("files")


def _invalid(where: str, cause: str) -> ManifestInvalid:
    return ManifestInvalid(
        f"{where} cannot be trusted: {cause}.",
        hint="Choose another backup (playbooks/backup/verify.yml lists them); copy this one back from where it is also kept.",
        manifest=where,
    )


def summary(manifest: Manifest) -> Dict[str, Any]:
    """The part that lists show."""
    names = ("id", "set_id", "kind", "purpose", "stack", "service", "subject", "started", "finished", "partial")
    return {**{name: getattr(manifest, name) for name in names}, "bytes": manifest.bytes, "encrypted": any(file.encryption for file in manifest.files)}
