# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes the backups that nobody needs any more, or pins some. Needs no engine."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Protocol, Sequence

from ..._core.backup_catalogue import Backup
from ..._core.backup_errors import BackupMissing
from ..._core.errors import BadInput, OperationError
from ..._core.plan import Plan, Step
from ..._core.retention import plan as decide
from ..._core.retention_policy import BackupStale, Policy, RetentionRefused
from ..._core.retention_report import Decided, retention_plan
from ..._core.stack import Stack
from ..backup_files import files_of, now_naive
from ..backup_store import BackupBusy, BackupStore, services_of
from ..journal import journal
from ..ledger_store import LedgerStore

_YOUNG_SECONDS = 86400
_LONGEST_REASON = 200


class Host(Protocol):
    check_mode: bool

    def warn(self, message: str) -> None: ...


@dataclass(frozen=True)
class Failure:
    """Why the backups of one subject were left as they are."""

    name: str
    kind: type
    message: str


class BackupRetention:
    def __init__(self, stack: Stack, params: Mapping[str, Any], host: Host) -> None:
        self._stack = stack
        self._params = params
        self._host = host

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "BackupRetention":
        if not params["backup_dir"].startswith("/"):
            raise BadInput(f"backup_dir must be an absolute path, but is {params['backup_dir']!r}.", hint="Set stack_backup.dir in the inventory.")
        if params["state"] == "applied":
            Policy.from_params(params)
        state, why = params["state"], params["pin_reason"]
        if state != "pinned" and why:
            raise BadInput(f"pin_reason belongs to state=pinned, not to state={state}.", hint="Leave it out.")
        if (state == "applied") == bool(params["backups"]):
            raise BadInput("backups names what is pinned or unpinned, and belongs to those two states only.", hint="Narrow state=applied with subjects.")
        if state == "pinned" and (not why.strip() or not why.isprintable() or len(why) > _LONGEST_REASON):
            raise BadInput(f"pin_reason must be one line of at most {_LONGEST_REASON} characters.", hint="Say who needs the backup, and until when.")
        return cls(Stack.from_params(params), params, host)

    def plan(self) -> Plan:
        with files_of(self._params["backup_dir"]):
            if self._params["state"] != "applied":
                return self._plan_pins()
            decided = self._decide()
        plan = retention_plan(decided, now_naive())
        refused = [Failure(one.name, _KINDS[one.plan.refusal.reason], one.plan.refusal.message) for one in decided if one.plan.refusal]
        for one in decided:
            for warning in one.plan.warnings:
                self._host.warn(f"{one.name}: {warning}")
        if refused and (self._host.check_mode or not plan.changed):
            raise _failed(refused, plan.facts, [])
        self._decided, self._refused = decided, refused
        return plan

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if self._params["state"] != "applied":
            return self._apply_pins()
        deleted: List[str] = []
        failures = list(self._refused)
        for one in self._decided:
            try:
                deleted += self._delete(one) if one.steps else []
            except BackupBusy as error:
                failures.append(Failure(one.name, BackupBusy, str(error)))
        if failures:
            raise _failed(failures, plan.facts, deleted)
        return {"deleted": deleted}

    def _decide(self) -> List[Decided]:
        held, found = self._held(), []
        for store in self._stores():
            backups, unreadable = store.all()
            for one in unreadable:
                self._host.warn(f"{one.directory} is neither counted nor removed: {one.cause}")
            wanted = [name for name in store.subjects() if not self._params["subjects"] or name in self._params["subjects"]]
            found += [self._decide_one(store, subject, backups, held) for subject in wanted]
        absent = set(self._params["subjects"]) - {one.subject for one in found}
        if absent:
            self._host.warn(f"There are no backups of {', '.join(sorted(absent))}.")
        return found

    def _decide_one(self, store: BackupStore, subject: str, backups: Sequence[Backup], held: Mapping[str, str]) -> Decided:
        own, retired = tuple(backup for backup in backups if backup.manifest.subject == subject), subject in self._params["retired"]
        needed = {backup.id: held[name] for backup in own for name in (backup.id, backup.manifest.set_id) if name in held}
        decision = decide(own, Policy.from_params(self._params), now_naive(), needed, retired)
        leftovers = tuple(name for name in store.leftovers(subject) if _is_dead(os.path.join(store.directory(subject), name)))
        return Decided(store.service, subject, own, decision, leftovers, retired)

    def _delete(self, one: Decided) -> List[str]:
        """Decides again while nobody else works on the subject; what is no longer to go stays."""
        store, deleted = self._store(one.service), []
        with files_of(self._params["backup_dir"]), store.working_on(one.subject):
            store.sweep(one.subject)
            again = self._decide_one(store, one.subject, store.all()[0], self._held())
            for backup in [backup for backup in again.backups if backup.id in again.plan.delete and backup.id in one.plan.delete]:
                if store.remove(backup):
                    deleted.append(backup.id)
                    facts = {"service": one.service, "subject": one.subject, "id": backup.id, "because": again.plan.delete[backup.id]}
                    journal(self._stack, now_naive(), "backup_deleted", bytes=backup.manifest.bytes, **facts)
        for name in sorted(set(one.plan.delete) - set(deleted)):
            self._host.warn(f"{one.name}: {name} was kept after all: what is there changed meanwhile.")
        return deleted

    def _held(self) -> Dict[str, str]:
        """Backups that a rollback may need, and what was saved together with them. A ledger that cannot be read holds everything: it raises."""
        releases = LedgerStore(self._stack).load().releases
        held = {release.backup_id: f"made before release {release.title}" for release in releases if release.backup_id}
        stores = [self._store(service) for service in services_of(self._params["backup_dir"], self._stack.name)] if held else []
        sets = {backup.manifest.set_id: held[backup.id] for store in stores for backup in store.all()[0] if backup.id in held}
        return {**sets, **held}

    def _plan_pins(self) -> Plan:
        why = self._params["pin_reason"].strip()
        everything = {backup.id: (store, backup) for store in self._stores() for backup in store.all()[0]}
        missing = [name for name in self._params["backups"] if name not in everything]
        if missing:
            raise BackupMissing(
                f"There is no backup {', '.join(missing)} of stack {self._stack.name}.", hint="playbooks/backup/verify.yml lists them.", missing=missing
            )
        named = [everything[name] for name in dict.fromkeys(self._params["backups"])]
        self._pins = [(store, backup) for store, backup in named if backup.pinned != why]
        action = "pin" if why else "unpin"
        steps = tuple(Step(action, backup.id, why or f"was: {backup.pinned}") for _store, backup in self._pins)
        before = {backup.id: backup.pinned for _store, backup in named}
        return Plan(before, {name: why for name in before}, steps, {"pinned": _pinned(everything.values(), before, why)})

    def _apply_pins(self) -> Dict[str, Any]:
        why = self._params["pin_reason"].strip()
        with files_of(self._params["backup_dir"]):
            for store, backup in self._pins:
                if why:
                    store.pin(backup, why)
                else:
                    store.unpin(backup)
                facts = {"service": backup.manifest.service, "subject": backup.manifest.subject, "id": backup.id, "because": why or f"was: {backup.pinned}"}
                journal(self._stack, now_naive(), "backup_pinned" if why else "backup_unpinned", **facts)
        return {}

    def _stores(self) -> List[BackupStore]:
        return [self._store(service) for service in self._params["services"] or services_of(self._params["backup_dir"], self._stack.name)]

    def _store(self, service: str) -> BackupStore:
        return BackupStore(self._params["backup_dir"], self._stack.name, service)


_KINDS = {BackupStale.reason: BackupStale, RetentionRefused.reason: RetentionRefused}
_HINTS = {
    BackupStale: "Make and verify a backup first; name in retired what has no new ones any more.",
    RetentionRefused: "Look at the list; if it is meant, allow it once with another bound (max_delete_fraction=1).",
    BackupBusy: "Wait until that run has ended, and run again.",
}


def _failed(failures: Sequence[Failure], facts: Mapping[str, Any], deleted: Sequence[str]) -> OperationError:
    """The reason of the first; all of them in words. Those subjects keep everything."""
    told = " ".join(f"{one.name}: nothing was deleted, because {one.message.rstrip('.')}." for one in failures)
    rest = f" Of others, {len(deleted)} were deleted." if deleted else ""
    kind = failures[0].kind
    return kind(told + rest, hint=_HINTS[kind], **{**facts, "deleted": list(deleted)})


def _pinned(everything: Any, changed: Mapping[str, str], why: str) -> List[Dict[str, str]]:
    """All pins of the stack as they are afterwards, oldest first."""
    after = {backup.id: why if backup.id in changed else backup.pinned for _store, backup in everything}
    return [{"id": name, "reason": after[name]} for name in sorted(after) if after[name]]


def _is_dead(path: str) -> bool:
    """What goes was renamed by a run that ends at once; what is being made may take its time."""
    if os.path.basename(path).startswith(".trash-"):
        return True
    try:
        return time.time() - os.stat(path).st_mtime > _YOUNG_SECONDS
    except FileNotFoundError:
        return False
