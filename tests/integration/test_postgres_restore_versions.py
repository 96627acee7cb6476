"""A dump of an older Postgres goes into a newer server, and never the other way (T31)."""

from __future__ import annotations

import pytest

from tests.support.backups import forged
from tests.support.restores import RestoredStack
from tests.support.stacks import unique_name


@pytest.fixture(scope="module", params=[("15", "17")], ids="-".join)
def pair(request, tmp_path_factory):
    """An older server and a newer one, each with a backup of its own."""
    made = [RestoredStack(tmp_path_factory.mktemp(f"pg{version}"), unique_name(f"restore-{version}"), version) for version in request.param]
    try:
        for stack in made:
            stack.up("postgres")
            stack.sql("CREATE TABLE orders (id serial PRIMARY KEY, note text)", "INSERT INTO orders (note) SELECT 'n' || i FROM generate_series(1, 300) i")
            stack.proven = stack.back_up("shop")
        yield made
    finally:
        for stack in made:
            stack.down()


def carried(source: RestoredStack, target: RestoredStack) -> str:
    """The id of the source's backup among those of the target."""
    return forged(target.store, source.proven, source.proven, stack=target.name).id


def test_an_older_dump_becomes_live_on_a_newer_server(pair, tmp_path):
    older, newer = pair
    newer.sql("DELETE FROM orders WHERE id > 7")
    options = {"backup": carried(older, newer), "allow_unverified": True}
    foreign = newer.attempt(**options)
    assert [problem["code"] for problem in foreign["details"]["problems"]] == ["foreign_server"]
    done = newer.attempt(allow_foreign=True, **options)
    assert (done["failed"], done["compared"], newer.orders()) == (False, True, 300)
    for name, form in (("old.sql", "-Fp"), ("old.dump", "-Fc")):
        newer.sql("DELETE FROM orders WHERE id > 7")
        assert newer.attempt(file=str(older.dump(tmp_path / name, form)), backup_dir="")["rows"] == 300
        assert newer.orders() == 300


def test_a_newer_dump_is_refused_by_an_older_server(pair, tmp_path):
    newer, older = reversed(pair)
    older.sql("DELETE FROM orders WHERE id > 7")
    for options in (
        {"backup": carried(newer, older), "allow_unverified": True, "allow_foreign": True},
        {"file": str(newer.dump(tmp_path / "new.dump", "-Fc")), "backup_dir": ""},
        {"file": str(newer.dump(tmp_path / "new.sql", "-Fp")), "backup_dir": ""},
    ):
        refused = older.attempt(**options)
        assert (refused["reason"], [problem["code"] for problem in refused["details"]["problems"]]) == ("restore_refused", ["major_version"])
        assert "17" in refused["msg"] and "15" in refused["msg"]
        assert (older.orders(), older.databases()) == (7, {"postgres": True, "shop": True})
