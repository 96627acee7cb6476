from __future__ import annotations

import json
import stat

from ansible_collections.runbook.compose.plugins.module_utils._adapters.record_file import RecordFile


def test_each_write_leaves_one_private_file_with_the_newest_record(tmp_path):
    file = RecordFile(str(tmp_path / "runs"), "a.json")
    for number, write in enumerate((file.write, file.refresh, file.refresh, file.write)):
        write({"number": number})
        (left,) = (tmp_path / "runs").iterdir()
        assert json.loads(left.read_text()) == {"number": number}
        assert stat.S_IMODE(left.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "runs").stat().st_mode) == 0o700


def test_a_record_that_cannot_be_told_leaves_the_one_before(tmp_path):
    file = RecordFile(str(tmp_path), "a.json")
    file.write({"number": 1})
    for write in (file.write, file.refresh):
        try:
            write({"number": object()})
        except TypeError:
            assert json.loads((tmp_path / "a.json").read_text()) == {"number": 1}
        else:
            raise AssertionError("an object was written as JSON")
