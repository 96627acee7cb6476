"""Log-in that locks out, and refresh tokens that can be revoked. All of it is in Redis."""

import base64
import hashlib
import hmac
import json
import os
import time
import uuid

_HEADER = {"alg": "HS256", "typ": "JWT"}


def _encoded(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Accounts:
    """Anybody may log in with the one password of the system; without one, nobody."""

    def __init__(self, client):
        env = os.environ.get
        self._redis = client
        self._password = env("LOGIN_PASSWORD", "")
        self._most_failures = int(env("LOGIN_FAILURES", "3"))
        self._lockout_seconds = int(env("LOCKOUT_SECONDS", "900"))
        self._token_seconds = int(env("TOKEN_SECONDS", "604800"))
        self._lockout = env("REDIS_LOCKOUT_PREFIX", "lockout:")
        self._attempts = env("REDIS_ATTEMPTS_PREFIX", "attempts:")
        self._revoked = env("REDIS_REVOKED_PREFIX", "token:blacklist:")
        self._of_user = env("REDIS_USER_TOKENS_PREFIX", "token:user:")

    @property
    def used(self):
        return bool(self._password)

    def log_in(self, user, password, client):
        where = f"{user}:{client}"
        if self._redis.exists(self._lockout + where):
            return 423, {"error": "too many failures: locked out"}
        if not hmac.compare_digest(password.encode(), self._password.encode()):
            failures = self._redis.incr(self._attempts + where)
            self._redis.expire(self._attempts + where, self._lockout_seconds)
            if failures >= self._most_failures:
                self._redis.setex(self._lockout + where, self._lockout_seconds, "1")
            return 401, {"error": "wrong user or password"}
        self._redis.delete(self._attempts + where)
        identifier = uuid.uuid4().hex
        self._redis.sadd(self._of_user + user, identifier)
        self._redis.expire(self._of_user + user, self._token_seconds)
        return 200, {"refresh_token": self._signed({"sub": user, "jti": identifier, "exp": int(time.time()) + self._token_seconds})}

    def refresh(self, token):
        claims = self._claims(token)
        if claims is None or claims["exp"] <= time.time():
            return 401, {"error": "no valid token"}
        if self._redis.exists(self._revoked + claims["jti"]):
            return 401, {"error": "the token was revoked"}
        return 200, {"user": claims["sub"]}

    def _signed(self, claims):
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (_HEADER, claims))
        return f"{text}.{self._signature(text)}"

    def _claims(self, token):
        text, unused_dot, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(text).encode()):
            return None
        return json.loads(_decoded(text.partition(".")[2]))

    def _signature(self, text):
        return _encoded(hmac.new(self._password.encode(), text.encode(), hashlib.sha256).digest())
