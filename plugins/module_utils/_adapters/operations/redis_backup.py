# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backs up a stack's Redis, or proves a backup that is there."""

from __future__ import annotations

import secrets
from typing import Any, Dict, List, Mapping, Optional, Protocol

from ..._core.backup_catalogue import Backup
from ..._core.backup_manifest import new_id
from ..._core.backup_report import SNAPSHOTS, made_table
from ..._core.backup_request import BackupRequest, DatabaseSize, Decision, decide, plan_run
from ..._core.errors import OperationError
from ..._core.plan import Plan
from ..._core.rdb_content import SUBJECT
from ..._core.redis_key_groups import Grouping, KeyGroups
from ..._core.redis_memory import fork_warning, require_room
from ..._core.stack import Stack
from ..backup_files import files_of, now_naive
from ..backup_preflight import disk_warning, programs_for, require_encryption, require_programs, require_space
from ..backup_proof import Proofs, known_backups
from ..backup_store import BackupStore
from ..data_space import free_bytes
from ..engine import Engine
from ..helper_container import remove_dead_helpers
from ..journal import journal
from ..progress_file import ProgressFile
from ..rdb_maker import RdbMaker
from ..rdb_verifier import prove_snapshot
from ..redis_server import RedisServer, describe_redis
from ..redis_service import RedisAccess, RedisService


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class RedisBackup:
    """What is asked for, of one server."""

    def __init__(self, stack: Stack, access: RedisAccess, request: BackupRequest, told: Mapping[str, Any], host: Host) -> None:
        self._stack = stack
        self._access = access
        self._request = request
        self._given = {"dir": told["data_dir"], "dbfilename": told["dbfilename"]}
        self._grouping = Grouping.described(told["families"], told["prefix_depth"])
        self._host = host
        self._store = BackupStore(request.backup_dir, stack.name, access.service)

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "RedisBackup":
        return cls(Stack.from_params(params), RedisAccess.from_params(params), BackupRequest.for_snapshot(params, SUBJECT), params, host)

    def plan(self) -> Plan:
        request = self._request
        require_programs(programs_for(request.recipients, request.identity_file))
        require_encryption(request.recipients, request.identity_file)
        engine = Engine.connect(self._stack)
        service = RedisService.find(self._stack, engine, self._access)
        self._server = RedisServer.find(self._stack.name, engine, service, self._given)
        self._server.require_local()
        with files_of(request.backup_dir):
            backups = known_backups(self._store, self._host.warn)
            self._proofs = Proofs(self._stack, self._store, request, prove_snapshot(self._stack, self._server, request, self._grouping))
            return self._proofs.plan(backups) if request.state == "verified" else self._plan_backup(backups)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        verifying = self._request.state == "verified"
        if not plan.changed:
            decision = self._proofs.decisions[0] if verifying else self._decision
            return _result([_row(decision.kept)] if decision.kept else [])
        remove_dead_helpers(self._server.engine, self._stack.name)
        if verifying:
            return _result([_row(self._proofs.apply())])
        try:
            return self._back_up()
        except OperationError as error:
            journal(self._stack, now_naive(), "backup_failed", service=self._access.service, database=SUBJECT, reason=error.reason)
            raise

    def _plan_backup(self, backups: List[Backup]) -> Plan:
        with self._server.session() as session:
            self._described = describe_redis(session, self._server)
        size = DatabaseSize(SUBJECT, self._described["used_memory"])
        self._decision: Decision = decide([size], backups, self._request, now_naive())[0]
        plan = plan_run([self._decision], self._request)
        if plan.changed:
            self._preflight()
        return plan

    def _preflight(self) -> None:
        data, described = self._server.data, self._described
        limit = ((self._server.service.inspected.get("HostConfig") or {}).get("Memory")) or 0
        said = [disk_warning(self._server.service, data.directory, self._request), fork_warning(described["used_memory"], limit)]
        if data.is_anonymous:
            said.append(f"{data.directory} is on a volume without a name: its data are lost with the container (compose down --volumes, compose rm --volumes).")
        if described["role"] != "master":
            said.append("The server is a replica: the backup is as far behind as it is.")
        for warning in filter(None, said):
            self._host.warn(warning)
        require_space(self._request.backup_dir, self._decision.estimate_bytes, self._request.floor_bytes)
        newest = self._decision.newest
        plain = max((file.plain_bytes for file in newest.manifest.files), default=0) if newest else described["used_memory"] // 2
        require_room(free_bytes(self._server.service, self._server.engine, data.directory), plain, data.directory)

    def _back_up(self) -> Dict[str, Any]:
        set_id = self._request.set_id or new_id(now_naive(), 0, secrets.randbits(16))
        with self._store.working_on(SUBJECT), ProgressFile(self._stack, "backup", f"{self._access.service}-{SUBJECT}") as progress:
            made = RdbMaker(self._stack, self._server, self._request, self._described).make(set_id, self._decision.proven, progress)
            for warning in made.warnings:
                self._host.warn(warning)
            facts = {"id": made.backup.id, "bytes": made.backup.manifest.bytes, "seconds": made.seconds}
            journal(self._stack, now_naive(), "backup_made", service=self._access.service, database=SUBJECT, **facts)
            backup = self._proofs.of(made.backup, progress) if self._request.wanted_level else made.backup
        return _result([{**_row(backup), "made": True, "seconds": made.seconds, "warnings": made.warnings}])


def _row(backup: Optional[Backup]) -> Dict[str, Any]:
    if backup is None:  # never: asked of backups that are there
        return {}
    content, source = backup.manifest.content, backup.manifest.source
    facts = {"keys_saved": content.get("keys", 0), "databases": content.get("databases", {}), "appendonly": bool(source.get("appendonly"))}
    counted = KeyGroups.from_dict(backup.counted)
    facts["groups"] = [group.to_row() for group in counted.groups] if counted else []
    return {**backup.to_dict(now_naive()), **facts, "made": False, "seconds": 0.0, "warnings": []}


def _result(backups: List[Dict[str, Any]]) -> Dict[str, Any]:
    shown = [{**backup, "rows": backup["keys_saved"]} for backup in backups]
    return {"backups": backups, "table": made_table(shown, [], SNAPSHOTS)}
