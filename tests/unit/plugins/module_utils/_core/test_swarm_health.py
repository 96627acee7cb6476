"""Whether a stack in a swarm is well: tasks, images, and the ports that it publishes."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.runbook.compose.plugins.module_utils._core import swarm_health as health
from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import Ledger
from ansible_collections.runbook.compose.plugins.module_utils._core.swarm import SwarmService, SwarmTask
from ansible_collections.runbook.compose.plugins.module_utils._core.swarm_release import Draft, draft, pinned
from ansible_collections.runbook.compose.plugins.module_utils._core.verdicts import adopt

API = SwarmService("s", "shop_api", "api", image="api:v2@sha256:2be2", replicas=1)
RUNS = SwarmTask("t", "s", node="node-1", state="running", desired="running", image=API.image)
ONE = health.Node("a", "node-1", "10.0.0.1", True)
TWO = health.Node("b", "node-2", "10.0.0.2", True)


def words(problems: list) -> list[tuple[str, str]]:
    return [(problem.problem, problem.severity) for problem in problems]


def ledger(image: str, **facts: object) -> Ledger:
    reference, unused, digest = image.partition("@")
    made = Ledger(salt="x").with_new(draft({"api": pinned(reference, digest)}, Draft("v2", "2026-11-22T07:00:00Z", "ada")))
    return replace(adopt(made, made.releases[0], "2026-11-22T07:00:00Z", "ada"), **facts)


def test_a_node_is_read_and_a_manager_that_does_not_know_its_own_address():
    worker = {"ID": "b", "Description": {"Hostname": "node-2"}, "Status": {"State": "ready", "Addr": "10.0.0.2"}}
    manager = {"ID": "a", "Status": {"State": "down", "Addr": "0.0.0.0"}, "ManagerStatus": {"Addr": "[fd00::1]:2377"}}
    assert health.parse_node(worker) == TWO
    assert health.parse_node(manager) == health.Node("a", "a", "fd00::1", False)


def test_only_tcp_ports_that_the_swarm_has_chosen_can_be_asked():
    told = [
        {"Protocol": "tcp", "PublishedPort": 8080, "PublishMode": "ingress"},
        {"Protocol": "udp", "PublishedPort": 53},
        {"Protocol": "tcp", "TargetPort": 3000, "PublishMode": "host"},
        {"Protocol": "tcp", "PublishedPort": 80, "PublishMode": "host"},
    ]
    assert health.parse_ports({"Endpoint": {"Ports": told}}) == (health.Port(80, "host"), health.Port(8080))
    assert health.parse_ports({}) == ()


def test_a_port_of_the_mesh_answers_everywhere_and_one_of_the_host_where_a_task_runs():
    def where(service: SwarmService, mode: str, nodes: list) -> list[str]:
        return [door.node for door in health.doors(service, [health.Port(80, mode)], nodes, [RUNS])]

    assert where(API, "ingress", [TWO, ONE]) == ["node-1", "node-2"]
    assert where(API, "ingress", [ONE, replace(TWO, ready=False)]) == ["node-1"]
    assert where(API, "host", [ONE, TWO]) == ["node-1"]
    assert where(replace(API, replicas=0), "ingress", [ONE, TWO]) == []


def test_what_does_not_run_is_critical_and_what_was_given_up_is_told():
    assert health.task_problems([API], [RUNS]) == []
    missing = health.task_problems([API], [])
    assert words(missing) == [("tasks_missing", "critical")] and "0 of 1 tasks of shop_api" in missing[0].message
    assert "busy with it (updating)" in health.task_problems([replace(API, update_state="updating")], [RUNS])[0].message
    assert words(health.task_problems([replace(API, update_state="paused")], [RUNS])) == [("update_given_up", "warning")]


def test_the_image_is_the_one_that_the_current_release_says():
    assert health.image_problems([API], Ledger(salt="x")) == []
    assert health.image_problems([API], ledger(API.image)) == []
    moved = health.image_problems([API], ledger("api:v2@sha256:9999"))
    assert words(moved) == [("image_differs", "critical")] and "sha256:2be2" in moved[0].message and "sha256:9999" in moved[0].message
    # A service that no release is about is nobody's business here.
    assert health.image_problems([replace(API, short="db")], ledger("api:v2@sha256:9999")) == []
    assert words(health.image_problems([API], ledger("api:v1", staged="0002"))) == [("release_unfinished", "warning"), ("image_differs", "warning")]


def test_a_port_that_is_silent_is_told_with_its_node():
    asked = health.doors(API, [health.Port(80)], [ONE, TWO], [RUNS])
    closed = {asked[1]: "Connection refused"}
    assert [(row["node"], row["port"], row["answers"]) for row in health.door_rows(asked, closed)] == [("node-1", 80, True), ("node-2", 80, False)]
    assert words(health.door_problems(closed)) == [("port_silent", "critical")]
    assert "Port 80 of shop_api does not answer on node-2 (10.0.0.2): Connection refused." == health.door_problems(closed)[0].message
