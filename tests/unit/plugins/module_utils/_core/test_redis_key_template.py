"""Names of keys from an inventory: the five systems' own, and that no name ever means two people."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_glob import Glob
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_key_template import KeyTemplate
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_keys_text import key_bytes

PERSON = st.text(st.characters(codec="utf-8"), max_size=12)


def selection(written: str, free=(), **values: str) -> dict:
    return KeyTemplate.parse(written).selection(values, free)


@pytest.mark.parametrize(
    ("system", "written", "values", "key"),
    [
        ("0", "cache:customer:{email}", {"email": "ann@example.org"}, b"cache:customer:ann@example.org"),
        ("1", "api-gateway:circuit-breaker", {}, b"api-gateway:circuit-breaker"),
        ("1", "api-gateway:rate-limit:{client}", {"client": "192.168.1.100"}, b"api-gateway:rate-limit:192.168.1.100"),
        ("2", "session:{session}", {"session": "7f3a"}, b"session:7f3a"),
        ("3", "ratelimit:global:{client}", {"client": "2001:db8::1"}, b"ratelimit:global:2001:db8::1"),
        ("3", "ratelimit:user:{user}", {"user": "user-123"}, b"ratelimit:user:user-123"),
        ("3", "lockout:{user}:{client}", {"user": "alice", "client": "::1"}, b"lockout:alice:::1"),
        ("3", "token:blacklist:{jti}", {"jti": "a-b"}, b"token:blacklist:a-b"),
        ("4", "fraiseql:cb:{name}", {"name": "billing"}, b"fraiseql:cb:billing"),
    ],
)
def test_keys_of_the_five_systems(system, written, values, key):
    assert KeyTemplate.parse(written).name(values) == key


def test_what_is_left_open_at_the_end_is_a_prefix_and_with_a_text_behind_it_a_pattern():
    assert selection("lockout:{user}:{client}", ["client"], user="alice") == {"prefix": "lockout:alice:"}
    assert selection("lockout:{user}:{client}", ["client"], user="al*[") == {"prefix": "lockout:al*[:"}
    assert selection("ratelimit:{client}", ["client"]) == {"prefix": "ratelimit:"}
    found = selection("fails:{user}:{client}:count", ["client"], user="a*")
    assert Glob(found["pattern"].encode()).matches(b"fails:a*:10.0.0.1:count")
    assert not Glob(found["pattern"].encode()).matches(b"fails:ab:10.0.0.1:count")


def test_a_place_that_is_needed_is_never_left_open():
    for values in ({}, {"user": ""}, {"user": None}, {"client": "10.0.0.1"}):
        with pytest.raises(BadInput, match="needs a user"):
            selection("lockout:{user}:{client}", ["client"], **values)
    with pytest.raises(BadInput, match="stands before"):
        selection("lockout:{client}:{user}", ["client"], user="alice")
    with pytest.raises(BadInput, match="every key"):
        selection("{client}", ["client"])


@pytest.mark.parametrize("user", ["alice:10.0.0.1", "a\nb", "a\0", " alice", "alice ", "x" * 600, "\ud800"])
def test_a_user_that_could_be_another_is_refused(user):
    with pytest.raises(BadInput):
        selection("lockout:{user}:{client}", ["client"], user=user)


def test_a_value_never_reaches_into_another_family():
    with pytest.raises(BadInput, match="separates"):
        selection("ratelimit:{client}", client="user:bob")
    assert selection("ratelimit:{client}", client="fe80::1") == {"keys": ["ratelimit:fe80::1"]}


@pytest.mark.parametrize("written", ["", "a:{user}{client}", "a:{user}:{user}", "a:{", "a:}{user}", "a:{}", "a:{User}", "a\n{user}"])
def test_a_template_that_says_nothing_is_refused(written):
    with pytest.raises(BadInput, match="name of a key"):
        KeyTemplate.parse(written)


def test_bytes_of_the_inventory_and_of_the_application_are_kept():
    template = KeyTemplate.parse(r"t\xff:{jti}")
    assert template.name({"jti": r"a\x00"}) == b"t\xff:a\\x00", "a value is taken as it is written"
    assert template.name_of(b"\x00\xff*") == b"t\xff:\x00\xff*"
    assert [key_bytes(text) for text in template.selection({"jti": r"\xff"})["keys"]] == [b"t\xff:\\xff"]
    with pytest.raises(BadInput, match="2 places"):
        KeyTemplate.parse("a:{b}:{c}").name_of(b"x")


@given(st.sampled_from(["lockout:{user}:{client}", "{user}/{client}", "l-{user}--{client}-x", "u{user}b{client}"]), PERSON, PERSON, PERSON, PERSON)
def test_two_people_never_share_a_key(written, user, client, other, elsewhere):
    assume((user, client) != (other, elsewhere))
    template = KeyTemplate.parse(written)
    try:
        names = [template.name({"user": user, "client": client}), template.name({"user": other, "client": elsewhere})]
    except BadInput:
        return
    assert names[0] != names[1]


@given(PERSON, PERSON, st.binary(max_size=8))
def test_what_is_selected_for_one_user_is_never_of_another(user, other, rest):
    assume(user != other)
    template = KeyTemplate.parse("lockout:{user}:{client}")
    try:
        chosen = key_bytes(template.selection({"user": user}, ["client"])["prefix"])
        key = template.name({"user": other, "client": "c"})[:-1] + rest
    except BadInput:
        return
    assert not key.startswith(chosen)
