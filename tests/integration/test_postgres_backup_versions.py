"""A schema with a bit of everything, dumped, restored and compared on newer servers."""

from __future__ import annotations

import pytest

from tests.support.modules import ROOT
from tests.support.postgres import PostgresStack
from tests.support.stacks import unique_name


@pytest.mark.parametrize("version", ["17", "18"])
def test_an_odd_schema_is_the_same_after_a_restore(tmp_path, version):
    server = PostgresStack(tmp_path, unique_name(f"pg-backup-{version}"), version)
    try:
        server.up()
        server.sql("CREATE ROLE reader", 'CREATE ROLE "own er" LOGIN')
        server.sql((ROOT / "tests/support/odd_schema.sql").read_text())
        result = server.module("postgres_backup", backup_dir=str(tmp_path / "backups"), allow_same_disk=True, databases=["shop"])
        assert not result["failed"], result
        assert [(backup["state"], backup["verified_level"], backup["rows"]) for backup in result["backups"]] == [("verified", 3, 657)]
    finally:
        server.down()
