"""What must not reach production is found, and no value is told."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.configuration_review import ConfigurationUnfit, Reviewed, raise_unfit, review
from ansible_collections.runbook.compose.plugins.module_utils._core.env_rules import parse_rules

GOOD = "kT9vQ2xLw8Zr4mNb7cYd"
SOUND = {"image": "redis:7", "healthcheck": {"test": ["CMD", "x"]}, "restart": "always"}


def found(**seen) -> list[tuple[str, str]]:
    return [(one.problem, one.subject) for one in review(Reviewed(**{"settings": {}, **seen}))]


@pytest.mark.parametrize("value", ["postgres", "Password123", "change-me-redis", "<secret>", "your_secret_here", "published-with-the-files"])
def test_a_secret_that_everybody_knows_is_critical_and_not_told(value):
    examples = {"ANY_PASSWORD": "published-with-the-files", "EDGE_PORT": "18080"}
    problems = review(Reviewed({"REDIS_PASSWORD": value, "EDGE_PORT": "18080", "SECRET_FILE": "password"}, examples=examples))
    assert [(one.problem, one.severity, one.subject) for one in problems] == [("default_secret", "critical", "REDIS_PASSWORD")]
    assert value not in str(problems[0].to_dict()).replace("REDIS_PASSWORD", "")


def test_short_and_shared_secrets_are_warned_about():
    assert found(settings={"A_TOKEN": "kT9vQ2x", "B_TOKEN": GOOD, "C_PASSWORD": GOOD, "EMPTY_PASSWORD": ""}) == [
        ("short_secret", "A_TOKEN"),
        ("shared_secret", "B_TOKEN"),
    ]


def test_settings_and_their_file():
    rules = parse_rules({"POOL": {"type": "int", "max": 5}, "NONE": {"type": "int"}})
    assert found(settings={"POOL": "9"}, required=("DB", "POOL"), rules=rules, file_mode=0o644) == [
        ("file_readable", ""),
        ("setting_missing", "DB"),
        ("value_refused", "POOL"),
    ]


def test_a_secret_that_stands_in_a_compose_file_is_found_once():
    services = {"db": {**SOUND, "environment": {"POSTGRES_PASSWORD": "postgres", "REDIS_PASSWORD": "redis", "MODE": None}}}
    assert found(settings={"REDIS_PASSWORD": "redis"}, services=services) == [("default_secret", "REDIS_PASSWORD"), ("default_secret", "POSTGRES_PASSWORD")]


def test_services():
    assert found(services={"redis": SOUND}, stores=("redis",)) == []
    ports = [{"published": "6379"}, {"published": "6380", "host_ip": "127.0.0.1"}, {"target": 1}]
    assert found(services={"redis": {**SOUND, "ports": ports}, "api": {**SOUND, "ports": ports}}, stores=("redis",)) == [("store_published", "redis")]
    assert [problem for problem, unused in found(services={"api": {"image": "host:5000/api", "privileged": True}})] == [
        "privileged",
        "floating_image",
        "no_healthcheck",
        "no_restart",
    ]
    assert [problem for problem, unused in found(services={"api": {**SOUND, "image": "api:latest"}, "b": {**SOUND, "image": "b@sha256:1"}})] == [
        "floating_image"
    ]


def test_only_what_is_critical_fails():
    raise_unfit(review(Reviewed({"A_TOKEN": "kT9vQ2x"})))
    with pytest.raises(ConfigurationUnfit, match="A_TOKEN"):
        raise_unfit(review(Reviewed({"A_TOKEN": "admin"})))
