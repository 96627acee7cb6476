from __future__ import annotations

from datetime import datetime

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.backup_request import is_ours
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_names import NEW, REDO, UNDO, begun, beside, is_run_id, new_run_id

RUN = "20261103T021500Z-7f3a01bc"


def test_an_id_sorts_by_time_and_is_known_again():
    made = new_run_id(datetime(2026, 11, 3, 2, 15), 0x17F3A01BC)
    assert made == RUN
    assert is_run_id(made)
    assert begun(made) == datetime(2026, 11, 3, 2, 15)
    assert not is_run_id(made + "0") and not is_run_id("latest")


@pytest.mark.parametrize("database", ["shop", "s" * 63, "ü" * 31, "-h o\"dd 'n", "日本語" * 7])
@pytest.mark.parametrize("kind", [NEW, UNDO, REDO])
def test_a_name_beside_fits_and_ends_in_the_id(database, kind):
    name = beside(database, kind, RUN)
    assert len(name.encode()) <= 63
    assert name.endswith(f"__{kind}_7f3a01bc")
    assert database.startswith(name[: -len(f"__{kind}_7f3a01bc")])
    assert is_ours(name), "backups leave it out"
