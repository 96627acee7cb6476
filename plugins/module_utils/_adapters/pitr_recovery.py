# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of its own, on a copy of a base backup, brought to one moment; what is wanted is dumped out of it."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from typing import List, Mapping, Optional, Sequence, Tuple

from .._core.command_output import Capture
from .._core.container import Container
from .._core.container_command import CommandRequest, Ended
from .._core.errors import EngineFailed, TimedOut
from .._core.helper_container import HelperTask, Mount
from .._core.pitr import Base, RecoveryFailed, time_text
from .._core.redaction import Redactor
from .._core.timestamps import parse_timestamp
from .engine import Engine
from .engine_exec import run_in_container
from .helper_container import HelperContainer
from .processes import run

_ROOT, _OUT, _SOCKETS = "/runbook", "/out", "/tmp"
_POLL_SECONDS = 0.2
_SQL_SECONDS = 60.0
# Whoever gets in is inside the container already: it has no network.
_TRUST = b"local all all trust\n"
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_directories": _SOCKETS,
    "unix_socket_permissions": "0777",
    "hba_file": f"{_ROOT}/data/pg_hba.conf",
    "restore_command": f"cp {_ROOT}/wal/%f %p",
    "recovery_target_timeline": "latest",
    "recovery_target_inclusive": "on",
    # A server that only stands still shows no unlogged tables and needs settings as large as the original's at every time.
    # One that goes on has first proven that it met the target: at the end of the log before it, it stops with an error.
    "recovery_target_action": "promote",
    "hot_standby": "off",
    # Nothing acts there but we: no jobs of extensions, no subscriptions, no vacuum.
    "max_worker_processes": "0",
    "autovacuum": "off",
    "archive_mode": "off",
    "primary_conninfo": "",
    "logging_collector": "off",
    "log_destination": "stderr",
    "ssl": "off",
    "fsync": "off",
    "full_page_writes": "off",
}


@dataclass(frozen=True)
class Recovered:
    """``reached`` is when the last transaction was committed that is in; ``timeline`` is the new one that the server began."""

    reached: Optional[datetime]
    timeline: int


def recovery_task(entrypoint: Sequence[str], base: Base, mounts: Tuple[Mount, ...], target: datetime) -> HelperTask:
    """``mounts`` as of ``mounts_of``, ``target`` in UTC. The image's own entrypoint gives the files to the user that the server runs as."""
    settings = {**base.settings, **_SETTINGS, "recovery_target_time": target.strftime("%Y-%m-%d %H:%M:%S.%f+00")}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return HelperTask("recovery", (*entrypoint, "postgres", *words), mounts=mounts, environment={"PGDATA": f"{_ROOT}/data", "LC_ALL": "C.UTF-8"})


def mounts_of(directory: str, output: str) -> Tuple[Mount, ...]:
    """``directory`` has ``data`` (a copy of the base) and ``wal``; ``output`` is where dumps go."""
    return Mount(directory, _ROOT, writable=True), Mount(output, _OUT, writable=True)


class RecoveredServer:
    """``helper`` is one of ``recovery_task``, and runs."""

    def __init__(self, engine: Engine, base: Base, helper: HelperContainer) -> None:
        self._engine = engine
        self._base = base
        self._helper = helper

    def await_target(self, target: datetime, timeout: float) -> Recovered:
        """Raises RecoveryFailed unless the server is past recovery, on a new timeline, with nothing in it that is later than ``target``."""
        until = time.monotonic() + timeout
        while not self._is_ready():
            if not self._helper.state().get("Running"):
                raise self._failed("the server stopped before it met the time")
            if time.monotonic() >= until:
                raise TimedOut(
                    f"The recovery to {time_text(target)} did not end within {timeout:g} s.",
                    hint="Give it more time. The live server was not touched.",
                    log=self._last_lines(),
                )
            time.sleep(_POLL_SECONDS)
        asked = "SELECT pg_is_in_recovery()::text, (SELECT timeline_id FROM pg_control_checkpoint()),"
        asked += " coalesce(to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), '')"
        in_recovery, timeline, reached = self.sql(asked)[0]
        moment = parse_timestamp(reached)
        if in_recovery != "false" or int(timeline) <= self._base.timeline or (moment is not None and moment > target):
            raise self._failed(f"it came up at {time_text(moment) or 'no time'} on timeline {timeline}")
        return Recovered(moment, int(timeline))

    def sql(self, statement: str, database: str = "postgres") -> List[Tuple[str, ...]]:
        """Rows as texts."""
        argv = ["psql", "--no-psqlrc", "--no-align", "--tuples-only", "--field-separator=\x1f", "--record-separator=\x1e", "--command", statement]
        said = self._require(self._run([*argv, "-v", "ON_ERROR_STOP=1"], {"PGDATABASE": database}), "psql").raw_text()
        return [tuple(row.split("\x1f")) for row in said.rstrip("\x1e\n").split("\x1e") if row]

    def databases(self) -> List[str]:
        return [row[0] for row in self.sql("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1")]

    def dump(self, database: str, name: str, timeout: float) -> None:
        """Into ``output``/``name``; the archive is then read whole."""
        dump = ["pg_dump", "--format=custom", "--no-password", f"--file={_OUT}/{name}"]
        self._require(self._run(dump, {"PGDATABASE": database}, timeout), "pg_dump")
        self._require(self._run(["pg_restore", "--file=/dev/null", f"{_OUT}/{name}"], {}, timeout), "pg_restore")

    def _is_ready(self) -> bool:
        try:
            return self._run(["pg_isready", "--quiet", "--timeout=2"], {}).exit_code == 0
        except EngineFailed:
            return False  # it ended this moment, which the next look tells

    def _run(self, argv: Sequence[str], environment: Mapping[str, str], timeout: float = _SQL_SECONDS) -> Ended:
        login = {"PGHOST": _SOCKETS, "PGUSER": self._base.superuser, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        container = Container(self._helper.id, self._helper.name, "")
        request = CommandRequest("", tuple(argv), timeout=timeout, environment={**login, **environment}, user="0:0")
        return run_in_container(self._engine, container, request)

    def _require(self, ended: Ended, what: str) -> Capture:
        if ended.exit_code != 0:
            said = ended.stderr.last_lines(Redactor())
            cause = "did not end in time" if ended.exit_code is None else f"ended with {ended.exit_code}: {' | '.join(said[-3:])}"
            raise RecoveryFailed(f"{what} {cause}.", hint="The live server was not touched.", stderr=said)
        return ended.stdout

    def _failed(self, why: str) -> RecoveryFailed:
        said = self._last_lines()
        return RecoveryFailed(
            f"The recovery from base backup {self._base.id} failed: {why}. {' | '.join(said[-3:])}",
            hint="Read its last log lines in details. The live server was not touched.",
            base=self._base.id,
            log=said,
        )

    def _last_lines(self) -> List[str]:
        with self._engine.calling("read the log of the recovery"):
            said = self._engine.client.logs(self._helper.id, tail=20)
        return said.decode(errors="replace").strip().splitlines()


def copy_base(source: str, directory: str, timeout: float) -> None:
    """``directory``/data as a server finds it that is to go through a log. Shares blocks with the base where the file system can."""
    data = os.path.join(directory, "data")
    copied = run(["cp", "-a", source, data], timeout)
    if copied.exit_code != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise RecoveryFailed(f"The base backup could not be copied: {copied.stderr.strip()}", hint="Look at the room on the disk of backup_dir.")
    with open(os.path.join(data, "pg_hba.conf"), "wb") as handle:
        handle.write(_TRUST)
    with open(os.path.join(data, "recovery.signal"), "wb"):
        pass
    if os.path.exists(os.path.join(data, "standby.signal")):
        os.unlink(os.path.join(data, "standby.signal"))
