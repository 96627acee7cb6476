"""Collections of others, taken out of the ``ansible`` package, so that both are measured in one run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".runbook" / "peers"
PACKAGE = "ansible==14.5.0"
COLLECTIONS = ("community/docker", "community/postgresql", "community/library_inventory_filtering_v1")


def peers_environment() -> dict[str, str]:
    """The environment of a playbook that uses them: their collections, and compose as a plugin of the docker command."""
    if not (PLACE / "ansible_collections" / "community" / "docker").is_dir():
        _fetch()
    plugins = PLACE / "docker" / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    link = plugins / "docker-compose"
    if not link.is_symlink():
        link.symlink_to(shutil.which("docker-compose") or Path(sys.executable).parent / "docker-compose")
    return {**os.environ, "ANSIBLE_COLLECTIONS_PATH": f"{PLACE}:{ROOT / 'collections'}", "DOCKER_CONFIG": str(PLACE / "docker")}


def _fetch() -> None:
    PLACE.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(PLACE), PACKAGE], check=True)
    wheel = next(PLACE.glob("ansible-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        wanted = [name for name in archive.namelist() if name.startswith(tuple(f"ansible_collections/{one}/" for one in COLLECTIONS))]
        archive.extractall(PLACE, wanted)
    wheel.unlink()
