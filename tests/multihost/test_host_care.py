"""A host is cared for: its packages, its engine, its nginx, and a reboot. It is a container with systemd, and all of that is real in it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.support.modules import ROOT
from tests.support.remote import HOSTS, Remote
from tests.support.stacks import docker

HOST = HOSTS[0]
STACK, DIRECTORY, WEB = "shop-care", "/opt/care", 18083
COMPOSE = f"""
services:
  web:
    image: runbook-nginx:1
    ports: ["127.0.0.1:{WEB}:8080"]
    volumes: [./nginx.conf:/etc/nginx/nginx.conf:ro]
    healthcheck: {{test: [CMD, bash, -c, "exec 3<>/dev/tcp/127.0.0.1/8080"], interval: 1s, timeout: 3s, retries: 3, start_period: 10s}}
    stop_grace_period: 5s
    restart: unless-stopped
"""
NGINX = "events {}\nhttp { server { listen 8080; location / { return 200 'well'; } } }\n"
# Two versions of packages in a repository of the host's own: one with a configuration file, one that looks like the engine's.
REPOSITORY = """
import hashlib, os, subprocess
place = "/opt/packages"
os.makedirs(place, exist_ok=True)
index = ""
for name in ("shop-tools", "docker-ce-extras"):
    for version in ("1.0", "2.0"):
        tree = f"/tmp/build/{name}-{version}"
        os.makedirs(f"{tree}/DEBIAN", exist_ok=True)
        os.makedirs(f"{tree}/etc", exist_ok=True)
        control = f"Package: {name}\\nVersion: {version}\\nArchitecture: all\\nMaintainer: nobody <nobody@shop.example>\\nDescription: of a test\\n"
        open(f"{tree}/DEBIAN/control", "w").write(control)
        open(f"{tree}/DEBIAN/conffiles", "w").write(f"/etc/{name}.conf\\n")
        open(f"{tree}/etc/{name}.conf", "w").write(f"from the package {version}\\n")
        if version == "2.0":
            open(f"{tree}/DEBIAN/postinst", "w").write(f"#!/bin/sh\\ntouch /run/reboot-required\\necho {name} >>/run/reboot-required.pkgs\\n")
            os.chmod(f"{tree}/DEBIAN/postinst", 0o755)
        file = f"{place}/{name}_{version}_all.deb"
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, file], check=True)
        if version == "1.0":
            subprocess.run(["dpkg", "--install", file], check=True)
        content = open(file, "rb").read()
        index += f"{control}Filename: ./{os.path.basename(file)}\\nSize: {len(content)}\\nSHA256: {hashlib.sha256(content).hexdigest()}\\n\\n"
open(f"{place}/Packages", "w").write(index)
open("/etc/shop-tools.conf", "w").write("from the person who looks after it\\n")
for file in os.listdir("/etc/apt/sources.list.d"):
    os.remove(f"/etc/apt/sources.list.d/{file}")
open("/etc/apt/sources.list", "w").write(f"deb [trusted=yes] file:{place} ./\\n")
"""

# A task of a maintenance window on this host, which has no edge that could be closed.
WINDOW = f"""
- hosts: stack
  gather_facts: false
  vars_files: {ROOT}/playbooks/vars/stack.yml
  module_defaults:
    group/runbook.compose.stack: "{{{{ stack_module_defaults }}}}"
  vars:
    maintenance_window_change: CHG-1
    maintenance_window_tasks: [{{os_update: [shop-tools]}}]
  tasks:
    - name: Keep how the stack is asked, as window_require does
      ansible.builtin.set_fact:
        maintenance_window_probes: "{{{{ stack_probes }}}}"
    - name: Let the target end it
      runbook.compose.scheduled_job:
        name: maintenance_window
        module: maintenance_window
        calendar: "* * * * *"
        options: {{state: expired}}
    - name: Begin
      runbook.compose.maintenance_window:
        state: begun
        change: CHG-1
        owner: ann
        tasks: "{{{{ maintenance_window_tasks }}}}"
        expires_after: 3600
      register: begun
    - name: Do the task
      ansible.builtin.include_role:
        name: runbook.compose.maintenance
        tasks_from: window_task
      vars:
        maintenance_window_task: "{{{{ begun.window.tasks[0] }}}}"
        maintenance_window_lease_seconds: 3600
"""


class Host:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        own = {
            "runbook_environment": "staging",
            "stack_name": STACK,
            "stack_project_dir": DIRECTORY,
            "stack_services": {"app": "web"},
            "stack_release": {},
            "stack_probes": [{"name": "web", "role": "liveness", "url": f"http://127.0.0.1:{WEB}/", "contains": "well"}],
            "stack_edge": {"kind": "host"},
            "stack_maintenance": {"listeners": ["80"]},
            # What the machine below is doing meanwhile is not the matter.
            "stack_thresholds": {"host": {"load_critical_per_core": 1000, "memory_critical_percent": 100, "disk_critical_percent": 100}},
        }
        self.remote = Remote.of_first(directory, **own)

    def play(self, playbook: str, *words: str, **variables: object) -> tuple[int, str, dict]:
        """Exit code, output, and what was reported."""
        code, output = self.remote.play(playbook, *words, **variables)
        return code, output, self.remote.told()

    def must(self, playbook: str, **variables: object) -> dict:
        code, output, told = self.play(playbook, **variables)
        assert code == 0, output[-6000:]
        return told["result"]

    def run(self, *words: str, stdin: str | None = None) -> str:
        return docker("exec", *(["--interactive"] if stdin is not None else []), HOST, *words, stdin=stdin)

    def write(self, path: str, content: str) -> None:
        self.run(
            "python3",
            "-c",
            f"import os, sys; os.makedirs(os.path.dirname({path!r}), exist_ok=True); open({path!r}, 'w').write(sys.stdin.read())",
            stdin=content,
        )

    def show(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").strip()

    def running(self) -> list[str]:
        return sorted(self.run("docker", "ps", "--format", "{{.Names}}").split())


@pytest.fixture(scope="module")
def host(tmp_path_factory, hosts):
    subprocess.run([hosts, "load", "runbook-nginx:1"], check=True)
    made = Host(tmp_path_factory.mktemp("care"))
    made.write(f"{DIRECTORY}/compose.yaml", COMPOSE)
    made.write(f"{DIRECTORY}/nginx.conf", NGINX)
    made.write(f"{DIRECTORY}/.env", "")
    other = ["docker", "run", "--detach", "--entrypoint", "sleep", "--init"]
    made.run("docker", "compose", "--project-directory", DIRECTORY, "--project-name", STACK, "up", "--detach", "--wait")
    made.run(*other, "--name", "neighbour", "--restart", "unless-stopped", "runbook-nginx:1", "100000")
    yield made
    made.run("docker", "rm", "--force", "neighbour")
    made.run("docker", "compose", "--project-directory", DIRECTORY, "--project-name", STACK, "down", "--timeout", "1")
    docker("update", "--restart", "no", HOST)


def test_the_engine_is_restarted_and_everything_is_back(host):
    host.run("docker", "run", "--detach", "--name", "careless", "--entrypoint", "sleep", "--init", "runbook-nginx:1", "100000")
    before = host.show("docker", "MainPID")
    code, output, told = host.play("maintenance/host", step="restart_engine")
    assert code != 0 and "confirm=staging" in output and told == {}
    code, output, told = host.play("maintenance/host", step="restart_engine", confirm="staging")
    assert code != 0 and "careless" in told["failure"]["msg"] and "nothing was done" in told["failure"]["msg"]
    assert host.show("docker", "MainPID") == before
    host.run("docker", "rm", "--force", "careless")
    result = host.must("maintenance/host", step="restart_engine", confirm="staging")
    assert host.show("docker", "MainPID") != before
    assert host.running() == sorted(result["containers"]) == sorted(result["containers_before"]) == ["neighbour", f"{STACK}-web-1"]


def test_nginx_of_the_host_keeps_the_configuration_that_works(host):
    host.run("systemctl", "start", "nginx")
    before = host.show("nginx", "MainPID")
    host.write("/etc/nginx/conf.d/shop.conf", "server { listen 8088; return 200 'new'; }\nnonsense;\n")
    code, output, told = host.play("maintenance/host", step="restart_nginx")
    assert code != 0 and told["failure"]["reason"] == "edge_refused" and "nonsense" in told["failure"]["msg"], output[-3000:]
    assert (host.show("nginx", "MainPID"), host.show("nginx", "ActiveState")) == (before, "active")
    host.write("/etc/nginx/conf.d/shop.conf", "server { listen 8088; return 200 'new'; }\n")
    assert host.must("maintenance/host", step="restart_nginx", stack_maintenance={"listeners": ["80", "8088"]})["problems"] == []
    assert host.show("nginx", "MainPID") == before  # read anew, not started anew
    assert host.run("python3", "-c", "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8088/').read().decode())").strip() == "new"


def test_packages_are_upgraded_and_those_of_the_engine_stay(host):
    host.run("python3", "-", stdin=REPOSITORY)
    started = host.run("docker", "inspect", "--format", "{{.State.StartedAt}}", "neighbour")
    host.run("apt-get", "update")
    another_day = f"{datetime.now(timezone.utc) + timedelta(days=3):%a}".lower()
    closed = {"hours": [{"days": [another_day], "from": "00:00", "to": "00:01"}], "timezone": "UTC"}
    code, output, told = host.play("maintenance/os_update", stack_window=closed)
    assert code != 0 and "outside the hours" in told["failure"]["msg"]
    code, output, told = host.play("maintenance/os_update", "--check", stack_window=closed)
    assert code == 0 and "shop-tools  1.0  2.0" in output and "docker-ce-extras  1.0" not in output, output[-4000:]
    assert "1.0" in host.run("dpkg-query", "--show", "shop-tools")
    result = host.must("maintenance/os_update", stack_window=closed, override_reason="a hole is being used")
    assert result["before"] == [{"package": "shop-tools", "version": "1.0"}] and result["after"] == [{"package": "shop-tools", "version": "2.0"}]
    assert (result["reboot_required"], result["reboot_packages"], result["containers_restarted"]) == (True, ["shop-tools"], [])
    assert "docker-ce-extras" in result["held"] and host.run("apt-mark", "showhold") == ""
    assert host.run("cat", "/etc/shop-tools.conf") == "from the person who looks after it\n"
    assert host.run("docker", "inspect", "--format", "{{.State.StartedAt}}", "neighbour") == started


def test_a_window_upgrades_packages_and_outlives_a_reboot(host):
    """T187: The host reboots within a maintenance window, and the run that held it is gone."""
    host.run("dpkg", "--force-confold", "--install", "/opt/packages/shop-tools_1.0_all.deb")
    playbook = host.directory / "window.yml"
    playbook.write_text(WINDOW)
    code, output, told = host.play(str(playbook.with_suffix("")))
    assert code == 0 and "2.0" in host.run("dpkg-query", "--show", "shop-tools"), output[-4000:]
    restart(host)
    unit, record = f"runbook-{STACK}-maintenance_window", f"/var/lib/runbook/{STACK}/window.json"
    assert (host.show(f"{unit}.timer", "ActiveState"), host.show(f"{unit}.timer", "UnitFileState")) == ("active", "enabled")
    host.run("systemctl", "start", f"{unit}.service")
    kept = json.loads(host.run("cat", record))
    assert (kept["window"]["phase"], kept["window"]["tasks"][0]["kind"]) == ("working", "os_update")  # its lease outlived the reboot
    kept["window"]["lease"].update(boottime_until=0.0, until="2020-01-01T00:00:00Z")
    host.write(record, json.dumps(kept))
    host.run("systemctl", "start", f"{unit}.service")
    window = json.loads(host.run("cat", record))["window"]
    assert (window["phase"], window["outcome"], window["kept"]["because"]) == ("closed", "expired", "nothing is half applied, and the stack is healthy")


def restart(host: Host) -> None:
    """Its systemd and all that runs on it begin anew."""
    docker("update", "--restart", "always", HOST)
    before = host.run("awk", "{print $22}", "/proc/1/stat")
    host.run("systemctl", "start", "--no-block", "reboot.target")
    deadline = time.monotonic() + 300
    while not _is_back(host, before):
        assert time.monotonic() < deadline, "the host did not come back"
        time.sleep(0.5)


def _is_back(host: Host, before: str) -> bool:
    with contextlib.suppress(AssertionError):
        again = host.run("awk", "{print $22}", "/proc/1/stat") != before
        return (
            again
            and host.show("docker", "ActiveState") == "active"
            and host.run("docker", "inspect", "--format", "{{.State.Health.Status}}", f"{STACK}-web-1") == "healthy\n"
        )
    return False


def test_a_host_is_rebooted_and_everything_is_back(host):
    """T99: The host goes away in the middle of a run."""
    host.run("touch", f"{DIRECTORY}/before")
    docker("update", "--restart", "always", HOST)
    boot = "awk '{print $22}' /proc/1/stat"
    before = host.run("awk", "{print $22}", "/proc/1/stat")
    code, output, told = host.play("maintenance/host", step="reboot", confirm="staging", maintenance_reboot_command="/bin/false")
    assert code != 0 and "The host was not rebooted, and the stack runs" in told["failure"]["msg"], output[-3000:]
    assert host.running() == ["neighbour", f"{STACK}-web-1"]
    # A container has the boot id of the machine, and no logind to ask.
    how = {"maintenance_boot_time_command": boot, "maintenance_reboot_command": "systemctl start --no-block reboot.target"}
    result = host.must("maintenance/host", step="reboot", confirm="staging", **how)
    assert host.run("awk", "{print $22}", "/proc/1/stat") != before
    assert host.running() == sorted(result["containers"]) == ["neighbour", f"{STACK}-web-1"]
    journal = [json.loads(line) for line in host.run("cat", f"/var/lib/runbook/{STACK}/journal.ndjson").splitlines()]
    assert journal[-1]["event"] != "lease_lost"
    # What was waiting for a reboot is gone with /run.
    code, output, told = host.play("maintenance/host", maintenance_listeners=[])
    assert (code, "waits for a reboot" in output) == (0, False), output[-3000:]
