# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backs up the databases of a stack's Postgres, or proves a backup that is there."""

from __future__ import annotations

import secrets
from typing import Any, Dict, List, Mapping, Optional, Protocol, Tuple

from ..._core.backup_catalogue import Backup
from ..._core.backup_errors import BackupsIncomplete
from ..._core.backup_manifest import new_id
from ..._core.backup_report import made_table
from ..._core.backup_request import DIRECTORY, BackupRequest, DatabaseSize, Decision, choose_databases, decide, plan_run
from ..._core.errors import OperationError
from ..._core.plan import Plan
from ..._core.stack import Stack
from ..backup_maker import BackupMaker, files_of, now_naive
from ..backup_preflight import disk_warning, postgres_data, programs_for, require_encryption, require_parallel, require_programs, require_space, require_way
from ..backup_proof import Proofs, known_backups
from ..backup_store import BackupStore
from ..backup_verifier import prove_database
from ..dump_watch import end_dead_dumps
from ..engine import Engine
from ..helper_container import remove_dead_helpers
from ..journal import journal
from ..postgres_client import PostgresClient
from ..postgres_dump import Server
from ..postgres_service import PostgresAccess, PostgresService
from ..postgres_session import PostgresSession
from ..postgres_source import describe_server
from ..progress_file import ProgressFile

_DATABASES = """
    SELECT datname::text AS name, pg_database_size(oid) AS bytes FROM pg_database WHERE NOT datistemplate AND datallowconn ORDER BY datname
"""


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class PostgresBackup:
    """What is asked for, of one server. One database that fails does not keep the others from being backed up."""

    def __init__(self, stack: Stack, access: PostgresAccess, request: BackupRequest, host: Host) -> None:
        self._stack = stack
        self._access = access
        self._request = request
        self._host = host
        self._store = BackupStore(request.backup_dir, stack.name, access.service)

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "PostgresBackup":
        return cls(Stack.from_params(params), PostgresAccess.from_params(params), BackupRequest.from_params(params), host)

    def plan(self) -> Plan:
        request = self._request
        require_programs(programs_for(request.recipients, request.identity_file))
        require_encryption(request.recipients, request.identity_file)
        require_parallel(request)
        engine = Engine.connect(self._stack)
        require_way(engine, request)
        service = PostgresService.find(self._stack, engine, self._access)
        self._server = Server(engine, service, PostgresClient(self._stack, engine, service))
        self._described: Dict[str, Any] = {}
        with files_of(request.backup_dir):
            backups = known_backups(self._store, self._host.warn)
            self._proofs = Proofs(self._stack, self._store, request, prove_database(self._stack, self._server, request))
            return self._proofs.plan(backups) if request.state == "verified" else self._plan_backups(backups)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        verifying = self._request.state == "verified"
        if not plan.changed:
            decisions = self._proofs.decisions if verifying else self._decisions
            return self._result([self._row(decision.kept) for decision in decisions if decision.kept], [])
        remove_dead_helpers(self._server.engine, self._stack.name)
        if verifying:
            return self._result([self._row(self._proofs.apply())], [])
        with self._server.maintenance("backup") as session:
            end_dead_dumps(session)
        return self._apply_backups()

    def _plan_backups(self, backups: List[Backup]) -> Plan:
        with self._server.patient_maintenance("backup") as session:
            databases = choose_databases([DatabaseSize(**row) for row in session.rows(_DATABASES)], self._request.databases)
            self._decisions = decide(databases, backups, self._request, now_naive())
            plan = plan_run(self._decisions, self._request)
            if plan.changed:
                self._described = describe_server(session, self._server.service)
                self._preflight(session)
        return plan

    def _preflight(self, session: PostgresSession) -> None:
        request = self._request
        # Without the privilege to see it, the row is not there.
        data = session.value("SELECT setting FROM pg_settings WHERE name = 'data_directory'") or ""
        warning = disk_warning(self._server.service, postgres_data(self._server.service, data), request)
        if warning:
            self._host.warn(warning)
        if self._described["in_recovery"]:
            self._host.warn("The server is a replica: the backup is as far behind as it is.")
        needed = sum(decision.estimate_bytes for decision in self._decisions if decision.kept is None)
        if request.format == DIRECTORY:  # one after the other, each before compression
            needed += max((decision.database.bytes for decision in self._decisions if decision.kept is None), default=0)
        require_space(request.backup_dir, needed, request.floor_bytes)

    def _apply_backups(self) -> Dict[str, Any]:
        maker = BackupMaker(self._stack, self._server, self._request, self._described, self._request.set_id or new_id(now_naive(), 0, secrets.randbits(16)))
        made: List[Dict[str, Any]] = []
        failures: List[Tuple[str, OperationError]] = []
        for decision in self._decisions:
            try:
                made.append(self._row(decision.kept) if decision.kept else self._back_up(maker, decision))
            except OperationError as error:
                failures.append((decision.database.name, error))
                journal(self._stack, now_naive(), "backup_failed", service=self._access.service, database=decision.database.name, reason=error.reason)
        if failures:
            raise _failed(failures, self._result(made, failures))
        return self._result(made, [])

    def _back_up(self, maker: BackupMaker, decision: Decision) -> Dict[str, Any]:
        database = decision.database.name
        with self._store.working_on(database), ProgressFile(self._stack, "backup", database) as progress:
            made = maker.make(decision, progress)
            for warning in made.warnings:
                self._host.warn(f"{database}: {warning}")
            facts = {"id": made.backup.id, "bytes": made.backup.manifest.bytes, "seconds": made.seconds}
            journal(self._stack, now_naive(), "backup_made", service=self._access.service, database=database, **facts)
            backup = self._proofs.of(made.backup, progress) if self._request.wanted_level else made.backup
            return {**self._row(backup), "made": True, "rows": made.rows, "seconds": made.seconds, "warnings": made.warnings}

    def _row(self, backup: Optional[Backup]) -> Dict[str, Any]:
        if backup is None:  # never: asked of backups that are there
            return {}
        content = backup.manifest.content
        rows = sum(table.get("rows", 0) for table in content.get("tables", {}).values())
        return {**backup.to_dict(now_naive()), "made": False, "rows": rows, "seconds": 0.0, "warnings": []}

    def _result(self, backups: List[Dict[str, Any]], failures: List[Tuple[str, OperationError]]) -> Dict[str, Any]:
        failed = [{"database": database, "reason": error.reason, "msg": str(error)} for database, error in failures]
        return {"backups": backups, "failed_databases": failed, "table": made_table(backups, failed)}


def _failed(failures: List[Tuple[str, OperationError]], result: Dict[str, Any]) -> OperationError:
    """One failure keeps its own reason; different ones have a reason of their own."""
    database, first = failures[0]
    if len({type(error) for _database, error in failures}) == 1:
        message = f"{database}: {first}" if len(failures) == 1 else " ".join(f"{name}: {error}" for name, error in failures)
        kind = type(first)
    else:
        message = " ".join(f"{name}: {error}" for name, error in failures)
        kind = BackupsIncomplete
    rest = len(result["backups"])
    said = f"{message} Of the others, {rest} {'are' if rest != 1 else 'is'} backed up." if rest else message
    return kind(said, hint=first.hint, **{**first.details, **result})
