# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup or a file becomes the live data of Redis (state=present)."""

from __future__ import annotations

import contextlib
import os
import secrets
from datetime import timedelta
from typing import Any, Dict, List, Optional

from .._core.backup_catalogue import DUMPED, VERIFIED, Backup, timestamp
from .._core.container import Container
from .._core.errors import BadInput
from .._core.plain_dump import kind_of
from .._core.plan import Plan
from .._core.rdb_content import SUBJECT, RdbContent
from .._core.redis_key_groups import KeyGroups
from .._core.redis_restore_plan import RedisOutline, RedisSource, RedisTarget, plan_redis_restore, redis_problems, require_redis_confirmation
from .._core.redis_restore_record import RedisRestoreRecord, aside_name, coming_name
from .._core.redis_restore_request import RedisRestoreRequest
from .._core.restore_errors import refusal
from .._core.restore_names import new_run_id
from .._core.restore_plan import choose_source, newest_wanted, require_finished
from .._core.restore_preflight import SourceFacts
from .._core.restore_record import PRESENT
from .._core.restore_request import LATEST_VERIFIED
from .archive_reader import ArchiveFile
from .backup_files import files_of, now_naive
from .backup_preflight import require_programs
from .backup_proof import known_backups
from .host_memory import available_bytes
from .data_space import free_bytes
from .progress_file import ProgressFile
from .rdb_verifier import rdb_file
from .redis_restore_recovery import RedisPlace
from .redis_restore_run import RedisDone, RedisRestoreRun, RedisWork
from .redis_restore_upkeep import MODULE
from .redis_safety import RedisSafety
from .redis_server import RedisServer, describe_redis, describe_stopped
from .redis_staging import StagedSource, data_names
from .restore_source import unwrapped


class RedisRestorePresent:
    """Plans and does one restore."""

    def __init__(self, place: RedisPlace, request: RedisRestoreRequest) -> None:
        self._place = place
        self._request = request
        self._safety: Optional[RedisSafety] = None
        self._down = False
        self._containers: List[Container] = []
        self._record: RedisRestoreRecord
        self._staged: StagedSource
        self._described: Dict[str, Any]

    def plan(self) -> Plan:
        place, request = self._place, self._request
        require_finished(place.records.all(), SUBJECT, MODULE)
        server = self._look()
        server.require_local()
        with files_of(request.backup_dir):
            backups = known_backups(place.store(), place.warn)
            source = self._choose(backups)
            self._refuse(source, server)
            self._containers = place.dependents().running(request.dependents)
            plan = plan_redis_restore(self._outline(server, source, backups), request.prove_restart)
            require_redis_confirmation(request, place.control.access.service, place.stack.name, plan)
        return plan

    def apply(self) -> Dict[str, Any]:
        request, place, safety = self._request, self._place, self._safety
        work = RedisWork(self._staged, self._described["redis_version"], safety.take if safety else None)
        with contextlib.ExitStack() as stack:
            stack.enter_context(place.records.working_on(SUBJECT))
            stack.enter_context(place.store().working_on(SUBJECT))
            require_finished(place.records.all(), SUBJECT, MODULE)
            progress = stack.enter_context(ProgressFile(place.stack, "restore", f"{place.control.access.service}-{SUBJECT}"))
            done = RedisRestoreRun(place, request, self._record, self._containers).restore(work, progress)
        return self._result(done)

    def _look(self) -> RedisServer:
        control = self._place.control
        server = control.server_if_up()
        if server is None:
            if self._request.safety_backup:
                raise BadInput("Redis does not run, so nothing of it can be backed up.", hint="Give safety_backup=false; its files are kept in any case.")
            self._down = True
            server = control.stopped_server(control.given["dir"])
            self._described = describe_stopped(server)
            return server
        with server.session() as session:
            self._described = describe_redis(session, server)
        return server

    def _choose(self, backups: List[Backup]) -> RedisSource:
        request = self._request
        if request.file:
            return self._file(request.file)
        state = VERIFIED
        if request.allow_unverified and request.backup == LATEST_VERIFIED and not newest_wanted(backups, SUBJECT, VERIFIED):
            state = DUMPED
        backup = choose_source(backups, SUBJECT, request.backup, state)
        manifest, file, content = backup.manifest, rdb_file(backup), RdbContent.from_dict(backup.manifest.content)
        archive = ArchiveFile.of_backup(backup.directory, file, request.identity_file)
        require_programs(archive.programs)
        self._staged = StagedSource(archive, content, KeyGroups.from_dict(backup.counted))
        damage = backup.damage or tuple(self._place.store().damaged_files(backup))
        facts = SourceFacts(label=f"backup {backup.id}", subject=manifest.subject, state=backup.state, partial=manifest.partial, damage=damage)
        used = manifest.source.get("used_memory")
        return RedisSource(facts, content, used if isinstance(used, int) else 0, file.plain_bytes, content.redis_version, content.modules)

    def _file(self, path: str) -> RedisSource:
        """A file says little of itself; what it holds is counted before it becomes live."""
        if not os.path.isfile(path):
            raise BadInput(f"{path} is not a file on this host.", hint="Correct 'file'.")
        archive, head = unwrapped(ArchiveFile(path), self._request.identity_file)
        if not head.startswith(b"REDIS"):
            kind = kind_of(head)[0]
            raise BadInput(f"{path} is no snapshot of Redis{f' but {kind}' if kind else ''}.", hint="Give a file that Redis wrote (dump.rdb).")
        self._staged = StagedSource(archive, None)
        return RedisSource(SourceFacts(label=f"file {path}"), bytes=os.stat(path).st_size)

    def _refuse(self, source: RedisSource, server: RedisServer) -> None:
        described = self._described
        target = RedisTarget(
            redis_version=described["redis_version"],
            role=described["role"],
            appends=server.data.appends,
            modules=frozenset(module["name"] for module in described["modules"]),
            maxmemory=described["maxmemory"],
            memory_limit=((server.service.inspected.get("HostConfig") or {}).get("Memory")) or 0,
            free_bytes=free_bytes(server.service, server.engine, server.data.directory),
            free_memory=available_bytes(),
        )
        found = redis_problems(target, source, self._request.allow_unverified)
        if found:
            raise refusal(f"The restore of {source.facts.label} into {self._place.control.access.service}", found)
        if described["replicas"]:
            self._place.warn(f"{described['replicas']} replicas will fetch everything anew.")

    def _outline(self, server: RedisServer, source: RedisSource, backups: List[Backup]) -> RedisOutline:
        run_id = new_run_id(now_naive(), secrets.randbits(32))
        self._record = RedisRestoreRecord(
            run_id=run_id,
            service=self._place.control.access.service,
            directory=server.data.directory,
            source=source.facts.label,
            names=data_names(server, self._described["redis_version"]),
            coming=coming_name(run_id),
            aside=aside_name(run_id, PRESENT),
            down=self._down,
        )
        safety = ""
        if self._request.safety_backup:
            self._safety = RedisSafety(self._place.stack, server, self._request)
            safety = self._safety.decide(self._described["used_memory"], backups)
        services = tuple(dict.fromkeys(container.service for container in self._containers))
        return RedisOutline(self._record, source.facts.label, safety, services, server.data.appends)

    def _result(self, done: RedisDone) -> Dict[str, Any]:
        kept = done.record.kept
        for warning in done.warnings:
            self._place.warn(warning)
        return {
            "restore_id": done.record.run_id,
            "source": done.record.source,
            "keys_restored": done.keys,
            "keys_carried": done.carried,
            "databases": done.content.to_dict()["databases"] if done.content else {},
            "groups": done.groups,
            "not_compared": done.not_compared,
            "undo_directory": kept.name if kept else None,
            "undo_expires": timestamp(now_naive() + timedelta(seconds=self._request.undo_ttl)) if kept else None,
            "safety_backup": done.record.safety_backup or None,
            "services_restarted": list(dict.fromkeys(container.service for container in self._containers)),
            "unavailable_ms": done.unavailable_ms,
            "restart_proven": done.restarted,
            "warnings_of_restore": done.warnings,
        }
