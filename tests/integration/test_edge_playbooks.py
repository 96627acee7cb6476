"""The edge's playbooks on a real stack: maintenance mode, exempt addresses, the site's configuration."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.edge import BYPASS, SECRET, EdgeStack
from tests.support.modules import call
from tests.support.stacks import free_port, unique_name
from tests.support.websocket import WebSocket


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    directory = tmp_path_factory.mktemp("edgeplay")
    places = {f"maintenance_edge_job_{kind}_dir": str(directory / kind) for kind in ("lib", "unit", "cron")}
    for place in places.values():
        Path(place).mkdir()
    overrides = {
        **places,
        "maintenance_edge_scheduler": "cron",
        "stack_probes": [{"name": "alive", "role": "liveness", "url": "http://127.0.0.1:{{ stack_edge_port }}/health", "status": ["200"]}],
        "deploy_probe_deadline": 5,
        "stack_checks": {"websocket": {"url": "ws://127.0.0.1:{{ stack_edge_port }}/ws", "stay_open": 1}},
        "ansible_python_interpreter": sys.executable,
    }
    made = EdgeStack(directory, unique_name("edgeplay"), **overrides)
    try:
        yield made.up()
    finally:
        made.remove()


def jobs(stack: EdgeStack) -> list[Path]:
    return sorted((stack.directory / "cron").glob("*"))


def test_the_mode_is_switched_on_told_and_ends_with_its_job(stack):
    on = stack.must("maintenance/mode", mode="on", minutes=45, drain=5, reason="ticket 9")
    result = on.told["result"]
    assert result["mode"] == "on" and result["proof"]["outside"] == 503 and result["proof"]["bypass"] == result["proof"]["health"] == 200
    assert result["drained"] == {"connections_left": 0, "seconds": result["drained"]["seconds"]} and len(jobs(stack)) == 1
    assert SECRET not in on.output and SECRET not in json.dumps(on.record) and "closed until" in on.output
    assert stack.ask("/").status == 503 and stack.ask("/", **BYPASS).status == 404
    # What the job on the target does is known to it without any secret.
    for file in (stack.directory / "lib").rglob("*.json"):
        assert SECRET not in file.read_text()
    told = stack.must("maintenance/mode")
    assert told.changed == 0 and told.told["result"]["until"] == result["until"]
    off = stack.must("maintenance/mode", mode="off")
    assert off.told["result"]["proof"]["outside"] == 404 and jobs(stack) == []


def test_a_closed_edge_that_cannot_be_proven_is_ended_by_the_target_all_the_same(stack):
    """T216."""
    elsewhere = {**stack.edge, "url": f"http://127.0.0.1:{free_port()}"}
    unproven = stack.play("maintenance/mode", mode="on", minutes=5, drain=0, stack_edge=elsewhere)
    assert unproven.code and unproven.reason == "edge_unproven" and stack.ask("/").status == 503 and len(jobs(stack)) == 1
    assert stack.must("maintenance/mode", mode="off").told["result"]["mode"] == "off" and jobs(stack) == [] and stack.ask("/").status == 404
    # What was refused leaves no job behind.
    refused = stack.play("maintenance/mode", mode="on", minutes=60 * 25)
    assert refused.code and refused.reason == "bad_input" and jobs(stack) == [] and stack.ask("/").status == 404


def test_an_address_is_exempt_from_limits_and_no_longer(stack):
    client = stack.address_seen()
    call("edge_traffic", {**stack.options, "attack": {}})
    assert 429 in {stack.ask("/x").status for unused in range(40)}
    done = stack.must("security/allow_address", address=client)
    assert done.told["result"]["proof"] == {client: True} and {stack.ask("/x").status for unused in range(40)} == {404}
    back = stack.must("security/allow_address", address=client, state="absent")
    assert back.told["result"]["proof"] == {client: False} and 429 in {stack.ask("/x").status for unused in range(40)}
    call("edge_traffic", {**stack.options, "attack": {"state": "off"}})


def test_a_site_is_put_in_place_and_what_does_not_work_is_put_back(stack):
    """T174."""
    site = stack.project.directory / "nginx.conf"
    good = site.read_text()
    template = stack.directory / "site.conf.j2"
    chosen = {"template": str(template)}
    # Nothing of ours is in it: what is needed is added, and the file that is mounted stays the same file.
    template.write_text(
        good.replace("    include /etc/nginx/runbook/traffic.conf;\n", "")
        .replace("        include /etc/nginx/runbook/site.conf;\n", "")
        .replace("http://$runbook_api", "http://api:3000")
        .replace("server_tokens off;", "server_tokens off;\n    add_header X-Site {{ stack_name }};")
    )
    inode = site.stat().st_ino
    done = stack.must("deploy/nginx", stack_edge_site=chosen)
    assert [step["action"] for step in done.told["result"]["actions"]] == ["write", "reload"] and site.stat().st_ino == inode
    assert Path(done.told["result"]["backup"]).read_text() == good
    assert stack.ask().headers["x-site"] == stack.name and "proxy_pass http://$runbook_api;" in site.read_text()

    running = site.read_text()
    template.write_text(running.replace("location / {", "location /health { return 500; }\n        location / {"))
    failed = stack.play("deploy/nginx", stack_edge_site=chosen)
    assert failed.code and failed.failure["reason"] == "probe_wrong_answer" and "before is back" in failed.message, failed.output
    assert site.read_text() == running and stack.ask().status == 200


def test_a_site_that_nginx_refuses_or_that_lacks_something_is_not_taken(stack):
    """T175."""
    site = stack.project.directory / "nginx.conf"
    good = site.read_text()

    def put(text: str, check: bool = False, **options: object) -> dict:
        return call("edge_site", {**stack.options, "content": text, **options}, check=check)

    cases = {
        "server_tokens maybe;": ("server_tokens off;", "edge_refused"),
        "server_tokens {": ("server_tokens off;", "bad_input"),
        "proxy_read_timeout 60s;": ("proxy_read_timeout 310s;", "edge_settings_lost"),
        "http://127.0.0.1:9": ("http://$runbook_api", "edge_not_prepared"),
    }
    for new, (old, reason) in cases.items():
        refused = put(good.replace(old, new))
        assert refused["failed"] and refused["reason"] == reason, refused
        assert site.read_text() == good and stack.ask().status == 200
    shorter = good.replace("proxy_read_timeout 310s;", "proxy_read_timeout 60s;")
    wanted = {"may_change": ["proxy_read_timeout"]}
    assert put(shorter, check=True, **wanted)["changed"] and site.read_text() == good
    assert put(shorter, **wanted)["changed"] and not put(shorter, check=True, **wanted)["changed"] and not put(shorter, **wanted)["changed"]
    assert put("", websockets="ensure")["changed"] and site.read_text() == good


def test_websockets_that_are_cut_are_mended(stack):
    site = stack.project.directory / "nginx.conf"
    good = site.read_text()
    cut = good.replace("            proxy_set_header Upgrade $http_upgrade;\n", "").replace("proxy_read_timeout 310s;", "proxy_read_timeout 60s;")
    assert call("edge_site", {**stack.options, "content": cut, "may_change": ["all"]})["changed"]
    told = stack.play("incident/websocket")
    assert told.code and told.reason == "websocket_blocked" and "fix=true" in told.message and site.read_text() == cut
    mended = stack.must("incident/websocket", fix=True)
    assert mended.told["result"]["before"] and mended.told["result"]["problems"] == [] and mended.told["result"]["healthy"]
    with WebSocket(stack.port) as socket:
        assert socket.echo("hello") == "hello"


def test_without_an_edge_the_playbooks_refuse_and_say_what_else_there_is(stack):
    refused = stack.play("maintenance/mode", mode="on", stack_edge={})
    assert refused.code and refused.reason == "edge_missing" and "application itself" in refused.message
