"""The files of a release, and what they become when it is registered or staged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.release_samples import draft

from ansible_collections.runbook.compose.plugins.module_utils._core.configuration import (
    ComposeFilesDiffer,
    Configuration,
    candidate_configuration,
    changed_variables,
    configuration_fingerprint,
    configuration_to_stage,
    file_fingerprint,
    parse_variables,
    refuse_other_compose_files,
    release_files,
    snapshot_name,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput

COMPOSE = (("/srv/shop/compose.yaml", b"services: {}\n"),)


def configuration(env: str = "", compose=COMPOSE) -> Configuration:
    return Configuration("/srv/shop/.env", env.encode(), compose)


LIVE = configuration("# the shop\nAPP_VERSION=v1\nDB_PASSWORD=secret\n")


def test_a_candidate_differs_only_in_its_own_variables():
    candidate = candidate_configuration(LIVE, {"APP_VERSION": "v2"})
    assert candidate.env_text == "# the shop\nAPP_VERSION=v2\nDB_PASSWORD=secret\n"
    assert candidate.compose_files == LIVE.compose_files
    assert changed_variables(LIVE, candidate) == ("APP_VERSION",)


def test_without_variables_the_candidate_is_the_live_configuration_byte_for_byte():
    odd = configuration("A=1\n\n\n# end without a line feed")
    assert candidate_configuration(odd, {}) is odd


def test_comments_and_order_do_not_make_another_configuration_and_values_do():
    one = configuration_fingerprint(configuration("A=1\nB=2\n"), "salt")
    assert configuration_fingerprint(configuration("# why\nB=2\nA=1\n"), "salt") == one
    assert configuration_fingerprint(configuration("A=1\nB=3\n"), "salt") != one
    assert configuration_fingerprint(configuration("A=1\nB=2\n"), "other") != one
    assert configuration_fingerprint(configuration("A=1\nB=2\n", ((COMPOSE[0][0], b"services:\n"),)), "salt") != one


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_fingerprints_are_equal_exactly_for_equal_files(one, other):
    assert (file_fingerprint(one, "s") == file_fingerprint(other, "s")) == (one == other)


def test_restoring_takes_the_files_of_the_release():
    kept = configuration("APP_VERSION=v0\n", ((COMPOSE[0][0], b"services: {api: {}}\n"),))
    assert configuration_to_stage(LIVE, kept) == kept


def test_keeping_takes_only_the_variables_that_releases_set():
    kept = configuration("APP_VERSION=v0\nDB_PASSWORD=old\n")
    staged = configuration_to_stage(LIVE, kept, keep=("APP_VERSION",))
    assert staged.env_text == "# the shop\nAPP_VERSION=v0\nDB_PASSWORD=secret\n"
    assert configuration_to_stage(LIVE, kept, keep=()) == LIVE


def test_a_variable_that_the_release_did_not_have_goes():
    live = configuration("APP_VERSION=v1\nFEATURE=on\n")
    staged = configuration_to_stage(live, configuration("APP_VERSION=v1\n"), keep=("APP_VERSION", "FEATURE"))
    assert staged.env_text == "APP_VERSION=v1\n"


def test_variables_that_came_or_went_have_changed():
    assert changed_variables(configuration("A=1\nB=2\n"), configuration("B=2\nC=3\n")) == ("A", "C")


def test_a_malformed_file_can_be_replaced_and_not_built_upon():
    broken = configuration("APP_VERSION v1\n")
    assert changed_variables(broken, LIVE) == ("APP_VERSION", "DB_PASSWORD")
    with pytest.raises(BadInput):
        candidate_configuration(broken, {"APP_VERSION": "v2"})


def test_files_are_named_by_path_and_the_env_file_comes_last():
    env, compose = release_files(LIVE, "salt")
    assert (env.path, [file.path for file in compose]) == ("/srv/shop/.env", ["/srv/shop/compose.yaml"])
    assert LIVE.files[-1] == ("/srv/shop/.env", LIVE.env)
    assert snapshot_name(1, "/srv/shop/deploy/compose.yaml") == "compose/1-compose.yaml"


def test_a_release_of_other_files_is_refused():
    refuse_other_compose_files(draft(), LIVE)
    for other in (configuration(compose=()), Configuration("/srv/shop/other.env", b"", COMPOSE)):
        with pytest.raises(ComposeFilesDiffer):
            refuse_other_compose_files(draft(), other)


def test_an_env_file_that_is_no_text_is_refused_without_its_content():
    with pytest.raises(BadInput) as caught:
        candidate_configuration(Configuration("/srv/shop/.env", b"PASSWORD=\xff\xfe", ()), {"A": "1"})
    assert str(caught.value) == "/srv/shop/.env is not UTF-8 text (byte 9)."


def test_variables_become_text():
    assert parse_variables({"A": 1, "B": True, "C": None, "D": "x y"}) == {"A": "1", "B": "true", "C": "", "D": "x y"}


@pytest.mark.parametrize("variables", [{"API_KEY": "x"}, {"DB_PASSWORD": "x"}, {"A": ["x"]}, {"A": {}}])
def test_secrets_and_structures_are_no_variables_of_a_release(variables):
    with pytest.raises(BadInput):
        parse_variables(variables)
