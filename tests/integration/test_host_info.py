"""host_info against this very host: what it tells is what the system's own programs tell."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.support.certificates import TlsServer, issue
from tests.support.modules import call
from tests.support.samples import documented_sample, undocumented
from tests.support.stacks import ComposeProject, docker, unique_name

COMPOSE = """
services:
  bounded:
    image: runbook-base:local
    command: [sh, -c, "seq 20000; exec sleep 1000"]
    init: true
    restart: unless-stopped
    logging: {driver: json-file, options: {max-size: 10k, max-file: "3"}}
  unbounded:
    image: runbook-base:local
    command: [sh, -c, "seq 2000; exec sleep 1000"]
    init: true
    logging: {driver: json-file}
"""
EVERYTHING = ["system", "disks", "memory", "load", "certificates", "listeners", "engine", "clock", "logs", "containers", "packages", "hours"]
# What this machine is doing meanwhile is not the matter.
CALM = {
    "load_warning_per_core": 1000,
    "load_critical_per_core": 1000,
    "cpu_warning_percent": 101,
    "memory_warning_percent": 101,
    "memory_critical_percent": 101,
}
CALM |= {"disk_warning_percent": 101, "disk_critical_percent": 101, "inodes_warning_percent": 101, "inodes_critical_percent": 101}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = ComposeProject(tmp_path_factory.mktemp("host-info"), unique_name("host-info"), COMPOSE)
    try:
        made.up()
        until = time.monotonic() + 60
        for name, last in (("bounded", "20000"), ("unbounded", "2000")):
            while made.compose("logs", "--no-log-prefix", "--tail", "1", name).stdout.strip() != last:
                assert time.monotonic() < until, f"{name} has not said everything"
                time.sleep(0.2)
        yield made
    finally:
        made.down()


def look(stack, check=False, **options) -> dict:
    told = call("host_info", {**stack.options, "thresholds": CALM, **options}, check=check)
    assert not told["failed"], told
    assert not told["changed"] and told["actions"] == []
    return told


def problems(told: dict, section: str) -> list[str]:
    return [problem["problem"] for problem in told["problems"] if problem["section"] == section]


def test_everything_is_told_as_documented(stack, tmp_path):
    authority = issue("Our Authority")
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    wanted = issue("localhost", ["localhost"], by=authority)
    (tmp_path / "served.pem").write_bytes(wanted.pem)
    with TlsServer(tmp_path / "server", wanted) as server:
        certificate = {"file": str(tmp_path / "served.pem"), "served": f"localhost:{server.port}", "ca_file": str(tmp_path / "ca.pem")}
        asked = {
            "sections": EVERYTHING,
            "certificates": [certificate],
            "listeners": [str(server.port)],
            "interval": 0.2,
            "paths": {"backups": str(tmp_path / "no" / "b")},
        }
        told, checked = look(stack, **asked), look(stack, check=True, **asked)
    sample = documented_sample("host_info")
    assert set(sample) <= set(told) == set(checked)
    assert undocumented({name: told[name] for name in sample}, sample) == []
    assert told["table"].splitlines()[0].split(":")[0] in ("WARNING", "CRITICAL")
    assert told["at"].endswith("Z") and told["healthy"] and told["verdict"] == "warning"
    assert (told["certificates"][0]["same"], told["certificates"][0]["chain_trusted"], problems(told, "certificates")) == (True, True, [])
    assert told["listeners"] == [{"listener": str(server.port), "address": "", "port": server.port, "listening": True, "listens_on": ["127.0.0.1"]}]
    assert 0 <= told["load"]["cpu"]["busy"] <= 100


def disk_use() -> list[list[str]]:
    shown = subprocess.run(["df", "--output=target,pcent,ipcent", "/", "/dev/shm"], capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    return [line.replace("%", "").split() for line in sorted(shown)]


def memory_left() -> int:
    return int(subprocess.run(["free", "--bytes"], capture_output=True, text=True, check=True).stdout.splitlines()[1].split()[6])


def lies_between(told: float, seen: tuple, room: float) -> bool:
    """Of what others change meanwhile, with what they can change in the twinkling of an eye."""
    return min(seen) - room <= told <= max(seen) + room


def test_disks_and_memory_are_those_of_the_systems_own_programs(stack):
    disks, left = disk_use(), memory_left()
    told = look(stack, sections=["disks", "memory", "engine"], paths={"shared memory": "/dev/shm"})
    for before, after, row in zip(disks, disk_use(), sorted(told["disks"], key=lambda one: one["mount"])):
        assert row["mount"] == before[0] == after[0]
        assert lies_between(row["used_percent"], (float(before[1]), float(after[1])), 1.1)
        assert lies_between(row["inodes_used_percent"], (float(before[2]), float(after[2])), 1.1)
    assert {"root", "project", "state"} <= set(next(row for row in told["disks"] if row["mount"] == "/")["uses"])
    assert "engine" in [use for row in told["disks"] for use in row["uses"]]
    assert told["engine"]["version"] == docker("version", "--format", "{{.Server.Version}}").strip()
    assert told["engine"]["root_dir"] == docker("info", "--format", "{{.DockerRootDir}}").strip()
    assert lies_between(told["memory"]["available_bytes"], (left, memory_left()), 0.1 * told["memory"]["total_bytes"])


def test_logs_are_measured_with_what_was_rotated_and_containers_are_everybodys(stack):
    told = look(stack, sections=["logs", "containers"])
    logs = {row["container"].split("-")[-2]: row for row in told["logs"]}
    assert set(logs) == {"bounded", "unbounded"} and problems(told, "logs") == ["log_unbounded"]
    assert (logs["bounded"]["limit"], logs["bounded"]["file_count"]) == ("3 x 10k", 3) and 10_000 < logs["bounded"]["bytes"] < 40_000
    assert (logs["unbounded"]["unbounded"], logs["unbounded"]["file_count"]) == (True, 1) and logs["unbounded"]["bytes"] > 50_000
    assert "log_large" in problems(look(stack, sections=["logs"], thresholds={"log_bytes": 50_000}), "logs")
    ours = {row["service"]: row for row in told["containers"] if row["project"] == stack.name}
    assert [(ours[name]["restart_policy"], ours[name]["running"]) for name in ("bounded", "unbounded")] == [("unless-stopped", True), ("no", True)]
    assert {row["id"] for row in told["containers"]} >= set(
        docker("ps", "--quiet", "--no-trunc", "--filter", f"label=com.docker.compose.project={stack.name}").split()
    )


def test_what_is_wrong_with_certificates_is_told_of_the_file_and_of_what_is_served(stack, tmp_path):
    """T96: The certificate was renewed, and nginx was never told."""
    authority, (a, b, c) = issue("Our Authority"), (str(tmp_path / name) for name in ("new.pem", "ca.pem", "none.pem"))
    old, new = issue("localhost", ["localhost"], days=5, by=authority), issue("localhost", ["localhost"], days=90, by=authority)
    with open(a, "wb") as file, open(b, "wb") as other:
        file.write(new.pem + issue("R3", days=20).pem)
        other.write(authority.pem)
    with TlsServer(tmp_path / "old", old) as served, TlsServer(
        tmp_path / "expired", issue("x", ["other.example"], days=-1, begins=-9, by=authority)
    ) as expired:
        wanted = [
            {"file": a, "served": f"localhost:{served.port}", "ca_file": b},
            {"served": f"127.0.0.1:{served.port}"},
            {"file": c, "served": f"127.0.0.1:{expired.port}", "server_name": "shop.example", "ca_file": b},
            {"served": f"127.0.0.1:{served.port}", "ca_file": c},
            {"file": os.path.abspath(__file__)},
        ]
        told = look(stack, sections=["certificates"], certificates=wanted)
    found = {(problem["problem"], problem["severity"], problem["subject"]) for problem in told["problems"]}
    assert found == {
        ("expires_soon", "critical", f"localhost:{served.port}"),
        ("not_the_served_one", "warning", f"localhost:{served.port}"),
        ("expires_soon", "warning", f"{a} (the certificate of R3 in it)"),
        ("chain_untrusted", "critical", f"127.0.0.1:{served.port}"),
        ("expires_soon", "critical", f"127.0.0.1:{served.port}"),
        ("certificate_missing", "critical", c),
        ("expired", "critical", f"127.0.0.1:{expired.port}"),
        ("wrong_name", "critical", f"127.0.0.1:{expired.port}"),
        ("authority_unreadable", "critical", f"127.0.0.1:{served.port}"),
        ("certificate_unreadable", "critical", os.path.abspath(__file__)),
    }
    assert not told["healthy"] and [row["chain_trusted"] for row in told["certificates"]] == [True, False, None, None, None]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        closed = silent.getsockname()[1]
    assert problems(look(stack, sections=["certificates"], certificates=[{"served": f"localhost:{closed}"}]), "certificates") == ["not_served"]


def test_a_full_disk_and_an_engine_that_is_down_are_critical_and_the_rest_is_told(stack, tmp_path):
    """T97: The engine does not answer, and the host is looked at all the same."""
    told = look(
        stack, docker_host=f"unix://{tmp_path}/none.sock", thresholds={"disk_warning_percent": 0, "disk_critical_percent": 0}, listeners=["127.0.0.1:1"]
    )
    assert {"engine_unreachable", "disk_full", "not_listening"} <= {problem["problem"] for problem in told["problems"] if problem["severity"] == "critical"}
    assert (told["verdict"], told["engine"]["reachable"], told["logs"]) == ("critical", False, []) and told["memory"]["total_bytes"] > 0
    failed = call("host_info", {**stack.options, "sections": ["listeners"], "listeners": ["127.0.0.1:1"], "on_problem": "fail"})
    assert (failed["failed"], failed["reason"], [one["problem"] for one in failed["details"]["problems"]]) == (True, "host_unhealthy", ["not_listening"])


def test_hours_are_those_of_the_time_zone_that_is_named(stack):
    all_day = {"from": "00:00", "to": "24:00"}
    began = datetime.now(ZoneInfo("Asia/Kathmandu"))
    named = look(stack, sections=["hours"], hours=[all_day], timezone="Asia/Kathmandu")["hours"]
    local = datetime.now(ZoneInfo("Asia/Kathmandu"))
    assert named["within"] and named["declared"] and began.isoformat()[:16] <= named["local"][:16] <= local.isoformat()[:16]
    tomorrow = [("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(local.weekday() + 2) % 7]]
    later = look(stack, sections=["hours"], hours=[{**all_day, "days": tomorrow}], timezone="Asia/Kathmandu")["hours"]
    assert not later["within"] and later["next_begin"].endswith("T00:00")
    assert look(stack, sections=["hours"])["hours"]["within"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"listeners": ["localhost"]}, "is no listener"),
        ({"certificates": [{"server_name": "x"}]}, "needs file, served, or both"),
        ({"certificates": [{"served": "shop.example"}]}, "is not host:port"),
        ({"interval": 61}, "interval must be"),
        ({"paths": {"backups": "here"}}, "must be absolute"),
        ({"thresholds": {"disks": 1}}, "no threshold disks"),
        ({"sections": ["hours"], "hours": [{"from": "9", "to": "10:00"}]}, "a time is HH:MM"),
        ({"sections": ["hours"], "timezone": "Europe/Atlantis"}, "does not know the time zone"),
    ],
)
def test_what_makes_no_sense_is_refused(stack, options, words):
    told = call("host_info", {**stack.options, **options})
    assert told["failed"] and told["reason"] == "bad_input" and words in told["msg"]
