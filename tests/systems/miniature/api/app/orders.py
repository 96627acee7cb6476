"""Orders in PostgreSQL. Which columns there are depends on the migrations this image carries."""

from . import migrations


class BadOrder(Exception):
    pass


class Orders:
    def __init__(self, database):
        self._database = database
        mine = {migration.version for migration, unused_sql in migrations.shipped()}
        self._customer_column = "customer" if "004" in mine else "customer_email"
        self._has_channel = "003" in mine

    def create(self, order, idempotency_key):
        """The id of the new order, or of the one an earlier request with the same key made."""
        email, amount = order.get("customer_email"), order.get("amount_cents")
        if not isinstance(email, str) or "@" not in email:
            raise BadOrder("customer_email must be an email address")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0:
            raise BadOrder("amount_cents must be a whole number above 0")
        values = {self._customer_column: email, "amount_cents": amount, "idempotency_key": idempotency_key or None}
        if self._has_channel:
            values["channel"] = str(order.get("channel", "web"))
        with self._database.cursor() as cursor:
            cursor.execute(
                "INSERT INTO users (email) VALUES (%s) ON CONFLICT (email) DO UPDATE SET updated_at = now()", (email,)
            )
            return self._insert(cursor, values)

    def _insert(self, cursor, values):
        # The names are this file's own; only the values come from outside.
        columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        cursor.execute(
            f"INSERT INTO orders ({columns}) VALUES ({marks}) ON CONFLICT (idempotency_key) DO NOTHING RETURNING id",
            tuple(values.values()),
        )
        made = cursor.fetchone()
        if made is None:
            cursor.execute("SELECT id FROM orders WHERE idempotency_key = %s", (values["idempotency_key"],))
            return cursor.fetchone()[0], False
        if self._has_channel:
            cursor.execute("INSERT INTO order_events (order_id, event) VALUES (%s, 'accepted')", made)
        return made[0], True

    def find(self, number):
        with self._database.cursor() as cursor:
            cursor.execute(
                f"SELECT id, {self._customer_column}, amount_cents, status, created_at FROM orders WHERE id = %s", (number,)
            )
            row = cursor.fetchone()
        if row is None:
            return None
        return dict(zip(("id", "customer_email", "amount_cents", "status", "created_at"), row))
