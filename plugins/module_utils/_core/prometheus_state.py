# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Prometheus says of its targets, rules and alertmanagers, and whether that is what it should be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .errors import BadInput, OperationError
from .problem import CRITICAL, Problem
from .text_table import aligned

ANSWERS = {"targets": "/api/v1/targets?state=active", "rules": "/api/v1/rules", "alertmanagers": "/api/v1/alertmanagers"}


class PrometheusUnusable(OperationError):
    """Prometheus does not answer, or not as its API does."""

    reason = "prometheus_unusable"


class MonitoringIncomplete(OperationError):
    """A target is down, or something that is expected is not there."""

    reason = "monitoring_incomplete"


@dataclass(frozen=True)
class Expected:
    """Names of jobs that have targets, of rules that are loaded, and how many alertmanagers are known."""

    jobs: Tuple[str, ...] = ()
    rules: Tuple[str, ...] = ()
    alertmanagers: int = 0

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "Expected":
        if params["deadline"] < 0 or params["expect_alertmanagers"] < 0:
            raise BadInput("deadline and expect_alertmanagers are 0 or more.", option="deadline")
        return cls(tuple(params["expect_jobs"]), tuple(params["expect_rules"]), params["expect_alertmanagers"])


def parse_answer(name: str, status: int, body: bytes, complete: bool) -> Mapping[str, Any]:
    """The ``data`` of one answer of the API."""
    try:
        answer = json.loads(body) if complete else None
        if status == 200 and answer["status"] == "success":
            return answer["data"]
        cause = f"status {status}" + (f", {answer.get('error')}" if isinstance(answer, dict) and answer.get("error") else "")
    except (ValueError, KeyError, TypeError):
        cause = f"status {status}, and no JSON of this API" if complete else "an answer of more than 1 MiB"
    raise PrometheusUnusable(f"Prometheus gave no {name}: {cause}.", hint="Check the URL, and what stands before it.", status=status)


def state_of(answers: Mapping[str, Mapping[str, Any]]) -> Dict[str, List[Dict[str, Any]]]:
    """Targets, rules and alertmanagers as flat rows."""
    targets = [_target(item) for item in answers["targets"].get("activeTargets") or []]
    groups = answers["rules"].get("groups") or []
    rules = [_rule(group, item) for group in groups for item in group.get("rules") or []]
    known = [{"url": str(item.get("url") or "")} for item in answers["alertmanagers"].get("activeAlertmanagers") or []]
    return {"targets": sorted(targets, key=lambda one: (one["job"], one["instance"])), "rules": rules, "alertmanagers": known}


def problems_of(state: Mapping[str, Sequence[Mapping[str, Any]]], expected: Expected) -> List[Problem]:
    """Everything that is not as it should be. A target that was not scraped yet is not up."""
    found = [_down(one) for one in state["targets"] if one["health"] != "up"]
    if not state["targets"]:
        found.append(_missing("targets", "targets_missing", "", "Prometheus has no target at all, so it watches nothing."))
    jobs = {one["job"] for one in state["targets"]}
    found += [_missing("targets", "job_missing", job, f"Job {job} has no target.") for job in expected.jobs if job not in jobs]
    found += [_bad_rule(one) for one in state["rules"] if one["health"] == "err"]
    names = {one["rule"] for one in state["rules"]}
    found += [_missing("rules", "rule_missing", rule, f"Rule {rule} is not loaded.") for rule in expected.rules if rule not in names]
    count = len(state["alertmanagers"])
    if count < expected.alertmanagers:
        text = f"Prometheus knows {count} alertmanagers, and {expected.alertmanagers} are expected."
        found.append(_missing("alertmanagers", "alertmanager_missing", "", text))
    return found


def raise_incomplete(problems: Sequence[Problem]) -> None:
    if problems:
        raise MonitoringIncomplete(
            " ".join(problem.message for problem in problems),
            hint="Look at the targets page of Prometheus and at its log.",
            problems=[problem.to_dict() for problem in problems],
        )


def monitoring_table(state: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    rows = [("job", "instance", "health", "last error")]
    rows += [(one["job"], one["instance"], one["health"], one["last_error"] or "-") for one in state["targets"]]
    firing = sum(1 for one in state["rules"] if one["state"] == "firing")
    counts = f"{len(state['rules'])} rules, {firing} of them firing; {len(state['alertmanagers'])} alertmanagers"
    return "\n".join([*aligned(rows), counts])


def _target(item: Mapping[str, Any]) -> Dict[str, Any]:
    labels = item.get("labels") or {}
    return {
        "job": str(labels.get("job") or item.get("scrapePool") or ""),
        "instance": str(labels.get("instance") or item.get("scrapeUrl") or ""),
        "health": str(item.get("health") or "unknown"),
        "last_error": str(item.get("lastError") or ""),
    }


def _rule(group: Mapping[str, Any], item: Mapping[str, Any]) -> Dict[str, Any]:
    return {
        "group": str(group.get("name") or ""),
        "rule": str(item.get("name") or ""),
        "kind": str(item.get("type") or ""),
        "health": str(item.get("health") or "unknown"),
        "state": str(item.get("state") or ""),
        "last_error": str(item.get("lastError") or ""),
    }


def _down(one: Mapping[str, Any]) -> Problem:
    why = f": {one['last_error']}" if one["last_error"] else ""
    message = f"{one['instance']} of job {one['job']} is {one['health']}{why}."
    return Problem("targets", "target_down", CRITICAL, one["instance"], message, "Look at that exporter, and whether Prometheus can reach it.")


def _bad_rule(one: Mapping[str, Any]) -> Problem:
    return Problem("rules", "rule_failing", CRITICAL, one["rule"], f"Rule {one['rule']} cannot be evaluated: {one['last_error']}.", "Correct its expression.")


def _missing(section: str, problem: str, subject: str, message: str) -> Problem:
    return Problem(section, problem, CRITICAL, subject, message, "Compare its configuration files with what the inventory expects.")
