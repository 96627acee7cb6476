"""A Redis that is operated by our playbooks, with an application that only has a login."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Sequence

from tests.support.modules import call
from tests.support.operated import OperatedStack
from tests.support.redis import PASSWORD, RedisStack

OVERRIDE = "compose.override.yaml"
# What an application has: an environment that says how it logs in.
API = """
  api:
    image: runbook-redis:7
    entrypoint: [sleep, infinity]
    init: true
    environment: {REDIS_HOST: redis, REDIS_PASSWORD: "${REDIS_PASSWORD}"}
volumes:"""
REDIS = {"protected_prefixes": ["token:"], "disposable_prefixes": ["cache:"], "settings_file": OVERRIDE}
PROBES = [{"name": "redis", "role": "readiness", "url": "redis://redis:6379"}]


class RedisStore(OperatedStack):
    """``settings`` are words of redis-server's command line."""

    def __init__(self, directory: Path, name: str, settings: Sequence[str] = ()) -> None:
        super().__init__(directory, name, stack_redis=REDIS, stack_probes=PROBES, stack_dependency_probes=[], stack_report_dir=str(directory / "reports"))
        self.stack = RedisStack(directory, name, settings=["--requirepass", "${REDIS_PASSWORD}", *settings])
        file = self.stack.directory / "compose.yaml"
        file.write_text(file.read_text().replace("\nvolumes:", API, 1))
        self.override = self.stack.directory / OVERRIDE
        self.override.write_text("services: {}\n")

    def redis(self, *words):
        return self.stack.redis(*words)

    def shows(self, *names: str) -> list[str]:
        with self.stack.session() as session:
            found = session.settings(*names)
        return [found[name] for name in names]

    def access(self, **options) -> dict:
        result = call("redis_access_info", {**self.stack.options, "application": "api", **options})
        assert PASSWORD not in json.dumps(result)
        return result

    def found_in_time(self, finding: str) -> str:
        """What is found once it is this, or after two minutes."""
        until = time.monotonic() + 120
        while (found := self.access(used_percent=100)["finding"]) != finding and time.monotonic() < until:
            time.sleep(0.2)
        return found

    @property
    def container(self) -> dict:
        return self.stack.containers("redis")[0]
