"""What the modules that look after Postgres refuse before they look at anything."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_maintenance import PostgresMaintenance
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_sessions import PostgresSessions
from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.postgres_settings import PostgresSettings
from ansible_collections.runbook.compose.plugins.module_utils._ansible.argument_spec import ArgumentSpec
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_arguments import postgres_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_maintenance_arguments import postgres_maintenance_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_sessions_arguments import postgres_sessions_arguments
from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_settings_arguments import postgres_settings_arguments
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput

MODULES = {
    PostgresMaintenance: postgres_maintenance_arguments(),
    PostgresSessions: postgres_sessions_arguments(),
    PostgresSettings: postgres_settings_arguments(),
}


class Host:
    hidden: tuple = ()

    def hide(self, secrets, harmless=()):
        self.hidden = tuple(secrets)


def defaults(arguments: ArgumentSpec) -> dict:
    options = postgres_arguments().merged_with(arguments).options
    return {name: option.get("default") for name, option in options.items()}


@pytest.mark.parametrize(
    ("module", "given"),
    [
        (PostgresMaintenance, {"lock_timeout": 0}),
        (PostgresMaintenance, {"max_duration": 0}),
        (PostgresMaintenance, {"min_dead_ratio": 1.1}),
        (PostgresMaintenance, {"min_bloat_ratio": -0.1}),
        (PostgresMaintenance, {"parallel": -1}),
        (PostgresSessions, {"state": "cancelled", "states": ["idle"]}),
        (PostgresSessions, {"older_than": -1}),
        (PostgresSessions, {"max_sessions": 0}),
        (PostgresSessions, {"clients": ["nowhere"]}),
        (PostgresSessions, {"grace": -1}),
        (PostgresSettings, {"settings": {"jit": True, "JIT": False}}),
        (PostgresSettings, {"timeout": 0}),
    ],
)
def test_bad_input_is_refused_by_the_name_of_the_option(module, given):
    params = {**defaults(MODULES[module]), "stack_name": "shop", "project_dir": "/nowhere", "task": "vacuum", **given}
    with pytest.raises(BadInput) as refused:
        module.from_params(params, Host())
    assert refused.value.reason == "bad_input"
    assert refused.value.details


def test_secrets_among_the_settings_are_hidden_before_anything_else():
    host = Host()
    params = {**defaults(MODULES[PostgresSettings]), "settings": {"primary_conninfo": "password=hunter22", "work_mem": "1MB"}, "timeout": 0}
    with pytest.raises(BadInput):
        PostgresSettings.from_params(params, host)
    assert host.hidden == ("password=hunter22",)
