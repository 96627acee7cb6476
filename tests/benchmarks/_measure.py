"""Times commands in turn, so that a machine that gets slower or faster does so for all of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.modules import start

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = str(Path(sys.executable).parent / "ansible-playbook")
_PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  tasks: %s
"""


@dataclass(frozen=True)
class Ratio:
    """Ours against another way of doing the same, as the ratio of medians of interleaved runs."""

    job: str
    ours: float
    other: float
    against: str
    target: float

    @property
    def ratio(self) -> float:
        return self.ours / self.other

    def row(self) -> str:
        met = "met" if self.ratio <= self.target else "MISSED"
        return f"{self.job:<34} {self.ours:6.2f} s  {self.against:<44} {self.other:6.2f} s  {self.ratio:5.2f}  <= {self.target:<5} {met}"


def interleaved(runs: int, ways: dict[str, Callable[[], None]], before: Callable[[], None] | None = None) -> dict[str, float]:
    """Median seconds of each way. ``before`` brings everything to the start, outside the time, before each run."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for unused in range(runs):
        for name, way in ways.items():
            if before:
                before()
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def quiet(*words: str, environment: dict[str, str] | None = None) -> None:
    """A command that has to succeed."""
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")


def peak_mib(name: str, arguments: dict) -> float:
    """The most memory that a module's process, or one that it started, held at once."""
    process = start(name, arguments)
    status, usage = os.wait4(process.pid, 0)[1:]
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{name} failed where its memory was to be measured.")
    return usage.ru_maxrss / 1024


def playbook(directory: Path, name: str, *tasks: dict) -> str:
    """The path of a playbook of these tasks, without facts, on this machine."""
    file = directory / f"{name}.yml"
    directory.mkdir(parents=True, exist_ok=True)
    file.write_text(_PLAY % json.dumps(tasks))
    return str(file)
