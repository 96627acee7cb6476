"""Runs a module of the collection in a process of its own, as Ansible does on a target, and reads its JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# In the child: Ansible's own test hook puts the arguments in place; everything else is the real module.
_RUNNER = """
import importlib, json, sys
from ansible.module_utils.testing import patch_module_args
name, arguments = sys.argv[1], json.load(sys.stdin)
module = importlib.import_module(f"ansible_collections.runbook.compose.plugins.modules.{name}")
with patch_module_args(arguments):
    module.main()
"""


class ModuleCrashed(AssertionError):
    """The module ended without a JSON result."""


def start(name: str, arguments: dict) -> subprocess.Popen:
    """The module running in the background, for tests that kill it. Its answer is thrown away."""
    process = subprocess.Popen(
        [sys.executable, "-c", _RUNNER, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT / "collections",
        start_new_session=True,  # so that a test can end the module with all that it started, and nothing else
    )
    process.stdin.write(json.dumps(arguments).encode())
    process.stdin.close()
    return process


def call(name: str, arguments: dict, check: bool = False, timeout: float = 180, environment: dict | None = None) -> dict:
    """The module's result; ``failed`` is always present. Diff mode is always on."""
    payload = dict(arguments, _ansible_check_mode=check, _ansible_diff=True)
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER, name],
        input=json.dumps(payload),
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        cwd=ROOT / "collections",
        check=False,
    )
    try:
        result = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise ModuleCrashed(f"{name}: {done.stdout}\n{done.stderr}") from None
    return {"failed": False, **result}
