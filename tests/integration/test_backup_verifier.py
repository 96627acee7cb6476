"""The verifier on real backups: it passes what was dumped, names what was not, and blames no backup for what it lacks itself."""

from __future__ import annotations

import dataclasses
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_verifier import BackupVerifier
from ansible_collections.runbook.compose.plugins.module_utils._adapters.engine import Engine
from ansible_collections.runbook.compose.plugins.module_utils._adapters.verifier import VerifySettings
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack
from tests.support.backups import BackedUpStack, forged
from tests.support.modules import ROOT
from tests.support.stacks import docker, unique_name

ODD_SCHEMA = (ROOT / "tests/support/odd_schema.sql").read_text()
ORDERS = (
    "CREATE TABLE orders (id serial PRIMARY KEY, note text)",
    "INSERT INTO orders (note) SELECT 'n' || i FROM generate_series(1, 300) i",
    "CREATE TABLE users (id int PRIMARY KEY, name text)",
    "INSERT INTO users SELECT i, 'u' || i FROM generate_series(1, 10) i",
    "CREATE TABLE parts (id int)",
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = BackedUpStack(tmp_path_factory.mktemp("verifier"), unique_name("verifier"))
    try:
        made.up()
        made.sql(*ORDERS)
        yield made
    finally:
        made.down()


@pytest.fixture(scope="module")
def whole(stack):
    return stack.back_up("shop")


def verify(stack, backup, level=3, image="runbook-postgres:15", **settings):
    described = Stack.from_params(stack.options)
    verifier = BackupVerifier(described, Engine.connect(described), image, VerifySettings(**settings))
    with stack.store.working_on(backup.manifest.subject):
        return verifier.verify(stack.store, backup, level)


def left_over(stack) -> list[str]:
    made = docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={stack.name}").split()
    return made + [path.name for path in Path(stack.store.root).glob("*/.tmp-*")]


def test_what_was_dumped_passes_until_an_assertion_does_not_hold(stack, whole):
    asked = ("SELECT count(*) = 300 FROM orders", "SELECT count(*) = 9 FROM users", "SELECT nothing", "DELETE FROM orders")
    found = verify(stack, whole, level=4, assertions=asked)
    assert (found.outcome, found.level, len(found.differences)) == ("failed", 4, 3)
    assert found.differences[0].startswith("assertion 'SELECT count(*) = 9 FROM users': it gave [False]")
    assert found.image == "runbook-postgres:15"
    assert found.seconds > 0
    assert left_over(stack) == []


def test_odd_objects_roles_and_locales_pass(stack):
    stack.sql(
        "CREATE ROLE reader",
        'CREATE ROLE "own er" LOGIN',
        'CREATE DATABASE "odd %s\'name" OWNER "own er" TEMPLATE template0 LC_COLLATE \'C\'',
        database="postgres",
    )
    stack.sql(ODD_SCHEMA, database="odd %s'name")
    found = verify(stack, stack.back_up("odd %s'name"))
    assert (found.outcome, found.differences) == ("passed", ())


def test_the_archive_of_something_else_is_found_out(stack, whole):
    """T21: every hash fits, and the archive restores without an error."""
    stack.sql("CREATE DATABASE other", database="postgres")
    changes = ("DROP TABLE parts", "DELETE FROM orders WHERE id = 7", "UPDATE users SET name = 'u8' WHERE id = 7")
    stack.sql(*ORDERS, *changes, database="other")
    found = verify(stack, forged(stack.store, whole, stack.back_up("other")))
    assert (found.outcome, found.level) == ("failed", 3)
    assert found.differences[:2] == ("table public.parts is missing", "table public.orders: 300 rows expected, 299 found")
    assert found.differences[2].startswith("table public.users: 10 rows with checksum ")
    assert left_over(stack) == []


def test_what_the_image_does_not_bring_is_listed(stack, whole):
    """T22."""
    content = {**whole.manifest.content, "extensions": {"plpgsql": "1.0", "postgis": "3.4", "timescaledb": "2.1"}, "roles": ["shop", "pg_of_the_future"]}
    found = verify(stack, forged(stack.store, whole, whole, content=content))
    assert found.outcome == "inconclusive"
    assert found.differences == ("the image has no extension postgis; the image has no extension timescaledb; the image has no role pg_of_the_future",)


def test_a_verifier_without_memory_blames_no_backup(stack, whole):
    """T23."""
    found = verify(stack, whole, memory_bytes=12 * 2**20)
    assert found.outcome == "inconclusive"
    assert "throwaway server" in found.differences[0]
    stack.store.add_verification(whole, found)
    assert stack.store.read(whole.directory).state == "dumped"
    assert left_over(stack) == []


def test_an_archive_that_stops_too_early_fails_where_it_is_read(stack, whole):
    """Every hash fits, and the end is missing."""
    first, *others = whole.manifest.files
    content = subprocess.run(["zstd", "-dc", Path(whole.directory) / first.path], capture_output=True, check=True).stdout[:-2000]
    packed = subprocess.run(["zstd", "-c"], input=content, capture_output=True, check=True).stdout
    facts = {"bytes": len(packed), "sha256": sha256(packed).hexdigest(), "plain_bytes": len(content), "plain_sha256": sha256(content).hexdigest()}
    short = forged(stack.store, whole, whole, files=(dataclasses.replace(first, **facts), *others))
    path = Path(short.directory) / first.path
    path.unlink()
    path.write_bytes(packed)
    found = verify(stack, short)
    assert (found.outcome, found.level) == ("failed", 2)
    assert verify(stack, short, level=1).outcome == "failed"
    assert "exit code 1" in found.differences[0]


def test_a_directory_by_several_workers_is_packed_proven_and_brought_back(stack, tmp_path):
    subprocess.run(["age-keygen", "-o", tmp_path / "key"], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", tmp_path / "key"], check=True, capture_output=True, text=True).stdout.strip()
    key = {"recipients": [recipient], "identity_file": str(tmp_path / "key")}
    stack.sql("SELECT lo_from_bytea(4711, 'a large object')", "CREATE TABLE wide AS SELECT i, repeat(md5(i::text), 20) AS t FROM generate_series(1, 20000) i")
    backup = stack.back_up("shop", format="directory", jobs=2, verify="restore", encryption=key)
    assert (backup.state, [file.format for file in backup.manifest.files]) == ("verified", ["pg_dump-directory-tar", "sql"])
    assert sorted(path.name for path in Path(backup.directory).glob("*.age")) == ["database.tar.zst.age", "globals.sql.zst.age"]
    assert verify(stack, backup, level=1, identity_file=str(tmp_path / "key")).outcome == "passed"
    stack.sql("DROP TABLE wide")
    where = {"backup_dir": str(stack.backup_dir), "database": "shop", "backup": backup.id, "safety_backup": False, "dependents": [], "undo_ttl": 0}
    restored = stack.module("postgres_restore", **where, confirm="shop", encryption=key)
    assert (restored["failed"], restored.get("compared")) == (False, True), restored["msg"]
    assert stack.sql("SELECT count(*) FROM wide") == [(20000,)]
    assert left_over(stack) == []


def test_the_wrong_key_is_no_fault_of_the_backup(stack, tmp_path):
    for name in ("right", "wrong"):
        subprocess.run(["age-keygen", "-o", tmp_path / name], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", tmp_path / "right"], check=True, capture_output=True, text=True).stdout.strip()
    backup = stack.back_up("shop", encryption={"recipients": [recipient]})
    assert verify(stack, backup, level=1, identity_file=str(tmp_path / "right")).outcome == "passed"
    found = verify(stack, backup, level=1, identity_file=str(tmp_path / "wrong"))
    assert (found.outcome, found.level) == ("inconclusive", 1)
    assert "age cannot read it" in found.differences[0]
