# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup sets in a repository of restic: one snapshot each, found by its tags."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple
from urllib.parse import unquote

from .._core.backup_catalogue import VERIFIED, Backup
from .._core.backup_manifest import directory_name, is_id
from .._core.offsite import RemoteSet
from .._core.offsite_endpoint import Endpoint, is_direct, restic_endpoint
from .._core.offsite_errors import OffsiteFailed, OffsitePasswordWrong
from .archive_directory import plain_files
from .offsite_process import Ended, ToolProcess, ToolSettings, run_tool
from .offsite_remote import all_names, answers, is_known, not_opened, place_of, place_of_backup, require_answer

# What is read has to come from the remote, not from a cache of this host.
_READ = ("-q", "--no-cache", "--no-lock")
_MARK = "runbook-backup"
# Since restic 0.17; older ones end with 1 for everything, and whether they took the password tells.
_NO_REPOSITORY, _WRONG_PASSWORD = 10, 12


# Whether a repository is made where there is none; in check mode it only would be.
NO, WOULD, YES = "no", "would", "yes"


class ResticRemote:
    vouches = True  # the tag is set by who sends

    def __init__(self, settings: ToolSettings, remote: str, stack: str, initialize: str = NO) -> None:
        self._settings = settings
        self._remote = settings.redactor.text(remote)
        self._address = remote
        self._stack = stack
        self._initialize = initialize
        self._sets: List[RemoteSet] = []

    def open(self) -> None:
        if self._address.startswith(("s3:", "rest:")):
            require_answer(self._remote, self._endpoint())
        ended, output = self._list()
        if ended.exit_code == 0:
            self._sets = self._parsed_sets(output)
            return
        if ended.exit_code == _WRONG_PASSWORD or (ended.asked and ended.exit_code != _NO_REPOSITORY):
            raise OffsitePasswordWrong(
                f"The password does not open the repository {self._remote}: {ended.said.rstrip('.')}.", hint="Correct the password.", remote=self._remote
            )
        endpoint = self._endpoint()
        if self._initialize == WOULD and (endpoint is None or endpoint.directory or answers(endpoint)):
            return
        if self._initialize != YES or run_tool(self._settings, ["-q", "--no-cache", "init"]).exit_code != 0:
            raise not_opened(self._remote, endpoint, ended.said)

    def sets(self) -> List[RemoteSet]:
        """The newest snapshot of a set comes first."""
        return list(self._sets)

    def send(self, backup_dir: str, backup: Backup, moved: Callable[[int], None]) -> RemoteSet:
        """Files that are not there would be skipped without an error; reading them back finds that."""
        manifest, place = backup.manifest, place_of_backup(backup)
        values = {"stack": manifest.stack, "service": manifest.service, "subject": manifest.subject, "id": manifest.id, "state": backup.state}
        tags = ",".join([_MARK, *(f"{name}={directory_name(value)}" for name, value in values.items())])
        words = ["--no-cache", "--json", "backup", "--host", self._stack, "--tag", tags, *(f"{place}/{name}" for name in all_names(backup))]
        done, snapshot = 0, ""
        with ToolProcess(self._settings, words, directory=backup_dir) as process:
            for record in process.records():
                sent, snapshot = record.get("bytes_done"), str(record.get("snapshot_id") or snapshot)
                if isinstance(sent, int) and sent > done:
                    moved(sent - done)
                    done = sent
            self._require(process.finish(), f"sending {backup.id}")
        sent_set = RemoteSet(manifest.service, manifest.subject, manifest.id, snapshot, backup.state == VERIFIED)
        self._sets.insert(0, sent_set)
        return sent_set

    def names(self, one: RemoteSet) -> List[str]:
        place = self._place(one)
        with ToolProcess(self._settings, [*_READ, "--json", "ls", one.place, f"/{place}"]) as process:
            names = [str(record.get("name")) for record in process.records() if record.get("type") == "file"]
            self._require(process.finish(), f"listing {one.id}")
        return names

    @contextlib.contextmanager
    def read(self, one: RemoteSet, name: str) -> Iterator[Iterator[bytes]]:
        with ToolProcess(self._settings, [*_READ, "dump", one.place, f"/{self._place(one)}/{name}"]) as process:
            yield self._to_the_end(process, name)

    def each(self, one: RemoteSet) -> Iterator[Tuple[str, Iterator[bytes]]]:
        """As one stream: each command has to open the repository, which takes its time."""
        with ToolProcess(self._settings, [*_READ, "dump", one.place, f"/{self._place(one)}"]) as process:
            yield from plain_files(process.pieces())
            self._require(process.finish(), f"reading {one.id}")

    def _endpoint(self) -> Optional[Endpoint]:
        """None where somebody else knows the way: a proxy, or the configuration of ssh that has a name for the host."""
        found = restic_endpoint(self._address)
        if found and found.host and self._address.startswith("sftp:") and not is_known(found.host):
            return None
        return found if found and is_direct(found, {**os.environ, **self._settings.environment}) else None

    def _list(self) -> Tuple[Ended, bytes]:
        words = [*_READ, "--json", "snapshots", "--tag", f"{_MARK},stack={directory_name(self._stack)}"]
        with ToolProcess(self._settings, words) as process:
            output = b"".join(process.pieces())
            return process.finish(), output

    def _parsed_sets(self, output: bytes) -> List[RemoteSet]:
        try:
            snapshots = json.loads(output) or []
            return [found for one in sorted(snapshots, key=lambda one: one["time"], reverse=True) for found in _parsed(one)]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise OffsiteFailed(f"restic listed the snapshots of {self._remote} in a form that is not known.", hint="Report it.") from error

    def _to_the_end(self, process: ToolProcess, name: str) -> Iterator[bytes]:
        yield from process.pieces()
        self._require(process.finish(), f"reading {name}")

    def _place(self, one: RemoteSet) -> str:
        return place_of(self._stack, one.service, one.subject, one.id)

    def _require(self, ended: Ended, doing: str) -> None:
        """Exit code 3 is a snapshot that lacks something: no success either."""
        if ended.exit_code != 0:
            raise OffsiteFailed(
                f"restic failed with exit code {ended.exit_code} while {doing} at {self._remote}: {ended.said.rstrip('.')}.",
                hint="Run again: what is there already is not sent again. A lock that a dead run left is removed with: restic unlock.",
                remote=self._remote,
                exit_code=ended.exit_code,
            )


def _parsed(snapshot: Dict[str, Any]) -> Sequence[RemoteSet]:
    """Nothing for a snapshot that is not one of ours."""
    tags = dict(tag.partition("=")[::2] for tag in snapshot.get("tags") or [])
    service, subject, backup_id = (unquote(tags.get(name, "")) for name in ("service", "subject", "id"))
    if not service or not subject or not is_id(backup_id):
        return []
    return [RemoteSet(service, subject, backup_id, str(snapshot["id"]), tags.get("state") == VERIFIED)]
