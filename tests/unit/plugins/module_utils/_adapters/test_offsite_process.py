"""How the tools are run: the password through a pipe, and whether it was taken; bounded in time; nothing left behind."""

from __future__ import annotations

import os
import sys
import time

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_notes import parse_verification
from ansible_collections.runbook.compose.plugins.module_utils._adapters.offsite_process import ToolProcess, ToolSettings, run_tool
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import TimedOut
from ansible_collections.runbook.compose.plugins.module_utils._core.redaction import Redactor

PASSWORD = "not for everybody"


def python(timeout: float = 120) -> ToolSettings:
    return ToolSettings(sys.executable, {"GIVEN": "value"}, timeout, PASSWORD, Redactor([PASSWORD]))


def test_whether_the_password_was_taken_is_known():
    taken = run_tool(python(), ["-c", "import sys; print(sys.stdin.readline()); print('took', 'it', file=sys.stderr); sys.exit(3)"])
    assert (taken.exit_code, taken.said, taken.asked) == (3, "took it", True)
    left = run_tool(python(), ["-c", "raise SystemExit(1)"])
    assert (left.exit_code, left.said, left.asked) == (1, "it gave no reason", False)
    none = run_tool(ToolSettings(sys.executable, {}, 120), ["-c", "import sys; raise SystemExit(len(sys.stdin.read()))"])
    assert (none.exit_code, none.asked) == (0, False)


def test_it_is_in_neither_the_arguments_nor_the_environment_nor_what_was_said():
    code = "import os, sys; print(sys.stdin.readline(), file=sys.stderr); print(open('/proc/self/cmdline').read(), dict(os.environ))"
    with ToolProcess(python(), ["-c", code]) as process:
        shown = b"".join(process.pieces()).decode()
        ended = process.finish()
    assert "'GIVEN': 'value'" in shown and PASSWORD not in shown
    assert ended.asked and PASSWORD not in ended.said and "********" in ended.said


def test_time_that_runs_out_ends_it_and_all_that_it_started():
    shell = ToolSettings("/bin/sh", {}, 2, PASSWORD, Redactor([PASSWORD]))  # it begins at once, also where others have the processor
    began = time.monotonic()
    with pytest.raises(TimedOut), ToolProcess(shell, ["-c", "sleep 600 & echo $!; wait"]) as process:
        child = int(next(process.pieces()))
        process.finish()
    assert time.monotonic() - began < 60
    deadline = time.monotonic() + 60
    while _lives(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _lives(child)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as handle:
            return handle.read().split()[2] != "Z"
    except OSError:
        return False


def test_one_that_is_left_early_is_ended():
    with ToolProcess(python(), ["-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]) as process:
        pid = int(next(process.pieces()))
    assert not _lives(pid)


def test_records_are_told_from_talk():
    code = 'print(\'talk\'); print(\'{"level": "error", "msg": "no space"}\'); print(\'[1]\'); print(\'{"stats": {"bytes": 5}}\', end=\'\')'
    with ToolProcess(python(), ["-c", code], joined=True) as process:
        records = list(process.records())
        ended = process.finish()
    assert records == [{"level": "error", "msg": "no space"}, {"stats": {"bytes": 5}}]
    assert ended.said == "talk no space [1]"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"1", b'{"at": 1}', b"\xff", b"[" * 100000])
def test_what_is_no_verification_proves_nothing(content):
    with pytest.raises(ValueError):
        parse_verification(content)


def test_its_own_environment_is_passed_on():
    assert os.environ.get("PATH") and run_tool(python(), ["-c", "import os; raise SystemExit(0 if os.environ['PATH'] else 1)"]).exit_code == 0
