"""A site's nginx configuration: read, made ready, given WebSockets, and never robbed of what clients depend on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.edge_configuration import prepared, refuse_lost, settings
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_errors import EdgeSettingsLost
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_site import EdgeSite
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_websockets import with_websockets
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack

SITE = EdgeSite.of(Stack("shop", "/srv/shop"), {"pools": {"api": {"port": 3000}}})
HOST = EdgeSite.of(Stack("shop", "/srv/shop"), {"kind": "host", "pools": {"api": {"port": 3000, "server": "127.0.0.1:3000"}}})
MINIATURE = (Path(__file__).resolve().parents[5] / "tests/systems/miniature/stack/nginx.conf").read_text()
BARE = """\
http {
    # server { in a comment
    upstream other { server a:1; }
    server {
        listen 443 ssl;
        location ~ "^/a{2}" { proxy_pass http://api:3000; }
        location /b { proxy_pass http://api:3000/; }
        location / { return 200 "${host} } {"; }
    }
    server { listen 80; return 301 https://$host$request_uri; }
}
"""
READY = """\
http {
    # server { in a comment
    upstream other { server a:1; }
    resolver 127.0.0.11 valid=1s ipv6=off;
    include /etc/nginx/runbook/traffic.conf;

    server {
        include /etc/nginx/runbook/site.conf;
        listen 443 ssl;
        location ~ "^/a{2}" { proxy_pass http://$runbook_api; }
        location /b { proxy_pass http://api:3000/; }
        location / { return 200 "${host} } {"; }
    }
    server { listen 80; return 301 https://$host$request_uri; }
}
"""


def test_what_is_missing_is_added_once():
    assert prepared(BARE, SITE) == READY and prepared(READY, SITE) == READY and prepared(MINIATURE, SITE) == MINIATURE


def test_a_site_of_the_host_includes_our_files_from_where_they_are():
    text = prepared("server {\n  location / { proxy_pass http://127.0.0.1:3000; }\n}\n", HOST)
    assert text.startswith("include /srv/shop/edge/traffic.conf;\n\nserver {\n    include /srv/shop/edge/site.conf;\n")
    assert "http://$runbook_api" in text and "resolver" not in text


@pytest.mark.parametrize("text", ["http {", "}", "server { listen 80 }", "a 'b;", ";", "http { server { } } x", "events {}\n"])
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(BadInput):
        prepared(text, SITE)


def test_servers_of_streams_and_of_mail_are_not_the_sites():
    other = "stream {\n    server { listen 5432; proxy_pass db:5432; }\n}\n"
    assert prepared(other + BARE, SITE) == other + READY
    with pytest.raises(BadInput, match="no server block"):
        prepared(other, SITE)


def test_settings_that_clients_depend_on_do_not_get_lost():
    text = "server { listen 443 ssl; ssl_certificate /a; proxy_read_timeout 310s; location / { proxy_set_header UPGRADE $http_upgrade; } }"
    assert set(settings(text)) == {"listen ssl", "ssl_certificate", "proxy_read_timeout", "proxy_set_header Upgrade"}
    refuse_lost(text, text + "\nserver { listen 80; }", [])
    with pytest.raises(EdgeSettingsLost) as raised:
        refuse_lost(text, text.replace(" ssl;", ";").replace("310s", "60s"), [])
    assert raised.value.details == {"settings": ["listen ssl", "proxy_read_timeout"]}
    refuse_lost(text, "server { }", ["all"])
    refuse_lost(text, text.replace("310s", "60s"), ["proxy_read_timeout"])


def test_websockets_get_what_they_need_where_it_is_missing():
    text = """\
http {
    proxy_read_timeout 60s;
    server {
        proxy_set_header Host $host;
        location / { proxy_pass http://$runbook_api; }
        location /ws {
            proxy_http_version 1.0;
            proxy_set_header Connection "";
            proxy_send_timeout 1h;
            proxy_pass http://$runbook_api;
        }
        location /static { root /srv; }
    }
}
"""
    wanted = """\
http {
    proxy_read_timeout 60s;
    server {
        proxy_set_header Connection $runbook_connection;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Host $host;
        location / { proxy_send_timeout 310s; proxy_read_timeout 310s; proxy_http_version 1.1; proxy_pass http://$runbook_api; }
        location /ws {
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $runbook_connection;
            proxy_send_timeout 1h;
            proxy_read_timeout 310s;
            proxy_pass http://$runbook_api;
        }
        location /static { root /srv; }
    }
}
"""
    done = with_websockets(text, SITE)
    assert [sorted(line.split()) for line in done.splitlines()] == [sorted(line.split()) for line in wanted.splitlines()]
    assert with_websockets(done, SITE) == done and with_websockets(MINIATURE, SITE) == MINIATURE
