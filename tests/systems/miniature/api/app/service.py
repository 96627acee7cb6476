"""What the service answers, without HTTP: each method returns a status and a body."""

import hmac
import time
import urllib.request
from datetime import datetime, timezone

import psycopg2
import redis

from . import migrations
from .accounts import Accounts
from .database import Database, PoolExhausted
from .orders import BadOrder, Orders
from .store import CircuitBreaker, RateLimit, Store

UNAVAILABLE = (psycopg2.Error, redis.RedisError, PoolExhausted)
LONGEST_WORK_MS = 120_000
UPSTREAM_SECONDS = 2


class Service:
    def __init__(self, settings, metrics, log):
        self._settings = settings
        self._log = log
        self._began = time.monotonic()
        self.metrics = metrics
        self._database = Database(settings.database, settings.pool_size) if settings.database.used else None
        self._orders = Orders(self._database) if self._database else None
        self._store = Store(settings.redis) if settings.redis.used else None
        self._breaker = CircuitBreaker(self._store.client) if self._store else None
        self._rate_limit = RateLimit(self._store.client) if self._store else None
        self._accounts = Accounts(self._store.client) if self._store else None

    def liveness(self):
        sick = self._settings.behaviour == "unhealthy"
        body = {
            "status": "error" if sick else "ok",
            "version": self._settings.version,
            "timestamp": self._now(),
            "uptime": int(time.monotonic() - self._began),
        }
        return (503 if sick else 200), body

    def readiness(self):
        """One field per dependency this system has; "not_ready" as long as one of them is not "ok"."""
        checks = {}
        if time.monotonic() - self._began < self._settings.startup_seconds:
            checks["startup"] = "running"
        if self._database:
            checks.update(self._database_checks())
        if self._store:
            checks["redis"] = self._redis_check()
        ready = self._settings.behaviour != "unhealthy" and all(value == "ok" for value in checks.values())
        body = {"status": "ok" if ready else "not_ready", **checks}
        body.update(version=self._settings.version, timestamp=self._now())
        return (200 if ready else 503), body

    def create_order(self, order, headers):
        if not self._is_authorised(headers.get("X-API-Key", "")):
            return 401, {"error": "a valid X-API-Key is needed"}
        if not self._orders:
            return 404, {"error": "this system keeps no orders"}
        try:
            number, is_new = self._orders.create(order, headers.get("Idempotency-Key", ""))
        except BadOrder as error:
            return 400, {"error": str(error)}
        if self._store:
            email = order["customer_email"]
            self._store.remember_customer(email, {"email": email, "last_order": number})
            self._store.touch_session(headers.get("X-Session", f"order-{number}"), email)
        return (201 if is_new else 200), {"id": number, "version": self._settings.version}

    def find_order(self, number):
        order = self._orders.find(number) if self._orders and number.isdecimal() else None
        return (200, order) if order else (404, {"error": "no such order"})

    def find_customer(self, email):
        facts = self._store.customer(email) if self._store else None
        return (200, facts) if facts else (404, {"error": "no such customer in the cache"})

    def work(self, milliseconds):
        if not milliseconds.isdecimal() or int(milliseconds) > LONGEST_WORK_MS:
            return 400, {"error": f"ms must be a whole number up to {LONGEST_WORK_MS}"}
        time.sleep(int(milliseconds) / 1000)
        return 200, {"worked_ms": int(milliseconds), "version": self._settings.version}

    def proxy(self, outcome):
        """A call of the upstream behind the circuit breaker; without one, the outcome that was asked for."""
        if not self._breaker or outcome not in ("ok", "fail"):
            return 404, {"error": "no such upstream"}
        if self._breaker.state() == "OPEN":
            return 503, {"error": "the circuit breaker is open", "circuit_breaker": "OPEN"}
        good = outcome == "ok" and self._upstream_answers()
        self._breaker.record(success=good)
        return (200 if good else 502), {"circuit_breaker": self._breaker.state()}

    def log_in(self, facts, address):
        user, password = facts.get("username"), facts.get("password")
        if not self._accounts or not self._accounts.used:
            return 404, {"error": "nobody can log in here"}
        if not isinstance(user, str) or not isinstance(password, str) or not user:
            return 400, {"error": "username and password must be texts"}
        return self._accounts.log_in(user, password, address)

    def refresh(self, facts):
        token = facts.get("refresh_token")
        if not self._accounts or not self._accounts.used:
            return 404, {"error": "nobody can log in here"}
        return self._accounts.refresh(token) if isinstance(token, str) else (400, {"error": "refresh_token must be a text"})

    def _upstream_answers(self):
        if not self._settings.upstream_url:
            return True
        try:
            with urllib.request.urlopen(self._settings.upstream_url, timeout=UPSTREAM_SECONDS) as answer:
                return answer.status == 200
        except OSError as error:
            self._log.warning("upstream does not answer", error=str(error))
            return False

    def is_limited(self, address):
        return bool(self._rate_limit) and not self._rate_limit.allows(address)

    def metrics_text(self):
        try:
            state = CircuitBreaker.STATES[self._breaker.state()] if self._breaker else None
        except redis.RedisError:
            state = None
        return self.metrics.render(state)

    def close(self):
        if self._database:
            self._database.close()

    def _database_checks(self):
        try:
            with self._database.cursor() as cursor:
                schema = migrations.verdict(migrations.applied(cursor))
        except (psycopg2.Error, PoolExhausted) as error:
            self._log.warning("database check failed", error=str(error).strip())
            return {"database": "error"}
        return {"database": "ok", "schema": schema}

    def _redis_check(self):
        try:
            self._store.ping()
        except redis.RedisError as error:
            self._log.warning("redis check failed", error=str(error))
            return "error"
        return "ok"

    def _is_authorised(self, key):
        return not self._settings.api_key or hmac.compare_digest(key.encode(), self._settings.api_key.encode())

    def _now(self):
        now = datetime.now(timezone.utc)
        if self._settings.epoch_timestamps:
            return int(now.timestamp() * 1000)
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
