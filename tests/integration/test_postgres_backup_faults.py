"""What goes wrong while a backup is made: nothing incomplete is published, nothing is left, and the message says what it was."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.archive_writer import ArchiveWriter, SpaceFloor, free_bytes
from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_errors import BackupNoSpace
from tests.support.modules import call, start
from tests.support.postgres import PASSWORD, PostgresStack
from tests.support.stacks import docker, unique_name

WEAK_PASSWORD = "weak-password-of-the-test"
# Random, so that nothing of it can be compressed away: more than all pipes on the way can hold.
FILL = "CREATE TABLE filling AS SELECT i, sha512(i::text::bytea) || sha512((-i)::text::bytea) AS raw FROM generate_series(1, 200000) i"
GOOD_KEY_WITH_A_TYPING_ERROR = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q"


class Server(PostgresStack):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory, unique_name("pg-backup-faults"))
        self.backup_dir = directory / "backups"
        self.programs = directory / "programs"
        self.programs.mkdir()

    def arguments(self, **options) -> dict:
        settings = {"backup_dir": str(self.backup_dir), "verify": "none", "allow_same_disk": True, "databases": ["bulk"], "space_floor_mb": 1}
        return {**self.options, **settings, **options}

    def back_up(self, path: str | None = None, **options) -> dict:
        environment = {**os.environ, **({"PATH": path} if path is not None else {})}
        return call("postgres_backup", self.arguments(**options), environment=environment)

    def retention(self) -> dict:
        """Keeps one backup only."""
        return call("backup_retention", {**self.options, "backup_dir": str(self.backup_dir), "keep_last": 1, "max_delete_fraction": 1.0})

    def with_program(self, name: str, script: str) -> str:
        """A PATH on which one program is replaced."""
        directory = self.programs / unique_name(str(time.monotonic_ns()))
        directory.mkdir()
        (directory / name).write_text(f"#!/bin/sh\n{script}\n")
        (directory / name).chmod(0o755)
        return f"{directory}:{os.environ['PATH']}"

    def published(self, database: str = "bulk") -> list[str]:
        return [backup.id for backup in BackupStore(str(self.backup_dir), self.name, "postgres").all()[0] if backup.manifest.subject == database]

    def require_nothing_left(self) -> None:
        temporary = [path for path in self.backup_dir.rglob("*") if path.name.startswith((".tmp-", ".trash-"))]
        assert temporary == []
        assert docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={self.name}") == ""
        self.await_rows("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'runbook.compose%'", [(0,)])

    @contextlib.contextmanager
    def stuck_backup(self, **options):
        """A backup in the middle of its dump: its zstd takes a little, and then no more."""
        path, before = os.environ["PATH"], os.environ.copy()
        os.environ["PATH"] = self.with_program("zstd", "head -c 100000 >/dev/null; exec sleep 1000")
        try:
            process = start("postgres_backup", self.arguments(**options))
        finally:
            os.environ.update(before)
        assert os.environ["PATH"] == path
        try:
            asked = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name LIKE 'runbook.compose dump%' AND wait_event = 'ClientWrite'"
            self.await_rows(asked, [(True,)])
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("faults"))
    try:
        made.up()
        made.sql("CREATE DATABASE bulk", "CREATE TABLE fine (a int)", f"CREATE ROLE weak LOGIN PASSWORD '{WEAK_PASSWORD}'")
        made.sql(FILL, "CREATE TABLE locked (a int)", "GRANT SELECT ON filling TO weak", database="bulk")
        yield made
    finally:
        made.down()


def test_a_killed_run_is_cleared_up_by_the_next_one(server):
    """Beside it: nobody else may work on the same backups, and the password is nowhere to be seen."""
    with server.stuck_backup() as process:
        second = server.back_up()
        assert (second["failed"], second["reason"]) == (True, "backup_busy") and f"process {process.pid}" in second["msg"]
        beside = server.retention()
        assert (beside["failed"], beside["actions"]) == (False, []) and process.poll() is None
        assert len(list(server.backup_dir.rglob(".tmp-*"))) == 1, "retention took what a living run works on"
        require_secret_nowhere(server)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert list(server.backup_dir.rglob(".tmp-*")) != [] and server.published() == []

    # A number that a dead run left may belong to a living process by now: it is the lock that counts, not what stands in it.
    (server.backup_dir / server.name / "postgres" / "bulk" / ".lock").write_text(str(os.getpid()))
    third = server.back_up()
    assert not third["failed"], third
    assert len(server.published()) == 1
    server.require_nothing_left()


def require_secret_nowhere(server: Server) -> None:
    secret = PASSWORD.encode()
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            assert secret not in place.read_bytes(), place
    for directory in (server.backup_dir, server.state_dir):
        for file in directory.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # how far it is, is written anew at any time
                assert not file.is_file() or secret not in file.read_bytes(), file
    helpers = docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={server.name}").split()
    assert len(helpers) == 2 and PASSWORD not in docker("inspect", *helpers)


def test_a_server_that_dies_in_the_middle_is_told_and_the_next_run_is_well(server):
    before = server.published()
    container = server.containers("postgres")[0]["Id"]
    path = server.with_program("zstd", f"head -c 100000 >/dev/null; docker kill {container} >/dev/null; exec cat >/dev/null")
    result = server.back_up(path)
    assert (result["failed"], result["reason"]) == (True, "postgres_restarted"), result
    assert server.published() == before
    docker("start", container)
    after = server.back_up(connect_timeout=60)  # at once: it waits for a server that is starting
    assert not after["failed"], after
    assert len(server.published()) == len(before) + 1
    server.require_nothing_left()


def test_a_lock_names_who_holds_it_and_does_not_stop_the_other_databases(server):
    before = server.published()
    holder = server.connect("bulk")
    pid = holder.info.backend_pid
    try:
        holder.autocommit = False
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
            cursor.execute("SELECT 'secret-in-a-statement'")
        result = server.back_up(databases=["bulk", "shop"], lock_wait_timeout=3)
    finally:
        holder.close()
    assert (result["failed"], result["reason"]) == (True, "postgres_locked"), result
    assert f"process {pid} of shop (test, idle in transaction)" in result["msg"]
    assert "secret-in-a-statement" not in str(result)
    assert [failed["database"] for failed in result["details"]["failed_databases"]] == ["bulk"]
    assert [backup["subject"] for backup in result["details"]["backups"]] == ["shop"]
    assert server.published() == before and len(server.published("shop")) == 1
    server.require_nothing_left()


def test_a_role_that_may_not_read_a_table_is_told_which(server):
    before = server.published()
    result = server.back_up(username="weak", password=WEAK_PASSWORD)
    assert (result["failed"], result["reason"]) == (True, "postgres_permission_denied"), result
    assert "table locked" in result["msg"] and WEAK_PASSWORD not in str(result) and "warnings" not in result, result
    assert server.published() == before
    server.require_nothing_left()


def test_a_role_that_sees_a_part_of_the_rows_dumps_none(server):
    """T10b: with a policy on the table pg_dump would get less, and say nothing, if it were let."""
    before = server.published()
    server.sql("CREATE TABLE guarded (a int)", "INSERT INTO guarded VALUES (1), (2)", "CREATE POLICY half ON guarded USING (a = 1)", database="bulk")
    server.sql("ALTER TABLE guarded ENABLE ROW LEVEL SECURITY", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO weak", database="bulk")
    try:
        for way in ({}, {"transport": "exec"}):
            result = server.back_up(username="weak", password=WEAK_PASSWORD, **way)
            assert (result["failed"], result["reason"]) == (True, "postgres_permission_denied"), result
            assert '"guarded"' in result["msg"] and server.published() == before
    finally:
        server.sql("DROP TABLE guarded", "REVOKE SELECT ON locked FROM weak", database="bulk")
    # What is ended in its container are no children of the server, which would take their end for a crash of its own.
    assert "terminated by signal" not in server.compose("logs", "postgres").stdout
    server.require_nothing_left()


@pytest.fixture
def small_disk(tmp_path):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=23m", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_a_disk_that_fills_up_keeps_what_was_there(server, small_disk):
    """The dump does not compress as well as was estimated."""
    used = {"backup_dir": str(small_disk / "backups"), "space_floor_mb": 0}
    other = server.back_up(databases=["shop"], **used, allow_same_disk=False)
    assert not other["failed"], other
    before = {file: file.read_bytes() for file in small_disk.rglob("*") if file.is_file()}
    result = server.back_up(**used)
    assert (result["failed"], result["reason"]) == (True, "backup_no_space") and "is full" in result["msg"], result
    after = {file: file.read_bytes() for file in small_disk.rglob("*") if file.is_file() and file.name != ".lock"}
    assert after.items() <= before.items() and len(after) == 4
    server.require_nothing_left()
    refused = server.back_up(**{**used, "space_floor_mb": 20})
    assert refused["reason"] == "backup_no_space" and "Nothing was begun" in refused["msg"]


def test_the_floor_is_kept_while_writing(tmp_path):
    free = free_bytes(str(tmp_path))
    floor = SpaceFloor(str(tmp_path), 2 * free)
    with pytest.raises(BackupNoSpace) as caught, ArchiveWriter(str(tmp_path / "file"), [], floor, time.monotonic() + 60) as writer:
        for unused in range(200):
            writer.write(os.urandom(1 << 20))
        writer.finish("random")
    assert caught.value.details["floor_bytes"] == 2 * free and writer.written == 0


def test_a_program_of_the_chain_that_is_missing_dies_or_hangs_is_told(server, tmp_path):
    before = server.published()
    missing = server.back_up(path=str(tmp_path))
    assert (missing["failed"], missing["reason"]) == (True, "program_missing") and "zstd" in missing["msg"]
    killed = server.back_up(path=server.with_program("zstd", "head -c 100000 >/dev/null; kill -9 $$"))
    assert (killed["failed"], killed["reason"], killed["details"]["stage"]) == (True, "backup_stage_failed", "zstd")
    assert "signal 9" in killed["msg"] and server.published() == before
    stuck = server.back_up(path=server.with_program("zstd", "head -c 100000 >/dev/null; exec sleep 1000"), timeout=4)
    assert (stuck["failed"], stuck["reason"]) == (True, "timed_out") and server.published() == before
    server.require_nothing_left()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"encryption": {"recipients": [GOOD_KEY_WITH_A_TYPING_ERROR]}}, "recipient_invalid"),
        ({"encryption": {"recipients": ["--output=/etc/passwd"]}}, "recipient_invalid"),
        ({"encryption": {"recipients": ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]}, "verify": "restore"}, "bad_input"),
        ({"encryption": {"identity_file": "/nowhere"}}, "bad_input"),
        ({"databases": ["bulk", "nowhere"]}, "unknown_database"),
        ({"allow_same_disk": False}, "backup_on_same_disk"),
        ({"state": "verified", "backup": "20260101T000000Z-000001-abcd"}, "backup_missing"),
        ({"state": "verified", "databases": []}, "bad_input"),
        ({"lock_wait_timeout": 0}, "bad_input"),
        ({"assertions": ["SELECT true"]}, "bad_input"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_done(server, tmp_path, options, reason):
    """backup_dir is on the disk of the data in these tests, as everything is."""
    data = Path(server.containers("postgres")[0]["Mounts"][0]["Source"])
    place = data.parent / "backups" if "allow_same_disk" in options else tmp_path / "backups"
    result = server.back_up(**{"backup_dir": str(place), **options})
    assert (result["failed"], result["reason"]) == (True, reason), result
    assert not place.exists()
