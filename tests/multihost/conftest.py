"""The two hosts, started once for all files."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.modules import ROOT

SCRIPT = str(ROOT / "tests" / "multihost" / "hosts")


@pytest.fixture(scope="session")
def hosts():
    """The script that looks after them."""
    try:
        subprocess.run([SCRIPT, "up"], check=True)
        yield SCRIPT
    finally:
        subprocess.run([SCRIPT, "down"], check=True)
