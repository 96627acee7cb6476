"""What a program in a bench says is taken only when it is whole: the engine may lose it, all or a part."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.helper_bench import HelperBench
from ansible_collections.runbook.compose.plugins.module_utils._core.helper_container import HelperFailed


class Bench(HelperBench):
    """``told`` is what arrives of each program in turn; the last one again and again."""

    def __init__(self, *told: bytes) -> None:
        self.told = list(told)
        self.asked = 0

    def _execute(self, argv: tuple) -> tuple:
        self.asked += 1
        return (self.told.pop(0) if len(self.told) > 1 else self.told[0]), b"", 0


def test_names_are_those_of_a_whole_list():
    bench = Bench(b"", b"/data/data\n", b"/data/dump.rdb\n/data/appendonlydir\n/data\n")
    assert bench.listed("/data/") == ["appendonlydir", "dump.rdb"]
    assert bench.asked == 3
    assert Bench(b"/data\n").listed("/data") == []


def test_an_answer_is_a_whole_line():
    assert Bench(b"", b"12", b"1234\n").answer("stat", "-c", "%s", "/data/dump.rdb") == "1234\n"


def test_bytes_are_as_many_as_were_asked_for():
    assert Bench(b"", b"ab", b"abc").read("/data/dump.rdb", 0, 3) == b"abc"


@pytest.mark.parametrize("ask", [lambda one: one.listed("/data"), lambda one: one.answer("stat", "/data"), lambda one: one.read("/data/x", 0, 3)])
def test_what_never_arrives_is_a_failure(ask):
    with pytest.raises(HelperFailed):
        ask(Bench(b""))
