from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.nginx_text import parse_dump
from ansible_collections.runbook.compose.plugins.module_utils._core.websocket_directives import judge_path

MAIN = """nginx: the configuration file /etc/nginx/nginx.conf syntax is ok
# configuration file /etc/nginx/nginx.conf:
events { worker_connections 1024; }
http {
    map $http_upgrade $connection_upgrade { default upgrade; '' close; }
    log_format json escape=json '{"status":$status,' "x;y}";  # a comment with } and ;
    include conf.d/*.conf;
}
"""
GOOD = """
# configuration file /etc/nginx/conf.d/shop.conf:
server {
    listen 443 ssl; server_name shop.example;
    proxy_read_timeout 1h;
    location / { proxy_pass http://api:3000; }
    location ^~ /ws {
        proxy_pass http://api:3000;
        proxy_http_version 1.1;
        proxy_send_timeout 5m;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
    }
}
server { listen 80; location / { return 301 https://shop.example$request_uri; } }
"""


def judged(text: str, path: str = "/ws", seconds: float = 300) -> dict:
    return judge_path(path, parse_dump(MAIN + text), seconds)


def test_a_location_that_lets_websockets_through():
    result = judged(GOOD)
    assert result["problems"] == []
    assert result["places"] == [{"server": "shop.example", "location": "^~ /ws", "read_timeout": "1h", "send_timeout": "5m", "problems": []}]


def test_everything_that_is_missing_is_named():
    result = judged(GOOD, "/events")
    assert [place["location"] for place in result["places"]] == ["/"]
    told = " | ".join(result["problems"])
    assert len(result["problems"]) == 4 and "proxy_send_timeout is 60s" in told and "proxy_http_version is 1.0" in told
    assert "header Upgrade is not passed on" in told and "header Connection is not passed on" in told


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        ("proxy_read_timeout 1h", "proxy_read_timeout 299s", "proxy_read_timeout is 299s"),
        ("proxy_read_timeout 1h", "proxy_read_timeout 0", "proxy_read_timeout is 0"),  # nginx gives up at once
        ("proxy_send_timeout 5m", "proxy_send_timeout 4m 59s", "proxy_send_timeout is 4m 59s"),
        ("proxy_http_version 1.1;", "", "only 1.1"),
        ("Upgrade $http_upgrade", "Upgrade ''", "Upgrade"),
        ("Connection $connection_upgrade", "Connection close", "Connection"),
        ("Connection $connection_upgrade", "Connection $unknown", "Connection"),
    ],
)
def test_each_directive_counts(good, bad, told):
    (problem,) = judged(GOOD.replace(good, bad))["problems"]
    assert told in problem


@pytest.mark.parametrize("value", ["upgrade", '"Upgrade"', "$http_connection", "$mine"])
def test_other_ways_to_pass_the_connection_header_on(value):
    text = GOOD.replace("Connection $connection_upgrade", f"Connection {value}").replace("listen 443 ssl;", "listen 443 ssl; set $mine upgrade;")
    assert judged(text)["problems"] == []


def test_headers_of_an_outer_level_count_only_where_the_inner_one_sets_none():
    outer = GOOD.replace("proxy_set_header", "# proxy_set_header").replace(
        "proxy_read_timeout 1h;",
        """proxy_read_timeout 1h;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;""",
    )
    assert judged(outer)["problems"] == []
    assert len(judged(outer.replace("proxy_http_version 1.1;", "proxy_http_version 1.1; proxy_set_header Host $host;"))["problems"]) == 2


@pytest.mark.parametrize(
    ("locations", "chosen"),
    [
        ("location = /ws {P} location /ws {P}", "= /ws"),
        ("location / {P} location /w {P}", "/w"),
        ("location /ws {P} location ~ ^/W {P} location ~* ^/W {P}", "~* ^/W"),
        ("location ^~ /ws {P} location ~ /ws {P}", "^~ /ws"),
        ("location / { location /ws {P} }", "/ws"),
        ("location / { if ($x) {P} }", "/"),
        # Backslashes of a pattern stay, in quotes and without.
        (r"location ~ ^/\w\w$ {P} location /ws {P}", r"~ ^/\w\w$"),
        (r'location ~ "^/\w{2}$" {P} location /ws {P}', r"~ ^/\w{2}$"),
        ("location ~ '(?<a>' {P} location / {P}", "/"),
    ],
)
def test_the_location_is_the_one_that_nginx_takes(locations, chosen):
    text = "# configuration file /etc/nginx/conf.d/a.conf:\nserver { listen 80; " + locations.replace("{P}", "{ proxy_pass http://a; }") + " }\n"
    assert [place["location"] for place in judged(text)["places"]] == [chosen]


def test_a_path_that_goes_nowhere():
    assert judged("")["problems"] == ["no location passes /ws on"]
    assert judged("# configuration file /etc/nginx/conf.d/a.conf:\nserver { location / { return 404; } }\n")["problems"] == ["no location passes /ws on"]
