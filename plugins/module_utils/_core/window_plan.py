# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a maintenance window: what is to be done to what is there, and a hash that an approval can refer to."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Mapping, Sequence

from .errors import BadInput, OperationError
from .window_tasks import Task


class PlanDrifted(OperationError):
    """What is there now is not what the plan was made for."""

    reason = "plan_drifted"


class ApprovalMissing(BadInput):
    """The window needs an approval that names its plan."""

    reason = "approval_missing"


def plan_hash(change: str, tasks: Sequence[Task], observed: Mapping[str, Any]) -> str:
    """The same for the same tasks on the same stack, whoever asks and whenever."""
    told = {"change": change, "tasks": [task.to_dict() for task in tasks], "observed": observed}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def make_plan(change: str, tasks: Sequence[Task], observed: Mapping[str, Any]) -> Dict[str, Any]:
    return {"change": change, "tasks": [task.to_dict() for task in tasks], "observed": dict(observed), "hash": plan_hash(change, tasks, observed)}


def refuse_drift(plan: Mapping[str, Any], fresh: Mapping[str, Any], approved: str, needs_approval: bool) -> None:
    """``plan`` is the one that was made before (empty: none was), ``fresh`` the same made now."""
    if needs_approval and not approved:
        raise ApprovalMissing(
            f"Window {fresh['change']} needs an approval of its plan: nothing was done.",
            hint=f"The plan is {fresh['hash']}. Whoever approves it names it: -e approved={fresh['hash']}",
            hash=fresh["hash"],
        )
    expected = approved or plan.get("hash") or fresh["hash"]
    if expected == fresh["hash"]:
        return
    differences = drift(plan, fresh) if plan.get("hash") == expected else []
    said = f" What differs: {'; '.join(differences)}." if differences else ""
    raise PlanDrifted(
        f"The plan {expected[:12]} is not what would be done now ({fresh['hash'][:12]}).{said} Nothing was done.",
        hint="Look at the stack, then plan again (--tags before) and let that plan be approved.",
        expected=expected,
        hash=fresh["hash"],
        differences=differences,
    )


def drift(plan: Mapping[str, Any], fresh: Mapping[str, Any]) -> List[str]:
    """What differs between two plans, in words."""
    found = ["the list of tasks"] if plan.get("tasks") != fresh["tasks"] else []
    before, now = plan.get("observed") or {}, fresh["observed"]
    for name in sorted({*before, *now} - {"services"}):
        if before.get(name) != now.get(name):
            found.append(f"{name} was {_shown(before.get(name))} and is {_shown(now.get(name))}")
    services, services_now = before.get("services") or {}, now.get("services") or {}
    for name in sorted({*services, *services_now}):
        was, is_now = services.get(name) or {}, services_now.get(name) or {}
        parts = [part for part in ("files", "images", "containers") if (was.get(part) or None) != (is_now.get(part) or None)]
        found += [f"{' and '.join(parts)} of {name}"] if parts else []
    return found


def _shown(value: Any) -> str:
    return "nothing" if value in (None, "") else str(value)
