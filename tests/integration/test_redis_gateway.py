"""Circuit breakers and rate limits of a gateway that really breaks and really limits, with counts before and after."""

from __future__ import annotations

import json

import pytest

from tests.support.archives import declared, saved
from tests.support.gateway import Gateway
from tests.support.stacks import unique_name

URL = "http://127.0.0.1:{{ stack_edge_port }}"
REDIS = {
    "protected_prefixes": ["ratelimit:vip:"],
    "keys": {
        "breaker": {"key": "circuit-breaker"},
        "limits": {"prefix": "ratelimit:", "key_of": "ratelimit:{client}"},
    },
    "circuit_breaker": {
        "family": "breaker",
        "service": "upstream",
        "watch_seconds": 1,
        "upstream_probes": [{"name": "upstream", "url": "http://upstream:3000/health", "via": "network"}],
        "probes": [{"name": "through the breaker", "url": f"{URL}/proxy/ok", "json": {"circuit_breaker": "CLOSED"}}],
    },
    "rate_limits": {
        "families": {"client": "limits"},
        "field": "tokens",
        "most_used": "smallest",
        "measure": {"probe": {"url": f"{URL}/work?ms=0", "contains": ["ms"]}, "scope": "client", "of": "{{ measuring | default('') }}", "requests": 50},
        "profiles": {"attack": {"RATE_LIMIT_CAPACITY": "3", "RATE_LIMIT_REFILL_RATE": "0.001"}, "nowhere": {"NO_SUCH_SETTING": "1"}},
    },
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    made = Gateway(tmp_path_factory.mktemp("gateway"), unique_name("gateway"), **REDIS)
    try:
        made.project.up()
        yield made
    finally:
        made.remove()


def test_a_breaker_is_reset_only_when_its_upstream_works_and_has_to_stay_closed(gateway):
    assert gateway.must("redis/circuit_breaker").told["result"]["now"] == []
    gateway.project.compose("stop", "upstream")
    assert [gateway.ask("/proxy/ok")[0] for attempt in range(4)] == [502, 502, 502, 503]
    (seen,) = gateway.must("redis/circuit_breaker").told["result"]["now"]
    assert (seen["name"], seen["state"], seen["failures"], seen["closed"], seen["open_seconds"] >= 0) == ("circuit-breaker", "OPEN", 3, False, True)

    refused = gateway.play("redis/circuit_breaker", state="reset")
    assert (refused.code != 0, refused.failure["reason"]) == (True, "upstream_down")
    assert gateway.ask("/proxy/ok")[0] == 503, "it is as it was"
    forced = gateway.play("redis/circuit_breaker", state="reset", when_upstream_is_down="reset", redis_probe_deadline=3)
    assert (forced.code != 0, "requests through it do not succeed" in forced.message) == (True, True)

    assert gateway.play("incident/circuit_breaker").code != 0
    mended = gateway.must("incident/circuit_breaker", fix=True)
    told = mended.told["result"]
    assert (told["upstream_before"], told["upstream"], told["changed"]) == ("dead", "ok", True)
    assert [one["state"] for one in told["before"]] == ["OPEN"] and all(one["closed"] for one in told["now"])
    assert gateway.ask("/proxy/ok") == (200, {"circuit_breaker": "CLOSED"})
    assert gateway.must("redis/circuit_breaker", state="reset").changed == 0


def test_a_reset_can_be_looked_at_first(gateway):
    gateway.stack.redis("HSET", "circuit-breaker", "state", "OPEN", "failures", 9, "opened_at", 1.5, "token", "secret-of-the-breaker")
    started = gateway.start("redis/circuit_breaker", check=True, state="reset")
    output = started.communicate(timeout=900)[0]
    assert started.returncode == 0, output
    assert gateway.stack.redis("HGET", "circuit-breaker", "state") == b"OPEN"
    assert "secret-of-the-breaker" not in json.dumps(gateway.record())
    gateway.stack.redis("DEL", "circuit-breaker")


def test_a_setting_that_a_compose_file_sets_itself_is_taken_back(gateway):
    before = gateway.project.env_path.read_text()
    played = gateway.play("redis/circuit_breaker", state="tuned", settings={"CIRCUIT_BREAKER_RESET_TIMEOUT_SECONDS": "30"})
    assert played.code != 0
    assert "a compose file sets them itself" in played.message and "the ones before are in effect again" in played.message
    assert played.failure["reason"] == "setting_without_effect"
    assert gateway.project.env_path.read_text() == before


def test_limits_are_tuned_shown_judged_and_cleared(gateway):
    archive = gateway.directory / "archive"
    assert gateway.play("redis/rate_limits", state="tuned", profile="nowhere", stack_backup=declared(archive)).code != 0
    assert saved(archive, gateway.name) == []
    before = gateway.project.env_path.read_text()
    unsaved = gateway.play("redis/rate_limits", state="tuned", profile="attack", stack_backup=declared(archive, "absent.conf"))
    assert (unsaved.code != 0, unsaved.failure["reason"], "absent.conf is not there" in unsaved.message) == (True, "bad_input", True)
    assert "so nothing was changed" in unsaved.message and gateway.project.env_path.read_text() == before
    measuring = next(iter(gateway.stack.containers("redis")[0]["NetworkSettings"]["Networks"].values()))["Gateway"]
    tuned = gateway.must("redis/rate_limits", state="tuned", profile="attack", measuring=measuring, stack_backup=declared(archive))
    result = tuned.told["result"]
    assert result["configuration_saved"]["backups"] == saved(archive, gateway.name) and len(saved(archive, gateway.name)) == 1
    measured = result["measured"]
    assert (measured["rejected"], measured["accepted"], measured["statuses"]) == (True, 3, {"200": 3, "429": 1})
    assert "3 requests were accepted, and the next one was rejected (429)" in tuned.output
    # The measurement gave back what it had used up.
    assert [gateway.ask("/work?ms=0")[0] for attempt in range(4)] == [200, 200, 200, 429]
    (own,) = gateway.stack.redis("SCAN", 0, "MATCH", "ratelimit:*", "COUNT", 1000)[1]
    with gateway.stack.session() as session:
        session.pipeline([("HSET", f"ratelimit:10.0.0.{number}", "tokens", number, "last_refill", 1) for number in range(2, 30)])
        session.pipeline([("HSET", name, "tokens", 2, "last_refill", 1) for name in ("ratelimit:vip:1", "ratelimit:*", "other:1")])
    before = gateway.count("ratelimit:", "ratelimit:vip:", "other:")
    assert before == {"ratelimit:": 31, "ratelimit:vip:": 1, "other:": 1}

    judged = gateway.must("incident/rate_limits").told["result"]
    assert (judged["finding"], judged["limited"]) == ("few_clients", [own.decode()])
    top = judged["families"]["limits"]["top"]
    assert (top[0]["name"], top[0]["limited"], 2400 < top[0]["seconds_left"] <= 3600) == (own.decode(), True, True)
    assert [row["number"] for row in top[1:5]] == [2, 2, 2, 3]

    alone = gateway.must("redis/rate_limits", scope="client", of="10.0.0.7").told["result"]["families"]["limits"]
    assert (alone["matched"], [(row["name"], row["number"], row["limited"]) for row in alone["top"]]) == (1, [("ratelimit:10.0.0.7", 7, False)])
    cleared = gateway.must("redis/rate_limits", state="cleared", scope="client", of=own.decode().removeprefix("ratelimit:"))
    assert (cleared.told["result"]["cleared"], gateway.ask("/work?ms=0")[0]) == (1, 200)
    star = gateway.must("redis/rate_limits", state="cleared", scope="client", of="*")
    assert (star.told["result"]["cleared"], gateway.count("ratelimit:")) == (1, {"ratelimit:": 30})

    unconfirmed = gateway.play("redis/rate_limits", state="cleared", scope="all")
    assert unconfirmed.code != 0 and "confirm=local" in unconfirmed.output
    everybody = gateway.must("redis/rate_limits", state="cleared", scope="all", confirm="local").told["result"]
    assert everybody["cleared"] == 29 and [one["count"] for one in everybody["left_alone"]] == [1]
    assert gateway.count("ratelimit:", "ratelimit:vip:", "other:") == {"ratelimit:": 1, "ratelimit:vip:": 1, "other:": 1}
