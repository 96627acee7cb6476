"""What a program in a bench says is taken only when it is whole: the engine may lose it, all or a part."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.helper_bench import HelperBench
from ansible_collections.runbook.compose.plugins.module_utils._core.helper_container import HelperFailed


class Engine:
    """``told`` is what arrives of each program in turn; the last one again and again. It is its own client."""

    def __init__(self, *told: Any) -> None:
        self.told = list(told)
        self.client = self
        self.asked = 0

    @contextlib.contextmanager
    def calling(self, what: str) -> Iterator[None]:
        yield

    def exec_create(self, container: str, argv: list) -> dict:
        return {"Id": "1"}

    def exec_start(self, execution: str, demux: bool) -> tuple:
        self.asked += 1
        return (self.told.pop(0) if len(self.told) > 1 else self.told[0]), None

    def exec_inspect(self, execution: str) -> dict:
        return {"ExitCode": 0}


def bench(engine: Engine) -> HelperBench:
    return HelperBench(engine, "shop", "image", (), 1)


def test_names_are_those_of_a_whole_list():
    engine = Engine(None, b"/data/data\n", b"/data/dump.rdb\n/data/appendonlydir\n/data\n")
    assert bench(engine).listed("/data/") == ["appendonlydir", "dump.rdb"]
    assert engine.asked == 3
    assert bench(Engine(b"/data\n")).listed("/data") == []


def test_an_answer_is_a_whole_line():
    assert bench(Engine(None, b"12", b"1234\n")).answer("stat", "-c", "%s", "/data/dump.rdb") == "1234\n"


def test_bytes_are_as_many_as_were_asked_for():
    assert bench(Engine(None, b"ab", b"abc")).read("/data/dump.rdb", 0, 3) == b"abc"


@pytest.mark.parametrize("ask", [lambda one: one.listed("/data"), lambda one: one.answer("stat", "/data"), lambda one: one.read("/data/x", 0, 3)])
def test_what_never_arrives_is_a_failure(ask):
    with pytest.raises(HelperFailed):
        ask(bench(Engine(None)))
