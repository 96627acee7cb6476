"""postgres_settings against a server whose command line fixes a setting."""

from __future__ import annotations

import json
import time

import psycopg2
import pytest

from tests.support.postgres import PASSWORD, PostgresStack
from tests.support.stacks import docker, unique_name

NEW_PASSWORD = "n3w 'pass\"word\\$1 %s:äß"


class Server(PostgresStack):
    def settings(self, check: bool = False, **options) -> dict:
        return self.module("postgres_settings", check=check, _ansible_inject_invocation=True, **options)

    def set(self, check: bool = False, **settings) -> dict:
        return self.settings(check=check, settings=settings)

    def shows(self, name: str) -> str:
        return self.sql(f"SHOW {name}")[0][0]

    @property
    def written(self) -> dict[str, str]:
        """What stands in the file of ALTER SYSTEM."""
        lines = docker("exec", self.container, "cat", "/var/lib/postgresql/data/postgresql.auto.conf").splitlines()
        return dict(line.split(" = ", 1) for line in lines if " = " in line)

    @property
    def container(self) -> str:
        return self.containers("postgres")[0]["Id"]

    @property
    def journal(self) -> str:
        return (self.state_dir / self.name / "journal.ndjson").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("settings"), unique_name("pg-settings"), settings=("max_connections=20",))
    try:
        made.up()
        made.sql("CREATE ROLE app LOGIN PASSWORD 'old-password'", "CREATE ROLE group_only")
        yield made
    finally:
        made.down()


@pytest.fixture(autouse=True)
def clean(server):
    yield
    server.sql("ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")


def done(result: dict) -> list[tuple[str, str]]:
    return [(action["action"], action["target"]) for action in result["actions"]]


def test_settings_are_written_loaded_and_proven(server):
    wanted = {"work_mem": "9MB", "log_min_duration_statement": "1s", "statement_timeout": "17min", "log_lock_waits": True, "TimeZone": "Asia/Tokyo"}
    before = server.shows("work_mem")
    checked = server.set(check=True, **wanted)
    assert done(checked) == [("set", name) for name in wanted]
    assert checked["diff"]["after"]["work_mem"] == "9MB"
    assert (server.shows("work_mem"), server.written) == (before, {})
    changed = server.set(**wanted)
    assert changed["changed"]
    assert {name: server.shows(name) for name in wanted} == {
        "work_mem": "9MB", "log_min_duration_statement": "1s", "statement_timeout": "17min", "log_lock_waits": "on", "TimeZone": "Asia/Tokyo",
    }  # fmt: skip
    facts = {setting["name"]: setting for setting in changed["settings"]}
    assert facts["work_mem"] == {
        "name": "work_mem", "in_effect": "9216", "unit": "kB", "written": "9MB", "source": "configuration file", "needs_restart": False,
        "pending_restart": False,
    }  # fmt: skip
    assert changed["pending_restart"] == []
    assert not server.set(check=True, **wanted)["changed"]
    assert not server.set(**{**wanted, "work_mem": "9216kB", "log_min_duration_statement": 1000})["changed"]
    assert '"work_mem": "9MB"' in server.journal


def test_a_change_is_undone_with_what_it_returned(server):
    server.set(work_mem="9MB")
    changed = server.set(work_mem="11MB", jit=False)
    assert changed["previous"] == {"work_mem": "9MB", "jit": None}
    undone = server.settings(settings=changed["previous"])
    assert done(undone) == [("set", "work_mem"), ("reset", "jit")]
    assert (server.shows("work_mem"), server.shows("jit")) == ("9MB", "on")


def test_what_was_written_by_hand_is_loaded(server):
    server.sql("ALTER SYSTEM SET work_mem = '12MB'")
    assert done(server.set(work_mem="12MB")) == [("reload", "work_mem")]
    assert server.shows("work_mem") == "12MB"


def test_a_library_is_added_and_waits_for_the_restart(server):
    server.sql("ALTER SYSTEM SET shared_preload_libraries = 'auto_explain'")
    options = {"settings": {"shared_preload_libraries": ["pg_stat_statements"]}, "merge_lists": True, "extensions": ["pg_stat_statements"]}
    checked = server.settings(check=True, **options)
    assert done(checked) == [("set", "shared_preload_libraries"), ("create_extension", "pg_stat_statements")]
    changed = server.settings(**options)
    assert changed["pending_restart"] == [{"name": "shared_preload_libraries", "in_effect": "", "configured": "auto_explain, pg_stat_statements"}]
    assert [(extension["name"], extension["created"]) for extension in changed["extensions"]] == [("pg_stat_statements", True)]
    assert not server.settings(check=True, **options)["changed"]
    server.compose("restart", "postgres")
    server.await_healthy("postgres")
    restarted = server.settings(**options)
    assert not restarted["changed"]
    assert restarted["pending_restart"] == []
    assert server.shows("shared_preload_libraries") == "auto_explain, pg_stat_statements"
    assert server.sql("SELECT count(*) > 0 FROM pg_stat_statements") == [(True,)]


def test_a_library_that_is_not_there_is_refused(server):
    refused = server.set(shared_preload_libraries="auto_explain, absent_library")
    assert refused["reason"] == "bad_input"
    assert refused["details"]["library"] == "absent_library"
    assert server.written == {}
    assert server.settings(extensions=["absent_extension"])["details"]["extensions"] == ["absent_extension"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"settings": {"work_mem": "1kB"}}, "bad_input"),
        ({"settings": {"work_mem": "9MB", "max_connections": 30}}, "setting_overridden"),
        ({"settings": {"work_mem": "9MB", "full_page_writes": False}}, "dangerous_setting"),
        ({"role_password": {"role": "group_only", "password": "long-enough"}}, "bad_input"),
        ({"settings": {"work_mem": "9MB"}, "username": "app", "password": "old-password"}, "postgres_permission_denied"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_written(server, options, reason):
    assert server.settings(**options)["reason"] == reason
    assert server.written == {}


def test_a_dangerous_value_that_is_accepted_is_set(server):
    assert server.settings(settings={"full_page_writes": False}, accept=["full_page_writes"])["changed"]
    assert server.shows("full_page_writes") == "off"
    assert not server.settings(settings={"max_connections": 20})["changed"]


def test_when_the_server_refuses_one_value_none_stays(server):
    server.set(work_mem="9MB")
    refused = server.set(work_mem="11MB", log_timezone="Nowhere/City")
    assert refused["reason"] == "postgres_failed"
    assert server.written == {"work_mem": "'9MB'"}
    assert server.shows("work_mem") == "9MB"


def test_when_the_server_does_not_load_its_files_nothing_stays(server):
    configuration = "/var/lib/postgresql/data/postgresql.conf"
    docker("exec", server.container, "sh", "-c", f"cp -p {configuration} /tmp/kept; echo 'no setting at all' >> {configuration}")
    try:
        failed = server.settings(settings={"work_mem": "11MB"}, timeout=2)
    finally:
        docker("exec", server.container, "sh", "-c", f"cat /tmp/kept > {configuration}")
    assert failed["reason"] == "setting_not_in_effect"
    assert [error["sourcefile"] for error in failed["details"]["file_errors"]] == [configuration]
    assert server.written == {}


def test_databases_and_roles_with_values_of_their_own_are_named(server):
    server.sql("ALTER DATABASE shop SET work_mem = '5MB'", "ALTER ROLE shop SET work_mem = '6MB'")
    try:
        changed = server.set(work_mem="9MB")
        assert changed["narrower"] == [
            {"name": "work_mem", "database": "", "username": "shop"},
            {"name": "work_mem", "database": "shop", "username": ""},
        ]
        assert len(changed["warnings"]) == 2
        assert not server.set(work_mem="9MB")["changed"]
    finally:
        server.sql("ALTER DATABASE shop RESET work_mem", "ALTER ROLE shop RESET work_mem")
    assert server.shows("work_mem") == "9MB"


def logged_in(server: Server, password: str) -> bool:
    try:
        server.connect(user="app", password=password).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_a_password_is_set_and_leaks_nowhere(server):
    server.set(log_statement="all", log_min_duration_statement=0)
    options = {"role_password": {"role": "app", "password": NEW_PASSWORD}}
    checked = server.settings(check=True, **options)
    assert done(checked) == [("set_password", "app")]
    assert logged_in(server, "old-password")
    changed = server.settings(**options)
    assert done(changed) == [("set_password", "app")]
    assert (logged_in(server, NEW_PASSWORD), logged_in(server, "old-password")) == (True, False)
    again = [server.settings(check=True, **options), server.settings(**options)]
    assert [result["changed"] for result in again] == [False, False]
    ((verifier,),) = server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")
    assert verifier.startswith("SCRAM-SHA-256$")
    server.sql("SELECT 'the last line'")
    until = time.monotonic() + 60
    while "the last line" not in (log := server.compose("logs", "postgres").stdout):  # the engine writes it down in its own time
        assert time.monotonic() < until, "the log has no end"
        time.sleep(0.2)
    assert "SELECT rolcanlogin" in log, "the server logs statements, and so would have logged the password"
    seen = log + server.journal + json.dumps([checked, changed, *again], ensure_ascii=False)
    for secret in ("n3w", ":äß", verifier, PASSWORD):
        assert secret not in seen


def test_a_password_that_does_not_let_in_is_taken_back(server):
    server.sql("ALTER ROLE app PASSWORD 'old-password' VALID UNTIL '2020-01-01'")
    try:
        failed = server.settings(role_password={"role": "app", "password": "another-password"})
        assert failed["reason"] == "password_not_accepted"
    finally:
        server.sql("ALTER ROLE app VALID UNTIL 'infinity'")
    assert logged_in(server, "old-password")
    assert not logged_in(server, "another-password")
