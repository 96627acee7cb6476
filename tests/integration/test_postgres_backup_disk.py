"""A disk that breaks, a power cut, databases that come and go, a server that is not ready: a backup is whole and durable, or it is not there."""

from __future__ import annotations

import errno
import functools
import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters import archive_writer
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import OperationError
from tests.support.backups import BackedUpStack
from tests.support.stacks import docker, unique_name

MOST_CALLS = 60
# Waits for a file; what it says goes to the server's log.
SLOW_SCRIPT = r"""
\echo it began
DO $$ BEGIN WHILE (pg_stat_file('/tmp/go', true)).size IS NULL LOOP PERFORM pg_sleep(0.1); END LOOP; END $$;
CREATE TABLE orders AS SELECT generate_series(1, 300) AS id;
"""
INIT_SCRIPT = """
services:
  postgres:
    volumes: ["./init:/docker-entrypoint-initdb.d:ro"]
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = BackedUpStack(tmp_path_factory.mktemp("disk"), unique_name("pg-disk"))
    try:
        made.up()
        made.sql("CREATE TABLE orders AS SELECT generate_series(1, 300) AS id")
        yield made
    finally:
        made.down()


class Watched:
    """Calls that make something below ``directory`` durable or visible, in their order; ``fails`` is told their number, and may raise."""

    def __init__(self, patch: pytest.MonkeyPatch, directory: Path, fails: Callable[[int], None] = int) -> None:
        self.calls: list[tuple[str, str]] = []
        self._directory, self._fails = str(directory), fails
        for name in ("mkdir", "fsync", "rename", "replace"):
            patch.setattr(os, name, functools.partial(self._call, name, getattr(os, name)))

    def _call(self, name: str, original: Callable, what: str | int, *others: str | int) -> None:
        path = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else what
        if path.startswith(self._directory):
            self.calls.append((name, str(others[0]) if name in ("rename", "replace") else path))
            self._fails(len(self.calls))
        original(what, *others)


def fails_at(at: int, number: int) -> Callable[[int], None]:
    def fails(came: int) -> None:
        if came == at:
            raise OSError(number, os.strerror(number), "the file")

    return fails


def test_a_disk_that_breaks_or_is_full_publishes_nothing(stack):
    """T15: at each of the calls that make it durable and visible."""
    stack.back_up("shop")
    before = sorted(backup.id for backup in stack.published("shop"))
    directory = stack.store.directory("shop")
    for at in range(1, MOST_CALLS):
        number, reason = (errno.EIO, "state_unwritable") if at % 2 else (errno.ENOSPC, "backup_no_space")
        operation = stack.backup_operation()
        plan = operation.plan()
        with pytest.MonkeyPatch.context() as patch:
            disk = Watched(patch, stack.backup_dir, fails_at(at, number))
            try:
                operation.apply(plan)
            except OperationError as error:
                assert error.reason == reason, disk.calls[-1]
            if len(disk.calls) < at:
                break
        after = sorted(backup.id for backup in stack.published("shop"))
        assert (after, os.readlink(f"{directory}/latest")) == (before, before[-1]), disk.calls
        assert sorted(os.listdir(directory)) == sorted([*before, ".lock", "latest"]), disk.calls
    assert at > 10 and len(stack.published("shop")) == len(before) + 1
    stack.require_nothing_left()


class BadlyClosed(io.FileIO):
    """Tells only when it is closed that something was not written, as a file of a network may."""

    def close(self) -> None:
        told = self.closed
        super().close()
        if not told:
            raise OSError(errno.EIO, os.strerror(errno.EIO), self.name)


def test_a_file_that_cannot_be_closed_is_not_published(stack, monkeypatch):
    """T15."""
    before = stack.published("shop")
    monkeypatch.setattr(archive_writer, "open", lambda path, mode, opener, buffering: BadlyClosed(path, mode, opener=opener), raising=False)
    operation = stack.backup_operation()
    with pytest.raises(OperationError) as failed:
        operation.apply(operation.plan())
    assert (failed.value.reason, stack.published("shop")) == ("state_unwritable", before)
    stack.require_nothing_left()


def test_a_power_cut_takes_nothing_that_was_called_made(stack, monkeypatch):
    """T16: what was not called durable in time may be gone, the names of files and directories too. The second
    backup has a copy of the roles of the first."""
    stack.sql("CREATE DATABASE zoo", database="postgres")
    operation = stack.backup_operation(databases=["shop", "zoo"])
    plan = operation.plan()
    disk = Watched(monkeypatch, stack.backup_dir.parent)
    operation.apply(plan)
    (made,) = stack.published("zoo")
    home, calls = stack.store.directory("zoo"), [(name, path.replace("/.tmp-", "/")) for name, path in disk.calls]
    published = calls.index(("rename", made.directory))
    for file in ("manifest.json", "manifest.sha256", *(file.path for file in made.manifest.files)):
        written = [path for name, path in calls[:published] if name == "fsync" and path.startswith((f"{made.directory}/{file}", f"{made.directory}/.{file}."))]
        assert written, file
    last = max(number for number, call in enumerate(calls[:published]) if call[1].startswith(f"{made.directory}/"))
    assert calls.index(("fsync", made.directory), last) < published, "the directory after the last of its files"
    assert ("fsync", home) in calls[published:], "the rename"
    begun = calls.index(("mkdir", home))
    assert ("fsync", os.path.dirname(home)) in calls[begun:published], "a directory that was not there before"
    stack.sql("DROP DATABASE zoo", database="postgres")


def test_databases_that_come_and_go_after_they_were_listed(stack):
    """T11: the one that is gone is told, the others are backed up, and the new one is for the next run."""
    stack.sql("CREATE DATABASE gone", "CREATE DATABASE last", database="postgres")
    before = stack.published("shop")
    operation = stack.backup_operation(databases=[])
    plan = operation.plan()
    stack.sql("DROP DATABASE gone", "CREATE DATABASE newcomer", database="postgres")
    with pytest.raises(OperationError) as failed:
        operation.apply(plan)
    details = failed.value.details
    assert failed.value.reason == details["failed_databases"][0]["reason"] == "postgres_login_refused"
    assert str(failed.value).startswith("gone: ") and [one["database"] for one in details["failed_databases"]] == ["gone"]
    assert [backup["subject"] for backup in details["backups"]] == ["last", "postgres", "shop"]
    assert len(stack.published("shop")) == len(before) + 1 and len(stack.published("last")) == 1
    assert stack.published("gone") == stack.published("newcomer") == []
    stack.require_nothing_left()
    stack.sql("DROP DATABASE last", "DROP DATABASE newcomer", database="postgres")


@pytest.fixture
def starting(tmp_path):
    """A server that is started for the first time: the image's own temporary server answers only on its socket while the script runs."""
    made = BackedUpStack(tmp_path, unique_name("pg-first"))
    (made.directory / "compose.override.yaml").write_text(INIT_SCRIPT)
    (made.directory / "init").mkdir()
    (made.directory / "init" / "slow.sql").write_text(SLOW_SCRIPT)
    try:
        made.compose("up", "--detach", "postgres")
        yield made
    finally:
        made.down()


def test_the_server_of_the_first_start_is_never_dumped(starting):
    """T12: it is not there for us; what waits long enough gets what the init scripts made."""
    container = starting.containers("postgres")[0]["Id"]
    until = time.monotonic() + 60
    while "it began" not in docker("logs", container):
        assert time.monotonic() < until, "the script never ran"
        time.sleep(0.1)
    refused = starting.module("postgres_backup", **starting.backing_up, databases=["shop"], connect_timeout=2)
    assert (refused["failed"], refused["reason"]) == (True, "postgres_unreachable"), refused
    assert not starting.backup_dir.exists()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(starting.back_up, "shop", connect_timeout=120)
        time.sleep(1)
        assert not waiting.done(), waiting.result()
        docker("exec", container, "touch", "/tmp/go")
        made = waiting.result()
    assert made.manifest.content["tables"]["public.orders"]["rows"] == 300
