"""A miniature system that is operated by our own playbooks, as a person would: an inventory, ansible-playbook, its record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.support.modules import ROOT, call
from tests.support.stacks import MINIATURE, ComposeProject, docker, free_port

INTERPRETER = ROOT / "tests" / "support" / "interpreter"
PLAYBOOK = [sys.executable, str(INTERPRETER / "playbook.py")]
# What modules are compiled and packed to, for all runs of this clone.
COMPILED = {"PYTHONPATH": str(INTERPRETER), "RUNBOOK_TEST_COMPILED": str(ROOT / ".runbook" / "compiled")}


@dataclass(frozen=True)
class Played:
    """How a run ended, as its record tells: ``reason`` is that of what failed first, ``message`` all that people read."""

    code: int
    output: str
    record: dict

    @property
    def changed(self) -> int:
        """How many steps changed something."""
        return sum(counts["changed"] for counts in self.record["hosts"].values())

    @property
    def told(self) -> dict:
        """What the operation reported with set_stats."""
        return self.record.get("custom_stats", {}).get("_run", {}).get("runbook", {}).get("localhost", {})

    @property
    def failure(self) -> dict:
        return self.told.get("failure") or {}

    @property
    def reason(self) -> str:
        return self.record.get("failure", {}).get("reason", "")

    @property
    def message(self) -> str:
        return " ".join([self.record.get("failure", {}).get("msg", ""), self.failure.get("msg", "")])


class OperatedStack:
    """One stack of the miniature with an inventory of its own."""

    def __init__(self, directory: Path, name: str, **overrides: object) -> None:
        self.directory = directory
        self.name = name
        self.port = free_port()
        self.project = ComposeProject(directory, name)
        self.project.env_path.unlink()
        self.inventory = directory / "inventory"
        self._runs = directory / "runs"
        self._write_inventory(overrides)

    def _write_inventory(self, overrides: dict) -> None:
        own = {
            "stack_name": self.name,
            "stack_project_dir": str(self.project.directory),
            "stack_state_dir": str(self.project.state_dir),
            "stack_files": {"directory": str(MINIATURE)},
            "stack_edge_port": str(self.port),
            "deploy_watch": 0.2,  # seconds that each of the many releases is watched behind the edge
            **overrides,
        }
        for folder in ("all", "stack"):
            target = self.inventory / "group_vars" / folder
            target.mkdir(parents=True, exist_ok=True)
            for file in (ROOT / "inventories/local/group_vars" / folder).glob("*.yml"):
                # A machine of tests may be slow for a while: what is well gets the time to be so.
                (target / file.name).write_text(file.read_text().replace("health_timeout: 30\n", "health_timeout: 120\n"))
        (self.inventory / "hosts.yml").write_text((ROOT / "inventories/local/hosts.yml").read_text())
        (self.inventory / "group_vars" / "stack" / "zz_own.yml").write_text(yaml.safe_dump(own))

    def start(
        self, playbook: str, environment: dict[str, str] | None = None, stdout: int = subprocess.PIPE, check: bool = False, **variables: object
    ) -> subprocess.Popen:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "RUNBOOK_"))}
        kept.update(COMPILED, ANSIBLE_NOCOLOR="1", RUNBOOK_RECORD_DIRECTORY=str(self._runs), ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"))
        kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        words = ["-i", str(self.inventory), f"playbooks/{playbook}.yml", "--extra-vars", json.dumps(variables)]
        return subprocess.Popen(
            [*PLAYBOOK, *words, *(["--check"] if check else [])],
            cwd=ROOT,
            env={**kept, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def play(self, playbook: str, **variables: object) -> Played:
        return self.ended(self.start(playbook, **variables))

    def ended(self, started: subprocess.Popen) -> Played:
        output = started.communicate(timeout=900)[0]
        return Played(started.returncode, output, self.record())

    def must(self, playbook: str, **variables: object) -> Played:
        """A run that has to succeed."""
        played = self.play(playbook, **variables)
        assert played.code == 0, played.output
        return played

    def record(self) -> dict:
        files = sorted(self._runs.glob("*.json"), key=lambda file: file.stat().st_mtime)
        return json.loads(files[-1].read_text()) if files else {}

    def version(self) -> str:
        """The version that answers at the edge, empty when none does."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=30) as answer:
                return json.load(answer)["version"]
        except (OSError, ValueError, urllib.error.URLError):
            return ""

    def ledger(self) -> dict:
        result = call("release_info", self.project.options)
        assert not result["failed"], result
        return result

    def verdicts(self) -> dict[str, str]:
        """Version to the verdict of its newest entry."""
        return {entry["version"]: entry["verdict"] for entry in reversed(self.ledger()["releases"])}

    def redis(self, *words: str) -> str:
        """What redis-cli in the server's container says."""
        secrets = dict(line.partition("=")[::2] for line in self.project.env_path.read_text().splitlines())
        container = self.project.containers("redis")[0]["Id"]
        return docker("exec", "--env", f"REDISCLI_AUTH={secrets['REDIS_PASSWORD']}", container, "redis-cli", *words).strip()

    def lease_is_free(self) -> bool:
        text = (self.project.state_dir / self.name / "leases" / "operation.json").read_text()
        return json.loads(text)["holder"] is None

    def remove(self) -> None:
        for kind, words in (("container", ["rm", "--force", "--volumes"]), ("volume", ["volume", "rm"]), ("network", ["network", "rm"])):
            listing = ["ps", "--all"] if kind == "container" else [kind, "ls"]
            found = docker(*listing, "--quiet", "--filter", f"label=com.docker.compose.project={self.name}").split()
            if found:
                docker(*words, *found)
        holders = docker("ps", "--all", "--quiet", "--filter", f"label=runbook.holds={self.name}").split()
        if holders:
            docker("rm", "--force", *holders)
        kept = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"runbook.local/{self.name}/*").split()
        if kept:
            docker("image", "rm", *kept)
