"""The playbooks that look after Redis, with an inventory that says what its keys are: report, settings, incident."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.support.archives import declared, saved
from tests.support.browser import installed_browser
from tests.support.redis import PASSWORD
from tests.support.redis_store import RedisStore
from tests.support.samples import documented_sample, undocumented
from tests.support.stacks import docker, unique_name

SECRET = "correct-horse-battery"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = RedisStore(tmp_path_factory.mktemp("redis-playbooks"), unique_name("redis-playbooks"))
    try:
        made.stack.up()
        with made.stack.session() as session:
            session.pipeline([("SET", f"cache:{number}", "x" * 1200) for number in range(4000)])
            session.pipeline([("SET", f"token:{SECRET}", SECRET, "EX", 5000), ("SET", "order:1", SECRET)])
        yield made
    finally:
        made.remove()


def test_a_report_is_private_and_tells_no_value(store, tmp_path):
    with store.stack.session() as client:  # our own are not counted
        client.command("CLIENT", "SETNAME", "worker")
        played = store.must("redis/report", interval=1)
    assert played.changed == 0
    result = played.told["result"]
    files = sorted((store.directory / "reports").iterdir())
    assert [str(file) for file in files] == [result["page"], result["json"]]
    assert [file.stat().st_mode & 0o777 for file in [*files, store.directory / "reports"]] == [0o600, 0o600, 0o700]
    page, report = (Path(result[kind]).read_text() for kind in ("page", "json"))
    assert "<h2>Memory by prefix</h2>" in page and "cache:" in page and "worker" in page and json.loads(report)["report"]["change"]["valid"]
    for text in (page, report, played.output, json.dumps(played.record)):
        assert SECRET not in text and PASSWORD not in text
    browser = installed_browser(tmp_path)
    for width, height in ((1280, 900), (390, 844)):
        measured = browser.measure(page, width, height)
        assert (measured["needed"], measured["outside"], measured["cut"], measured["fetched"]) == (width, [], [], [])
        assert len(measured["plots"]) == 4
    watched = store.play("redis/report", observe=1, runbook_confirm_from="change")
    assert watched.code != 0 and "confirm=local" in watched.output


def test_settings_survive_the_recreate_that_proves_them_and_a_second_run_changes_nothing(store):
    wanted = {"settings": {"maxmemory": "7mb", "maxmemory-policy": "noeviction", "save": "900 1"}, "recreate": "when_changed"}
    archive = store.directory / "archive"
    wanted["stack_backup"] = declared(archive)
    assert store.play("redis/config", **wanted).code != 0  # it asks for the environment's name
    before = store.container["Id"]
    played = store.must("redis/config", **wanted, confirm="local")
    assert store.container["Id"] != before
    assert store.shows("maxmemory", "maxmemory-policy", "save") == [str(7 * 2**20), "noeviction", "900 1"]
    assert played.told["result"]["previous"]["maxmemory"] == "0" and not played.told["result"]["waits_for_recreate"]
    assert played.told["result"]["configuration_saved"]["backups"] == saved(archive, store.name)
    assert store.must("redis/config", **wanted, confirm="local").changed == 0
    assert store.redis("GET", "order:1") == SECRET.encode() and len(saved(archive, store.name)) == 1
    endangering = store.play("redis/config", settings={"maxmemory-policy": "allkeys-lru"})
    assert endangering.failure["reason"] == "protected_evictable"
    assert store.shows("maxmemory-policy") == ["noeviction"] and store.lease_is_free()


def test_settings_with_which_the_stack_does_not_answer_are_taken_back(store):
    kept, values = store.override.read_text(), store.shows("timeout", "hz")
    elsewhere = [{"name": "nowhere", "role": "readiness", "url": "redis://redis:1"}]
    played = store.play("redis/config", settings={"timeout": 33, "hz": 40}, stack_probes=elsewhere, redis_probe_deadline=2)
    assert played.code != 0 and "does not answer either" in played.message
    assert (store.override.read_text(), store.shows("timeout", "hz")) == (kept, values)


def test_what_is_wrong_is_told_apart(store):
    well = store.access(used_percent=100)
    told = {name for name in undocumented(well, documented_sample("redis_access_info")) if not name.startswith(".memory")}
    assert told <= {".actions", ".changed", ".diff", ".failed", ".invocation"}
    assert (well["finding"], well["changed"], well["application"]["resolves"], well["application"]["reason"]) == ("healthy", False, True, "")
    assert store.access(application="absent", used_percent=100)["finding"] == "login_failed"
    store.redis("CONFIG", "SET", "requirepass", SECRET)
    assert store.access(password=SECRET)["finding"] == "login_refused"
    docker("exec", "--env", f"REDISCLI_AUTH={SECRET}", store.container["Id"], "redis-cli", "CONFIG", "SET", "requirepass", PASSWORD)
    labels = {"project": store.name, "service": "other", "oneoff": "False", "container-number": "1"}
    words = [word for name, value in labels.items() for word in ("--label", f"com.docker.compose.{name}={value}")]
    docker("run", "--detach", *words, "--env", f"REDIS_URL=redis://:{SECRET}@nowhere:6379/0", "--entrypoint", "sleep", "runbook-redis:7", "300")
    assert store.access(application="other")["finding"] == "name_not_found"
    process = store.container["State"]["Pid"]
    os.kill(process, signal.SIGSTOP)
    try:
        assert store.access(connect_timeout=1)["finding"] == "not_ready"
    finally:
        os.kill(process, signal.SIGCONT)


def test_a_full_server_is_told_and_relieved_only_of_what_is_disposable(store):
    told = store.play("incident/redis")
    assert told.code != 0 and told.told["result"]["finding"] == "memory_high"
    assert told.told["result"]["biggest"][0]["prefix"] == "cache:" and "Disposable: cache:" in " ".join(told.message.split())
    assert store.redis("EXISTS", "cache:1") == 1
    fixed = store.must("incident/redis", fix=True)
    result = fixed.told["result"]
    assert (result["finding"], result["now"], result["cleared"]) == ("memory_high", "healthy", [{"prefix": "cache:", "deleted": 4000}])
    assert result["memory"]["used_percent"] < 80
    assert store.redis("EXISTS", "cache:1", f"token:{SECRET}", "order:1") == 2
    for text in (fixed.output, json.dumps(fixed.record)):
        assert SECRET not in text and PASSWORD not in text


def test_a_server_that_does_not_run_is_started_with_its_data(store):
    docker("stop", store.container["Id"])
    fixed = store.must("incident/redis", fix=True)
    assert (fixed.told["result"]["finding"], fixed.told["result"]["now"]) == ("container_down", "healthy")
    assert store.redis("GET", "order:1") == SECRET.encode()
    assert store.must("incident/redis", fix=True).changed == 0
