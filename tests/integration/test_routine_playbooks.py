"""The routines of a day, a week, a month and a quarter, as a scheduler runs them: every step is done, and the worst decides."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml

from tests.support.operated import OperatedStack, Played
from tests.support.stacks import MINIATURE, docker, unique_name

CALM = {"load_warning_per_core": 1000, "load_critical_per_core": 1000, "cpu_warning_percent": 101, "disk_critical_percent": 100, "memory_critical_percent": 100}
IN_THREE_DAYS = f"{datetime.now(timezone.utc) + timedelta(days=3):%a}".lower()
CLOSED = {"hours": [{"days": [IN_THREE_DAYS], "from": "00:00", "to": "00:01"}], "timezone": "UTC"}
SETTINGS = {"LOG_LEVEL": "warning", "API_KEY": "hunter2hunter2"}
OUTSIDE = """---
- name: Ask from outside what everybody gets
  ansible.builtin.uri:
    url: "http://127.0.0.1:{{ stack_edge_port }}/"
    status_code: 503
"""


LOCK = "open('requirements.txt', 'w').write('requests==2.32.3\\n')"


class Shop(OperatedStack):
    """Its api is built from a repository, on top of what the miniature has."""

    def __init__(self, directory: Path) -> None:
        name, files, self.source = unique_name("routine"), directory / "files", directory / "source"
        shutil.copytree(MINIATURE, files)
        own = {"services": {"api": {"image": f"{name}/api:${{APP_VERSION}}", "build": {"context": str(self.source)}}}}
        (files / "compose.own.yaml").write_text(yaml.safe_dump(own))
        docker("tag", "runbook-api:v1", f"{name}/api:v1")
        self.source.mkdir()
        (self.source / "Dockerfile").write_text("FROM runbook-api:v2\n")
        (self.source / "requirements.txt").write_text("requests==2.31.0\n")
        for words in (["init"], ["add", "--all"], ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--message", "first"]):
            subprocess.run(["git", *words], cwd=self.source, capture_output=True, check=True)
        super().__init__(
            directory,
            name,
            stack_files={"directory": str(files)},
            stack_compose_files=["compose.yaml", "compose.own.yaml"],
            stack_backup={
                "dir": str(directory / "backups"),
                "allow_same_disk": True,
                "stores": ["postgres"],
                "databases": ["shop"],
                "min_age": 0,
                "retention": {"keep_last": 5},
            },
            stack_thresholds={"host": CALM},
            stack_report_dir=str(directory / "reports"),
            stack_maintenance={
                "listeners": ["127.0.0.1:{{ stack_edge_port }}"],
                "commands": {"scan": {"argv": ["sh", "-c", "echo candidates: 0 found"]}, "broken": {"argv": ["ls", "/nowhere/at/all"]}},
                "checklist": [{"task": "read the runbook", "owner": "ann"}, {"task": "rotate the keys"}],
            },
        )

    def release(self, **changes: object) -> dict:
        declared = yaml.safe_load((self.inventory / "group_vars/stack/release.yml").read_text())["stack_release"]
        return {**declared, **changes}

    def remove(self) -> None:
        super().remove()
        docker("rmi", "--force", *docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{self.name}/api").split())


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("routine"))
    try:
        made.must("deploy/install", version="v1")
        yield made
    finally:
        made.remove()


def verdicts(played: Played) -> dict[str, str]:
    return {one["step"]: one["verdict"] for one in played.told["result"]["steps"]}


def text(played: Played, step: str) -> str:
    return next(one["text"] for one in played.told["result"]["steps"] if one["step"] == step)


def test_a_day_does_every_step_and_fails_by_the_worst(shop):
    """T98: One check of the morning fails, and the others are done all the same."""
    missing = shop.play("maintenance/daily")
    assert missing.code != 0 and list(verdicts(missing)) == ["health", "host", "backups", "postgres", "redis"]
    assert [step for step, verdict in verdicts(missing).items() if verdict == "critical"] == ["backups"]
    assert "backups is critical: " in missing.message and "shop has no verified backup" in missing.message and missing.changed == 0
    assert "Nothing limits the log of" in text(missing, "host") and verdicts(missing)["host"] == "warning"
    page, told = (Path(missing.told["result"][kind]) for kind in ("page", "json"))
    assert "no verified backup" in page.read_text() and json.loads(told.read_text())["steps"][0]["step"] == "health"
    unknown = shop.play("maintenance/daily", steps=["health", "vacuum"])
    assert unknown.code != 0 and "vacuum is no step of daily" in unknown.message and unknown.told["result"] == {}


def test_a_week_leaves_out_what_needs_what_failed_and_what_people_would_notice_now(shop):
    shop.must("backup/create", databases=["shop"])
    closed = shop.play(
        "maintenance/weekly", steps=["broken", "backups", "reindex", "scan", "retention", "health"], stack_window=CLOSED, maintenance_needs={"scan": ["broken"]}
    )
    assert verdicts(closed) == {"broken": "critical", "backups": "ok", "reindex": "not_done", "scan": "not_done", "retention": "ok", "health": "ok"}
    assert closed.code != 0 and "/nowhere/at/all" in closed.message and shop.lease_is_free()
    assert text(closed, "retention") == "0 backups removed."
    assert "outside the hours" in text(closed, "reindex") and "because of broken" in text(closed, "scan")
    done = shop.must("maintenance/weekly", stack_window=CLOSED, override_reason="the sale is tomorrow")
    assert list(verdicts(done)) == ["backups", "scan", "vacuum", "reindex", "images", "cleanup", "health"]
    assert set(verdicts(done).values()) == {"ok"} and text(done, "scan") == "candidates: 0 found" and done.told["result"]["verdict"] == "ok"


def test_a_month_restores_a_backup_and_writes_the_reports(shop):
    done = shop.play("maintenance/monthly", fail_on="warning")
    assert list(verdicts(done)) == ["restore_test", "postgres_report", "redis_report", "host", "health"]
    assert (verdicts(done)["restore_test"], verdicts(done)["health"], text(done, "restore_test")) == ("ok", "ok", "Restored and compared: shop.")
    # The miniature's logs have no limit: that is a warning, and this run was told to fail by one.
    assert done.code != 0 and "host is warning" in done.message and "critical" not in verdicts(done).values()
    assert sorted(path.name.split("-")[1] for path in (shop.directory / "reports").glob("*.html"))[-3:] != []
    assert all(Path(text(done, step).split()[-1]).is_file() for step in ("postgres_report", "redis_report"))
    assert docker("ps", "--all", "--quiet", "--filter", f"label=runbook.stack={shop.name}") == ""


def test_a_window_cares_for_the_database_changes_settings_and_waits_no_longer_than_it_may(shop):
    """T186: A request outlasts the drain of a maintenance window, and a setting of it is a secret."""
    own = shop.directory / "own.yml"
    own.write_text(OUTSIDE)
    (shop.directory / "cron.d").mkdir()
    tasks = [{"migrate": True}, {"reindex": ["public.orders_pkey"]}, {"update_images": ["redis"]}, {"configure": SETTINGS}, {"file": str(own)}]
    cron = {"scheduler": "cron", "backups": "make", "baseline_seconds": 1, "drain_timeout": 1, "watch_minutes": 0.03, "disk_free_min_mb": 64}
    cron["limits"] = {"p95_floor_ms": 20000}  # how fast the machine of the tests is at the moment is not the matter
    places = {f"maintenance_window_job_{kind}_dir": str(shop.directory / place) for kind, place in (("lib", "lib"), ("unit", "units"), ("cron", "cron.d"))}
    asked = {"change": "CHG-1", "window_tasks": tasks, "confirm": "local", "stack_window": {**cron, "return": {"steps": [100], "hold": 1}}, **places}
    backups = len(list((shop.directory / "backups").rglob("manifest.json")))
    planned = shop.must("maintenance/window", environment={"ANSIBLE_RUN_TAGS": "before"}, **asked)
    assert len(list((shop.directory / "backups").rglob("manifest.json"))) > backups
    for first in (12000, 25000):
        threading.Thread(target=ask_slowly, args=(shop.port, first), daemon=True).start()
    done = shop.must("maintenance/window", environment={"ANSIBLE_RUN_TAGS": "during,after"}, approved=planned.told["result"]["hash"], **asked)
    kept = (shop.project.state_dir / shop.name / "window.json").read_text()
    steps = [step["what"] for step in json.loads(kept)["window"]["steps"] if step["outcome"] == "done"]
    assert re.match("requests in flight: [12] left after 1", steps[0]) and done.told["result"]["outcome"] == "succeeded", steps
    assert steps[1:6] == ["migrate", "reindex public.orders_pkey", "update_images redis", "configure API_KEY, LOG_LEVEL", f"file {own}"]
    assert "API_KEY=hunter2hunter2" in shop.project.env_path.read_text() and list((shop.directory / "cron.d").iterdir()) == []
    report = Path(done.told["result"]["json"]).read_text() + Path(done.told["result"]["page"]).read_text()
    for text in (planned.output, done.output, report, kept):
        assert "hunter2hunter2" not in text


def ask_slowly(port: int, first: int) -> None:
    """One long request after the other, until the edge is closed. Of two such clients one has always ten seconds to go."""
    with contextlib.suppress(OSError):
        for milliseconds in itertools.chain([first], itertools.repeat(25000)):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/work?ms={milliseconds}", timeout=300) as answer:
                answer.read()


def test_a_month_can_build_anew_and_release_the_way_every_release_goes(shop):
    wanted = {"steps": ["rebuild"], "stack_release": shop.release(source={"repository": str(shop.source), "revision": "HEAD"})}
    unnamed = shop.play("maintenance/monthly", **wanted)
    assert unnamed.code != 0 and "Say which version the new build gets" in unnamed.message and shop.version() == "v1"
    built = shop.must("maintenance/monthly", version="v2", **wanted)
    assert text(built, "rebuild") == "v2 is verified." and shop.version() == "v2"


def test_a_quarter_finds_what_drifted_and_what_nobody_does(shop):
    shop.project.set_env(LOG_LEVEL="debug")
    locked = {"source": str(shop.source), "command": [sys.executable, "-c", LOCK], "files": ["requirements.txt"]}
    done = shop.must(
        "maintenance/quarterly",
        stack_services={"app": "api", "postgres": "postgres", "redis": "redis", "edge": "edge", "mail": "mailer"},
        stack_release=shop.release(dependencies=locked),
    )
    assert list(verdicts(done)) == ["dependencies", "slow_queries", "drift", "checklist"] and done.changed == 0
    assert text(done, "dependencies") == "Other versions are there of requests." and verdicts(done)["dependencies"] == "warning"
    assert "LOG_LEVEL" in text(done, "drift") and "mailer is in stack_services and not in the files." in text(done, "drift")
    assert text(done, "checklist") == "ann: read the runbook Nobody: rotate the keys" and verdicts(done)["checklist"] == "warning"


def test_the_edge_reads_its_configuration_anew_and_refuses_one_that_is_wrong(shop):
    edge = shop.project.containers("edge")[0]
    looked = shop.must("maintenance/host")
    assert looked.changed == 0 and looked.told["result"]["verdict"] == "warning"
    reloaded = shop.must("maintenance/host", step="restart_nginx")
    assert reloaded.told["result"]["problems"] == [] and shop.version() == "v2"
    file = shop.project.directory / "nginx.conf"
    kept = file.read_text()
    with file.open("r+") as handle:  # in place: a mounted file that is replaced is not seen
        handle.write("nonsense;\n" + kept)
    refused = shop.play("maintenance/host", step="restart_nginx")
    with file.open("r+") as handle:
        handle.write(kept)
        handle.truncate()
    assert refused.code != 0 and refused.reason == "edge_refused" and "nonsense" in refused.message and shop.version() == "v2" and shop.lease_is_free()
    assert shop.project.containers("edge")[0]["State"]["StartedAt"] == edge["State"]["StartedAt"]
    # A restart cuts what is under way: it says so, and asks.
    unconfirmed = shop.play("maintenance/host", step="restart_nginx", how="restart")
    assert unconfirmed.code != 0 and "confirm=local" in unconfirmed.output
    restarted = shop.must("maintenance/host", step="restart_nginx", how="restart", confirm="local")
    assert "requests under way and WebSockets are cut" in restarted.output and shop.version() == "v2"
    assert shop.project.containers("edge")[0]["State"]["StartedAt"] != edge["State"]["StartedAt"]
