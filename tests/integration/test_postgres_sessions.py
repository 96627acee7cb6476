"""postgres_sessions against a server with few connections."""

from __future__ import annotations

import contextlib
import threading
import time

import psycopg2
import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.postgres_activity import client_sessions, terminate
from ansible_collections.runbook.compose.plugins.module_utils._adapters.postgres_ping import PostgresAddress
from ansible_collections.runbook.compose.plugins.module_utils._adapters.postgres_session import PostgresSession
from tests.support.postgres import PASSWORD, PostgresStack
from tests.support.stacks import unique_name

APP_PASSWORD = "app-password-of-the-test"
UNSTOPPABLE = "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$"


class Server(PostgresStack):
    """A server where the application is an ordinary role, with sessions that are closed after each test."""

    def __init__(self, directory, name):
        super().__init__(directory, name, settings=("max_connections=10",))
        self.opened = []

    def client(self, *statements: str, name: str = "api", user: str = "app") -> psycopg2.extensions.connection:
        password = APP_PASSWORD if user == "app" else PASSWORD
        connection = psycopg2.connect(host=self.address, user=user, password=password, dbname="shop", application_name=name)
        connection.autocommit = True
        self.opened.append(connection)
        for statement in statements:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        return connection

    def fill(self, count: int, *statements: str, user: str = "app") -> list:
        """So many clients: the server's health check has a connection for a moment, and so has a session that is just ending."""
        clients: list = []
        until = time.monotonic() + 60
        while len(clients) < count:
            try:
                clients.append(self.client(*statements, user=user))
            except psycopg2.OperationalError:
                assert time.monotonic() < until, f"only {len(clients)} clients get in"
                time.sleep(0.05)
        return clients

    def sessions(self, state: str = "listed", check: bool = False, **options) -> dict:
        return self.module("postgres_sessions", check=check, state=state, **options)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("sessions"), unique_name("pg-sessions"))
    try:
        made.up()
        made.sql(f"CREATE ROLE app LOGIN PASSWORD '{APP_PASSWORD}'")
        yield made
    finally:
        made.down()


@pytest.fixture
def server(started):
    yield started
    for connection in started.opened:
        connection.close()
    started.opened.clear()
    until = time.monotonic() + 60
    others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    while started.sql(others) != [(0,)]:
        assert time.monotonic() < until, "sessions of a test are still there"
        time.sleep(0.1)


def pids(result: dict, outcome: str) -> list[int]:
    return [session["pid"] for session in result["sessions"] if session["outcome"] == outcome]


def alive(connection: psycopg2.extensions.connection) -> bool:
    with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return True
    return False


def pid(connection: psycopg2.extensions.connection) -> int:
    return connection.info.backend_pid


@contextlib.contextmanager
def running(server: Server, connection: psycopg2.extensions.connection, statement: str):
    """The statement running in the background, for more than a second by the server's clock, and the errors it ended with."""
    errors: list[str] = []

    def run() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        except psycopg2.Error as error:
            errors.append(error.pgcode or "")

    thread = threading.Thread(target=run)
    thread.start()
    age = "SELECT clock_timestamp() - state_change > interval '1.1 s' FROM pg_stat_activity WHERE state = 'active' AND pid = "
    server.await_rows(f"{age}{pid(connection)}", [(True,)])
    yield errors
    thread.join(60)
    assert not thread.is_alive()


def test_forgotten_transactions_are_ended_and_nobody_else(server):
    forgotten = server.client("BEGIN", "SELECT 1")
    innocent = {
        "idle": server.client("SELECT 1"),
        "ours": server.client("BEGIN", "SELECT 1", name="runbook.compose postgres_backup"),
        "dump": server.client("BEGIN", "SELECT 1", name="pg_dump"),
        "superuser": server.client("BEGIN", "SELECT 1", user="shop", name="admin"),
    }
    time.sleep(1.1)
    options = {"older_than": 1}
    assert server.sessions(older_than=3600)["sessions"] == []
    checked = server.sessions("terminated", check=True, **options)
    assert checked["changed"]
    assert pids(checked, "listed") == [pid(forgotten)]
    assert alive(forgotten)
    time.sleep(1.1)
    done = server.sessions("terminated", **options)
    assert done["changed"]
    assert pids(done, "terminated") == [pid(forgotten)]
    assert [action["action"] for action in done["actions"]] == ["terminate"]
    assert done["left_alone"] == [{"why": "protected", "sessions": 2}, {"why": "superuser", "sessions": 1}]
    assert "include_superusers" in str(done["warnings"])
    assert done["connections_before"]["used"] == done["connections_after"]["used"] + 1 == 5
    assert done["connections_after"]["free"] == 3
    assert not alive(forgotten)
    assert {name: alive(connection) for name, connection in innocent.items()} == dict.fromkeys(innocent, True)
    assert not server.sessions("terminated", check=True, **options)["changed"]
    assert not server.sessions("terminated", **options)["changed"]
    journal = (server.state_dir / server.name / "journal.ndjson").read_text()
    assert '"outcome": "terminated"' in journal
    assert PASSWORD not in journal


def test_age_is_counted_from_the_last_change_of_state(server):
    """The statement of ``busy`` began longer ago than that, and it is idle only since the module began to start, which may take some seconds."""
    busy, leaked = server.client("SELECT pg_sleep(0)"), server.client("SELECT 1")
    with busy.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(9)")
    done = server.sessions("terminated", states=["idle"], older_than=8)
    assert pids(done, "terminated") == [pid(leaked)]
    assert alive(busy)


def test_more_sessions_than_allowed_are_all_left(server):
    clients = [server.client("BEGIN", "SELECT 1") for unused in range(3)]
    refused = server.sessions("terminated", older_than=0, max_sessions=2)
    assert refused["reason"] == "too_many_sessions"
    assert refused["details"]["matching"] == 3
    assert all(alive(client) for client in clients)


def test_a_statement_is_cancelled_and_its_session_stays(server):
    client = server.client()
    with running(server, client, "SELECT pg_sleep(600)") as errors:
        done = server.sessions("cancelled", older_than=1)
    assert pids(done, "cancelled") == [pid(client)]
    assert errors == ["57014"]
    assert alive(client)


def test_an_active_session_is_ended_only_when_it_does_not_obey(server):
    polite, stubborn = server.client(name="polite"), server.client(name="stubborn")
    with running(server, stubborn, UNSTOPPABLE) as lost, running(server, polite, "SELECT pg_sleep(600)") as cancelled:
        refused = server.sessions("cancelled", applications=["stubborn"], older_than=1, grace=1)
        assert refused["reason"] == "sessions_remain"
        assert refused["details"]["pids"] == [pid(stubborn)]
        stubborn_pid = pid(stubborn)
        done = server.sessions("terminated", states=["active"], older_than=1, grace=1)
    assert pids(done, "cancelled") == [pid(polite)]
    assert pids(done, "terminated") == [stubborn_pid]
    assert (cancelled, len(lost)) == (["57014"], 1)
    assert (alive(polite), alive(stubborn)) == (True, False)


def test_a_session_that_moved_on_since_it_was_looked_at_is_left_alone(server):
    client = server.client("BEGIN", "SELECT 1")
    address = PostgresAddress(server.address, 5432, "shop", PASSWORD, "shop")
    with PostgresSession.open(address, "postgres", "test") as session:
        (seen,) = [one for one in client_sessions(session) if one.pid == pid(client)]
        with client.cursor() as cursor:
            cursor.execute("SELECT 2")  # the same state again, and yet it has worked
        assert not terminate(session, seen)
        assert alive(client)
        (seen,) = [one for one in client_sessions(session) if one.pid == pid(client)]
        assert terminate(session, seen)
    assert not alive(client)


def test_it_gets_in_when_the_server_is_full(server):
    clients = server.fill(7, "BEGIN", "SELECT 1")
    with pytest.raises(psycopg2.OperationalError):
        server.client()
    done = server.sessions("terminated", older_than=0)
    assert sorted(pids(done, "terminated")) == sorted(map(pid, clients))
    assert (done["connections_before"]["free"], done["connections_after"]["free"]) == (0, 7)


def test_it_says_so_when_not_even_a_reserved_connection_is_free(server):
    superusers = server.fill(10, user="shop")
    refused = server.sessions("terminated", older_than=0, connect_timeout=2)
    assert refused["reason"] == "postgres_connections_exhausted"
    waiting = threading.Timer(1.5, superusers[0].close)
    waiting.start()
    assert server.sessions(connect_timeout=60)["connections_before"]["used"] >= 8
    waiting.join()


def test_what_this_role_may_not_see_is_not_taken_for_absent(server):
    server.client("BEGIN", "SELECT 1", user="shop")
    login = {"username": "app", "password": APP_PASSWORD}
    assert server.sessions(**login)["reason"] == "postgres_permission_denied"
    own = server.client("BEGIN", "SELECT 1")
    done = server.sessions("terminated", usernames=["app"], older_than=0, **login)
    assert pids(done, "terminated") == [pid(own)]
    assert {"state": "hidden", "sessions": 1} in done["connections_before"]["by_state"]
