"""Runs a module of the collection in a process of its own, as Ansible does on a target, and reads its JSON."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
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


def call(name: str, arguments: dict, check: bool = False, timeout: float = 600, environment: dict | None = None) -> dict:
    """The module's result; ``failed`` is always present. Diff mode is always on."""
    with tempfile.NamedTemporaryFile() as errors:
        asked = {
            "name": name,
            "arguments": dict(arguments, _ansible_check_mode=check, _ansible_diff=True),
            "environment": dict(os.environ) if environment is None else environment,
            "directory": str(ROOT / "collections"),
            "errors": errors.name,
        }
        printed = _ask(json.dumps(asked).encode() + b"\n", timeout)
        try:
            result = json.loads(printed)
        except ValueError:
            raise ModuleCrashed(f"{name}: {printed.decode(errors='replace')}\n{errors.read().decode(errors='replace')}") from None
    return {"failed": False, **result}


def _ask(question: bytes, timeout: float) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(_server())
        connection.sendall(question)
        with connection.makefile("rb") as answer:
            return answer.read()


@functools.lru_cache(maxsize=None)
def _server() -> str:
    """The socket of this process's own server, which ends with it."""
    directory = tempfile.mkdtemp(prefix="modules-")
    path = os.path.join(directory, "socket")
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.module_server", path], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "collections")}
    )
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    atexit.register(server.terminate)
    deadline = time.monotonic() + 60
    while not _listens(path):
        assert server.poll() is None and time.monotonic() < deadline, "the server of module calls did not start"
        time.sleep(0.02)
    return path


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0
