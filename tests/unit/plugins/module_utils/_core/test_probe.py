from __future__ import annotations

import base64

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.probe import Endpoint, parse_probe, parse_probes


def refusal(**options) -> str:
    with pytest.raises(BadInput) as refused:
        parse_probe({"name": "it", **options})
    return str(refused.value)


def test_only_a_url_is_needed():
    probe = parse_probe({"url": "http://127.0.0.1:8080/health?full=1"})
    assert probe.endpoint == Endpoint("http", "127.0.0.1", 8080, "/health?full=1")
    assert (probe.name, probe.via, probe.role, probe.request.method) == ("http://127.0.0.1:8080/health?full=1", "host", "liveness", "GET")
    assert probe.expect.accepts_status(204) and not probe.expect.accepts_status(301)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://[::1]/", Endpoint("http", "::1", 80, "/")),
        ("https://shop.example", Endpoint("https", "shop.example", 443, "/")),
        ("redis://redis", Endpoint("redis", "redis", 6379)),
        ("postgresql://db:5433/shop%20two", Endpoint("postgres", "db", 5433, "shop two")),
        ("tcp://[fe80::1]:25", Endpoint("tcp", "fe80::1", 25)),
        ("dns://redis", Endpoint("dns", "redis", 0)),
    ],
)
def test_urls(url, endpoint):
    assert parse_probe({"url": url}).endpoint == endpoint


def test_authority_is_what_a_host_header_says():
    assert Endpoint("http", "::1", 8080).authority == "[::1]:8080"
    assert Endpoint("https", "shop.example", 443).authority == "shop.example"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "health",
        "http://",
        "http:///health",
        "http://host:port/",
        "http://host:70000/",
        "http://host:0/",
        "http://[::1/",
        "http://host/a b",
        "http://host/a\nX-Evil: 1",
        "http://host/\u00e4",
        "ftp://host/",
        "file:///etc/passwd",
        "tcp://host",
        "tcp://host:1/path",
        "tcp://user@host:1",
        "redis://host/0",
        "dns://name/path",
    ],
)
def test_malformed_urls_are_refused(url):
    assert refusal(url=url)


@pytest.mark.parametrize("url", ["http://u:hunter2@host:bad/", "http://u:p/hunter2@host/", "ftp://u:hunter2@host/"])
def test_a_refusal_never_shows_the_password_of_the_url(url):
    with pytest.raises(BadInput) as refused:
        parse_probe({"url": url})
    assert "hunter2" not in str(refused.value.to_result())


@pytest.mark.parametrize(
    "options",
    [
        {"url": "tcp://host:1", "json": {"a": 1}},
        {"url": "redis://redis", "headers": {"A": "b"}},
        {"url": "tcp://host:1", "method": "POST"},
        {"url": "redis://host", "from_service": "api"},
        {"url": "http://host", "from_service": "api", "via": "host"},
        {"url": "http://host", "header_from": {"variable": "API_KEY"}},
        {"url": "http://host", "from_service": "api", "header_from": {"variable": "API KEY"}},
        {"url": "http://host", "from_service": "api", "header_from": {"variable": "API_KEY", "header": "X Key"}},
        {"url": "redis://host", "header_from": {"variable": "API_KEY"}},
        {"url": "http://host", "stay_open": 1},
        {"url": "ws://host", "stay_open": -1},
        {"url": "ws://host", "json": {"a": 1}},
        {"url": "ws://host", "method": "POST"},
        {"url": "ws://host", "measure": {"requests": 3}},
        {"url": "http://host", "method": "POST", "measure": {"requests": 3}},
        {"url": "http://host", "measure": {"requests": 1001}},
        {"url": "http://host", "measure": {"requests": 3, "max_p95_ms": 0}},
        {"url": "dns://name", "via": "network"},
        {"url": "http://host", "headers": {"A": "b\r\nC: d"}},
        {"url": "http://host", "headers": {"A b": "c"}},
        {"url": "http://host", "body": "text"},
        {"url": "http://host", "method": "POST", "body": 7},
        {"url": "http://host", "method": "HEAD", "contains": ["x"]},
        {"url": "http://host", "status": ["600"]},
        {"url": "http://host", "status": ["ok"]},
        {"url": "http://host", "header": {"server": "~("}},
        {"url": "http://host", "timeout": -1},
        {"url": "http://host", "max_latency_ms": 0},
        {"url": "http://host", "max_age": {"field": "at", "seconds": float("nan")}},
        {"url": "http://u:p@host", "headers": {"authorization": "Bearer x"}},
    ],
)
def test_contradictions_are_refused(options):
    assert refusal(**options).startswith("Probe it: ")


def test_no_probes_prove_nothing():
    with pytest.raises(BadInput, match="nothing would be proven"):
        parse_probes([])


def test_names_are_unique():
    with pytest.raises(BadInput, match="called it"):
        parse_probes([{"name": "it", "url": "http://a"}, {"name": "it", "url": "http://b"}])


def test_stores_are_asked_on_the_network_unless_told_otherwise():
    assert parse_probe({"url": "redis://redis"}).via == "network"
    assert parse_probe({"url": "redis://127.0.0.1", "via": "host"}).via == "host"
    assert parse_probe({"url": "dns://redis"}).via == "host"
    assert parse_probe({"url": "dns://redis", "from_service": "api"}).via == "network"


def test_a_dict_body_is_sent_as_json_and_a_login_as_basic_authentication():
    request = parse_probe({"url": "http://us%40er:pa%2Fss@host", "method": "POST", "body": {"a": [1]}}).request
    headers = dict(request.headers)
    assert (request.body, headers["Content-Type"]) == (b'{"a": [1]}', "application/json")
    assert base64.b64decode(headers["Authorization"].split()[1]) == b"us@er:pa/ss"


def test_a_given_content_type_stays():
    request = parse_probe({"url": "http://host", "method": "POST", "body": [], "headers": {"content-type": "application/x"}}).request
    assert request.headers == (("content-type", "application/x"),)


def test_the_url_of_a_probe_holds_no_password():
    assert parse_probe({"url": "postgres://app:hunter2@postgres/shop"}).url == "postgres://app:********@postgres/shop"
