# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the backups of a stack, and tells whether they are young and whole enough. Needs no engine."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Dict, List, Mapping, Protocol, Sequence, Tuple

from ..._core.backup_catalogue import Backup, newest_first
from ..._core.backup_report import UNREADABLE, Holding, Problem, Wanted, backup_table, holdings, with_damage, worst
from ..._core.errors import BadInput
from ..._core.plan import Plan, facts_only
from ..._core.row_history import before_loss, history, parse_rows_now, row_table, rows_of
from ..._core.stack import Stack
from ..backup_files import files_of, now_naive
from ..backup_store import BackupStore, UnreadableBackup, services_of


class Host(Protocol):
    def warn(self, message: str) -> None: ...


class BackupInfo:
    def __init__(self, stack: Stack, params: Mapping[str, Any]) -> None:
        self._stack = stack
        self._params = params
        self._rows_now = parse_rows_now(params["rows_now"])
        self._wanted = Wanted(params["max_age"], params["required_state"], tuple(params["retired"]))

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "BackupInfo":
        if params["max_age"] is not None and params["max_age"] < 1:
            raise BadInput(f"max_age must be at least 1 second, not {params['max_age']}.", hint="Leave it out to accept any age.", max_age=params["max_age"])
        if not params["backup_dir"].startswith("/"):
            raise BadInput(f"backup_dir must be an absolute path, but is {params['backup_dir']!r}.", hint="Set stack_backup.dir in the inventory.")
        if params["compare_rows"] and len(params["subjects"]) != 1:
            raise BadInput("compare_rows compares the backups of one database.", hint="Name it in subjects.")
        return cls(Stack.from_params(params), params)

    def plan(self) -> Plan:
        """Raises what is wrong where that was asked for."""
        now = now_naive()
        with files_of(self._params["backup_dir"]):
            found, unreadable = self._look()
        problems = [*self._judge(found, unreadable, now), *[_unreadable(*one) for one in unreadable]]
        facts = self._facts(found, problems, now)
        facts["unreadable"] = [asdict(one) for _service, one in unreadable]
        error = worst(problems) if self._params["on_problem"] == "fail" else None
        if error:
            error.details.update({name: facts[name] for name in ("subjects", "table")})
            raise error
        return facts_only(facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        return {}

    def _look(self) -> Tuple[List[Holding], List[Tuple[str, UnreadableBackup]]]:
        backups: List[Backup] = []
        unreadable: List[Tuple[str, UnreadableBackup]] = []
        services = self._params["services"] or services_of(self._params["backup_dir"], self._stack.name)
        for service in services:
            store = BackupStore(self._params["backup_dir"], self._stack.name, service)
            there, wrong = store.all()
            backups += [self._read(store, backup) for backup in there if self._is_about(backup.manifest.subject)]
            unreadable += [(service, one) for one in wrong]
        return holdings(backups, self._expected(services, backups)), unreadable

    def _read(self, store: BackupStore, backup: Backup) -> Backup:
        return with_damage(backup, store.damaged_files(backup)) if self._params["check_hashes"] else backup

    def _is_about(self, subject: str) -> bool:
        return not self._params["subjects"] or subject in self._params["subjects"]

    def _expected(self, services: Sequence[str], backups: Sequence[Backup]) -> List[Tuple[str, str]]:
        """Named subjects have to be there; of a named service, at least one."""
        if len(services) == 1:
            return [(services[0], subject) for subject in self._params["subjects"]]
        have = {backup.manifest.subject for backup in backups}
        return [("", subject) for subject in self._params["subjects"] if subject not in have]

    def _judge(self, found: Sequence[Holding], unreadable: Sequence[Tuple[str, UnreadableBackup]], now: datetime) -> List[Problem]:
        problems = [problem for holding in found for problem in holding.judge(self._wanted, now)]
        if self._wanted.max_age is not None:
            have = {holding.service for holding in found}
            wanted = self._params["required_services"]
            if not self._params["subjects"]:
                wanted = wanted or self._params["services"] or ([] if have else [""])
            problems += [Problem("missing", service, "", "", _nothing(self._stack.name, service)) for service in wanted if service not in have]
        return problems

    def _facts(self, found: Sequence[Holding], problems: Sequence[Problem], now: datetime) -> Dict[str, Any]:
        every = newest_first(backup for holding in found for backup in holding.backups)
        shown = [one for one in (self._shape(backup, now) for backup in every) if self._is_shown(one)]
        moments = history(every, self._rows_now, now) if self._params["compare_rows"] else []
        return {
            "row_table": row_table(moments) if self._params["compare_rows"] else "",
            "before_loss": before_loss(moments),
            "backups": shown,
            "subjects": [holding.to_dict(problems, self._wanted, now) for holding in found],
            "problems": [asdict(problem) for problem in problems],
            "fresh": not any(problem.kind in ("stale", "missing") for problem in problems),
            "healthy": not problems,
            "hashes_checked": self._params["check_hashes"],
            "total_bytes": sum(one["bytes"] for one in shown),
            "table": backup_table(shown, problems),
        }

    def _shape(self, backup: Backup, now: datetime) -> Dict[str, Any]:
        counted = {"tables": rows_of(backup)} if self._params["compare_rows"] else {}
        return {**backup.to_dict(now), **counted}

    def _is_shown(self, backup: Mapping[str, Any]) -> bool:
        """Filters narrow what is shown, never what is judged."""
        states, purposes = self._params["states"], self._params["purposes"]
        return (not states or backup["state"] in states) and (not purposes or backup["purpose"] in purposes)


def _unreadable(service: str, one: UnreadableBackup) -> Problem:
    return Problem(UNREADABLE, service, "", "", one.cause)


def _nothing(stack: str, service: str) -> str:
    return f"Stack {stack} has no backup{f' of {service}' if service else ''} at all."
