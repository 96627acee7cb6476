"""A stack that is only a Redis server, for tests of the modules that talk to one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

from ansible_collections.runbook.compose.plugins.module_utils._adapters.redis_service import RedisAddress
from ansible_collections.runbook.compose.plugins.module_utils._adapters.redis_session import RedisSession
from tests.support.modules import call
from tests.support.stacks import ComposeProject

COMPOSE = """
services:
  redis:
    image: runbook-redis:7
    environment: {{REDIS_PASSWORD: "${{REDIS_PASSWORD}}", REDIS_APPENDONLY: "{appendonly}"}}
    command: {command}
    volumes: ["data:/data"]
    stop_grace_period: 20s
    healthcheck: {{test: [CMD, redis-healthcheck], interval: 1s, timeout: 2s, retries: 20}}
volumes: {{data: {{}}}}
"""
# Every printable character that a password may have in an env file and in a line of redis.conf without quotes of its own.
PASSWORD = "p%ss:w@rd/with?odd&chars=+;,!~^*()[]{}<>|"


class RedisStack(ComposeProject):
    """``settings`` are words of redis-server's command line (``--maxmemory 8mb``)."""

    def __init__(self, directory: Path, name: str, appendonly: str = "no", settings: Sequence[str] = (), password: str = PASSWORD) -> None:
        compose = COMPOSE.format(appendonly=appendonly, command=["redis-server", *settings])
        super().__init__(directory, name, compose, {"REDIS_PASSWORD": password})
        self.password = password

    def module(self, name: str, check: bool = False, **options: Any) -> dict:
        return call(name, {**self.options, **options}, check=check)

    @property
    def address(self) -> RedisAddress:
        networks = self.containers("redis")[0]["NetworkSettings"]["Networks"]
        return RedisAddress(next(network["IPAddress"] for network in networks.values()), 6379, "", self.password)

    def session(self, database: int = 0) -> RedisSession:
        """A session of the test's own."""
        return RedisSession.open(self.address, database)

    def redis(self, *words: Any, database: int = 0) -> Any:
        """One command; its reply as the server sends it."""
        with self.session(database) as session:
            return session.command(*words)
