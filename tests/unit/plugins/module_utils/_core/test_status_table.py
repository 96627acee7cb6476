"""The printed state of a stack."""

from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.container_stats import summarise
from ansible_collections.runbook.compose.plugins.module_utils._core.status_table import status_table

MIB = 2**20


def reading(cpu: int, system: int, memory: int) -> dict:
    used = {"cpu_usage": {"total_usage": cpu}, "system_cpu_usage": system, "online_cpus": 2}
    return {"cpu_stats": used, "memory_stats": {"usage": memory, "stats": {}}}


def service(name: str, *containers: dict) -> dict:
    return {"name": name, "image": f"{name}:1", "containers": list(containers)}


def container(name: str, **more: object) -> dict:
    return {"name": name, "state": "running", "health": "healthy", "restart_count": 0, "image_id": "sha256:0123456789abcdef", **more}


def test_without_samples_there_are_no_columns_for_them():
    assert status_table([service("api", container("shop-api-1", usage={})), service("redis")], []).splitlines() == [
        "SERVICE  CONTAINER   STATE    HEALTH   RESTARTS  IMAGE",
        "api      shop-api-1  running  healthy  0         api:1 0123456789ab",
        "redis    -           missing  -        -         redis:1",
    ]


def test_samples_are_shown_beside_what_has_none():
    usage = summarise([reading(100, 1000, 50 * MIB), reading(300, 2000, 90 * MIB)], memory_limit=100 * MIB, nano_cpus=0)
    table = status_table([service("api", container("a", usage=usage), container("b", usage={})), service("redis")], [])
    assert table.splitlines() == [
        "SERVICE  CONTAINER  STATE    HEALTH   RESTARTS  IMAGE               CPU AVG/MAX  MEMORY AVG/MAX",
        "api      a          running  healthy  0         api:1 0123456789ab  40/40 %      70/90 MiB (90 % of the limit)",
        "api      b          running  healthy  0         api:1 0123456789ab  -            -",
        "redis    -          missing  -        -         redis:1             -            -",
    ]


def test_memory_without_a_limit_is_no_share_and_one_reading_is_no_cpu():
    usage = summarise([reading(100, 1000, 50 * MIB)], memory_limit=0, nano_cpus=0)
    (unused, line) = status_table([service("api", container("a", usage=usage))], []).splitlines()
    assert line.endswith("  -            50/50 MiB")


def test_an_engine_that_counts_nothing_is_told_once():
    usage = summarise([reading(0, 0, 0), reading(0, 0, 0)], memory_limit=100, nano_cpus=0)
    problem = {"severity": "failing", "message": "redis has no container.", "procedure": "playbooks/service/state.yml"}
    lines = status_table([service("api", container("a", usage=usage), container("b", usage=usage))], [problem]).splitlines()
    assert [line.split()[-2:] for line in lines[1:3]] == [["-", "-"]] * 2
    assert lines[3:] == [
        "The engine counts neither CPU nor memory on this host, so there are no numbers for them.",
        "FAILING: redis has no container. See playbooks/service/state.yml.",
    ]
