"""How many of a service somebody asks for."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.replica_count import replica_count


@pytest.mark.parametrize(("count", "number"), [(0, 0), (3, 3), ("3", 3), (" 3 ", 3)])
def test_a_count_may_come_as_text(count, number):
    assert replica_count("api", count, "tasks") == number


@pytest.mark.parametrize("count", [-1, "-1", "many", "", None, 1.5, "1.5", [1]])
def test_what_is_no_count_is_refused(count):
    with pytest.raises(BadInput, match="is no number of tasks for api"):
        replica_count("api", count, "tasks")
