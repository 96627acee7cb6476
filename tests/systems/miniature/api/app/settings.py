"""What the environment says. Read once, at the start."""

import os
from dataclasses import dataclass, field
from pathlib import Path

BEHAVIOURS = ("normal", "unhealthy", "exit", "leak")


def secret(name):
    """The value of NAME, or of the file that NAME_FILE names."""
    file = os.environ.get(f"{name}_FILE", "")
    return Path(file).read_text(encoding="utf-8").strip() if file else os.environ.get(name, "")


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    name: str = ""

    @property
    def used(self):
        return bool(self.host)


def database():
    return Server(
        host=os.environ.get("DATABASE_HOST", ""),
        port=int(os.environ.get("DATABASE_PORT", "5432")),
        user=os.environ.get("DATABASE_USER", "app"),
        password=secret("DATABASE_PASSWORD"),
        name=os.environ.get("DATABASE_NAME", "app"),
    )


def redis():
    return Server(
        host=os.environ.get("REDIS_HOST", ""),
        port=int(os.environ.get("REDIS_PORT", "6379")),
        password=secret("REDIS_PASSWORD"),
    )


@dataclass(frozen=True)
class Settings:
    version: str
    behaviour: str
    port: int
    health_path: str
    ready_path: str
    metric_prefix: str
    epoch_timestamps: bool
    startup_seconds: float
    drain_seconds: float
    log_level: str
    api_key: str = field(repr=False)
    pool_size: int
    leak_mb_per_second: int
    upstream_url: str
    database: Server
    redis: Server


def read():
    env = os.environ.get
    behaviour = env("BEHAVIOUR", "normal")
    if behaviour not in BEHAVIOURS:
        raise SystemExit(f"BEHAVIOUR is {behaviour!r}: choose one of {', '.join(BEHAVIOURS)}")
    return Settings(
        version=env("APP_VERSION", "unknown"),
        behaviour=behaviour,
        port=int(env("PORT", "3000")),
        health_path=env("HEALTH_PATH", "/health"),
        ready_path=env("READY_PATH", "/health/ready"),
        metric_prefix=env("METRIC_PREFIX", "http"),
        epoch_timestamps=env("TIMESTAMPS", "iso") == "epoch_ms",
        startup_seconds=float(env("STARTUP_SECONDS", "0.3")),
        drain_seconds=float(env("DRAIN_SECONDS", "10")),
        log_level=env("LOG_LEVEL", "info"),
        api_key=secret("API_KEY"),
        pool_size=int(env("DATABASE_POOL_SIZE", "4")),
        leak_mb_per_second=int(env("LEAK_MB_PER_SECOND", "20")),
        upstream_url=env("UPSTREAM_URL", ""),
        database=database(),
        redis=redis(),
    )
