"""postgres_backup on a real server: what it writes, what it says of it, and that stock programs can bring it back."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.backup_store import BackupStore
from ansible_collections.runbook.compose.plugins.module_utils._adapters.postgres_content import Summing, capture_content
from ansible_collections.runbook.compose.plugins.module_utils._adapters.postgres_ping import PostgresAddress
from ansible_collections.runbook.compose.plugins.module_utils._adapters.postgres_session import PostgresSession
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_manifest import ManifestInvalid
from ansible_collections.runbook.compose.plugins.module_utils._core.database_content import DatabaseContent, differences
from tests.support.modules import ROOT
from tests.support.postgres import PASSWORD, PostgresStack
from tests.support.stacks import docker, unique_name

ODD_NAME = "-h o\"dd 'n%me=$(x)\nü"
ODD_SCHEMA = (ROOT / "tests/support/odd_schema.sql").read_text()


class Server(PostgresStack):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory, unique_name("pg-backup"))
        self.backup_dir = directory / "backups"

    @property
    def store(self) -> BackupStore:
        return BackupStore(str(self.backup_dir), self.name, "postgres")

    def back_up(self, check: bool = False, **options) -> dict:
        settings = {"backup_dir": str(self.backup_dir), "verify": "none", "allow_same_disk": True, "databases": ["shop"]}
        return self.module("postgres_backup", check=check, **{**settings, **options})

    def content(self, database: str) -> DatabaseContent:
        address = PostgresAddress(self.address, 5432, "shop", PASSWORD, "shop")
        with PostgresSession.open(address, database, "test") as session, session.transaction("ISOLATION LEVEL REPEATABLE READ"):
            return capture_content(session, Summing(max_bytes=2**40))

    def restore(self, files: list[Path], identity: Path, database: str) -> None:
        """With what every host has: age, zstd, and the server's own programs."""
        plain = subprocess.Popen(["age", "-d", "-i", identity, files[0]], stdout=subprocess.PIPE)
        unpacked = subprocess.Popen(["zstd", "-dc"], stdin=plain.stdout, stdout=subprocess.PIPE)
        container = self.containers("postgres")[0]["Id"]
        restore = ["docker", "exec", "-i", container, "pg_restore", "-U", "shop", "--exit-on-error", "--dbname", database]
        assert subprocess.run(restore, stdin=unpacked.stdout, check=False).returncode == 0
        assert (plain.wait(), unpacked.wait()) == (0, 0)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("backup"))
    try:
        made.up()
        made.sql("CREATE TABLE orders (id serial PRIMARY KEY, note text)", "INSERT INTO orders (note) SELECT 'n' || i FROM generate_series(1, 1234) i")
        made.sql("CREATE ROLE reader", 'CREATE ROLE "own er" LOGIN')
        yield made
    finally:
        made.down()


@pytest.fixture(scope="module")
def published(server):
    result = server.back_up(purpose="scheduled")
    assert not result["failed"], result
    return result


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A file with a private key, and the public one."""
    identity = tmp_path_factory.mktemp("keys") / "identity"
    subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
    return identity, subprocess.run(["age-keygen", "-y", identity], check=True, capture_output=True, text=True).stdout.strip()


def test_check_then_do_then_both_again(server):
    would = server.back_up(check=True)
    assert would["changed"] and [action["action"] for action in would["actions"]] == ["back_up"]
    assert not server.backup_dir.exists()

    did = server.back_up()
    assert did["changed"] and did["actions"] == would["actions"] and did["failed_databases"] == []
    (backup,) = did["backups"]
    assert (backup["state"], backup["made"], backup["rows"]) == ("dumped", True, 1234)

    again = server.back_up(check=True, min_age=3600)
    done = server.back_up(min_age=3600)
    assert not again["changed"] and not done["changed"] and again["diff"]["before"] == again["diff"]["after"]
    assert [(one["id"], one["made"]) for one in done["backups"]] == [(backup["id"], False)]
    assert server.back_up(check=True, min_age=3600, verify="restore")["changed"], "one that was only dumped is not enough"


def test_the_manifest_says_what_was_there(server, published):
    (row,) = published["backups"]
    backup = server.store.read(row["directory"])
    content = DatabaseContent.from_dict(backup.manifest.content)
    assert differences(content, server.content("shop")) == []
    assert content.tables["public.orders"].rows == server.sql("SELECT count(*) FROM orders")[0][0] == 1234
    assert content.sequences["public.orders_id_seq"].last_value == 1234
    source = backup.manifest.source
    assert source["system_identifier"] == str(server.sql("SELECT system_identifier FROM pg_control_system()")[0][0])
    assert (source["database"], source["owner"], source["encoding"], backup.manifest.purpose) == ("shop", "shop", "UTF8", "scheduled")
    assert source["image_id"] == server.containers("postgres")[0]["Image"]
    assert source["pg_dump_version"].startswith("15.") and source["server_version"] // 10000 == 15
    assert (Path(row["directory"]).parent / "latest").resolve() == Path(row["directory"])


def test_the_engines_stream_brings_the_same_and_its_login_stays_a_secret(server):
    result = server.back_up(transport="exec", verify="restore")
    assert not result["failed"], result["msg"]
    backup = result["backups"][0]
    assert (backup["state"], backup["verified_level"], backup["rows"]) == ("verified", 3, 1234)
    assert PASSWORD not in json.dumps(result)
    failed = server.back_up(transport="exec", password="wrong")
    assert failed["failed"] and PASSWORD not in json.dumps(failed)


def test_only_the_owner_can_read_it_and_nobody_can_write_it(published):
    directory = Path(published["backups"][0]["directory"])
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o400}
    assert {stat.S_IMODE(place.stat().st_mode) for place in [directory, *directory.parents[:4]]} == {0o700}
    assert {file.name for file in directory.iterdir()} == {"manifest.json", "manifest.sha256", "database.dump.zst", "globals.sql.zst"}


def test_nothing_is_left_beside_it(server, published):
    assert docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={server.name}") == ""
    server.await_rows("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'runbook.compose%'", [(0,)])
    assert list((server.state_dir / server.name / "progress").iterdir()) == []
    events = [json.loads(line)["event"] for line in (server.state_dir / server.name / "journal.ndjson").read_text().splitlines()]
    assert "backup_made" in events and PASSWORD not in json.dumps(published)


def test_stock_programs_bring_an_encrypted_backup_of_odd_names_back(server, keys):
    identity, recipient = keys
    name = ODD_NAME.replace('"', '""')
    server.sql(f'CREATE DATABASE "{name}"', "CREATE DATABASE copy TEMPLATE template0", "CREATE DATABASE shop__undo_1a2b3c4d")
    server.sql(ODD_SCHEMA, database=ODD_NAME)

    result = server.back_up(databases=[], encryption={"recipients": [recipient]})
    assert not result["failed"], result
    assert {backup["subject"] for backup in result["backups"]} == {ODD_NAME, "copy", "postgres", "shop"}, "all but what a restore left"
    odd = next(backup for backup in result["backups"] if backup["subject"] == ODD_NAME)
    assert odd["encrypted"] and odd["rows"] == 500 + 2 + 2 + 150 + 1 + 1 + 1
    files = sorted(Path(odd["directory"]).glob("*.age"))
    assert [file.read_bytes()[:21] for file in files] == [b"age-encryption.org/v1"] * 2

    server.restore(files, identity, "copy")
    manifest = server.store.read(odd["directory"]).manifest
    assert differences(DatabaseContent.from_dict(manifest.content), server.content("copy")) == []
    for change in ("DROP INDEX orders_lower_idx", "ALTER TABLE orders ALTER price SET DEFAULT 1", "GRANT SELECT ON child TO reader"):
        before = server.content("copy").schema_fingerprint
        server.sql(change, database="copy")
        assert server.content("copy").schema_fingerprint != before, change


def test_a_backup_counts_as_verified_once_it_was_restored_and_compared(server, keys):
    identity, recipient = keys
    wanted = {"verify": "restore", "min_age": 3600, "assertions": ["SELECT count(*) = 1234 FROM public.orders"]}
    encryption = {"recipients": [recipient], "identity_file": str(identity)}
    did = server.back_up(encryption=encryption, **wanted)
    assert not did["failed"], did
    (backup,) = did["backups"]
    assert (backup["state"], backup["verified_level"], backup["encrypted"]) == ("verified", 4, True) and backup["restore_seconds"] > 0
    assert (Path(backup["directory"]).parent / "latest-verified").resolve() == Path(backup["directory"])
    again = server.back_up(encryption=encryption, **wanted)
    assert not again["changed"] and again["backups"][0]["id"] == backup["id"]

    proof = {"state": "verified", "backup": backup["id"], "encryption": encryption}
    assert not server.back_up(**proof, min_age=3600)["changed"]
    lied_to = server.back_up(**proof, assertions=["SELECT count(*) = 1 FROM public.orders"])
    assert (lied_to["failed"], lied_to["reason"], lied_to["details"]["outcome"]) == (True, "backup_not_verified", "failed"), lied_to
    assert server.store.read(backup["directory"]).state == "damaged"


def test_an_older_backup_is_proven_on_demand_and_damage_to_it_is_told(server, published):
    backup = published["backups"][0]
    wanted = {"state": "verified", "backup": backup["id"], "level": 1}
    would = server.back_up(check=True, **wanted)
    assert would["actions"] == [{"action": "verify", "target": backup["id"], "detail": "level 1"}]
    done = server.back_up(**wanted)
    assert done["changed"] and (done["backups"][0]["verified_level"], done["backups"][0]["state"]) == (1, "dumped"), done
    file = Path(backup["directory"], "globals.sql.zst")
    whole = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    damaged = server.back_up(**wanted)
    file.write_bytes(whole)
    assert (damaged["failed"], damaged["reason"]) == (True, "backup_not_verified") and "globals.sql.zst" in damaged["msg"], damaged


@pytest.mark.parametrize("damage", ["flip the first byte", "flip a middle byte", "flip the last byte", "cut", "append", "remove", "edit the manifest"])
def test_damage_is_found(server, published, tmp_path, damage):
    """On a copy: the hashes stand in the manifest, and the manifest's own beside it."""
    original = server.store.read(published["backups"][0]["directory"])
    copy = BackupStore(str(tmp_path), server.name, "postgres")
    place = Path(copy.directory("shop"), original.id)
    subprocess.run(["cp", "-a", "--", Path(original.directory).parent, Path(copy.root).mkdir(parents=True) or copy.root], check=True)
    assert copy.damaged_files(copy.read(str(place))) == []
    for name in ["manifest.json"] if damage == "edit the manifest" else [file.path for file in original.manifest.files]:
        file = place / name
        content = file.read_bytes()
        at = {"flip the first byte": 0, "flip a middle byte": len(content) // 2, "flip the last byte": len(content) - 1}.get(damage, 5)
        flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        file.chmod(0o600)
        file.write_bytes({"cut": content[:-1], "append": content + b"\0", "edit the manifest": content.replace(b"1234", b"1233")}.get(damage, flipped))
        if damage == "remove":
            file.unlink()
    if damage == "edit the manifest":
        with pytest.raises(ManifestInvalid):
            copy.read(str(place))
        assert [unreadable.directory for unreadable in copy.all()[1]] == [str(place)]
    else:
        found = copy.damaged_files(copy.read(str(place)))
        assert [sentence.split(":")[0] for sentence in found] == ["database.dump.zst", "globals.sql.zst"], found
