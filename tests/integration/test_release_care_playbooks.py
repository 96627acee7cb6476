"""What surrounds releases, as a person does it: newer images for stores and edge from a real registry, and the list of what was released."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.cared_shop import Shop, built
from tests.support.registry import Registry
from tests.support.stacks import docker


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Registry("update") as registry:
        made = Shop(tmp_path_factory.mktemp("update-images"), registry)
        try:
            made.must("deploy/install", version="v1")
            yield made
        finally:
            made.remove()


def test_a_newer_image_is_scanned_and_only_its_service_is_recreated(shop):
    digest, before, old = shop.publish('LABEL newer="1"'), shop.ids(), shop.image_of("edge")
    release = shop.release(acquire="pull")
    refused = shop.play("deploy/update_images", services=["edge"], stack_release={**release, **shop.scan("exit 2")})
    assert (refused.code != 0, refused.reason) == (True, "image_refused"), refused.output
    assert shop.ids() == before and shop.image_of("edge") == old and shop.version() == "v1"

    done = shop.must("deploy/update_images", services=["edge"], stack_release={**release, **shop.scan("exit 0")})
    told = done.told["result"]
    assert (told["updated"], told["backups"], told["images"][0]["before_id"]) == (["edge"], [], old)
    assert told["images"][0]["after_digest"].endswith(digest)
    after = shop.ids()
    assert {name for name in after if after[name] != before[name]} == {"edge"} and shop.version() == "v1"
    assert shop.scanned.read_text().split() == [f"runbook.images/{shop.name}/edge:candidate"] * 2
    again = shop.must("deploy/update_images", services=["edge"], stack_release=release)
    assert again.changed == 0 and shop.ids() == after


def test_an_image_that_does_not_work_is_taken_back(shop):
    """T105."""
    good = shop.image_of("edge")
    shop.publish('CMD ["false"]')
    failed = shop.play("deploy/update_images", services=["edge"], stack_release=shop.release(acquire="pull"))
    assert failed.code != 0 and "what ran before runs again and answers" in failed.message, failed.output
    assert shop.image_of("edge") == good and shop.version() == "v1" and shop.lease_is_free()


def test_a_store_is_backed_up_first_and_an_older_image_comes_back(shop):
    shop.redis("SET", "cart:1", "full")
    old, before = shop.image_of("redis"), shop.ids()
    newer = built(f"{shop.name}/newer:7", "FROM runbook-redis:7", 'LABEL newer="1"')
    done = shop.must("deploy/update_images", images={"redis": f"{shop.name}/newer:7"})
    assert len(done.told["result"]["backups"]) == 1 and shop.image_of("redis") == newer
    after = shop.ids()
    assert {name for name in after if after[name] != before[name]} == {"redis"} and shop.redis("GET", "cart:1") == "full"

    back = shop.must("deploy/update_images", state="returned", services=["redis"])
    assert back.changed and shop.image_of("redis") == old and shop.redis("GET", "cart:1") == "full"
    assert shop.lease_is_free()


def test_the_history_tells_what_is_live(shop):
    listed = shop.must("deploy/history", stack_report_dir=str(shop.directory / "reports"))
    told = listed.told["result"]
    assert listed.changed == 0
    assert [(one["version"], one["place"], one["verdict"], one["how"]) for one in told["releases"]] == [("v1", "current", "verified", "deploy")]
    newest = told["releases"][0]
    assert newest["migration_level"].startswith("002 ") and newest["digests"]["api"].startswith("sha256:") and newest["by"]
    assert "v1" in Path(told["page"]).read_text() and Path(told["json"]).stat().st_mode & 0o777 == 0o600
    assert any("v1" in line and "verified" in line and "*" in line for line in listed.output.splitlines()), listed.output


def tests_of(shop: Shop, *lines: str) -> dict:
    """Tests as people write them: they find nothing in the store, empty it, cannot reach what is live, and write a JUnit file."""
    program = ["import os, redis, socket", "client = redis.Redis('redis', password=os.environ['REDIS_PASSWORD'])", *lines]
    command = ["python3", "-c", "\n".join(program)]
    return {"tests": {"command": command, "junit": "/tmp/junit.xml", "timeout": 300}}


WRITE = "open('/tmp/junit.xml', 'w').write('<testsuite><testcase name=\"cart\">%s</testcase><testcase name=\"other\"/></testsuite>')"


def test_tests_run_apart_from_what_is_live(shop):
    """T106."""
    shop.redis("SET", "cart:2", "full")
    live = shop.project.containers("redis")[0]["NetworkSettings"]["Networks"].popitem()[1]["IPAddress"]
    reports = {"stack_report_dir": str(shop.directory / "reports")}
    apart = ["assert client.dbsize() == 0", "client.set('a', 1), client.flushall()", "socket.setdefaulttimeout(1)"]
    apart += [f"assert socket.socket().connect_ex(('{live}', 6379)) != 0"]
    release = {**shop.release(), **tests_of(shop, *apart, WRITE % "")}
    done = shop.must("deploy/test_suite", stack_release=release, **reports)
    told = done.told["result"]
    assert (done.changed, told["counts"]["count"], told["counts"]["good"], told["release"]) == (0, 2, 2, "0001")
    assert "cart" in Path(told["junit"]).read_text() and shop.redis("GET", "cart:2") == "full"

    release = {**shop.release(), **tests_of(shop, WRITE % "<failure/>", "raise SystemExit(1)")}
    failed = shop.play("deploy/test_suite", stack_release=release, **reports)
    assert (failed.code != 0, failed.reason) == (True, "tests_failed") and "1 of 2 tests did not pass. Not passed: cart" in failed.message, failed.output
    assert len(list((shop.directory / "reports").glob("tests-*/*.xml"))) == 2
    project = f"label=com.docker.compose.project={shop.name}-tests"
    assert [docker(*words, "--quiet", "--filter", project) for words in (["ps", "--all"], ["network", "ls"], ["volume", "ls"])] == ["", "", ""]


def test_what_is_installed_is_watched(shop):
    """T107."""
    watched = shop.watching(deadline=60)
    assert watched["healthy"] and {one["job"]: one["health"] for one in watched["targets"]} == {"prometheus": "up", "alertmanager": "up"}
    assert [one["rule"] for one in watched["rules"]] == ["TargetDown"] and len(watched["alertmanagers"]) == 1
    assert shop.must("deploy/monitoring").changed == 0

    docker("stop", "--time", "1", f"{shop.monitoring['name']}-alertmanager-1")
    down = shop.watching(expect_jobs=["shop"], on_problem="report")
    until = time.monotonic() + 120
    while len(down["problems"]) < 2 and time.monotonic() < until:  # until the next scrape
        down = shop.watching(expect_jobs=["shop"], on_problem="report")
    assert {one["problem"] for one in down["problems"]} == {"target_down", "job_missing"} and not down["healthy"]
    assert shop.watching()["reason"] == "monitoring_incomplete"
    assert shop.watching(url="http://127.0.0.1:1")["reason"] == "prometheus_unusable"
    assert shop.watching(url=f"http://127.0.0.1:{shop.port}")["reason"] == "prometheus_unusable"
    unexpected = {**shop.monitoring, "expect_rules": ["ShopDown"], "deadline": 3}
    refused = shop.play("deploy/monitoring", stack_monitoring=unexpected)
    assert (refused.code != 0, refused.reason) == (True, "monitoring_incomplete") and "Rule ShopDown is not loaded" in refused.message
    assert shop.watching(deadline=120)["healthy"], "the playbook started what had been stopped"


def test_what_has_to_be_proven_before_users_come_is_proven_or_named(shop):
    """T108."""
    others = ["rate_limit", "circuit_breaker"]
    load = {"url": f"http://127.0.0.1:{shop.port}/health", "count": 200, "concurrency": 4}
    release = shop.release(golive={"without": others, "load": load, "log_ignore": ["."]}, **tests_of(shop, WRITE % ""))
    shop.must("service/configure", settings={"API_KEY": "change-me-api"})
    smoke = [{"name": "customer", "url": f"http://127.0.0.1:{shop.port}/api/v1/customers/none@example.com", "status": ["404"]}]
    found = shop.play("deploy/golive", stack_report_dir=str(shop.directory / "reports"), stack_release=release, stack_smoke=smoke)
    told = {one["check"]: one for one in found.told["result"]["checks"]}
    assert (found.code != 0, found.reason) == (True, "golive_failed"), found.output
    assert {name for name, one in told.items() if one["verdict"] == "left out"} == set(others)
    assert [(name, one["cause"]) for name, one in told.items() if one["verdict"] == "failed"] == [("configuration", "configuration_unfit")], told
    assert "API_KEY" in told["configuration"]["message"] and "change-me-api" not in found.output
    assert "2 backups were made, restored and compared" in told["backup_restore"]["message"] and "2 of 2 tests" in told["test_suite"]["message"]
    assert "200 requests at" in told["load"]["message"] and len(told) == 11
    assert "not ready" in Path(found.told["result"]["page"]).read_text() and shop.version() == "v1" and shop.lease_is_free()
