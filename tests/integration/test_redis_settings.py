"""redis_settings against servers that are run in three ways: from an image's own file, from a file of the host, from a file on a volume."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._adapters.redis_service import RedisAddress
from ansible_collections.runbook.compose.plugins.module_utils._adapters.redis_session import RedisSession
from tests.support.redis import PASSWORD, RedisStack
from tests.support.stacks import docker, unique_name

OVERRIDE = "compose.override.yaml"
OTHERS = """
  hosted:
    image: runbook-redis:7
    entrypoint: [redis-server]
    command: [/etc/own/redis.conf, --hz, "20"]
    mem_limit: 64m
    volumes: ["./redis.conf:/etc/own/redis.conf:ro", "hosted:/data"]
    healthcheck: {test: [CMD, redis-healthcheck], interval: 1s, timeout: 2s, retries: 20}
  rewriting:
    image: runbook-redis:7
    entrypoint:
      - sh
      - -c
      - "[ -f /data/redis.conf ] || printf 'bind * -::*\\nprotected-mode no\\ndir /data\\n' > /data/redis.conf; exec redis-server /data/redis.conf"
    volumes: ["rewriting:/data"]
    healthcheck: {test: [CMD, redis-healthcheck], interval: 1s, timeout: 2s, retries: 20}
volumes: {data: {}, hosted: {}, rewriting: {}}
"""
HOSTED = "# ours\nbind * -::*\nprotected-mode no\ndir /data\nsave 900 1\nsave 60 10000\n"


class Servers(RedisStack):
    def __init__(self, directory: Path, name: str) -> None:
        super().__init__(directory, name, settings=["--requirepass", "${REDIS_PASSWORD}", "--loglevel", "verbose"])
        file = self.directory / "compose.yaml"
        file.write_text(file.read_text().replace("volumes: {data: {}}\n", OTHERS.lstrip("\n")))
        self.hosted_file = self.directory / "redis.conf"
        self.hosted_file.write_text(HOSTED)
        self.override = self.directory / OVERRIDE
        self.override.write_text("services: {}\n")

    def set(self, service: str = "redis", check: bool = False, override: str = OVERRIDE, **more) -> dict:
        settings = {name.replace("_", "-"): value for name, value in more.pop("settings").items()}
        result = self.module("redis_settings", check=check, service=service, settings=settings, override_file=override, **more)
        assert PASSWORD not in json.dumps(result)
        return result

    def of(self, service: str) -> RedisSession:
        networks = self.containers(service)[0]["NetworkSettings"]["Networks"]
        address = next(network["IPAddress"] for network in networks.values())
        return RedisSession.open(RedisAddress(address, 6379, "", PASSWORD if service == "redis" else ""))

    def shows(self, service: str, *names: str) -> list[str]:
        with self.of(service) as session:
            found = session.settings(*names)
        return [found[name] for name in names]

    def recreate(self, service: str) -> None:
        self.compose("up", "--detach", "--wait", "--force-recreate", service)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    made = Servers(tmp_path_factory.mktemp("redis-settings"), unique_name("redis-settings"))
    try:
        made.up()
        yield made
    finally:
        made.down()


def done(result: dict) -> list[tuple[str, str]]:
    assert not result["failed"], result
    return [(action["action"], action["target"]) for action in result["actions"]]


def test_without_a_place_that_stays_nothing_is_changed_and_the_command_is_told(servers):
    refused = servers.set(override="", settings={"maxmemory": "100mb"})
    assert refused["reason"] == "redis_settings_not_kept"
    command = refused["details"]["command"]
    assert command == ["redis-server", "--requirepass", "********", "--loglevel", "verbose", "--maxmemory", "100mb"]
    assert "--maxmemory 100mb" in refused["msg"]
    assert servers.shows("redis", "maxmemory") == ["0"]


def test_a_setting_of_a_server_with_the_images_own_file_survives_a_recreate_in_the_command(servers):
    wanted = {"settings": {"maxmemory": "100mb", "loglevel": "notice", "save": [[900, 1], [300, 10]], "appendonly": False}}
    checked = servers.set(check=True, **wanted)
    assert done(checked) == [
        ("set", "loglevel"), ("keep", "loglevel"), ("set", "save"), ("keep", "save"), ("set", "maxmemory"), ("keep", "maxmemory"),
    ]  # fmt: skip
    assert checked["recreates"]
    assert "--maxmemory" in checked["diff"]["after"]["command"] and "--maxmemory" not in checked["diff"]["before"]["command"]
    assert (servers.shows("redis", "maxmemory"), servers.override.read_text()) == (["0"], "services: {}\n")
    changed = servers.set(**wanted)
    assert done(changed) == done(checked)
    assert changed["previous"] == {"loglevel": "verbose", "save": "900 1 300 10 60 10000", "maxmemory": "0"}
    assert {one["name"]: one["kept_in"] for one in changed["settings"]}["maxmemory"] == f"command of redis in {servers.override}"
    assert done(servers.set(check=True, **wanted)) == done(servers.set(**{"settings": {**wanted["settings"], "maxmemory": 104857600}})) == []
    assert "${REDIS_PASSWORD}" in servers.override.read_text() and PASSWORD not in servers.override.read_text()
    servers.recreate("redis")
    assert servers.shows("redis", "maxmemory", "loglevel", "save") == ["104857600", "notice", "900 1 300 10"]
    assert done(servers.set(**wanted)) == []
    journal = (servers.state_dir / servers.name / "journal.ndjson").read_text()
    assert '"maxmemory": "100mb"' in journal


def test_what_was_set_by_hand_and_would_be_lost_is_kept(servers):
    servers.redis("CONFIG", "SET", "timeout", "77")
    assert done(servers.set(settings={"timeout": 77})) == [("keep", "timeout")]


def test_a_setting_goes_into_the_file_of_the_host_and_one_of_the_command_into_the_command(servers):
    wanted = {"service": "hosted", "settings": {"maxmemory": "30mb", "maxmemory_policy": "noeviction", "save": "900 1 300 10", "hz": 30}}
    assert done(servers.set(check=True, **wanted))[-2:] == [("set", "maxmemory"), ("keep", "maxmemory")]
    assert servers.hosted_file.read_text() == HOSTED
    changed = servers.set(**wanted)
    places = {one["name"]: one["kept_in"] for one in changed["settings"]}
    assert (places["maxmemory"], places["hz"]) == (str(servers.hosted_file), f"command of hosted in {servers.override}")
    text = servers.hosted_file.read_text()
    assert text.startswith("# ours\nbind") and "maxmemory 30mb" in text and "save 60 10000" not in text and "hz" not in text
    servers.recreate("hosted")
    assert servers.shows("hosted", "maxmemory", "save", "hz") == ["31457280", "900 1 300 10", "30"]
    assert done(servers.set(**wanted)) == []


def test_a_server_with_its_file_on_a_volume_writes_it_itself(servers):
    wanted = {"service": "rewriting", "settings": {"maxmemory": "30mb", "appendonly": True, "save": ""}}
    assert ("keep", "appendonly") in done(servers.set(**wanted))
    with servers.of("rewriting") as session:
        assert session.info("persistence")["aof_enabled"] == "1"
        session.command("SET", "kept", "here")
    assert done(servers.set(check=True, **wanted)) == []
    servers.recreate("rewriting")
    assert servers.shows("rewriting", "maxmemory", "appendonly", "save") == ["31457280", "yes", ""]
    with servers.of("rewriting") as session:
        assert session.command("GET", "kept") == b"here"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"maxmemory": "60mb"}, "memory_limit_unsafe"),
        ({"maxmemory-policy": "volatile-ttl"}, "protected_evictable"),
        ({"timeout": 5, "maxmemory-policy": "nonsense"}, "redis_failed"),
    ],
)
def test_what_is_wrong_or_dangerous_is_refused_and_nothing_is_changed(servers, settings, reason):
    with servers.of("hosted") as session:
        session.command("SET", "token:a", "revoked", "EX", 5000)
    before = (servers.shows("hosted", "timeout", "maxmemory", "maxmemory-policy", "hz"), servers.hosted_file.read_text(), servers.override.read_text())
    refused = servers.set(service="hosted", settings=settings, protected_prefixes=["token:"])
    assert (refused["failed"], refused.get("reason")) == (True, reason)
    assert before == (servers.shows("hosted", "timeout", "maxmemory", "maxmemory-policy", "hz"), servers.hosted_file.read_text(), servers.override.read_text())


def test_a_policy_that_can_take_nothing_protected_is_set(servers):
    with servers.of("hosted") as session:
        session.command("PERSIST", "token:a")
    result = servers.set(service="hosted", settings={"maxmemory-policy": "volatile-lru"}, protected_prefixes=["token:", "lockout:"])
    assert done(result) == [("set", "maxmemory-policy"), ("keep", "maxmemory-policy")]
    assert result["previous"] == {"maxmemory-policy": "noeviction"}


def test_a_file_that_somebody_else_wrote_or_that_another_overrules_is_left_as_it_is(servers, tmp_path):
    kept = servers.override.read_text()
    theirs = "services:\n  redis:\n    labels: {a: b}\n"
    try:
        servers.override.write_text(theirs)
        assert servers.set(settings={"timeout": 99})["reason"] == "bad_input"
        assert servers.override.read_text() == theirs
    finally:
        servers.override.write_text(kept)
    late = servers.directory / "late.yaml"
    late.write_text("services: {redis: {command: [redis-server, --timeout, '5']}}\n")
    files = ["compose.yaml", OVERRIDE, "late.yaml"]
    overruled = servers.set(settings={"timeout": 99}, compose_files=files)
    assert overruled["reason"] == "redis_settings_not_kept"
    assert (servers.override.read_text(), servers.shows("redis", "timeout")) == (kept, ["77"])


def test_a_user_that_may_not_set_changes_nothing(servers):
    servers.redis("ACL", "SETUSER", "looker", "on", ">s3cret-of-looker", "+info", "+config|get", "+select")
    refused = servers.set(settings={"timeout": 123}, username="looker", password="s3cret-of-looker")
    assert refused["reason"] == "redis_permission_denied"
    assert servers.shows("redis", "timeout") == ["77"]
    servers.redis("ACL", "DELUSER", "looker")


def test_an_append_only_file_that_cannot_be_written_is_switched_off_again(servers):
    container = servers.containers("redis")[0]["Id"]
    docker("exec", container, "sh", "-c", "mkdir -p /data/appendonlydir && chown root:root /data/appendonlydir && chmod 700 /data/appendonlydir")
    failed = servers.set(settings={"appendonly": True}, timeout=5)
    assert failed["failed"] and failed["reason"] in ("setting_not_in_effect", "redis_failed")
    assert servers.shows("redis", "appendonly") == ["no"]
    docker("exec", container, "sh", "-c", "rm -rf /data/appendonlydir")
