"""JUnit files: counted, or refused."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.junit_file import junit_cases
from ansible_collections.runbook.compose.plugins.module_utils._core.suite_results import SuiteUnreadable

GOOD = """<?xml version="1.0"?>
<testsuites><testsuite name="s"><testcase classname="a" name="one"/><testcase name="two"><failure>no</failure></testcase>
<testcase name="three"><skipped/></testcase></testsuite><testsuite><testcase><error><![CDATA[<]]></error></testcase></testsuite></testsuites>"""


def test_all_suites_are_read():
    assert junit_cases(GOOD, "j") == [("a::one", "passed"), ("two", "failure"), ("three", "skipped"), ("(no name)", "error")]


@pytest.mark.parametrize("text", ["", "no xml", "<testsuite>", '<!DOCTYPE x [<!ENTITY a "b">]><testsuite/>'])
def test_what_is_none_is_refused(text):
    with pytest.raises(SuiteUnreadable):
        junit_cases(text, "j")
