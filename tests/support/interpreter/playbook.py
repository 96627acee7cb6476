"""ansible-playbook, with the modules that an earlier run of the same tree has packed already."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from ansible import constants
from ansible.cli.playbook import main

ROOT = Path(__file__).resolve().parents[3]


def tree() -> str:
    """Another name for each state of the plugins: what was packed of another one is not used."""
    said = hashlib.sha256()
    for file in sorted((ROOT / "plugins").rglob("*.py")):
        state = file.stat()
        said.update(f"{file} {state.st_mtime_ns} {state.st_size}\n".encode())
    return said.hexdigest()[:16]


def share_packed(kept: Path) -> None:
    """Ansible looks there for what it has packed, within one run; the link is removed with the directory of the run."""
    kept.mkdir(parents=True, exist_ok=True)
    (Path(constants.DEFAULT_LOCAL_TMP) / "ansiballz_cache").symlink_to(kept)


if __name__ == "__main__":
    if os.environ.get("RUNBOOK_TEST_COMPILED"):
        share_packed(Path(os.environ["RUNBOOK_TEST_COMPILED"]) / "packed" / tree())
    sys.exit(main())
