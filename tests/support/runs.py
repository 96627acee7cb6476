"""Real runs of ansible-playbook with the run record on: local connections, a directory of each test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

from tests.support.modules import ROOT

PLAYBOOK = str(Path(sys.executable).parent / "ansible-playbook")
INVENTORY = """
    all:
      hosts:
        one: {ansible_connection: local, shop_password: hunter2-of-the-host}
        two: {ansible_connection: local}
        gone: {ansible_host: 127.0.0.1, ansible_port: 1, ansible_connection: ssh}
      vars:
        runbook_environment: staging
        stack_name: shop
        ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""
CONFIG = """
    [defaults]
    callbacks_enabled = runbook.compose.run_record
    deprecation_warnings = true
"""


class Runs:
    """A directory with an inventory, in which playbooks are run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.write("inventory.yml", INVENTORY)
        self.write("ansible.cfg", CONFIG)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "RUNBOOK_"))}
        self.environment = {**kept, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(dedent(text))

    def start(self, playbook: str, *words: str, **environment: str) -> subprocess.Popen:
        self.write("shop.yml", playbook)
        return subprocess.Popen(
            [PLAYBOOK, "-i", "inventory.yml", "shop.yml", *words],
            cwd=self.directory,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, playbook: str, *words: str, **environment: str) -> tuple[int, dict, str]:
        """Exit code, record, output. No run may warn."""
        started = self.start(playbook, *words, **environment)
        output = started.communicate(timeout=600)[0]
        assert "[WARNING]" not in output and "[DEPRECATION" not in output, output
        return started.returncode, self.record(), output

    def files(self) -> list[Path]:
        return sorted((self.directory / ".local" / "runs").glob("*.json"))

    def record(self) -> dict:
        return json.loads(self.files()[-1].read_text())

    def wait_for(self, seen) -> dict:
        """The first record that satisfies ``seen``, while the run goes on."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if self.files() and seen(self.record()):
                return self.record()
            time.sleep(0.05)
        raise AssertionError(f"no such record came: {[self.record()] if self.files() else []}")


def steps(record: dict) -> list[tuple[str, str, str]]:
    return [(step["name"], step["host"], step["status"]) for play in record["plays"] for step in play["steps"]]


def table(output: str) -> str:
    return output[output.index("shop.yml in staging") :]
