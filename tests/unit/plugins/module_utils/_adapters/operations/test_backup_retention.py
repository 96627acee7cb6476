"""What backup_retention refuses before it looks at anything."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.operations.backup_retention import BackupRetention
from ansible_collections.runbook.compose.plugins.module_utils._ansible.backup_keeping_arguments import backup_retention_arguments
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput

GIVEN = {"stack_name": "shop", "project_dir": "/srv", "backup_dir": "/backups", "keep_last": 3}
PIN = {"state": "pinned", "backups": ["x"], "pin_reason": "audit"}


def prepared(**options: object) -> BackupRetention:
    defaults = {name: option.get("default") for name, option in backup_retention_arguments().options.items()}
    return BackupRetention.from_params({**defaults, **GIVEN, **options}, host=None)


@pytest.mark.parametrize("options", [{}, PIN, {**PIN, "pin_reason": "audit 2026 – März"}, {"state": "unpinned", "backups": ["x"]}])
def test_what_makes_sense_is_taken(options):
    assert isinstance(prepared(**options), BackupRetention)


@pytest.mark.parametrize(
    "options",
    [
        {"keep_last": None},
        {"keep_last": 0},
        {"daily": -1},
        {"max_delete_fraction": 1.5},
        {"backup_dir": "relative"},
        {"stack_name": "No Name"},
        {"backups": ["x"]},
        {"pin_reason": "x"},
        {"state": "pinned", "backups": ["x"]},
        {"state": "pinned", "pin_reason": "x"},
        {**PIN, "pin_reason": " "},
        {**PIN, "pin_reason": "two\nlines"},
        {**PIN, "pin_reason": "x" * 201},
        {"state": "unpinned"},
        {"state": "unpinned", "backups": ["x"], "pin_reason": "x"},
    ],
)
def test_what_makes_none_is_refused(options):
    with pytest.raises(BadInput):
        prepared(**options)
