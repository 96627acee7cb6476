"""PostgreSQL: a few connections that are really held open, so that exhaustion and idle sessions are real."""

import queue
import time
from contextlib import contextmanager

import psycopg2

IDLE_SECONDS_BEFORE_CHECK = 1.0
WAIT_FOR_CONNECTION_SECONDS = 5


class PoolExhausted(Exception):
    pass


def connect(server, application="miniature"):
    return psycopg2.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=server.name,
        connect_timeout=2,
        application_name=application,
    )


class Database:
    def __init__(self, server, size):
        self._server = server
        self._slots = queue.LifoQueue()
        for unused in range(size):
            self._slots.put((None, 0.0))

    @contextmanager
    def cursor(self):
        """A cursor in a transaction: committed at the end, rolled back on any error."""
        connection = self._take()
        try:
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        except BaseException:
            # A rollback on a connection that the server ended would hide why it ended.
            if not connection.closed:
                connection.rollback()
            raise
        finally:
            self._give_back(connection)

    def ping(self):
        with self.cursor() as cursor:
            cursor.execute("SELECT 1")

    def close(self):
        while not self._slots.empty():
            connection = self._slots.get_nowait()[0]
            if connection:
                connection.close()

    def _take(self):
        try:
            connection, used_at = self._slots.get(timeout=WAIT_FOR_CONNECTION_SECONDS)
        except queue.Empty:
            raise PoolExhausted("all database connections are in use") from None
        try:
            return self._usable(connection, used_at)
        except Exception:
            self._slots.put((None, 0.0))
            raise

    def _usable(self, connection, used_at):
        """An idle connection may have been ended by a restart of the server: ask it first."""
        if connection and time.monotonic() - used_at > IDLE_SECONDS_BEFORE_CHECK:
            try:
                with connection, connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
            except psycopg2.Error:
                connection.close()
                connection = None
        return connection or connect(self._server)

    def _give_back(self, connection):
        self._slots.put((None, 0.0) if connection.closed else (connection, time.monotonic()))
