# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovers a copy of a base backup to a time, beside the live server, and dumps one database out of it."""

from __future__ import annotations

import json
import os
import secrets
import time
from typing import Any, Dict, List, Mapping, Tuple

from ..._core.backup_manifest import directory_name
from ..._core.errors import BadInput, OperationError
from ..._core.pitr import RecoveryFailed, Route, TimeUnreachable, parse_target, route, time_text
from ..._core.plan import Plan, Step
from ..._core.postgres_maintenance import NotEnoughSpace
from ..clock import utc_now
from ..files import hashed, make_durable, make_private_directory, read_text, sync_directory, write_json
from ..helper_container import HelperContainer
from ..journal import journal
from ..pitr_context import Cluster, Observed, PitrContext, files_of
from ..pitr_recovery import Recovered, RecoveredServer, copy_base, mounts_of, recovery_task


class PitrRecovery:
    """The live server is asked to write a mark into its log, and is not touched otherwise."""

    def __init__(self, context: PitrContext, params: Mapping[str, Any]) -> None:
        if not params["target_time"] or not params["destination"]:
            raise BadInput("state=recovered needs target_time and destination.")
        self._context = context
        self._target = parse_target(params["target_time"])
        self._database: str = params["database"]
        self._destination = os.path.abspath(params["destination"])
        self._timeout = float(params["timeout"])
        self._seconds = float(params["receive_timeout"])

    def plan(self) -> Plan:
        observed = self._context.look(without_server=True, settle=self._seconds)
        if not self._database:
            self._database = self._own_database()
        facts = {"dump": {}, **self._context.facts(observed)}
        there = self._described()
        if there:
            return Plan({"dump": there["path"]}, {"dump": there["path"]}, facts={**facts, "dump": there})
        cluster, way = self._route(observed)
        self._require_room(cluster, way)
        steps = (Step("recover", way.base.id, time_text(self._target)), Step("dump", self._database, self._path))
        return Plan({"dump": ""}, {"dump": self._path}, steps, facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        context = self._context
        with context.working():
            observed = self._receive_past_target()
            cluster, way = self._route(observed)
            dump = self._recover(cluster, way)
        with files_of(context.stack):
            journal(context.stack, utc_now(), "pitr_recovered", target_time=dump["target_time"], base=way.base.id, path=dump["path"])
        return {"dump": dump, **context.facts(context.look(without_server=True))}

    @property
    def _path(self) -> str:
        stamp = self._target.strftime("%Y%m%dT%H%M%S") + (f".{self._target.microsecond:06d}" if self._target.microsecond else "")
        return os.path.join(self._destination, f"{directory_name(self._database)}-{stamp}Z.dump")

    def _own_database(self) -> str:
        try:
            return self._context.service.address.database
        except OperationError as error:
            raise BadInput("Without a running server nobody tells its database: give 'database'.", hint=str(error)) from error

    def _described(self) -> Dict[str, Any]:
        """What an earlier run says of the same dump; empty unless the dump is just that."""
        try:
            found = json.loads(read_text(f"{self._path}.json") or "{}")
            same = found.get("target_time") == time_text(self._target) and found.get("database") == self._database
            return found if same and (found["bytes"], found["sha256"]) == hashed(self._path) else {}
        except (OSError, ValueError, KeyError, AttributeError):
            return {}

    def _receive_past_target(self) -> Observed:
        """Where the server still runs, a commit after the wanted time is received: only by one can it be told that the time was met."""
        context = self._context
        observed = context.look(without_server=True)
        if observed.server and observed.server.slot and observed.server.slot.streaming:
            context.server.await_received(context.server.mark(), self._seconds)
            context.forget_reads()
            observed = context.look(without_server=True)
        return observed

    def _route(self, observed: Observed) -> Tuple[Cluster, Route]:
        """Through the server's own cluster, or one that was there before it."""
        refusals: List[OperationError] = []
        for cluster in [*([observed.cluster] if observed.cluster else []), *observed.others]:
            try:
                return cluster, route(cluster.reaches, self._target, lambda reach: self._context.until(observed, cluster, reach))
            except OperationError as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]
        raise TimeUnreachable("There is no base backup of this service.", hint="Run state=enabled, then state=base_backup.")

    def _require_room(self, cluster: Cluster, way: Route) -> None:
        found = os.statvfs(cluster.store.directory)
        free = found.f_bavail * found.f_frsize
        if free < way.base.bytes:
            raise NotEnoughSpace(
                f"The copy of the base backup needs {way.base.bytes >> 20} MiB, and the disk of {cluster.store.directory} has {free >> 20} MiB free.",
                hint="Make room. Nothing was done.",
                free_bytes=free,
                needed_bytes=way.base.bytes,
            )

    def _recover(self, cluster: Cluster, way: Route) -> Dict[str, Any]:
        context, began = self._context, time.monotonic()
        image = context.image_of(way.base)
        if image is None:
            raise RecoveryFailed(f"The image {way.base.image} of base backup {way.base.id} is not on this host.", hint=f"docker pull {way.base.image}")
        make_private_directory(self._destination)
        name = f".tmp-{secrets.token_hex(4)}"
        temporary = os.path.join(self._destination, name)
        try:
            with cluster.store.recovery_directory() as directory:
                copy_base(cluster.store.data_of(way.base), directory, self._timeout)
                cluster.store.link_wal(cluster.wal.row(way.first_segment, way.last_segment), cluster.wal.segment_bytes, f"{directory}/wal")
                entry = ((context.engine.image(image) or {}).get("Config") or {}).get("Entrypoint") or []
                task = recovery_task(entry, way.base, mounts_of(directory, self._destination), self._target)
                with HelperContainer(context.engine, context.stack.name, image, task) as helper:
                    server = RecoveredServer(context.engine, way.base, helper)
                    recovered = server.await_target(self._target, self._timeout)
                    self._dump(server, name)
            return self._publish(temporary, way, recovered, time.monotonic() - began)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)

    def _dump(self, server: RecoveredServer, name: str) -> None:
        there = server.databases()
        if self._database not in there:
            raise BadInput(
                f"At {time_text(self._target)} there was no database {self._database!r}, but {', '.join(there)}.",
                hint="Choose one of them.",
                databases=there,
            )
        server.dump(self._database, name, self._timeout)

    def _publish(self, temporary: str, way: Route, recovered: Recovered, seconds: float) -> Dict[str, Any]:
        """The dump, then what it is: a dump without its description is made again."""
        make_durable(temporary, 0o400)
        size, digest = hashed(temporary)
        os.replace(temporary, self._path)
        sync_directory(self._destination)
        dump = {
            "path": self._path,
            "database": self._database,
            "bytes": size,
            "sha256": digest,
            "target_time": time_text(self._target),
            "last_commit": time_text(recovered.reached),
            "base": way.base.id,
            "timeline": recovered.timeline,
            "server_version": way.base.server_version,
            "seconds": round(seconds, 1),
        }
        write_json(f"{self._path}.json", dump, 0o400)
        return dump
