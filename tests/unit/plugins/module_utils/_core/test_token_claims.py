"""Tokens as they come: readable, unreadable, hostile."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.token_claims import Claims, TokenUnreadable, read_claims


def part(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def token(claims: object) -> str:
    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2lnbmF0dXJl"


# The example of RFC 7519, section 3.1, has no jti.
OF_THE_STANDARD = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer  ", "\n "])
def test_what_a_token_says(prefix):
    assert read_claims(prefix + token({"jti": "7f", "sub": "alice", "exp": 1300819380})) == Claims("7f", "alice", 1300819380.0)
    assert read_claims(token({"jti": "ü:*", "exp": 1.5, "sub": 7})) == Claims("ü:*", "", 1.5)
    assert read_claims(token({"jti": "7f"})).expires_at is None


@pytest.mark.parametrize(
    "text",
    [
        "", "a.b", "a.b.c", "..", "a.b.c.d.e", OF_THE_STANDARD, "x" * 20000, token([]), token("{"), token('{"jti": "a", "jti": "b"}'),
        token('{"jti": "a", "exp": NaN}'), token('{"jti": "a", "exp": 1e999}'), token({"jti": "a", "exp": True}), token({"jti": "a", "exp": "1300819380"}),
        token({"jti": "a", "exp": -1}), token({"jti": "a", "exp": 10**400}), token({"jti": ""}), token({"jti": 7}), token('{"jti": "a\\nb"}'),
        token('{"jti": "\\ud800"}'), token("[" * 9000), token({"jti": "a"}).replace(".", ".=", 1), token({"jti": "a"}).replace(".", ". ", 1),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_without_being_repeated(text):
    with pytest.raises(TokenUnreadable) as refused:
        read_claims(text)
    said = str(refused.value.to_result())
    assert not [piece for piece in text.split(".") if len(piece) > 4 and piece in said]


@given(
    st.one_of(
        st.text(max_size=60),
        st.builds(
            "{}.{}.{}".format,
            st.text(max_size=8),
            st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")),
            st.text(max_size=8),
        ),
    )
)
def test_no_text_does_anything_but_be_refused(text):
    try:
        read_claims(text)
    except TokenUnreadable:
        return
    raise AssertionError("random text was taken for a token")


@given(
    st.dictionaries(
        st.sampled_from(["jti", "exp", "sub", "iat"]), st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists), max_size=4
    )
)
def test_claims_of_any_shape_are_read_or_refused(claims):
    try:
        read = read_claims(token(json.dumps(claims)))
    except TokenUnreadable:
        return
    assert read.jti == claims["jti"] and read.jti
    assert read.expires_at is None or read.expires_at >= 0
