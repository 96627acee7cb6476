"""The page of a window: everything that a change record needs, and nothing that is not escaped."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.plugins.module_utils._core.test_window_change import at, opened, working

from ansible_collections.runbook.compose.plugins.module_utils._core.window_change import end, move, task_step
from ansible_collections.runbook.compose.plugins.module_utils._core.window_report_page import report_page

IMAGES = {"api": {"images": ["sha256:" + "b" * 64], "files": "f", "containers": []}}


def looked(window, **observed):
    return {"window": window.facts(at(60)), "observed": observed}


def test_what_was_done_and_what_it_changed():
    done = end(
        move(move(task_step(working(), "CHG-1", 1, "done", at(9)).after, "CHG-1", "proven", at(10)).after, "CHG-1", "watching", at(11)).after,
        "CHG-1",
        "succeeded",
        at(50),
    )
    measured = {"requests": 120, "errors": 1, "error_percent": 0.83, "p50_ms": 4.0, "p95_ms": 12.5, "seconds": 30.0}
    window = replace(done.after.window, approver="<bob>", baseline=measured, watched={**measured, "breaches": []})
    page = report_page("CHG-1 on shop", looked(window, version="v2", services=IMAGES))
    for text in (
        "CHG-1 on shop",
        "succeeded",
        "none → v2",
        "1 of 2",
        "release v2",
        "approved by &lt;bob&gt;",
        "b" * 12,
        "12.5",
        window.plan["hash"],
        "Nothing needs attention",
    ):
        assert text in page, text
    assert "<bob>" not in page


def test_a_plan_has_no_steps_and_what_went_wrong_is_said_first():
    plan = report_page("x", looked(replace(opened().window, phase="planned", began_at="", steps=())))
    assert "What is done" in plan and "What was done" not in plan and "planned 2026-11-22T02:00:00Z" in plan
    kept = report_page("x", looked(move(working(), "CHG-1", "abandoned", at(2), because="it did <not> answer").after.window))
    assert "The page stays: it did &lt;not&gt; answer" in kept
    failed = end(task_step(working(), "CHG-1", 1, "rolled_back", at(3)).after, "CHG-1", "failed", at(4)).after.window
    assert "The window ended as failed" in report_page(
        "x", looked(replace(failed, watched={"breaches": ["too slow"]}))
    ) and "After the window: too slow" in report_page("x", looked(replace(failed, watched={"breaches": ["too slow"]})))
