"""A plan has a hash, an approval names it, and what differs is told."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.window_plan import ApprovalMissing, PlanDrifted, drift, make_plan, refuse_drift
from ansible_collections.runbook.compose.plugins.module_utils._core.window_tasks import parse_tasks

TASKS = parse_tasks([{"release": "v2"}])
OBSERVED = {"release": "0001", "version": "v1", "staged": "", "services": {"api": {"files": "f1", "images": ["i1"], "containers": ["f1"]}}}
PLAN = make_plan("CHG-1", TASKS, OBSERVED)


def plan(tasks=TASKS, change="CHG-1", **observed):
    return make_plan(change, tasks, {**OBSERVED, **observed})


def test_the_same_plan_has_the_same_hash():
    assert plan()["hash"] == PLAN["hash"] and len(PLAN["hash"]) == 64
    others = [plan(release="0002"), plan(change="CHG-2"), plan(tasks=parse_tasks([{"release": "v3"}])), plan(services={})]
    assert len({PLAN["hash"], *(other["hash"] for other in others)}) == 5


@pytest.mark.parametrize(("before", "approved", "needed"), [({}, "", False), (PLAN, "", False), (PLAN, PLAN["hash"], True), ({}, PLAN["hash"], True)])
def test_what_is_still_so_is_let_pass(before, approved, needed):
    refuse_drift(before, plan(), approved, needed)


def test_what_differs_is_refused_and_told():
    moved = {"api": {"files": "f2", "images": ["i1"], "containers": ["f2"]}, "worker": {"files": "f9", "images": [], "containers": []}}
    now = plan(release="0002", version="v1b", services=moved)
    with pytest.raises(PlanDrifted) as refused:
        refuse_drift(PLAN, now, PLAN["hash"], True)
    assert refused.value.details["differences"] == [
        "release was 0001 and is 0002",
        "version was v1 and is v1b",
        "files and containers of api",
        "files of worker",
    ]
    assert drift(PLAN, plan(tasks=())) == ["the list of tasks"]


def test_an_approval_of_another_plan_is_none():
    with pytest.raises(PlanDrifted) as refused:
        refuse_drift(PLAN, plan(), "0" * 64, False)
    assert refused.value.details["differences"] == []
    with pytest.raises(ApprovalMissing) as missing:
        refuse_drift(PLAN, plan(), "", True)
    assert missing.value.details["hash"] == PLAN["hash"]
