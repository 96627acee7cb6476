# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What retention decided, for people and machines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, List, Sequence, Tuple

from .backup_catalogue import Backup, newest_first
from .backup_report import duration, size
from .plan import Plan, Step
from .retention import RetentionPlan
from .text_table import aligned

_HEADER = ("SERVICE", "SUBJECT", "BACKUP", "STATE", "AGE", "SIZE", "DECISION", "BECAUSE")


@dataclass(frozen=True)
class Decided:
    """The decision about all backups of one subject, and what dead runs left of others (``leftovers``)."""

    service: str
    subject: str
    backups: Tuple[Backup, ...]
    plan: RetentionPlan
    leftovers: Tuple[str, ...] = ()
    retired: bool = False

    @property
    def name(self) -> str:
        return f"{self.service}/{self.subject}"

    @property
    def steps(self) -> List[Step]:
        finished = [Step("finish", name, f"{self.name}: left by a run that died") for name in self.leftovers]
        return finished + [Step("delete", name, f"{self.name}: {reason}") for name, reason in self.plan.delete.items()]

    def rows(self, now: datetime) -> List[Dict[str, Any]]:
        return [self._row(backup, now) for backup in newest_first(self.backups)]

    def _row(self, backup: Backup, now: datetime) -> Dict[str, Any]:
        goes = backup.id in self.plan.delete
        return {
            "service": self.service,
            "subject": self.subject,
            "id": backup.id,
            "state": backup.state,
            "age_seconds": round((now - backup.manifest.created).total_seconds()),
            "bytes": backup.manifest.bytes,
            "decision": "delete" if goes else "keep",
            "reasons": [self.plan.delete[backup.id]] if goes else list(self.plan.keep[backup.id]),
        }

    def summary(self) -> Dict[str, Any]:
        refusal = self.plan.refusal
        gone = [backup for backup in self.backups if backup.id in self.plan.delete]
        return {
            "service": self.service,
            "subject": self.subject,
            "kept": len(self.backups) - len(gone),
            "deleted": len(gone),
            "freed_bytes": sum(backup.manifest.bytes for backup in gone),
            "refused": {"reason": refusal.reason, "message": refusal.message, "held_back": len(self.plan.unwanted)} if refusal else None,
            "retired": self.retired,
        }


def retention_plan(decided: Sequence[Decided], now: datetime) -> Plan:
    """Check mode, diff and the real run: every backup with its reasons."""
    rows = [row for one in decided for row in one.rows(now)]
    before = {one.name: {row["id"]: f"{row['decision']}: {'; '.join(row['reasons'])}" for row in one.rows(now)} for one in decided}
    after = {one.name: {name: text for name, text in before[one.name].items() if name not in one.plan.delete} for one in decided}
    facts = {
        "decisions": rows,
        "subjects": [one.summary() for one in decided],
        "freed_bytes": sum(one.summary()["freed_bytes"] for one in decided),
        "deleted": [],
        "table": _table(rows, decided),
    }
    return Plan(before, after, tuple(step for one in decided for step in one.steps), facts)


def _table(rows: Sequence[Dict[str, Any]], decided: Sequence[Decided]) -> str:
    cells = [_HEADER] + [
        (row["service"], row["subject"], row["id"], row["state"], duration(row["age_seconds"]), size(row["bytes"]), row["decision"], "; ".join(row["reasons"]))
        for row in rows
    ]
    refusals = [f"REFUSED: {one.name}: {one.plan.refusal.message}." for one in decided if one.plan.refusal]
    return "\n".join([*(aligned(cells) if rows else ["No backups."]), *refusals])
