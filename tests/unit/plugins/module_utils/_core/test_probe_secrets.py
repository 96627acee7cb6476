from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.probe_secrets import (
    masked_json,
    masked_text,
    masked_url,
    request_secrets,
)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://host/a?b=c", "http://host/a?b=c"),
        ("http://user@host/", "http://user@host/"),
        ("http://user:hunter2@host:80/", "http://user:********@host:80/"),
        ("http://:hunter2@host/", "http://:********@host/"),
        ("http://u:hun@ter2@host/", "http://u:********@host/"),
        ("http://u:hun/ter2@host/", "http://u:********@host/"),
        ("http://host:8080/@home", "http://host:8080/@home"),
        ("http://host/?access_token=abc&b=1&api-key=d", "http://host/?access_token=********&b=1&api-key=********"),
    ],
)
def test_masked_url(url, shown):
    assert masked_url(url) == shown


def test_values_of_headers_are_secrets_unless_the_header_is_known_to_hold_none():
    probe = {"url": "http://h", "headers": {"X-Whatever": "hidden-value", "Accept": "application/json", "X-Debug": "1"}}
    assert request_secrets([probe]) == ({"hidden-value"}, {"application/json", "1"})


def test_a_token_is_a_secret_without_its_scheme_too():
    secrets, _harmless = request_secrets([{"url": "http://h", "headers": {"Authorization": "Bearer abcdefgh.ijkl"}}])
    assert secrets == {"Bearer abcdefgh.ijkl", "abcdefgh.ijkl"}


def test_a_body_gives_up_what_is_below_secret_names():
    body = {"user": "ann", "password": "hunter2", "nested": [{"api_key": {"id": "key-1234"}}], "amount": 100}
    secrets, harmless = request_secrets([{"url": "http://h", "body": body}])
    assert secrets == {"hunter2", "key-1234"}
    assert harmless == {"ann", "100"}


@pytest.mark.parametrize("body", ['{"user": "ann", "password": "hunter2"}', "user=ann&password=hunter2"])
def test_a_body_of_text_is_secret_as_a_whole(body):
    assert request_secrets([{"url": "http://h", "body": body}])[0] == {body, "hunter2"}


def test_a_value_that_is_secret_in_one_place_is_hidden_in_all():
    probes = [{"url": "http://u:same-value@h"}, {"url": "http://h", "headers": {"Accept": "same-value"}}]
    assert request_secrets(probes) == ({"same-value"}, set())


def test_passwords_of_urls_are_secret_as_written_and_as_meant():
    assert request_secrets([{"url": "redis://:a%2Fbc@h?token=t%20ok"}])[0] == {"a%2Fbc", "a/bc", "t%20ok", "t ok"}


def test_masked_text():
    assert masked_text('user=ann password=hunter2, "api_key": "k1", X-Api-Key: k2') == (
        'user=ann password=********, "api_key": "********", X-Api-Key: ********'
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("login failed: password=hunter2!", "login failed: password=********"),
        ("Authorization: Bearer abc.def", "Authorization: ********"),
        ("status: token: a, b", "status: token: ********, b"),
        ("monkey: 1", "monkey: 1"),
        ("password=", "password="),
    ],
)
def test_masked_text_masks_only_what_follows_a_secret_name(text, shown):
    assert masked_text(text) == shown


def test_masked_json_masks_all_below_a_secret_name():
    answer = {"status": "ok", "tokens": {"access_token": 5}, "secret": {"a": ["b"]}, "has_password": True, "list": [{"pw": "x"}]}
    assert masked_json(answer)["secret"] == "********"
    assert masked_json(answer)["list"] == [{"pw": "********"}]
    assert masked_json(answer)["has_password"] is True
    assert masked_json(answer)["status"] == "ok"
