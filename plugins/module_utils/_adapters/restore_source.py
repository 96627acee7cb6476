# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be restored: a published backup, or a file that somebody has."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import Any, Mapping, Optional, Tuple

from .._core.archive_header import HEADER_BYTES, parse_archive_header
from .._core.backup_catalogue import Backup
from .._core.backup_errors import BackupMissing
from .._core.database_content import DatabaseContent
from .._core.database_properties import DatabaseProperties
from .._core.errors import BadInput
from .._core.plain_dump import PlainDumpGuard, kind_of
from .._core.restore_errors import ArchiveUnreadable
from .._core.restore_preflight import SourceFacts
from .._core.restore_request import RestoreRequest
from .._core.role_statements import roles_made
from .archive_reader import ArchiveFile, ArchiveReader
from .archive_restore import CUSTOM, SQL, ArchiveInput
from .backup_preflight import require_programs
from .backup_store import BackupStore
from .backup_verifier import main_file
from .shadow_database import ShadowSource

_LONGEST_ROLES = 64 * 2**20
# Of what a compressed file may grow to, in a database with its indexes; and of a plain one.
_COMPRESSED, _PLAIN = 6, 1.5
_MAJOR = re.compile(r"\d+")


@dataclass(frozen=True)
class Chosen:
    """``roles_sql`` is what ``pg_dumpall --globals-only`` wrote with the backup. ``backup`` is None for a file."""

    facts: SourceFacts
    shadow: ShadowSource
    roles_sql: str = ""
    backup: Optional[Backup] = None


def choose_published(backup: Backup, request: RestoreRequest) -> Chosen:
    """Its roles are read here; the hashes of its files are not checked, see ``with_damage``."""
    manifest = backup.manifest
    require_programs(name for file in manifest.files for name in ArchiveFile.of_backup("", file, request.identity_file).programs)
    content = DatabaseContent.from_dict(manifest.content)
    properties = DatabaseProperties.from_source(manifest.source)
    main = main_file(backup)
    archive = ArchiveInput(ArchiveFile.of_backup(backup.directory, main, request.identity_file), main.format)
    roles_sql = "" if backup.damage else _roles(backup, request.identity_file)
    facts = SourceFacts(
        label=f"backup {backup.id}{f' of stack {manifest.stack}' if request.backup_stack else ''}",
        server_version=content.server_version,
        system_identifier=str(manifest.source.get("system_identifier") or ""),
        subject=manifest.subject,
        state=backup.state,
        partial=manifest.partial,
        extensions=frozenset(content.extensions),
        roles=frozenset({*content.roles, *properties.roles}),
        roles_made=frozenset(roles_made(roles_sql)),
        bytes=content.database_bytes,
        damage=backup.damage,
    )
    return Chosen(facts, ShadowSource(archive, properties, content, request.assertions, request.masking), roles_sql, backup)


def with_damage(store: BackupStore, chosen: Chosen) -> Chosen:
    """Reads every file of the backup once; what does not fit to the manifest becomes part of the facts."""
    if chosen.backup is None:
        return chosen
    return replace(chosen, facts=replace(chosen.facts, damage=tuple(store.damaged_files(chosen.backup))))


def choose_file(request: RestoreRequest, properties: Mapping[str, Any], server_version: int) -> Chosen:
    """A file says little of itself: neither its roles nor its extensions nor what it should hold."""
    path = request.file
    if not os.path.isfile(path):
        raise BackupMissing(f"{path} is not a file on this host.", hint="Give a file (.sql, .dump, also as .gz, .zst or .age).", backup=path)
    file, head = unwrapped(ArchiveFile(path), request.identity_file)
    kind, cause = kind_of(head)
    if kind not in (CUSTOM, SQL):
        raise BadInput(f"{path} cannot be restored: {cause or 'it is wrapped more than once'}.", hint="Give SQL, or an archive of pg_dump -Fc.")
    version = 0
    if kind == CUSTOM:
        major = _MAJOR.match(parse_archive_header(head).server_version)
        version = int(major.group()) * 10000 if major else 0
    size = os.path.getsize(path)
    facts = SourceFacts(f"file {os.path.basename(path)}", version, bytes=round(size * (_COMPRESSED if file.compression or kind == CUSTOM else _PLAIN)))
    archive = ArchiveInput(file, kind, PlainDumpGuard(server_version) if kind == SQL else None)
    return Chosen(facts, ShadowSource(archive, DatabaseProperties.from_source(properties), None, request.assertions, request.masking))


def unwrapped(file: ArchiveFile, identity_file: str) -> Tuple[ArchiveFile, bytes]:
    """How to read the file, by its first bytes; and the first bytes of what is inside."""
    head = _head(file)
    kind = kind_of(head)[0]
    if kind == "age":
        if not identity_file:
            raise BadInput(f"{file.path} is encrypted.", hint="Give encryption.identity_file.")
        file = replace(file, encrypted=True, identity_file=identity_file)
        head = _head(file)
        kind = kind_of(head)[0]
    if kind in ("gzip", "zstd"):
        file = replace(file, compression=kind)
        head = _head(file)
    return file, head


def _head(file: ArchiveFile) -> bytes:
    require_programs(file.programs)
    collected = b""
    with ArchiveReader(file) as reader:
        for piece in reader:
            collected += piece
            if len(collected) >= HEADER_BYTES:
                break
    return collected[:HEADER_BYTES]


def _roles(backup: Backup, identity_file: str) -> str:
    """Empty when the backup has none."""
    for file in backup.manifest.files:
        if file.format == SQL:
            collected = b""
            with ArchiveReader(ArchiveFile.of_backup(backup.directory, file, identity_file)) as reader:
                for piece in reader:
                    collected += piece
                    if len(collected) > _LONGEST_ROLES:
                        raise ArchiveUnreadable(f"{file.path} has more than {_LONGEST_ROLES >> 20} MiB of roles.", hint="Choose another backup.")
            return collected.decode()
    return ""
