"""What a refresh changes, and what speaks against it."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core import lock_diff as lock
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput

ASKED = {
    "source": "/src/shop/", "artefacts": "/out", "command": ["pip-compile"], "files": ["requirements.txt"], "audit": [], "test": ["make"],
    "excludes": [".git"], "environment": {"A": 1}, "timeout": 60,
}  # fmt: skip


def ended(step: str, exit_code, *output: str) -> lock.StepEnded:
    return lock.StepEnded(step, exit_code, 1.0, output, f"/out/{step}.log")


def test_a_request_is_read_and_its_steps_are_in_order():
    request = lock.RefreshRequest.from_params(ASKED)
    assert (request.source, request.steps) == ("/src/shop", (("lock", ("pip-compile",)), ("test", ("make",))))
    assert request.environment == {"A": "1"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"files": ["/etc/passwd"]},
        {"files": ["../x"]},
        {"files": ["."]},
        {"files": []},
        {"command": []},
        {"artefacts": "/src/shop"},
        {"artefacts": "/src/shop/out"},
    ],
)
def test_what_would_reach_the_source_is_refused(wrong):
    with pytest.raises(BadInput):
        lock.RefreshRequest.from_params({**ASKED, **wrong})
    lock.RefreshRequest.from_params({**ASKED, "artefacts": "/src/shop-out"})


def test_a_diff_names_the_packages():
    before = "requests==2.31.0 \\\n    --hash=sha256:aa\nold[x]==1\nsame==3\n"
    after = "Requests==2.32.3 \\\n    --hash=sha256:bb\nnew==2 ; python_version >= '3'\nsame==3\n"
    told = lock.lock_diff("r.txt", before, after)
    assert (told["state"], told["added"], told["removed"]) == ("changed", 3, 3)
    assert told["packages"] == [
        {"package": "new", "before": "", "after": "2"},
        {"package": "old", "before": "1", "after": ""},
        {"package": "requests", "before": "2.31.0", "after": "2.32.3"},
    ]
    assert told["diff"].startswith("--- before/r.txt\n+++ after/r.txt\n")


def test_files_can_be_new_gone_or_the_same_and_diffs_are_bounded():
    states = [lock.lock_diff("f", *texts)["state"] for texts in ((None, "a"), ("a", None), ("a", "a"), (None, None))]
    assert states == ["new", "missing", "unchanged", "unchanged"]
    assert lock.lock_diff("f", "", "x\n" * 5000)["diff"].endswith("3003 more lines")


def test_the_lock_command_is_judged_before_those_that_come_after_it():
    lock.judge_steps([ended("lock", 0), ended("test", 0)], {})
    with pytest.raises(lock.DependenciesFailed, match="lock did not end in time: it printed nothing"):
        lock.judge_steps([ended("lock", None)], {})
    with pytest.raises(lock.DependenciesRefused, match="audit ended with exit code 1 and test ended with exit code 2: found it") as refused:
        lock.judge_steps([ended("lock", 0), ended("audit", 1, "found it"), ended("test", 2)], {"artefacts": "/out"})
    assert refused.value.details["artefacts"] == "/out" and [one["good"] for one in refused.value.details["steps"]] == [True, False, False]


def test_a_source_that_was_written_to_is_told():
    lock.refuse_changed_source({"a": 1}, {"a": 1}, "/src")
    with pytest.raises(lock.SourceChanged, match="a, b, c"):
        lock.refuse_changed_source({"a": 1, "b": 1}, {"a": 2, "c": 1}, "/src")
