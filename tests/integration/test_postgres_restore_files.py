"""Restores of files that other programs made, and on servers that have little room: disk, and shared memory."""

from __future__ import annotations

import gzip
import re
import subprocess

import pytest

from tests.support.restores import RestoredStack
from tests.support.stacks import docker, unique_name

# A join of several workers keeps its table in /dev/shm, of which a container has 64 MiB.
EAGER = ("work_mem=1GB", "hash_mem_multiplier=1", "enable_mergejoin=off", "enable_nestloop=off", "max_parallel_workers_per_gather=2")
EAGER += (
    "max_parallel_maintenance_workers=2",
    "maintenance_work_mem=512MB",
    "min_parallel_table_scan_size=0",
    "parallel_setup_cost=0",
    "parallel_tuple_cost=0",
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = RestoredStack(tmp_path_factory.mktemp("restore-files"), unique_name("restore-files"), settings=EAGER)
    try:
        made.up()
        made.furnish()
        yield made
    finally:
        made.down()


@pytest.fixture(autouse=True)
def clean(stack):
    yield
    stack.forget_restores()


def test_files_of_the_old_runbook(stack, tmp_path):
    """T31b: plain, as later versions of pg_dump write it, and archives, packed and not; told by what they hold, not by their names."""
    plain = stack.dump(tmp_path / "shop.sql")
    assert re.search(r"^\\restrict \w+$", plain.read_text(), re.MULTILINE), "a pg_dump that is older than this test"
    packed = tmp_path / "shop.sql.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    custom = stack.dump(tmp_path / "named.sql", "-Fc")
    squeezed = tmp_path / "shop.dump.zst"
    subprocess.run(["zstd", "-q", custom, "-o", squeezed], check=True)
    was = stack.properties()
    for file in (plain, packed, custom, squeezed):
        stack.sql("DELETE FROM orders WHERE id > 7")
        done = stack.attempt(file=str(file), backup_dir="")
        assert (done["failed"], done["compared"], done["rows"], done["source"]) == (False, False, 300, f"file {file.name}")
        assert (stack.orders(), stack.properties()) == (300, was)
    stack.attempt(state="expired", undo_ttl=0)
    text = plain.read_text()
    first = "SET statement_timeout = 0;"
    wrong = [("archive_rejected", text.replace(first, f"SELECT 1 / 0;\n{first}")), ("archive_unreadable", text[: text.index("300\tn300")])]
    wrong += [("restore_refused", text.replace(first, f"{line}\n{first}")) for line in ("\\connect postgres", "\\! touch /tmp/reached")]
    wrong += [("restore_refused", f"{text}\\copy orders FROM PROGRAM 'echo 1'\n")]
    for number, (reason, content) in enumerate(wrong):
        bad = tmp_path / f"wrong-{number}.sql"
        bad.write_text(content)
        failed = stack.attempt(file=str(bad), backup_dir="")
        assert (failed["reason"], failed["details"]["safe_state"]) == (reason, "untouched")
        assert (stack.orders(), stack.databases()) == (300, {"postgres": True, "shop": True})
    packed.write_bytes(packed.read_bytes()[:-5])
    assert stack.attempt(file=str(packed), backup_dir="")["reason"] == "archive_unreadable"


def test_little_shared_memory_does_not_fail_a_restore(stack, tmp_path):
    """T30: a view that is filled by several workers. The server's own pg_restore fails with it."""
    stack.sql("CREATE DATABASE joined", "CREATE DATABASE plainly", database="postgres")
    rows = "CREATE TABLE t AS SELECT i AS id, i % 7 AS part FROM generate_series(1, 1500000) i"
    view = "CREATE MATERIALIZED VIEW v AS SELECT a.part, count(*) FROM t a JOIN t b USING (id) GROUP BY 1"
    stack.sql(rows, "SET max_parallel_workers_per_gather = 0", view, "CREATE INDEX ON t (part, id)", database="joined")
    archive = stack.dump(tmp_path / "joined.dump", "-Fc", database="joined")
    server = stack.containers("postgres")[0]["Id"]
    with archive.open("rb") as file:
        plainly = ["docker", "exec", "-i", server, "pg_restore", "-U", "shop", "--exit-on-error", "-d", "plainly"]
        failed = subprocess.run(plainly, stdin=file, capture_output=True, text=True, check=False)
    assert failed.returncode != 0 and "could not resize shared memory segment" in failed.stderr, failed.stderr

    done = stack.attempt(file=str(archive), backup_dir="", database="joined", confirm="joined")
    assert (done["failed"], done.get("rows")) == (False, 1500000), done
    assert stack.sql("SELECT sum(count) FROM v", database="joined") == [(1500000,)]
    stack.sql("DROP DATABASE plainly", database="postgres")


@pytest.fixture
def narrow(tmp_path):
    """A server whose data lie on a small disk of their own."""
    made = RestoredStack(tmp_path, unique_name("restore-narrow"), settings=("max_wal_size=32MB", "min_wal_size=32MB", "autovacuum=off"))
    compose = made.directory / "compose.yaml"
    disk = "{data: {driver_opts: {type: tmpfs, device: tmpfs, o: size=200m}}}"
    compose.write_text(compose.read_text().replace("volumes: {data: {}}", f"volumes: {disk}"))
    try:
        made.up("postgres")
        yield made
    finally:
        made.down()


def test_a_disk_without_room_for_two_copies_is_refused_with_the_numbers(narrow):
    """T29: what is free is read where the server keeps its data."""
    narrow.sql("CREATE TABLE orders AS SELECT i AS id, repeat(md5(i::text), 8) AS note FROM generate_series(1, 200000) i", "CHECKPOINT")
    narrow.back_up("shop")
    ((size,),) = narrow.sql("SELECT pg_database_size('shop')")
    free = int(docker("exec", narrow.containers("postgres")[0]["Id"], "df", "--output=avail", "--block-size=1M", "/var/lib/postgresql/data").split()[-1])
    refused = narrow.attempt(allow_unverified=True)
    assert (refused.get("reason"), [problem["code"] for problem in refused["details"]["problems"]]) == ("restore_refused", ["not_enough_space"]), refused
    needed, told = map(int, re.search(r"About (\d+) MiB are needed .* (\d+) MiB are free", refused["msg"]).groups())
    assert abs(told - free) <= 17 and abs(needed - 1.3 * size / 2**20) < 3 and told < needed
    assert (narrow.orders(), narrow.databases(), narrow.leftovers()) == (200000, {"postgres": True, "shop": True}, [])
