"""edge_traffic against a real nginx in front of real containers: what strangers, operators and running requests notice."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.nginx_text import parse_dump
from tests.support.edge import BYPASS, REST, SECRET, EdgeStack, actions, in_minutes, refused
from tests.support.modules import call
from tests.support.stacks import unique_name
from tests.support.websocket import WebSocket


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = EdgeStack(tmp_path_factory.mktemp("edge"), unique_name("edge"))
    try:
        yield made.up(replicas=2)
    finally:
        made.remove()


@pytest.fixture(autouse=True)
def at_rest(stack):
    yield
    done = stack.traffic(**REST)
    assert not done["failed"] and done["traffic"]["pools"] == {}, done


def names(stack: EdgeStack) -> list[str]:
    return [f"api-{number}" for number in range(1, len(stack.api()) + 1)]


def raw(stack: EdgeStack, request: bytes) -> bytes:
    """The whole answer to these bytes, without what only says that the rest may come."""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return answer.partition(b"\r\n\r\n")[2] if answer.startswith(b"HTTP/1.1 100 ") else answer


def test_maintenance_is_checked_done_checked_again_and_done_again(stack):
    wanted = {"maintenance": {"minutes": 10, "title": 'Größe $5 \\ "x"', "notice": "a <b> 'c' $host {json}"}}
    before = stack.included().read_bytes()
    assert actions(stack.traffic(check=True, **wanted)) == ["close edge"]
    assert stack.ask().status == 200 and stack.included().read_bytes() == before
    done = stack.traffic(**wanted)
    assert actions(done) == ["close edge"] and done["proof"] == {"outside": 503, "bypass": 200, "health": 200, "allowed": {}}
    assert SECRET not in json.dumps(done)
    again = stack.traffic(check=True, **wanted)
    assert not again["changed"] and again["proof"]["outside"] == 503
    assert not stack.traffic(**wanted)["changed"]
    longer = stack.traffic(maintenance={**wanted["maintenance"], "minutes": 20})
    assert actions(longer) == ["change edge"] and longer["traffic"]["maintenance"]["since"] == done["traffic"]["maintenance"]["since"]

    page = stack.ask("/shop.js", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert (page.status, page.headers["content-type"], page.headers["cache-control"]) == (503, "text/html; charset=utf-8", "no-store")
    assert "Größe &#36;5 \\ &quot;x&quot;" in page.body and "a &lt;b&gt; &#x27;c&#x27; &#36;host {json}" in page.body
    assert 1200 - 30 <= int(page.headers["retry-after"]) <= 1200 + 100
    for headers in ({}, {"Accept": "application/json, text/html"}, {"Accept": "application/problem+json"}, {"Upgrade": "websocket", "Accept": "text/html"}):
        told = stack.ask("/api/v1/orders", "POST", b"x" * 100_000, **headers)
        assert (told.status, told.headers["content-type"], told.headers["cache-control"]) == (503, "application/json", "no-store")
        assert told.json()["retry_after"] == int(told.headers["retry-after"]) and told.json()["message"] == wanted["maintenance"]["notice"]
        assert told.json()["title"] == wanted["maintenance"]["title"]
    # A body that is too long for a location of the site is no other matter.
    assert stack.ask("/api/v1/orders", "POST", b"x" * 3_000_000).status == 503
    assert stack.ask("/-runbook/closed/html").status == 503 and stack.ask("/-runbook/traffic").status == 404
    assert stack.ask("/", "HEAD").status == 503

    assert stack.ask("/api/v1/orders/1", **BYPASS).status == 404
    assert stack.ask("/x", **{"X-Maintenance-Bypass": SECRET.upper()}).status == stack.ask("/x", **{"X-Maintenance-Bypass": SECRET + "x"}).status == 503
    assert stack.ask("/health").status == stack.ask("/health/ready").status == 200 and stack.ask("/healthy").status == 503
    assert stack.traffic(maintenance={"minutes": 10, "exempt_health": False})["proof"] == {"outside": 503, "bypass": 200, "health": 503, "allowed": {}}
    opened = stack.traffic(maintenance={"state": "off"})
    assert actions(opened) == ["open edge"] and opened["proof"]["outside"] == 404
    # A 503 of the application itself is passed on as it is.
    assert [stack.ask("/-runbook/closed/html").status, stack.ask("/").headers.get("retry-after")] == [404, None]


def test_a_closed_edge_says_503_whatever_is_asked(stack):
    stack.traffic(maintenance={"minutes": 5})
    later = format_datetime(datetime.now(timezone.utc) + timedelta(days=1), usegmt=True)
    path = "/x/../-runbook/../y.js?a=b"
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAccept: text/html\r\n"
    ways = [
        ("1.0", b"", b""),
        ("1.1", b"", b""),
        ("1.1", f"If-Modified-Since: {later}\r\nIf-None-Match: *\r\nRange: bytes=0-3\r\nAccept-Encoding: gzip, br\r\n".encode(), b""),
        ("1.1", b"Expect: 100-continue\r\nContent-Length: 4\r\n", b"abcd"),
        ("1.1", b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
        ("1.1", upgrade, b""),
    ]
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
        for version, headers, body in ways:
            told = raw(stack, f"{method} {path} HTTP/{version}\r\nHost: shop.example\r\n".encode() + headers + b"\r\n" + body)
            assert told.startswith(b"HTTP/1.1 503 "), (method, headers, told[:200])
            head, unused, said = told.partition(b"\r\n\r\n")
            assert b"\r\nRetry-After: " in head and b"\r\nCache-Control: no-store" in head and b"Content-Encoding" not in head, head
            assert b"Content-Type: application/json" in head and ((said == b"") if method == "HEAD" else json.loads(said)["status"] == 503)
    accepted = {
        "*/*": "json",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8": "html",
        "application/json, text/plain, */*": "json",
        "text/html, application/json": "json",
        "application/json;q=0.9, text/html": "html",
        "text/html;level=1;q=0.4, application/vnd.api+json;v=2": "json",
        "text/html;q=0.8, application/json;q=0.9": "json",
        "application/json; q=0.9,text/html;charset=utf-8": "html",
        "TEXT/HTML;q=0.1": "html",
        "application/jsonp, text/html;q=0.1": "html",
        "image/png": "json",
    }
    told = {accept: stack.ask("/x", Accept=accept) for accept in accepted}
    assert {accept: answer.headers["content-type"].split(";")[0].split("/")[1] for accept, answer in told.items()} == accepted
    assert {(answer.status, answer.headers["vary"]) for answer in told.values()} == {(503, "Accept")}


def test_shares_and_drain_while_requests_are_under_way(stack):
    first, second = names(stack)
    ids = [container[:12] for container in stack.api()]
    shared = stack.traffic(pools={"api": {"containers": [{"name": first, "weight": 3}, {"name": second, "weight": 1}]}})
    assert actions(shared) == ["pin api"]
    assert Counter(stack.ask().served_by for unused in range(20)) == {ids[0]: 15, ids[1]: 5}
    assert not stack.traffic(pools={"api": {"containers": [{"name": first, "weight": 3}, {"name": second}]}})["changed"]

    assert actions(stack.traffic(pools={"api": {"containers": [{"name": first}]}})) == ["pin api"]
    slow: list = []
    running = threading.Thread(target=lambda: slow.append(stack.ask("/work?ms=2500")))
    with WebSocket(stack.port) as socket:
        running.start()
        stack.await_at_work(list(stack.api())[0])
        stack.traffic(pools={"api": {}})
        # Both are cut by nobody: an old worker ends them. They count as requests that are in flight.
        assert socket.echo("still there") == "still there"
        assert "in flight" in refused(stack.traffic(drain=[first], drain_timeout=0), "drain_timed_out")
        assert {stack.ask().served_by for unused in range(6)} == {ids[1]}
    drained = stack.traffic(drain=[first], drain_timeout=120)
    running.join()
    assert slow[0].status == 200 and slow[0].served_by == ids[0]
    assert drained["drained"]["connections_left"] == 0 and drained["traffic"]["pools"]["api"]["backends"][0]["weight"] == 0
    assert not stack.traffic(drain=[first])["changed"]
    assert "nothing would serve" in refused(stack.traffic(drain=[second]), "bad_input")
    # A whole service is waited for as it is.
    assert stack.traffic(drain=["api"])["changed"] is False


def test_no_request_is_lost_while_the_edge_is_reloaded_again_and_again(stack):
    first, second = names(stack)
    with stack.asked_by(3, "/work?ms=5") as answers:
        for weight in (1, 5, 9):
            assert not stack.traffic(pools={"api": {"containers": [{"name": first, "weight": weight}, {"name": second}]}})["failed"]
        deadline = time.monotonic() + 60
        while answers[200] <= 30 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert set(answers) == {200} and answers[200] > 30


def test_limits_in_an_attack_and_who_is_exempt(stack):
    assert actions(stack.traffic(attack={"minutes": 5})) == ["limit clients"]
    assert not stack.traffic(attack={"minutes": 5})["changed"]
    assert {stack.ask("/api/v1/orders/1").status for unused in range(40)} == {404, 429}
    client = stack.address_seen()
    exempt = stack.traffic(allow=[{"address": f"{client}/32", "minutes": 5}])
    assert actions(exempt) == [f"allow {client}"] and exempt["proof"]["allowed"] == {client: True}
    assert {stack.ask("/api/v1/orders/1").status for unused in range(40)} == {404}
    assert actions(stack.traffic(allow=[{"address": client, "state": "absent"}])) == [f"disallow {client}"]
    assert stack.traffic(check=True, allow=[{"address": client, "state": "absent"}])["proof"]["allowed"] == {client: False}
    assert 429 in {stack.ask("/api/v1/orders/1").status for unused in range(40)}


def test_what_is_over_ends_by_itself_and_pools_follow_their_containers(stack):
    """T170."""
    end = in_minutes(5)
    first, second = names(stack)
    ids = list(stack.api())
    assert not stack.traffic(maintenance={"until": end}, attack={"until": end}, pools={"api": {"containers": [{"name": second}]}})["failed"]
    # Without the inventory's secret, as the job on the target calls it.
    job = {**stack.options, "edge": {name: value for name, value in stack.edge.items() if name != "operators"}, "state": "settled"}
    assert not call("edge_traffic", job)["changed"]
    record = stack.project.state_dir / stack.name / "edge" / "traffic.json"
    kept = json.loads(record.read_text())
    for part in (kept["traffic"]["maintenance"], kept["traffic"]["attack"], *kept["ends"].values()):
        part["until"] = in_minutes(-55)  # as they would be an hour later
    for one in kept["ends"].values():
        one["boottime"] -= 3600
    record.write_text(json.dumps(kept))
    settled = call("edge_traffic", job)
    assert settled["expired"] == ["attack", "maintenance"]
    assert settled["traffic"]["maintenance"] is settled["traffic"]["attack"] is None and list(settled["traffic"]["pools"]) == ["api"]
    assert stack.ask("/").status == 404 and not call("edge_traffic", job)["changed"]
    assert SECRET in stack.included().read_text() and SECRET not in json.dumps(settled)
    # The other one is gone and comes back with another address, then the pinned one is gone.
    stack.project.compose("stop", "--timeout", "1", "api")
    assert actions(call("edge_traffic", job)) == ["rest api"]
    stack.up(replicas=2)
    assert list(stack.api()) == ids and stack.ask().status == 200


def test_an_edited_or_missing_include_is_written_again(stack):
    stack.traffic(maintenance={"minutes": 5})
    stack.included().write_text("# nothing\n")
    stack.included("site.conf").unlink()
    written = stack.traffic()
    assert actions(written) == [f"rewrite {stack.project.directory}/edge"] and stack.ask("/").status == 503
    assert stack.included().stat().st_mode & 0o777 == 0o600


def test_what_we_read_of_a_configuration_is_what_nginx_reads(stack):
    odd = stack.included("odd.conf")
    odd.write_text(ODD)
    try:
        dump = stack.nginx("-T", "-c", "/etc/nginx/runbook/odd.conf")
    finally:
        odd.unlink()
    (server,) = next(one for one in parse_dump(dump) if one.name == "http").inside("server")
    assert [(one.name, one.words) for one in server.block[1:]] == [
        ("set", ("$a", "}b#c;")),
        ("add_header", ("X-A", 'it\'s "x" \\d\\', "always")),
        ("location", ("~", r"^/\w{2}\.ws$")),
        ("if", ("($a", "=", "${a}b", ")")),
    ]


ODD = r"""
events {}  # }
http { server { listen 8123; set $a "}b#c;";
    add_header X-A 'it\'s "x" \d\\' always; # "
    location ~ "^/\w{2}\.ws$" { return 200 a}b#c; }
    if ($a = "${a}b") { return 403; }
} }
"""


@pytest.mark.parametrize(
    "options",
    [
        {"maintenance": {}},
        {"maintenance": {"until": "2020-01-01T00:00:00Z"}},
        {"maintenance": {"until": "tomorrow"}},
        {"maintenance": {"minutes": 60 * 25}},
        {"maintenance": {"minutes": 5, "until": "2099-01-01T00:00:00Z"}},
        {"maintenance": {"minutes": 5, "title": "two\nlines"}},
        {"maintenance": {"minutes": 5, "notice": "x" * 601}},
        {"maintenance": {"minutes": 5, "admits": -1}},
        {"maintenance": {"admits": 10}},
        {"allow": [{"address": "example.org"}]},
        {"attack": {"rate": -1}},
        {"pools": {"web": {}}},
        {"pools": {"api": {"containers": [{"name": "api-9"}]}}},
        {"pools": {"api": {"containers": [{"name": "edge-1"}]}}},
        {"pools": {"api": {"containers": [{"name": "api-1", "weight": 0}]}}},
        {"pools": {"api": {"containers": [{"weight": 1}]}}},
        {"drain": ["edge-1"]},
        {"drain_timeout": -1},
        {"state": "settled", "drain": ["api"]},
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_touched(stack, options):
    before = stack.included().read_bytes()
    assert refused(stack.traffic(**options), "bad_input")
    assert stack.included().read_bytes() == before


def test_without_an_edge_it_says_what_else_there_is(stack):
    assert "application itself" in refused(call("edge_traffic", {**stack.project.options, "maintenance": {"minutes": 5}}), "edge_missing")
    assert "proxy: none" in refused(stack.traffic(edge={**stack.edge, "service": "proxy"}), "edge_missing")
    assert "compose file" in refused(stack.traffic(edge={**stack.edge, "mounted_as": "/etc/nginx/other"}), "edge_not_prepared")
    assert refused(stack.traffic(edge={**stack.edge, "operators": {"secret": 'short"'}}), "bad_input")
