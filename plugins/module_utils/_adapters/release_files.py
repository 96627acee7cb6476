# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of releases: the live ones of the stack, and a snapshot of them for each release."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from typing import List, Optional, Sequence, Tuple

from .._core.configuration import Configuration, file_fingerprint, snapshot_name
from .._core.errors import OperationError
from .._core.ledger import Release
from .._core.schema_shape import KeptShape, parse_shape
from .._core.stack import Stack
from .files import make_private_directory, write_atomically, write_json

_SUPERSEDED = "superseded-"
_SCHEMA = "schema.json"
_COMPOSE_MODE = 0o644  # of a compose file that is not there any more


class SnapshotDamaged(OperationError):
    """The files kept with a release are not those that were put there."""

    reason = "snapshot_damaged"


class ReleaseFiles:
    """Below ``<state_dir>/<stack>/releases/``, each release has a directory of its own, readable by its owner only."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._root = stack.in_state("releases")

    def live(self, compose_files: Sequence[str]) -> Configuration:
        return Configuration(
            env_path=self._stack.env_path,
            env=_read(self._stack.env_path) or b"",
            compose_files=tuple((path, _read(path) or b"") for path in compose_files),
        )

    def keep(self, release_id: str, configuration: Configuration) -> None:
        """Writes the snapshot whole: what an interrupted run left under this id is replaced."""
        final, partial = self._path(release_id), self._path(f".{release_id}.partial")
        for leftover in (partial, final):
            shutil.rmtree(leftover, ignore_errors=True)
        make_private_directory(os.path.join(partial, "compose"))
        write_atomically(os.path.join(partial, "env"), configuration.env, keep_owner=False)
        for position, (path, content) in enumerate(configuration.compose_files):
            write_atomically(os.path.join(partial, snapshot_name(position, path)), content, keep_owner=False)
        os.rename(partial, final)

    def kept(self, release: Release, salt: str) -> Configuration:
        """The snapshot of a release; raises SnapshotDamaged when it is not what the ledger says."""
        env = self._checked(release, "env", release.env.fingerprint, salt)
        compose = tuple(
            (file.path, self._checked(release, snapshot_name(position, file.path), file.fingerprint, salt))
            for position, file in enumerate(release.compose_files)
        )
        return Configuration(release.env.path, env, compose)

    def kept_compose_paths(self, release: Release) -> List[str]:
        return [self._path(release.id, snapshot_name(position, file.path)) for position, file in enumerate(release.compose_files)]

    def keep_schema(self, release_id: str, shape: KeptShape) -> None:
        """Writes the schema that a release was verified with beside its snapshot."""
        make_private_directory(self._path(release_id))
        write_json(self._path(release_id, _SCHEMA), shape.to_dict())

    def kept_schema(self, release: Release) -> Optional[KeptShape]:
        """The schema kept with a release; None when it is not there or not what the ledger says."""
        try:
            shape = parse_shape(json.loads(_read(self._path(release.id, _SCHEMA)) or b"null"))
        except ValueError:
            return None
        return shape if shape and shape.fingerprint == release.schema_fingerprint else None

    def write_live(self, path: str, content: bytes, is_env: bool) -> None:
        """Replaces one live file; a link stays a link, and the file it leads to is replaced."""
        target = os.path.realpath(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        write_atomically(target, content, 0o600 if is_env else _mode_of(target))

    def keep_superseded(self, stamp: str, files: Sequence[Tuple[str, bytes]]) -> str:
        """A last copy of live files that no snapshot holds, under ``superseded-<stamp>/``; says where."""
        directory = self._path(f"{_SUPERSEDED}{stamp}")
        make_private_directory(directory)
        for path, content in files:
            write_atomically(os.path.join(directory, os.path.basename(path)), content, keep_owner=False)
        return directory

    def forget(self, name: str) -> None:
        """Removes the directory of a release, or one of superseded files."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._path(name))

    def snapshot_ids(self) -> Tuple[str, ...]:
        """The ids that have a directory here, whether or not the ledger knows them."""
        return tuple(name for name in self._names() if name.isdigit())

    def superseded(self) -> Tuple[str, ...]:
        """The directories of superseded files, oldest first: their names begin with their time."""
        return tuple(name for name in self._names() if name.startswith(_SUPERSEDED))

    def _names(self) -> List[str]:
        with contextlib.suppress(FileNotFoundError):
            return sorted(os.listdir(self._root))
        return []

    def _path(self, *parts: str) -> str:
        return os.path.join(self._root, *parts)

    def _checked(self, release: Release, name: str, fingerprint: str, salt: str) -> bytes:
        path = self._path(release.id, name)
        content = _read(path)
        if content is None or file_fingerprint(content, salt) != fingerprint:
            raise SnapshotDamaged(
                f"{path}, kept with release {release.title}, is {'missing' if content is None else 'not what was written there'}.",
                hint="Choose another release, or deploy this version anew.",
                release=release.id,
                path=path,
            )
        return content


def _read(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def _mode_of(path: str) -> int:
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        return _COMPOSE_MODE
