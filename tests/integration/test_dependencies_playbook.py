"""Lock files refreshed in a copy: commands as people have them, on a source tree that stays as it is."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.support.modules import call
from tests.support.operated import OperatedStack

LOCK = "open('requirements.txt', 'w').write('requests==2.32.3\\n'); open('beside.txt', 'w').write('x')"


@pytest.fixture
def source(tmp_path):
    made = tmp_path / "source"
    made.mkdir()
    (made / "requirements.txt").write_text("requests==2.31.0\n")
    (made / ".git").mkdir()
    return made


def refresh(tree: Path, check: bool = False, **options: object) -> dict:
    asked = {
        "stack_name": "shop",
        "project_dir": str(tree),
        "source": str(tree),
        "artefacts": str(tree.parent / "out"),
        "files": ["requirements.txt"],
        "command": [sys.executable, "-c", LOCK],
    }
    return call("dependency_refresh", {**asked, **options}, check=check)


def test_the_copy_is_refreshed_and_the_source_is_not(source):
    planned = refresh(source, check=True)
    assert (planned["ran"], planned["changed"], (source.parent / "out").exists()) == (False, False, False)
    done = refresh(source, test=[sys.executable, "-c", "import os; assert not os.path.exists('.git'); print(os.environ['HOME'])"])
    assert (done["changed"], done["newer"], done["files"][0]["packages"]) == (
        False,
        ["requirements.txt"],
        [{"package": "requests", "before": "2.31.0", "after": "2.32.3"}],
    )
    assert [one["step"] for one in done["steps"]] == ["lock", "test"] and "runbook-dependencies-" in done["steps"][1]["output"][0]
    assert (source / "requirements.txt").read_text() == "requests==2.31.0\n" and not (source / "beside.txt").exists()
    assert (source.parent / "out/refreshed/requirements.txt").read_text() == "requests==2.32.3\n"
    assert "+requests==2.32.3" in (source.parent / "out/refreshed/requirements.txt.diff").read_text()


def test_what_is_refused(source):
    python = [sys.executable, "-c"]
    cases = [
        ("dependencies_failed", {"command": [*python, "raise SystemExit('no index')"], "test": ["false"]}),
        ("dependencies_failed", {"command": ["sh", "-c", "sleep 60 & sleep 60"], "timeout": 1}),
        ("dependencies_refused", {"audit": [*python, "raise SystemExit('weak')"], "test": ["true"]}),
        ("source_changed", {"command": [*python, f"open({str(source / 'new.txt')!r}, 'w').write('x')"]}),
        ("bad_input", {"command": ["/no/such/program"]}),
        ("bad_input", {"source": str(source / "none")}),
        ("bad_input", {"artefacts": str(source / "out")}),
    ]
    for reason, options in cases:
        result = refresh(source, **options)
        assert (result["failed"], result.get("reason")) == (True, reason), (options, result)
    assert "new.txt" in refresh(source, **cases[3][1])["msg"]
    os.mkfifo(source / "pipe")
    refused = refresh(source)
    assert refused["reason"] == "bad_input" and "pipe" in refused["msg"], refused


def test_the_playbook_shows_the_diff_and_never_asks_a_server(tmp_path, source):
    stack = OperatedStack(tmp_path / "stack", "runbook-dependencies")
    hosts = {"all": {"children": {"stack": {"hosts": {"gone": {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"}}}}}}
    (stack.inventory / "hosts.yml").write_text(json.dumps(hosts))
    declared = {"source": str(source), "command": [sys.executable, "-c", LOCK], "files": ["requirements.txt"], "audit": ["true"]}
    reports = {"stack_report_dir": str(tmp_path / "reports")}
    done = stack.must("deploy/dependencies", stack_release={"dependencies": declared}, **reports)
    told = done.record["custom_stats"]["_run"]["runbook"]["gone"]["result"]
    assert (told["newer"], told["packages"][0]["after"]) == (["requirements.txt"], "2.32.3")
    assert "+requests==2.32.3" in done.output and "2.32.3" in Path(told["page"]).read_text() and done.changed == 0
    weak = {**declared, "audit": [sys.executable, "-c", "raise SystemExit('CVE-2026-1')"]}
    refused = stack.play("deploy/dependencies", stack_release={"dependencies": weak}, **reports)
    assert (refused.code != 0, refused.reason) == (True, "dependencies_refused") and "CVE-2026-1" in refused.message, refused.output
    report = next((tmp_path / "reports").glob("dependencies-*.json"))
    assert [one["step"] for one in json.loads(report.read_text())["steps"] if not one["good"]] == ["audit"]
