"""What is made of a test run."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core import suite_results as suite
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput

GOOD = suite.counted([("a", "passed"), ("b", "skipped")])
BAD = suite.counted([("a", "passed"), ("b", "failure"), ("c", "error")])
ASKED = {
    "service": "api", "command": ["pytest"], "release": "", "stores": ["redis"], "environment": {"MODE": 1}, "junit": "/tmp/j.xml", "timeout": 9,
    "store_timeout": 9,
}  # fmt: skip


def test_tests_are_counted():
    assert GOOD.to_dict() == {"count": 2, "failures": 0, "errors": 0, "left_out": 1, "not_passed": [], "good": 1}
    assert (BAD.passed, BAD.not_passed) == (1, ("b", "c"))


@pytest.mark.parametrize(
    ("exit_code", "counts", "said"),
    [
        (0, BAD, "2 of 3 tests did not pass. Not passed: b, c."),
        (1, GOOD, "The tests ended with exit code 1."),
        (1, None, "The tests ended with exit code 1."),
        (0, suite.counted([]), "No test was run."),
        (0, suite.counted([("a", "skipped")]), "No test was run."),
    ],
)
def test_only_tests_that_ran_and_passed_are_a_success(exit_code, counts, said):
    with pytest.raises(suite.SuiteFailed) as failed:
        suite.judge_suite(exit_code, counts, ["last line"], {"junit_file": "x"})
    assert str(failed.value) == f"{said} last line" and failed.value.details["junit_file"] == "x"


def test_good_ones_pass_with_or_without_a_file():
    suite.judge_suite(0, GOOD, [], {})
    suite.judge_suite(0, None, [], {})


def test_a_request_is_read():
    assert suite.SuiteRequest.from_params(ASKED).environment == {"MODE": "1"}
    for wrong in ({"command": []}, {"junit": "j.xml"}, {"timeout": 0}):
        with pytest.raises(BadInput):
            suite.SuiteRequest.from_params({**ASKED, **wrong})
