"""What the five systems keep in Redis, as their inventories would describe it: one design fits all."""

from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.redis_key_families import members

SYSTEMS = {
    "0": {"customers": {"prefix": "cache:customer:", "key_of": "cache:customer:{email}", "type": "string"}},
    "1": {
        "breaker": {"key": "api-gateway:circuit-breaker", "type": "hash"},
        "limits": {"prefix": "api-gateway:rate-limit:", "key_of": "api-gateway:rate-limit:{client}", "type": "hash"},
    },
    "2": {"sessions": {"prefix": "session:", "key_of": "session:{id}"}, "models": {"prefix": "model:", "key_of": "model:{name}"}},
    "3": {
        "limits": {"prefix": "ratelimit:", "key_of": "ratelimit:global:{client}"},
        "user_limits": {"prefix": "ratelimit:user:", "key_of": "ratelimit:user:{user}"},
        "lockouts": {"prefix": "lockout:", "key_of": "lockout:{user}:{client}"},
        "revoked": {"prefix": "token:blacklist:", "key_of": "token:blacklist:{jti}"},
        "tokens_of_user": {"prefix": "token:user:", "key_of": "token:user:{user}"},
    },
    "4": {},
}


@pytest.mark.parametrize(
    ("system", "family", "of", "chosen"),
    [
        ("0", "customers", "email@example.com", {"keys": ["cache:customer:email@example.com"], "type": "string"}),
        ("1", "breaker", None, {"keys": ["api-gateway:circuit-breaker"], "type": "hash"}),
        ("1", "limits", "192.168.1.100", {"keys": ["api-gateway:rate-limit:192.168.1.100"], "type": "hash"}),
        ("1", "limits", None, {"prefix": "api-gateway:rate-limit:", "type": "hash"}),
        ("2", "sessions", None, {"prefix": "session:"}),
        ("2", "models", "gpt-4", {"keys": ["model:gpt-4"]}),
        ("3", "limits", "192.168.1.100", {"keys": ["ratelimit:global:192.168.1.100"]}),
        ("3", "user_limits", "user-123", {"keys": ["ratelimit:user:user-123"]}),
        ("3", "lockouts", {"user": "alice", "client": "192.168.1.100"}, {"keys": ["lockout:alice:192.168.1.100"]}),
        ("3", "lockouts", {"user": "alice"}, {"prefix": "lockout:alice:"}),
        ("3", "lockouts", None, {"prefix": "lockout:"}),
        ("3", "revoked", "9f1c", {"keys": ["token:blacklist:9f1c"]}),
    ],
)
def test_each_has_its_own_names_and_one_way_to_say_them(system, family, of, chosen):
    assert members(SYSTEMS[system], family, of) == chosen


def test_what_a_system_does_not_have_is_refused():
    with pytest.raises(BadInput, match="not described"):
        members(SYSTEMS["4"], "sessions", None)
