# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a base backup, proves it, and reads what it says of itself."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, Mapping, Tuple

from .._core.helper_container import HelperTask, Mount
from .._core.pitr import Base, BaseNotVerified
from .._core.pitr_state import Server
from .._core.wal import parse_lsn
from .engine import Engine
from .helper_container import run_helper
from .pitr_store import DATA
from .postgres_client import PostgresClient
from .postgres_target import PostgresTarget

_OUT = "/out"
_MANIFEST = "backup_manifest"


class BaseBackup:
    """One run of pg_basebackup and of pg_verifybackup, in helpers of the server's own image."""

    def __init__(self, engine: Engine, client: PostgresClient, target: PostgresTarget) -> None:
        self._engine = engine
        self._client = client
        self._service = target.service
        self._stack = target.stack.name

    def take(self, directory: str, timeout: float) -> None:
        """Into ``directory``/data. The programs make the data durable and hash every file."""
        until = time.monotonic() + timeout
        mounts = (Mount(directory, _OUT, writable=True),)
        # Plain files: pg_verifybackup knows no other format before version 18.
        argv = ["pg_basebackup", f"--pgdata={_OUT}/{DATA}", "--format=plain", "--wal-method=stream", "--checkpoint=fast"]
        with self._client.helper("base-backup", [*argv, "--manifest-checksums=SHA256", "--no-password"], mounts) as helper:
            hint = "The role needs REPLICATION, and pg_hba.conf a line for replication from 127.0.0.1. Nothing was published."
            helper.wait(timeout).require_success("pg_basebackup", hint)
        self._service.require_same(self._engine)
        verify = HelperTask("verify-base", ("pg_verifybackup", f"{_OUT}/{DATA}"), mounts=(Mount(directory, _OUT),))
        image = self._service.container.image_id
        ended = run_helper(self._engine, self._stack, image, verify, max(1.0, until - time.monotonic()))
        if ended.exit_code != 0:
            said = (ended.stderr or ended.stdout).strip().splitlines()[:5]
            raise BaseNotVerified(
                f"The base backup is not what its manifest says: {' | '.join(said)}",
                hint="Nothing was published. Look at the disk and its log, then take it again.",
                stderr=said,
            )

    def describe(self, directory: str, backup_id: str, times: Tuple[str, str], server: Server) -> Base:
        """``server`` is a look from before the backup, whose settings are needed by whoever starts a server on it."""
        data = os.path.join(directory, DATA)
        positions = _positions(data)
        return Base(
            id=backup_id,
            started_at=times[0],
            finished_at=times[1],
            start_lsn=positions["Start-LSN"],
            end_lsn=positions["End-LSN"],
            timeline=int(positions["Timeline"]),
            segment_bytes=server.segment_bytes,
            bytes=_size(data),
            system_identifier=server.system_identifier,
            server_version=server.version,
            image_id=self._service.container.image_id,
            image=self._service.container.image_reference,
            superuser=server.superuser,
            settings=dict(server.settings),
        )


def _positions(data: str) -> Mapping[str, Any]:
    """The piece of log that makes the backup consistent; with several timelines, from the first to the last."""
    try:
        with open(os.path.join(data, _MANIFEST), encoding="utf-8") as handle:
            ranges = sorted(json.load(handle)["WAL-Ranges"], key=lambda each: parse_lsn(each["Start-LSN"]))
        last: Dict[str, Any] = ranges[-1]
        return {**last, "Start-LSN": ranges[0]["Start-LSN"]}
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise BaseNotVerified(
            f"The manifest of the base backup cannot be read ({type(error).__name__}).", hint="Nothing was published. Take it again."
        ) from error


def _size(directory: str) -> int:
    return sum(os.lstat(os.path.join(parent, name)).st_size for parent, folders, names in os.walk(directory) for name in names)
