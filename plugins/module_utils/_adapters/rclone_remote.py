# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup sets as directories of an rclone remote: a set is there once its manifest is, and that comes last."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import unquote

from .._core.backup_catalogue import Backup
from .._core.backup_manifest import MANIFEST, MANIFEST_HASH, directory_name, is_id
from .._core.offsite import RemoteSet
from .._core.offsite_endpoint import Endpoint, is_direct, rclone_endpoint, rclone_name, settings_of
from .._core.offsite_errors import OffsiteFailed
from .backup_notes import verification_files
from .offsite_process import Ended, ToolProcess, ToolSettings, run_tool
from .offsite_remote import data_names, not_opened, place_of_backup, require_answer

# Bounded, so that a remote that breaks off is told and not waited for.
_CALM = ("--log-level", "ERROR", "--ask-password=false", "--contimeout", "20s", "--low-level-retries", "4")
_PROGRESS = ("--use-json-log", "--stats", "1s", "--stats-log-level", "ERROR")
# Whatever is there stays as it is. rclone heeds the first option for directories only, not where a single file is named.
_COPY = ("copy", "--immutable", "--checksum", "--no-traverse")
_NOTHING_THERE = 3
_PIECE = 1 << 20


class RcloneRemote:
    vouches = False

    def __init__(self, settings: ToolSettings, remote: str, stack: str) -> None:
        self._settings = settings
        self._remote = remote
        self._stack = stack
        self._files: Dict[str, Dict[str, int]] = {}  # of every directory of a set: name to size

    def open(self) -> None:
        """Lists everything of the stack. A directory that is not there may be a mount that is missing, so it is never made."""
        endpoint = self._endpoint()
        require_answer(self._remote, endpoint)
        place = self._at(directory_name(self._stack))
        with ToolProcess(self._settings, [*_CALM, "lsjson", "--recursive", "--files-only", "--no-modtime", "--no-mimetype", place]) as process:
            output = b"".join(process.pieces())
            ended = process.finish()
        self._files.clear()
        if ended.exit_code == _NOTHING_THERE:
            return
        if ended.exit_code != 0:
            raise not_opened(self._remote, endpoint, ended.said)
        try:
            for entry in json.loads(output):
                directory, _slash, name = str(entry["Path"]).rpartition("/")
                self._files.setdefault(f"{directory_name(self._stack)}/{directory}", {})[name] = int(entry["Size"])
        except (ValueError, TypeError, KeyError) as error:
            raise OffsiteFailed(f"rclone listed {self._remote} in a form that is not known.", hint="Report it.") from error

    def sets(self) -> List[RemoteSet]:
        found = []
        for place, files in sorted(self._files.items(), reverse=True):
            parts = place.split("/")
            if len(parts) == 4 and is_id(parts[3]) and MANIFEST in files and MANIFEST_HASH in files:
                service, subject = unquote(parts[1]), unquote(parts[2])
                found.append(RemoteSet(service, subject, parts[3], place, bool(verification_files(list(files)))))
        return found

    def send(self, backup_dir: str, backup: Backup, moved: Callable[[int], None]) -> RemoteSet:
        place, manifest = place_of_backup(backup), backup.manifest
        if MANIFEST not in self._files.get(place, {}):
            self._remove_torn(place, backup)
        self._copy(backup, place, data_names(backup), moved)
        self._copy(backup, place, [MANIFEST], moved)
        self._files[place] = {name: os.path.getsize(os.path.join(backup.directory, name)) for name in [*data_names(backup), MANIFEST]}
        return RemoteSet(manifest.service, manifest.subject, manifest.id, place, bool(verification_files(list(self._files[place]))))

    def each(self, one: RemoteSet) -> Iterator[Tuple[str, Iterator[bytes]]]:
        for name in self.names(one):
            with self.read(one, name) as pieces:
                yield name, pieces

    def names(self, one: RemoteSet) -> List[str]:
        return sorted(self._files.get(one.place, {}))

    @contextlib.contextmanager
    def read(self, one: RemoteSet, name: str) -> Iterator[Iterator[bytes]]:
        with self._reading(f"{one.place}/{name}") as pieces:
            yield pieces

    def _copy(self, backup: Backup, place: str, names: Sequence[str], moved: Callable[[int], None]) -> None:
        """Names are plain, so that they mean themselves as patterns."""
        chosen = [word for name in names for word in ("--include", f"/{name}")]
        words = [*_CALM, *_PROGRESS, *_COPY, *chosen, backup.directory, self._at(place)]
        done = 0
        with ToolProcess(self._settings, words, joined=True) as process:
            for record in process.records():
                sent = _sent(record)
                if sent > done:
                    moved(sent - done)
                    done = sent
            self._require(process.finish(), f"sending {backup.id}")

    def _remove_torn(self, place: str, backup: Backup) -> None:
        """What a run that was cut off left of a set that nobody could see. Where removing is not allowed, a person has to do it."""
        for name in sorted(self._files.get(place, {})):
            if self._digest(f"{place}/{name}") != _digest_of(os.path.join(backup.directory, name)):
                self._require(run_tool(self._settings, [*_CALM, "deletefile", self._at(f"{place}/{name}")]), f"removing a torn {place}/{name}")

    def _digest(self, path: str) -> str:
        digest = hashlib.sha256()
        with self._reading(path) as pieces:
            for piece in pieces:
                digest.update(piece)
        return digest.hexdigest()

    @contextlib.contextmanager
    def _reading(self, path: str) -> Iterator[Iterator[bytes]]:
        with ToolProcess(self._settings, [*_CALM, "cat", self._at(path)]) as process:
            yield self._to_the_end(process, path)

    def _to_the_end(self, process: ToolProcess, path: str) -> Iterator[bytes]:
        yield from process.pieces()
        self._require(process.finish(), f"reading {path}")

    def _at(self, path: str) -> str:
        return self._remote + path if self._remote.endswith((":", "/")) else f"{self._remote}/{path}"

    def _endpoint(self) -> Optional[Endpoint]:
        name, environment = rclone_name(self._remote), {**os.environ, **self._settings.environment}
        found = rclone_endpoint(self._remote, settings_of(name, environment, self._configured()) if name else {})
        return found if found and is_direct(found, environment) else None

    def _configured(self) -> Mapping[str, Any]:
        """It may hold passwords: only hosts and ports are taken from it."""
        with ToolProcess(self._settings, [*_CALM, "config", "dump"]) as process:
            output = b"".join(process.pieces())
            process.finish()
        with contextlib.suppress(ValueError):
            value = json.loads(output)
            if isinstance(value, dict):
                return value
        return {}

    def _require(self, ended: Ended, doing: str) -> None:
        if ended.exit_code != 0:
            raise OffsiteFailed(
                f"rclone failed with exit code {ended.exit_code} while {doing} at {self._remote}: {ended.said.rstrip('.')}.",
                hint="Run again: what is there already is not sent again.",
                remote=self._remote,
                exit_code=ended.exit_code,
            )


def _sent(record: Mapping[str, Any]) -> int:
    stats = record.get("stats")
    sent = stats.get("bytes") if isinstance(stats, dict) else None
    return sent if isinstance(sent, int) else 0


def _digest_of(path: str) -> str:
    """Empty for a file that is not here."""
    digest = hashlib.sha256()
    with contextlib.suppress(FileNotFoundError):
        with open(path, "rb") as handle:
            for piece in iter(lambda: handle.read(_PIECE), b""):
                digest.update(piece)
            return digest.hexdigest()
    return ""
