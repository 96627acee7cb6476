# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against a restore of Redis, and its steps."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import FrozenSet, Iterator, List, Optional, Sequence, Tuple

from .errors import ConfirmationMissing
from .plan import Plan, Step
from .rdb_content import SUBJECT, RdbContent
from .redis_restore_record import RedisRestoreRecord, aside_name
from .redis_restore_request import RedisRestoreRequest
from .restore_errors import NothingToUndo
from .restore_preflight import Problem, SourceFacts, proof_problems
from .restore_record import UNDONE

_SPACE_FACTOR = 1.1
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True)
class RedisTarget:
    """The server that gets the data. 0 bytes of memory set no limit."""

    redis_version: str
    role: str = "master"
    appends: bool = False
    modules: FrozenSet[str] = frozenset()
    maxmemory: int = 0
    memory_limit: int = 0
    free_bytes: int = 0
    free_memory: int = 0


@dataclass(frozen=True)
class RedisSource:
    """``content`` is None for a file, until it was looked into. ``used_memory`` of 0 is unknown."""

    facts: SourceFacts
    content: Optional[RdbContent] = None
    used_memory: int = 0
    bytes: int = 0
    redis_version: str = ""
    modules: Tuple[str, ...] = field(default=())


def redis_problems(target: RedisTarget, source: RedisSource, allow_unverified: bool) -> List[Problem]:
    """Everything, in the order in which people should look at it."""
    return [*proof_problems(source.facts, allow_unverified), *_of_the_server(target), *_of_the_pair(target, source), *_of_the_room(target, source)]


def _of_the_server(target: RedisTarget) -> Iterator[Problem]:
    if target.role != "master":
        yield _problem("is_replica", f"The server is a {target.role}: what is restored would be replaced by what its primary has. Restore there.")


def _of_the_pair(target: RedisTarget, source: RedisSource) -> Iterator[Problem]:
    label = source.facts.label
    if source.redis_version and version_of(source.redis_version) > version_of(target.redis_version):
        yield _problem("newer_version", f"{label} is of Redis {source.redis_version}, and the server is {target.redis_version}, which may not read it.")
    lacking = sorted(set(source.modules) - target.modules)
    if lacking:
        yield _problem("modules_missing", f"{label} was written with the module {', '.join(lacking)}, which the server has not loaded.")


def _of_the_room(target: RedisTarget, source: RedisSource) -> Iterator[Problem]:
    used, label = source.used_memory, source.facts.label
    if used > target.maxmemory > 0:
        yield _problem(
            "over_maxmemory", f"{label} needs about {_mib(used)}, and maxmemory is {_mib(target.maxmemory)}: keys would be evicted or writes refused."
        )
    if used > target.memory_limit > 0:
        yield _problem("over_memory_limit", f"{label} needs about {_mib(used)}, and the container may have {_mib(target.memory_limit)}.")
    if used > target.free_memory:
        yield _problem(
            "not_enough_memory", f"{label} is loaded once beside the server to prove it, and {_mib(target.free_memory)} of memory are free for {_mib(used)}."
        )
    needed = round(source.bytes * _SPACE_FACTOR) * (2 if target.appends else 1)
    if target.free_bytes < needed:
        yield _problem("not_enough_space", f"About {_mib(needed)} are needed where the server keeps its data, and {_mib(target.free_bytes)} are free.")


def version_of(text: str) -> Tuple[int, ...]:
    """Major and minor version: what decides about the format."""
    return tuple(int(number) for number in _NUMBERS.findall(text)[:2])


@dataclass(frozen=True)
class RedisOutline:
    """What a restore will do, as far as it is known before. ``safety`` is the id of a young backup, ``new``, or empty for none."""

    record: RedisRestoreRecord
    label: str
    safety: str = ""
    services: Tuple[str, ...] = ()
    appends: bool = False


def plan_redis_restore(outline: RedisOutline, prove_restart: bool) -> Plan:
    record = outline.record
    young = "a new safety backup" if outline.safety == "new" else f"{outline.safety} is young enough"
    steps = [Step("stage", record.coming, outline.label), Step("compare", record.coming, "loaded by a throwaway server")]
    steps += [Step("append_only", record.coming, "the server keeps one, and ignores a snapshot beside it")] if outline.appends else []
    steps += [Step("stop", service) for service in outline.services]
    steps += [Step("back_up", SUBJECT, young)] if outline.safety else []
    return _exchanged(record, steps, outline.services, prove_restart, f"restored from {outline.label}")


def plan_redis_undo(record: RedisRestoreRecord, services: Sequence[str], prove_restart: bool) -> Plan:
    """Of a record that was prepared by ``prepare_undo``."""
    return _exchanged(record, [Step("stop", service) for service in services], services, prove_restart, f"what {record.coming} was")


def _exchanged(record: RedisRestoreRecord, steps: List[Step], services: Sequence[str], prove_restart: bool, now: str) -> Plan:
    service = record.service
    steps = [*steps, Step("stop", service, "with a clean end"), Step("exchange", record.directory, f"what is live is kept as {record.aside}")]
    steps += [Step("start", service, "and compared"), *([Step("restart", service, "and compared again")] if prove_restart else [])]
    steps += [Step("start", one) for one in services]
    before, after = {record.directory: "live"}, {record.directory: now, record.aside: "what was live before"}
    return Plan(before={"files": before}, after={"files": after}, steps=tuple(steps))


def prepare_undo(records: Sequence[RedisRestoreRecord], restore_id: str) -> Optional[RedisRestoreRecord]:
    """The record with the exchange that takes a restore back; None when that was done already."""
    own = [record for record in records if not restore_id or record.run_id == restore_id]
    if not own:
        which = f" {restore_id}" if restore_id else ""
        raise NothingToUndo(f"There is no restore{which} of this Redis.", hint="Restore a backup instead.")
    chosen = max(own, key=lambda record: record.run_id)
    if chosen.position == UNDONE:
        return None
    if chosen.kept is None:
        raise NothingToUndo(f"Restore {chosen.run_id} kept nothing.", hint="Restore a backup instead.", restore_id=chosen.run_id)
    aside = aside_name(chosen.run_id, UNDONE)
    return chosen.at("planned", operation=UNDONE, coming=chosen.kept.name, aside=aside, held=(), containers=())


def require_redis_confirmation(request: RedisRestoreRequest, service: str, stack: str, plan: Plan) -> None:
    """The name of the service whose data are exchanged, or of its stack."""
    if request.confirm in (service, stack):
        return
    would = "; ".join(" ".join(part for part in (step.action, step.target, f"({step.detail})" if step.detail else "") if part) for step in plan.steps)
    raise ConfirmationMissing(
        f"This exchanges the data of {service} in stack {stack}: {would}. Nothing was done.",
        hint=f"If that is meant, give confirm: {service}",
        would=[step.action for step in plan.steps],
    )


def _mib(size: int) -> str:
    return f"{size >> 20} MiB"


def _problem(code: str, message: str) -> Problem:
    return {"code": code, "message": message}
