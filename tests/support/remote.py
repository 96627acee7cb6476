"""The hosts of tests/multihost, reached over SSH, and playbooks that are run against them as a person would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.support.modules import ROOT
from tests.support.operated import COMPILED, PLAYBOOK

HOSTS = ("runbook-host-1", "runbook-host-2")
PORTS = tuple(int(port) for port in (os.environ.get("RUNBOOK_HOST_PORTS") or "2201 2202").split())
_KEYS = ROOT / ".runbook" / "ssh"
_BIN = Path(sys.executable).parent


def ssh(number: int) -> list[str]:
    """The words that come before a command for the host."""
    options = ["-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={_KEYS / 'known_hosts'}", "-i", str(_KEYS / "key"), "-p", str(PORTS[number])]
    return ["ssh", *options, "root@127.0.0.1"]


def reached(number: int) -> dict:
    """How Ansible reaches it."""
    return {
        "ansible_host": "127.0.0.1",
        "ansible_port": PORTS[number],
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(_KEYS / "key"),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={_KEYS / 'known_hosts'}",
    }


@dataclass(frozen=True)
class Remote:
    """``directory`` has the inventory ``inventory`` and gets the records of the runs. A playbook of a test's own has an absolute path."""

    directory: Path
    inventory: str = "hosts.yml"

    @classmethod
    def of_first(cls, directory: Path, **described: object) -> Remote:
        """With the first host alone in the inventory."""
        (directory / "hosts.yml").write_text(yaml.safe_dump({"stack": {"hosts": {HOSTS[0]: {**reached(0), **described}}}}))
        return cls(directory)

    def start(self, playbook: str, *words: str, **variables: object) -> subprocess.Popen:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "RUNBOOK_"))}
        own = {"PATH": f"{_BIN}{os.pathsep}{kept['PATH']}", "ANSIBLE_NOCOLOR": "1", "RUNBOOK_RECORD_DIRECTORY": str(self.directory / "runs")}
        return subprocess.Popen(
            [*PLAYBOOK, "-i", str(self.directory / self.inventory), str(Path("playbooks") / f"{playbook}.yml"), "--extra-vars", json.dumps(variables), *words],
            cwd=ROOT,
            env={**kept, **COMPILED, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def play(self, playbook: str, *words: str, **variables: object) -> tuple[int, str]:
        """Exit code and output."""
        run = self.start(playbook, *words, **variables)
        try:
            output = run.communicate(timeout=900)[0]
        finally:
            run.kill()
        return run.returncode, output

    def record(self) -> dict:
        """Of the newest run."""
        return json.loads(max((self.directory / "runs").glob("*.json"), key=lambda file: file.stat().st_mtime_ns).read_text())

    def told(self) -> dict:
        """What that run reported of the first host."""
        return self.record().get("custom_stats", {}).get("_run", {}).get("runbook", {}).get(HOSTS[0], {})
