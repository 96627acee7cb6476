from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.run_secrets import secrets_of_variables


@pytest.mark.parametrize(
    "variables",
    [
        {"shop_password": "hunter2"},
        {"shop": {"db": {"password": "hunter2"}}},
        {"shop_secrets": {"db": ["other", "hunter2"]}},
        {"users": [{"name": "me", "token": "hunter2"}]},
        {"address": "postgres://me:hunter2@db/shop"},
    ],
)
def test_values_below_a_secret_looking_name_are_masked_everywhere(variables):
    assert secrets_of_variables(variables).text("it said hunter2!") == "it said ********!"


@pytest.mark.parametrize(
    "variables",
    [
        {"shop_name": "hunter2"},
        {"shop_password": "{{ hunter2 }}"},
        {"shop_password_required": True, "value": "hunter2"},
        {"groups": {"auth": ["hunter2"]}},
    ],
)
def test_other_values_stay_readable(variables):
    assert secrets_of_variables(variables).text("it said hunter2, True and {{ hunter2 }}") == "it said hunter2, True and {{ hunter2 }}"


def test_a_number_may_be_a_password():
    assert secrets_of_variables({"pin_code": 1, "door_password": 123456}).text("123456") == "********"


def test_the_answer_to_a_private_prompt_is_a_secret_whatever_its_name():
    assert secrets_of_variables({"answer": "hunter2"}, private={"answer"}).text("hunter2") == "********"


def test_what_comes_out_of_a_vault_is_a_secret_whatever_its_name():
    class Vaulted:
        def __str__(self) -> str:
            return "hunter2"

    redactor = secrets_of_variables({"a": {"b": [Vaulted()]}}, is_vaulted=lambda value: isinstance(value, Vaulted))
    assert redactor.text("hunter2") == "********"


def test_what_names_keys_of_redis_is_no_secret_and_headers_and_settings_within_are():
    probe = {"name": "refused", "headers": {"Authorization": "Bearer hunter2"}}
    inventory = {
        "keys": {"tokens": {"prefix": "token:"}},
        "tokens": {"default_life": 604800, "revoked": "tokens", "probes": [probe]},
        "password": "redis-pw",
    }
    told = "604800 tokens with token: and Bearer hunter2 by redis-pw"
    assert secrets_of_variables({"stack_redis": inventory}).text(told) == "604800 tokens with token: and ******** by ********"
    assert secrets_of_variables({"other": inventory}).text("token: 604800") == "******** ********"
    for part in ({"measure": {"probe": probe}}, {"profiles": {"attack": {"PROVIDER_API_KEY": "Bearer hunter2"}}}):
        assert secrets_of_variables({"stack_redis": {"rate_limits": part}}).text(told) == told.replace("Bearer hunter2", "********")
