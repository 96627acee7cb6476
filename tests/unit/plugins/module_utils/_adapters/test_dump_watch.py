"""Who is in the way of a dump: remembered as long as it is true, or was the last that was known."""

from __future__ import annotations

from typing import Any

from ansible_collections.runbook.compose.plugins.module_utils._adapters.dump_watch import LockWatch

HOLDER = {"pid": 7, "username": "shop", "application_name": "test", "state": "idle in transaction", "query": "SELECT 'a secret'"}


class Server:
    """Answers as one on which the dump waits, works, or is gone."""

    def __init__(self) -> None:
        self.dump = "waits"
        self.asked: list[Any] = []

    def rows(self, statement: str, parameters: tuple) -> list[dict]:
        return [HOLDER] if self.dump == "waits" else []

    def value(self, statement: str, parameters: tuple) -> bool:
        self.asked.append(parameters)
        return self.dump == "works"


def looked(server: Server, *dump: str) -> list[int]:
    watch = LockWatch(server, "runbook.compose dump here:1", (3, 4))
    for server.dump in dump:
        watch.look()
    return [blocker.pid for blocker in watch.blockers]


def test_who_was_in_the_way_is_known_however_long_ago_the_wait_ended():
    assert looked(Server(), "waits", *["gone"] * 100) == [7]


def test_one_look_may_meet_the_dump_while_its_wait_is_ended():
    assert looked(Server(), "waits", "works", "gone", "gone") == [7]


def test_a_dump_that_got_its_lock_and_works_has_nobody_in_its_way():
    assert looked(Server(), "waits", "works", "works", "gone") == []
    assert looked(Server(), "waits", "works", "waits", "works", "gone") == [7]


def test_our_own_sessions_beside_the_dump_are_not_the_dump():
    server = Server()
    looked(server, "works", "waits", "gone")
    assert server.asked == [("runbook.compose dump here:1", [3, 4])]
