"""Every module that may be scheduled is known on both sides, with the arguments that it really takes."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.schedulable import OPERATIONS
from ansible_collections.runbook.compose.plugins.module_utils._ansible.scheduled_job_arguments import SPECS


def test_both_sides_know_the_same_modules():
    assert set(SPECS) == set(OPERATIONS)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_the_arguments_are_those_of_the_module(name, monkeypatch):
    module = importlib.import_module(f"ansible_collections.runbook.compose.plugins.modules.{name}")
    taken: dict[str, Any] = {}
    monkeypatch.setattr(module, "run_module", lambda arguments, prepare: taken.update(arguments=arguments, prepare=prepare))
    module.main()
    assert taken["arguments"] == SPECS[name]()
    assert OPERATIONS[name].__name__ in inspect.getsource(module)
