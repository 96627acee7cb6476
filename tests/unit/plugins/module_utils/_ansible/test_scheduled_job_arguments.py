"""Every module that may be scheduled is known on both sides, with the options that it really takes."""

from __future__ import annotations

import importlib

import pytest
import yaml

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.schedulable import OPERATIONS
from ansible_collections.runbook.compose.plugins.module_utils._ansible.scheduled_job_arguments import SPECS

PLUGINS = "ansible_collections.runbook.compose.plugins"


def test_both_sides_know_the_same_modules():
    assert set(SPECS) == set(OPERATIONS)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_the_options_are_those_that_the_module_documents(name):
    module = importlib.import_module(f"{PLUGINS}.modules.{name}")
    documentation = yaml.safe_load(module.DOCUMENTATION)
    documented = set(documentation["options"])
    for fragment in documentation["extends_documentation_fragment"]:
        text = importlib.import_module(f"{PLUGINS}.doc_fragments.{fragment.rpartition('.')[2]}").ModuleDocFragment.DOCUMENTATION
        documented |= set(yaml.safe_load(text)["options"])
    assert set(SPECS[name]().options) == documented
    assert getattr(module, OPERATIONS[name].__name__) is OPERATIONS[name]
