"""Redis: what the service keeps there. Names come from the environment, because every system calls them differently."""

import json
import os
import time

import redis

CACHE_SECONDS = int(os.environ.get("CACHE_SECONDS", "300"))
SESSION_SECONDS = int(os.environ.get("SESSION_SECONDS", "3600"))


class Store:
    def __init__(self, server):
        self._redis = redis.Redis(
            host=server.host,
            port=server.port,
            password=server.password or None,
            socket_timeout=2,
            socket_connect_timeout=2,
            decode_responses=True,
        )
        self._cache = os.environ.get("REDIS_CACHE_PREFIX", "cache:customer:")
        self._session = os.environ.get("REDIS_SESSION_PREFIX", "session:")
        self._sessions_of = os.environ.get("REDIS_USER_SESSIONS_PREFIX", "session-ids:")

    def ping(self):
        self._redis.ping()

    def remember_customer(self, email, facts):
        self._redis.setex(self._cache + email, CACHE_SECONDS, json.dumps(facts))

    def customer(self, email):
        found = self._redis.get(self._cache + email)
        return json.loads(found) if found else None

    def touch_session(self, session, email):
        self._redis.setex(self._session + session, SESSION_SECONDS, json.dumps({"email": email, "seen": int(time.time())}))
        self._redis.sadd(self._sessions_of + email, session)
        self._redis.expire(self._sessions_of + email, SESSION_SECONDS)

    @property
    def client(self):
        return self._redis


class RateLimit:
    """A token bucket per client: a hash with tokens and the last refill."""

    def __init__(self, client):
        self._redis = client
        self._prefix = os.environ.get("REDIS_RATE_LIMIT_PREFIX", "ratelimit:")
        self._capacity = int(os.environ.get("RATE_LIMIT_CAPACITY", "0"))
        self._refill = float(os.environ.get("RATE_LIMIT_REFILL_RATE", "100"))

    def allows(self, address):
        """Always yes when RATE_LIMIT_CAPACITY is 0."""
        if not self._capacity:
            return True
        key, now = self._prefix + address, time.time()
        tokens, refilled = self._redis.hmget(key, "tokens", "last_refill")
        left = float(tokens) if tokens else float(self._capacity)
        left = min(self._capacity, left + (now - float(refilled or now)) * self._refill)
        allowed = left >= 1
        self._redis.hset(key, mapping={"tokens": left - 1 if allowed else left, "last_refill": now})
        self._redis.expire(key, 3600)
        return allowed


class CircuitBreaker:
    """CLOSED until too many failures in a row, then OPEN for a while, then HALF_OPEN until one success."""

    STATES = {"CLOSED": 1, "OPEN": 2, "HALF_OPEN": 3}

    def __init__(self, client):
        self._redis = client
        self._key = os.environ.get("REDIS_CIRCUIT_BREAKER_KEY", "circuit-breaker")
        self._threshold = int(os.environ.get("CIRCUIT_BREAKER_FAILURE_THRESHOLD", "3"))
        self._reset = float(os.environ.get("CIRCUIT_BREAKER_RESET_TIMEOUT_SECONDS", "30"))

    def state(self):
        found = self._redis.hgetall(self._key)
        state = found.get("state", "CLOSED")
        if state == "OPEN" and time.time() - float(found.get("opened_at", 0)) > self._reset:
            return "HALF_OPEN"
        return state

    def record(self, success):
        if success:
            self._redis.hset(self._key, mapping={"state": "CLOSED", "failures": 0})
            return
        failures = self._redis.hincrby(self._key, "failures", 1)
        if failures >= self._threshold or self.state() == "HALF_OPEN":
            self._redis.hset(self._key, mapping={"state": "OPEN", "opened_at": time.time()})
        else:
            self._redis.hset(self._key, "state", "CLOSED")
