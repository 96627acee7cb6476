from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._ansible.postgres_restore_arguments import postgres_restore_arguments
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_request import LATEST_VERIFIED, RestoreRequest

PARAMS = {name: option.get("default") for name, option in postgres_restore_arguments().options.items()}
GOOD = {**PARAMS, "database": "shop", "backup_dir": "/backups"}


def request(**changes) -> RestoreRequest:
    return RestoreRequest.from_params({**GOOD, **changes})


def test_what_is_not_said():
    assert request().backup == LATEST_VERIFIED
    assert request(file="/root/x.sql").backup == ""
    assert request(dependents=["api", "worker", "api"]).dependents == ("api", "worker")


@pytest.mark.parametrize(
    ("said", "stopped"),
    [
        ({}, ()),
        ({"state": "undone", "mode": "replace"}, ()),
        ({"mode": "replace"}, None),
        ({"mode": "replace", "dependents": []}, ()),
        ({"dependents": ["api"]}, ("api",)),
        ({"state": "undone", "dependents": ["api"]}, ("api",)),
    ],
)
def test_only_a_replacement_stops_what_nobody_named(said, stopped):
    assert request(**said).services_to_stop == stopped


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"database": ""}, "name of a database"),
        ({"database": "", "state": "undone"}, "name of a database"),
        ({"database": "template1"}, "template1"),
        ({"database": "shop__undo_7f3a01bc"}, "shop__undo_7f3a01bc"),
        ({"restore_id": "latest", "state": "undone"}, "'latest'"),
        ({"backup_dir": ""}, "backup_dir"),
        ({"backup_dir": "", "file": "/root/x.sql"}, "safety backup"),
        ({"backup_dir": "backups"}, "'backups'"),
        ({"file": "x.sql"}, "'x.sql'"),
        ({"mode": "replace", "safety_backup": False}, "mode=replace"),
        ({"backup_stack": "shop-production", "file": "/root/x.sql"}, "of no stack"),
        ({"masking_checks": ["SELECT true"]}, "no masking"),
        ({"fence_timeout": 0}, "fence_timeout must be at least 1"),
        ({"jobs": -1}, "jobs"),
        ({"timeout": 0}, "timeout"),
        ({"undo_ttl": -1}, "undo_ttl"),
        ({"safety_max_age": -1}, "safety_max_age"),
    ],
)
def test_what_cannot_be_meant(wrong, named):
    with pytest.raises(BadInput) as refused:
        request(**wrong)
    assert named in str(refused.value)
