# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A maintenance window as one page: what was to be done, what was done, and how the stack answers since."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .report_page import Column, Page, Table, render
from .window import ABANDONED, CLOSED, PLANNED

_STEPS = (Column("At", "at"), Column("What", "what"), Column("Outcome", "outcome"), Column("Took", "seconds", "seconds"))
_TASKS = (Column("No.", "number", "count"), Column("Task", "title"), Column("Cut off, it can leave", "half_applied"))
_VERSIONS = (Column("Service", "service"), Column("Images before", "before", "code"), Column("Images after", "after", "code"))
_ANSWERS = (
    Column("", "when"),
    Column("Requests", "requests", "count"),
    Column("Failed", "error_percent", "percent"),
    Column("Median", "p50_ms", "milliseconds"),
    Column("95 % within", "p95_ms", "milliseconds"),
    Column("Asked for", "seconds", "seconds"),
)


def report_page(title: str, looked: Mapping[str, Any]) -> str:
    """``looked`` is a result of the module: ``window``, and ``observed`` where the stack was looked at."""
    window, observed = looked["window"], looked.get("observed") or {}
    plan = window.get("plan") or {}
    return render(
        Page(
            title=title,
            subtitle=_subtitle(window, plan),
            facts=_facts(window, plan, observed),
            problems=_problems(window),
            parts=[
                Table(
                    "What is done" if window["phase"] == PLANNED else "What was to be done", _TASKS, window.get("tasks") or [], f"Plan {plan.get('hash', '')}"
                ),
                *([Table("What was done", _STEPS, window["steps"])] if window.get("steps") else []),
                *_versions(plan, observed),
                *_answers(window),
            ],
        )
    )


def _subtitle(window: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    span = f"{window['began_at']} to {window['ended_at'] or '…'}" if window.get("began_at") else f"planned {plan.get('planned_at', '')}"
    approved = f", approved by {window['approver']}" if window.get("approver") else ""
    override = f", outside the hours because: {plan['override_reason']}" if plan.get("override_reason") else ""
    return f"{span}, by {window['owner']}{approved}{override}"


def _facts(window: Mapping[str, Any], plan: Mapping[str, Any], observed: Mapping[str, Any]) -> List[Tuple[str, str]]:
    before, after = (plan.get("observed") or {}).get("version") or "none", observed.get("version")
    facts = [
        ("outcome" if window["phase"] == CLOSED else "phase", window["outcome"] if window["phase"] == CLOSED else window["phase"]),
        ("version", f"{before} → {after}" if after and after != before else before),
        ("announced minutes", str(plan.get("minutes", ""))),
        ("tasks done", f"{len(window.get('tasks_done') or [])} of {len(window.get('tasks') or [])}"),
    ]
    return facts


def _problems(window: Mapping[str, Any]) -> List[Dict[str, str]]:
    plan = window.get("plan") or {}
    found = [{"severity": "critical", "message": f"After the window: {text}.", "hint": ""} for text in (window.get("watched") or {}).get("breaches") or []]
    despite = plan.get("incident_reason") or "no reason was given"
    found += [{"severity": "warning", "message": f"Open when it was begun: {text}.", "hint": f"Because: {despite}"} for text in plan.get("incidents") or []]
    if window["phase"] == ABANDONED:
        found.append({"severity": "critical", "message": f"The page stays: {(window.get('kept') or {}).get('because', '')}", "hint": ""})
    if window["phase"] == CLOSED and window["outcome"] != "succeeded":
        found.append(
            {"severity": "warning", "message": f"The window ended as {window['outcome']}. {(window.get('kept') or {}).get('because', '')}", "hint": ""}
        )
    return found


def _versions(plan: Mapping[str, Any], observed: Mapping[str, Any]) -> Sequence[Table]:
    services, now = (plan.get("observed") or {}).get("services") or {}, observed.get("services") or {}
    rows = [{"service": name, "before": _images(services.get(name)), "after": _images(now.get(name))} for name in sorted({*services, *now})]
    return [Table("Images", _VERSIONS, rows)] if observed else []


def _images(service: Any) -> str:
    return " ".join(image.replace("sha256:", "")[:12] for image in (service or {}).get("images") or []) or "–"


def _answers(window: Mapping[str, Any]) -> Sequence[Table]:
    rows = [{"when": when, **(window.get(name) or {})} for when, name in (("before", "baseline"), ("after", "watched")) if window.get(name)]
    return [Table("How it answers", _ANSWERS, rows)] if rows else []
