"""A gateway that is operated by our playbooks: the API with Redis alone, and an upstream behind its circuit breaker."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

from tests.support.operated import OperatedStack
from tests.support.redis import RedisStack

API = os.environ.get("RUNBOOK_TEST_API_IMAGE", "runbook-api:v1")
COMPOSE = """
services:
  api:
    image: {api}
    environment:
      REDIS_HOST: redis
      REDIS_PASSWORD: "${{REDIS_PASSWORD}}"
      LOGIN_PASSWORD: "${{LOGIN_PASSWORD}}"
      UPSTREAM_URL: http://upstream:3000/health
      CIRCUIT_BREAKER_RESET_TIMEOUT_SECONDS: "{breaker_seconds}"
      RATE_LIMIT_CAPACITY: "${{RATE_LIMIT_CAPACITY}}"
      RATE_LIMIT_REFILL_RATE: "${{RATE_LIMIT_REFILL_RATE}}"
    ports: ["127.0.0.1:{port}:3000"]
    depends_on: {{redis: {{condition: service_healthy}}}}
    stop_grace_period: 2s
    healthcheck: &health {{test: [CMD, app, healthcheck], interval: 1s, timeout: 3s, retries: 10}}
  upstream:
    image: {api}
    stop_grace_period: 2s
    healthcheck: *health
  redis:
    image: runbook-redis:7
    environment: {{REDIS_PASSWORD: "${{REDIS_PASSWORD}}"}}
    healthcheck: {{test: [CMD, redis-healthcheck], interval: 1s, timeout: 2s, retries: 20}}
"""
ENV = {"REDIS_PASSWORD": "redis-password-of-tests", "LOGIN_PASSWORD": "login-password-of-tests", "RATE_LIMIT_CAPACITY": "0", "RATE_LIMIT_REFILL_RATE": "100"}


class Gateway(OperatedStack):
    """Names of keys are those of the API; the probes ask what is there."""

    def __init__(self, directory: Path, name: str, breaker_seconds: int = 3600, env: dict | None = None, **redis: object) -> None:
        url = "http://127.0.0.1:{{ stack_edge_port }}"
        alive = {"name": "alive", "role": "liveness", "url": f"{url}/health"}
        super().__init__(directory, name, stack_probes=[alive], stack_dependency_probes=[], stack_redis=redis, stack_setting_rules={})
        self.stack = RedisStack(directory, name, password=ENV["REDIS_PASSWORD"])
        (self.project.directory / "compose.yaml").write_text(COMPOSE.format(api=API, port=self.port, breaker_seconds=breaker_seconds))
        self.project.write_env({**ENV, **(env or {})})

    def ask(self, path: str, body: dict | None = None) -> tuple[int, dict]:
        """Status and answer of the API."""
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data), timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def count(self, *prefixes: str) -> dict[str, int]:
        """How many keys there are below each prefix."""
        found, cursor = [], b"0"
        with self.stack.session() as session:
            while True:
                cursor, keys = session.command("SCAN", cursor, "COUNT", 1000)
                found += keys
                if cursor == b"0":
                    return {prefix: len({key for key in found if key.startswith(prefix.encode())}) for prefix in prefixes}
