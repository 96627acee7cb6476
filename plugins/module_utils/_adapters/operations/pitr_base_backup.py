# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A base backup, proven and within the received log; older ones go when it stands."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, Dict, List, Mapping, Optional

from ..._core.pitr import Base, parse_time, superfluous
from ..._core.pitr_state import Server, require_base_possible
from ..._core.plan import Plan, Step
from ..._core.postgres_maintenance import NotEnoughSpace
from ..._core.wal_receiver import ReceiverFailed
from ..base_backup import BaseBackup
from ..clock import utc_now
from ..pitr_context import Cluster, Observed, PitrContext
from ..pitr_store import PitrStore

_SPARE_BYTES = 256 * 2**20  # for the log that is received meanwhile


class PitrBaseBackup:
    """Nothing is removed before the new one can be used."""

    def __init__(self, context: PitrContext, params: Mapping[str, Any]) -> None:
        self._context = context
        self._min_age = timedelta(seconds=params["min_age"])
        self._keep: int = params["keep_bases"]
        self._timeout = float(params["timeout"])
        self._seconds = float(params["receive_timeout"])

    def plan(self) -> Plan:
        observed = self._context.look()
        server, cluster = observed.present
        require_base_possible(server)
        _require_receiving(observed)
        facts = {"base": "", **self._context.facts(observed)}
        young = self._young(server, cluster)
        if young:
            return Plan({"bases": len(cluster.bases)}, {"bases": len(cluster.bases)}, facts={**facts, "base": young.id})
        self._require_space()
        going = superfluous(cluster.bases, self._keep - 1)[0]
        steps = [Step("take_base_backup", self._context.service.container.name), *(Step("remove_base_backup", base.id) for base in going)]
        if going:
            steps.append(Step("remove_wal", cluster.store.wal_directory, "what only the removed base backups need"))
        return Plan({"bases": len(cluster.bases)}, {"bases": len(cluster.bases) + 1 - len(going)}, tuple(steps), facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        context = self._context
        with context.working():
            server = context.server.look()
            store = context.store(server)
            base = self._take(store, server)
            context.target.note("pitr_base_backup_taken", base=base.id, bytes=base.bytes)
            removed = self._thin_out(store, server.segment_bytes)
        if removed:
            context.target.note("pitr_base_backups_removed", bases=removed)
        return {"base": base.id, **context.facts(context.look())}

    def _young(self, server: Server, cluster: Cluster) -> Optional[Base]:
        """A usable one that leads to the present and is younger than ``min_age``."""
        led = [reach.base for reach in cluster.reaches if not reach.gap]
        newest = max(led, key=lambda base: base.finished, default=None)
        return newest if newest and parse_time(server.now) - newest.finished < self._min_age else None

    def _take(self, store: PitrStore, server: Server) -> Base:
        context = self._context
        backup = BaseBackup(context.engine, context.client, context.target)
        backup_id, directory = store.begin_base(utc_now().replace(tzinfo=None))
        try:
            backup.take(directory, self._timeout)
            # After the backup, by the server's clock: what was committed by then is reached only by going through the log.
            position, after = context.server.mark(), context.server.look()
            if context.server.await_received(position, self._seconds) is None:
                raise ReceiverFailed(
                    f"The log up to the end of the base backup did not arrive within {self._seconds:g} s.",
                    hint="Nothing was published. Look at the receiver (state=status), and repair it (state=enabled).",
                    log=context.receiver.last_lines(),
                )
            base = backup.describe(directory, backup_id, (server.now, after.now), server)
            store.publish_base(directory, base)
        except BaseException:
            store.abandon(directory)
            raise
        return base

    def _thin_out(self, store: PitrStore, segment_bytes: int) -> List[str]:
        going, first = superfluous(store.bases()[0], self._keep)
        for base in going:
            store.remove_base(base)
        if going and first is not None:
            store.remove_wal(store.superfluous_wal(first, segment_bytes))
        return [base.id for base in going]

    def _require_space(self) -> None:
        place = self._context.backup_dir
        while not os.path.isdir(place):
            place = os.path.dirname(place)
        found = os.statvfs(place)
        free, needed = found.f_bavail * found.f_frsize, self._context.server.bytes() + _SPARE_BYTES
        if free < needed:
            raise NotEnoughSpace(
                f"A base backup needs about {needed >> 20} MiB, and the disk of {self._context.backup_dir} has {free >> 20} MiB free. Nothing was done.",
                hint="Make room, or keep fewer base backups (keep_bases).",
                free_bytes=free,
                needed_bytes=needed,
            )


def _require_receiving(observed: Observed) -> None:
    if observed.fault:
        raise ReceiverFailed(
            f"The server's log is not received ({observed.fault}), and without it a base backup leads nowhere. Nothing was done.",
            hint="Run state=enabled first.",
            fault=observed.fault,
        )
