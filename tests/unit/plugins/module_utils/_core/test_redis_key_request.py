"""Which keys are meant and which are protected, decided without a server."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput, ConfirmationMissing
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_key_request import (
    KeysProtected,
    Protection,
    Selection,
    check_flush,
    check_numbers,
)

PARAMS = {
    "stack_name": "shop",
    "state": "absent",
    "keys": None,
    "prefix": None,
    "pattern": None,
    "family": None,
    "order": "found",
    "of": None,
    "families": {},
    "type": None,
    "without_expiry": False,
    "protected_prefixes": ["token:", "lockout:"],
    "accept_protected": [],
    "database": None,
    "confirm": "",
    "max_keys": 1,
    "spread": 1,
    "timeout": 1,
    "sample_size": 0,
    "max_elements": 1,
}


def selection(**given) -> Selection:
    return Selection.from_params({**PARAMS, **given})


def protection(**given) -> Protection:
    return Protection.from_params({**PARAMS, **given})


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"keys": ["a"], "prefix": "a"},
        {"keys": []},
        {"prefix": ""},
        {"pattern": "*"},
        {"pattern": "?**"},
        {"pattern": ""},
        {"pattern": "a" * 1001},
        {"prefix": "a", "of": "alice"},
        {"family": "absent"},
        {"prefix": "a", "family": "sessions", "families": {"sessions": {"prefix": "session:"}}},
        {"state": "flushed", "prefix": "a"},
        {"state": "flushed", "type": "hash"},
        {"state": "flushed", "without_expiry": True},
    ],
)
def test_what_means_nothing_or_everything_is_refused(wrong):
    with pytest.raises(BadInput):
        selection(**wrong)


@pytest.mark.parametrize("everything", [{"prefix": ""}, {"pattern": "*"}])
def test_everything_may_be_listed(everything):
    assert selection(state="listed", **everything).match in (b"", b"*")


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_keys", 0), ("spread", 0), ("timeout", 0), ("sample_size", -1), ("sample_size", 1001), ("max_elements", 0), ("database", -1)],
)
def test_numbers_have_their_limits(name, value):
    check_numbers(PARAMS)
    with pytest.raises(BadInput) as failed:
        check_numbers({**PARAMS, name: value})
    assert failed.value.details == {name: value}


def test_a_prefix_is_escaped_and_a_pattern_is_not():
    assert selection(prefix=r"a*\xff[").match == b"a\\*\xff\\[*"
    assert selection(pattern="a*[b]").match == b"a*[b]"
    assert selection(keys=["a", "b", "a"]).names == (b"a", b"b")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"keys": ["a", "b"]}, "2 keys by name"),
        ({"prefix": r"a\xff"}, r"prefix 'a\\xff'"),
        ({"pattern": "a*", "type": "hash", "without_expiry": True}, "pattern 'a*' of type hash without expiry"),
        ({"state": "flushed"}, "all keys"),
    ],
)
def test_it_is_said_in_words(given, words):
    assert str(selection(**given)) == words


@pytest.mark.parametrize(
    "given",
    [
        {"keys": ["model:1", "token:1"]},
        {"keys": ["token:"]},
        {"prefix": "token:"},
        {"prefix": "token:blacklist:"},
        {"pattern": "token:*"},
        {"pattern": r"toke\n:?"},
    ],
)
def test_what_is_only_protected_is_refused(given):
    with pytest.raises(KeysProtected) as failed:
        protection().require_some_free(selection(**given))
    assert failed.value.details == {"prefixes": ["token:"]}
    protection(accept_protected=["token:"]).require_some_free(selection(**given))


@pytest.mark.parametrize("given", [{"keys": ["token", "tokens"]}, {"prefix": "tok"}, {"pattern": "*:1"}, {"pattern": "[tT]oken:*"}, {"state": "flushed"}])
def test_what_is_partly_protected_is_split(given):
    guard = protection()
    guard.require_some_free(selection(**given))
    assert guard.split([b"token:1", b"token", b"lockout:a:1", b"x"]) == ([b"token", b"x"], [b"token:1", b"lockout:a:1"])
    assert guard.count([b"token:1", b"lockout:a", b"token:2"]) == {b"token:": 2, b"lockout:": 1}


@pytest.mark.parametrize("given", [{"accept_protected": ["tok"]}, {"accept_protected": ["token:", "x"]}, {"protected_prefixes": ["a", ""]}])
def test_protection_is_given_up_only_by_its_exact_name(given):
    with pytest.raises(BadInput):
        protection(**given)


def test_without_protection_nothing_is_split():
    assert protection(protected_prefixes=[]).split([b"a"]) == ([b"a"], [])


def test_a_database_is_named_and_its_stack_too():
    flush = {**PARAMS, "state": "flushed", "database": 0, "confirm": "shop"}
    check_flush(flush)
    check_flush(PARAMS)
    with pytest.raises(ConfirmationMissing):
        check_flush({**flush, "confirm": "production"})
    with pytest.raises(BadInput):
        check_flush({**flush, "database": None})


FAMILIES = {
    "lockouts": {"prefix": "lockout:", "prefix_of": "lockout:{user}:"},
    "limits": {"prefix": "ratelimit:", "key_of": "ratelimit:{client}"},
    "revoked": {"pattern": "token:*:*", "key_of": "token:blacklist:{jti}", "type": "string"},
    "breaker": {"key": "api-gateway:circuit-breaker", "type": "hash"},
    "loose": {"prefix_of": "lockout:{user}"},
    "two": {"key_of": "lockout:{user}:{client}"},
    "nobody": {"key_of": "lockout"},
    "both": {"key": "a", "prefix": "a"},
}


@pytest.mark.parametrize(
    ("family", "of", "wanted"),
    [
        ("lockouts", None, {"prefix": "lockout:"}),
        ("lockouts", "alice", {"prefix": "lockout:alice:"}),
        ("lockouts", "*", {"prefix": "lockout:*:"}),
        ("limits", "fe80::1", {"keys": ["ratelimit:fe80::1"]}),
        ("revoked", None, {"pattern": "token:*:*", "type": "string"}),
        ("revoked", "*", {"keys": ["token:blacklist:*"], "type": "string"}),
        ("two", "a*", {"prefix": "lockout:a*:"}),
        ("two", {"user": "a"}, {"prefix": "lockout:a:"}),
        ("two", {"user": "a", "client": "::1"}, {"keys": ["lockout:a:::1"]}),
        ("limits", 7, {"keys": ["ratelimit:7"]}),
        ("breaker", None, {"keys": ["api-gateway:circuit-breaker"], "type": "hash"}),
    ],
)
def test_a_family_is_what_the_inventory_says(family, of, wanted):
    assert selection(family=family, of=of, families=FAMILIES) == selection(**wanted)


@pytest.mark.parametrize(
    ("family", "of"),
    [
        ("lockouts", ""),
        ("lockouts", "a:b"),
        ("two", {"client": "::1"}),
        ("two", {"user": "a", "client": ""}),
        ("two", {"user": "a", "other": "b"}),
        ("two", {}),
        ("limits", "user:bob"),
        ("loose", "alice"),
        ("loose", None),
        ("nobody", "alice"),
        ("both", None),
        ("breaker", "alice"),
        ("absent", None),
    ],
)
def test_a_family_that_could_mean_others_is_refused(family, of):
    with pytest.raises(BadInput):
        selection(family=family, of=of, families=FAMILIES)
