"""Every module that may be scheduled is known on both sides, with the options that it really takes."""

from __future__ import annotations

import importlib

import pytest
import yaml

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.schedulable import OPERATIONS
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.scheduled_job import ScheduledJob
from ansible_collections.runbook.compose.plugins.module_utils._ansible.scheduled_job_arguments import SPECS, scheduled_job_arguments, with_job_params
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput

POLICY = {"backup_dir": "/b", "keep_last": 3}
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


class Host:
    check_mode = False

    def __init__(self):
        self.hidden: list[str] = []

    def hide(self, secrets, harmless=()):
        self.hidden += secrets


def prepared(host: Host, **given: object) -> dict:
    """Arguments as Ansible hands them over, with those of the module completed; raises BadInput."""
    defaults = {name: option.get("default") for name, option in scheduled_job_arguments().options.items()}
    own = {"stack_name": "shop", "project_dir": "/srv", "name": "retention", "module": "backup_retention", "calendar": "45 5 * * *", "options": POLICY}
    params = with_job_params({**defaults, **own, **given}, host)
    assert isinstance(ScheduledJob.from_params(params, host), ScheduledJob)
    return params["job_params"]


def test_the_job_gets_every_argument_and_no_lease():
    params = prepared(Host(), options={**POLICY, "daily": "7"}, lease_token="token-of-this-run")
    assert (params["daily"], params["min_copies"], params["stack_name"], params["lease_token"]) == (7, 2, "shop", "")
    assert prepared(Host(), state="absent", module=None, calendar=None) == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"options": {**POLICY, "dayly": 7}}, "dayly"),
        ({"options": {"keep_last": 3}}, "backup_dir"),
        ({"options": {"backup_dir": "/b"}}, "keep_last"),
        ({"options": {**POLICY, "min_copies": 1}}, "min_copies"),
        ({"options": {**POLICY, "stack_name": "other"}}, "stack_name"),
        ({"options": {**POLICY, "lease_token": "x"}}, "lease_token"),
        ({"calendar": "daily"}, "five fields"),
        ({"calendar": None}, "needs module and calendar"),
        ({"module": None}, "needs module and calendar"),
        ({"name": "../x"}, "no name of a job"),
        ({"timeout": 0}, "timeout"),
        ({"state_dir": "relative"}, "absolute"),
    ],
)
def test_what_is_not_right_is_refused_when_it_is_installed(given, words):
    with pytest.raises(BadInput, match=words):
        prepared(Host(), **given)


def test_a_password_is_refused_and_hidden():
    host = Host()
    with pytest.raises(BadInput, match="cannot be given password"):
        prepared(host, module="postgres_backup", options={"backup_dir": "/b", "password": "hunter22"})
    assert host.hidden == ["hunter22"]


def test_a_secret_within_an_option_is_refused_and_hidden():
    host = Host()
    options = {"state": "settled", "edge": {"operators": {"secret": "0123456789abcdef"}}}
    with pytest.raises(BadInput) as raised:
        prepared(host, module="edge_traffic", options=options)
    assert raised.value.details["secret"] == ["edge.operators.secret"] and host.hidden == ["0123456789abcdef"]
