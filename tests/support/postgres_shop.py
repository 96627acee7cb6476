"""The miniature operated by our playbooks, with sessions on its database beside those of its application."""

from __future__ import annotations

import psycopg2

from tests.support.operated import OperatedStack


class Shop(OperatedStack):
    """One stack with the database ``shop`` of the superuser ``shop``."""

    def connect(self, name: str = "test"):
        networks = self.project.containers("postgres")[0]["NetworkSettings"]["Networks"]
        address = next(network["IPAddress"] for network in networks.values())
        connection = psycopg2.connect(host=address, user="shop", password="demo-only-postgres", dbname="shop", application_name=name)
        connection.autocommit = True
        return connection

    def sql(self, *statements: str) -> list[tuple]:
        rows: list[tuple] = []
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                    rows = cursor.fetchall() if cursor.description else rows
        finally:
            connection.close()
        return rows

    def setting(self, name: str) -> str:
        return self.sql(f"SHOW {name}")[0][0]
