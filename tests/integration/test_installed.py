"""The collection as users get it: built, installed where nothing is, run by its full name; and as AWX runs a project checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.modules import ROOT
from tests.support.stacks import MINIATURE, docker, free_port, remove_holders, unique_name

BIN = Path(sys.executable).parent


def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    env = {**kept, "PATH": path, "ANSIBLE_NOCOLOR": "1", **environment}
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=1200, check=False)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """What git holds, without anything that set-up made."""
    place = run(str(ROOT / "scripts" / "stage"), "installed", cwd=ROOT)
    assert place.returncode == 0, place.stderr
    return Path(place.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def installed(checkout, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("installed")
    built = run("ansible-galaxy", "collection", "build", "--output-path", str(place), str(checkout), cwd=place)
    assert built.returncode == 0, built.stderr
    archive = next(place.glob("runbook-compose-*.tar.gz"))
    done = run("ansible-galaxy", "collection", "install", "--offline", "-p", str(place), str(archive), cwd=place)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    """An inventory of somebody who only installed the collection."""
    place = tmp_path_factory.mktemp("shop")
    name = unique_name("installed")
    port = free_port()
    own = {
        "stack_name": name,
        "stack_project_dir": str(place / "project"),
        "stack_state_dir": str(place / "state"),
        "stack_files": {"directory": str(MINIATURE)},
        "stack_edge_port": str(port),
    }
    (place / "hosts.yml").write_text((ROOT / "inventories/local/hosts.yml").read_text())
    for folder in ("all", "stack"):
        target = place / "group_vars" / folder
        target.mkdir(parents=True)
        for file in (ROOT / "inventories/local/group_vars" / folder).glob("*.yml"):
            (target / file.name).write_text(file.read_text())
    (place / "group_vars" / "stack" / "zz_own.yml").write_text(yaml.safe_dump(own))
    yield place
    containers = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={name}").split()
    if containers:
        docker("rm", "--force", "--volumes", *containers)
    remove_holders(name)
    volumes = docker("volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={name}").split()
    if volumes:
        docker("volume", "rm", *volumes)


def test_an_installed_collection_installs_a_stack_by_its_full_name(installed, inventory):
    words = ("ansible-playbook", "-i", str(inventory), "runbook.compose.deploy.install", "-e", "version=v1")
    done = run(*words, cwd=installed, ANSIBLE_COLLECTIONS_PATH=str(installed))
    assert done.returncode == 0, done.stdout + done.stderr
    again = run(*words, cwd=installed, ANSIBLE_COLLECTIONS_PATH=str(installed))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "changed=0" in again.stdout


def test_without_hosts_it_is_a_refusal(installed):
    done = run("ansible-playbook", "runbook.compose.incident.rollback", cwd=installed, ANSIBLE_COLLECTIONS_PATH=str(installed))
    assert done.returncode != 0
    assert "nothing was done" in done.stdout


def test_a_project_checkout_brings_its_own_collection(checkout, inventory, tmp_path):
    """As AWX does it: collections/requirements.yml first, then a playbook by its path."""
    fetched = run("ansible-galaxy", "collection", "install", "-r", "collections/requirements.yml", "-p", str(tmp_path), cwd=checkout)
    assert fetched.returncode == 0, fetched.stderr
    words = ("ansible-playbook", "-i", str(inventory), "playbooks/health/check.yml")
    done = run(*words, cwd=checkout, ANSIBLE_COLLECTIONS_PATH=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
