"""Where a remote is, as far as its address tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._core.offsite_endpoint import (
    Endpoint,
    is_direct,
    rclone_endpoint,
    rclone_name,
    restic_endpoint,
    settings_of,
)


@pytest.mark.parametrize(
    ("remote", "endpoint"),
    [
        ("/mnt/nas", Endpoint(directory="/mnt/nas")),
        ("local:/mnt/nas", Endpoint(directory="/mnt/nas")),
        ("sftp:user@box.example:/srv", Endpoint(host="box.example", port=22)),
        ("sftp:box:srv", Endpoint(host="box", port=22)),
        ("sftp://user@box.example:2222//srv", Endpoint(host="box.example", port=2222)),
        ("rest:https://user:secret@host.example:8000/shop/", Endpoint(host="host.example", port=8000)),
        ("rest:http://[::1]/", Endpoint(host="::1", port=80)),
        ("s3:https://s3.example/bucket", Endpoint(host="s3.example", port=443)),
        ("s3:s3.example/bucket", Endpoint(host="s3.example", port=443)),
        ("b2:bucket:path", None),
        ("rclone:BOX:path", None),
        ("rest:http://host:99999/", None),
        ("sftp:", None),
    ],
)
def test_of_restic(remote, endpoint):
    assert restic_endpoint(remote) == endpoint


@pytest.mark.parametrize(
    ("settings", "endpoint"),
    [
        ({"type": "sftp", "host": "box.example"}, Endpoint(host="box.example", port=22)),
        ({"type": "sftp", "host": "box.example", "port": "2222"}, Endpoint(host="box.example", port=2222)),
        ({"type": "s3", "endpoint": "http://10.0.0.1:9000"}, Endpoint(host="10.0.0.1", port=9000)),
        ({"type": "s3", "endpoint": "s3.example"}, Endpoint(host="s3.example", port=443)),
        ({"type": "webdav", "url": "https://dav.example/x"}, Endpoint(host="dav.example", port=443)),
        ({"type": "sftp", "host": "box.example", "port": "65536"}, None),
        ({"type": "sftp", "host": "box", "ssh": "ssh -J jump box"}, None),
        ({"type": "s3"}, None),
        ({}, None),
    ],
)
def test_of_rclone(settings, endpoint):
    assert rclone_endpoint("BOX:path", settings) == endpoint


def test_the_environment_wins_over_the_file():
    configured = {"my box": {"type": "sftp", "host": "old", "user": "u"}, "other": {"host": "wrong"}}
    environment = {"RCLONE_CONFIG_MY_BOX_HOST": "new", "RCLONE_CONFIG_OTHER_HOST": "wrong", "PATH": "/bin"}
    assert settings_of("my box", environment, configured) == {"type": "sftp", "host": "new", "user": "u"}
    assert settings_of("absent", {}, {"absent": "damaged"}) == {}


@pytest.mark.parametrize(
    ("host", "environment", "direct"),
    [
        ("box.example", {}, True),
        ("box.example", {"HTTPS_PROXY": "http://proxy:3128"}, False),
        ("box.example", {"https_proxy": ""}, True),
        ("box.example", {"http_proxy": "http://proxy", "no_proxy": "other, .example"}, True),
        ("badexample", {"all_proxy": "http://proxy", "NO_PROXY": "example"}, False),
        ("127.0.0.1", {"http_proxy": "http://proxy"}, True),
    ],
)
def test_a_proxy_knows_the_way(host, environment, direct):
    assert is_direct(Endpoint(host=host, port=443), environment) is direct


def test_names():
    assert [rclone_name(remote) for remote in ("BOX:a:b", "/a:b", ":s3:b", "a b:", "x/y:z")] == ["BOX", "", "", "a b", ""]


@given(some.text(), some.dictionaries(some.sampled_from(["type", "host", "port", "endpoint", "url"]), some.text()))
def test_whatever_is_given_there_is_an_answer(remote, settings):
    for found in (restic_endpoint(remote), rclone_endpoint(remote, settings)):
        assert found is None or found.directory is not None and 0 <= found.port
