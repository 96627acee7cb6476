"""Which texts mean the same value of a setting, and which are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_setting_values import Definition, join_list, split_list, to_text

WORK_MEM = Definition("work_mem", "integer", "kB", "64", "2147483647")
SHARED_BUFFERS = Definition("shared_buffers", "integer", "8kB", "16", "1073741823")
DURATION = Definition("log_min_duration_statement", "integer", "ms", "-1", "2147483647")
DELAY = Definition("vacuum_cost_delay", "real", "ms", "0", "100")
CONNECTIONS = Definition("max_connections", "integer", "", "1", "262143")
COMMIT = Definition("synchronous_commit", "enum", choices=("local", "remote_write", "remote_apply", "on", "off"))
JIT = Definition("jit", "bool")
PRELOAD = Definition("shared_preload_libraries")


@pytest.mark.parametrize(
    ("definition", "texts", "canonical"),
    [
        (WORK_MEM, ("64MB", "65536", "65536kB", " 64 MB ", "0.0625GB", "67108864B"), 65536),
        (SHARED_BUFFERS, ("128MB", "16384", "131072kB"), 16384),
        (DURATION, ("1s", "1000", "1000ms", "1e3", "1000000us", "0x3e8"), 1000),
        (DURATION, ("-1",), -1),
        (DELAY, ("2", "2ms", "0.002s", "2000us"), 2.0),
        (JIT, ("on", "TRUE", "yes", "1"), True),
        (JIT, ("off", "false", "n"), False),
        (COMMIT, ("on", "ON", "true"), "on"),
        (COMMIT, ("off", "false"), "off"),
        (COMMIT, ("remote_apply", "Remote_Apply"), "remote_apply"),
        (PRELOAD, ("a,b", '"a", b', " a , b "), ("a", "b")),
        (PRELOAD, ("",), ()),
        (Definition("unix_socket_permissions", "integer", "", "0", "511"), ("0777", "511", "0x1ff"), 511),
    ],
)
def test_texts_that_mean_the_same_are_equal(definition, texts, canonical):
    assert {definition.canonical(text) for text in texts} == {canonical}


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        (WORK_MEM, "63"),
        (WORK_MEM, "64 mb"),
        (WORK_MEM, "1s"),
        (WORK_MEM, ""),
        (WORK_MEM, "many"),
        (WORK_MEM, "64MB; DROP TABLE x"),
        (DURATION, "-2"),
        (DURATION, "1MB"),
        (DELAY, "100.5"),
        (CONNECTIONS, "10kB"),
        (CONNECTIONS, "nan"),
        (JIT, "maybe"),
        (COMMIT, "sometimes"),
        (PRELOAD, '"a'),
        (PRELOAD, '"a"b'),
    ],
)
def test_other_texts_are_refused_with_what_the_setting_takes(definition, text):
    with pytest.raises(BadInput) as refused:
        definition.canonical(text)
    assert "'" in str(refused.value)


def test_a_refusal_names_the_setting_and_its_range():
    with pytest.raises(BadInput) as refused:
        WORK_MEM.canonical("1")
    assert str(refused.value) == "'1' is no value for work_mem."
    assert refused.value.hint == "It takes a number from 64 to 2147483647 in units of kB, or with a unit of its own (B, kB, MB, GB, TB)."


def test_values_of_yaml_become_texts():
    assert to_text(JIT, True) == "on"
    assert to_text(COMMIT, False) == "off"
    assert to_text(CONNECTIONS, 200) == "200"
    assert to_text(PRELOAD, ["pg_stat_statements", "$libdir/x y"]) == 'pg_stat_statements, "$libdir/x y"'
    for definition, value in ((WORK_MEM, ["1"]), (WORK_MEM, {"a": 1}), (PRELOAD, {"a": 1})):
        with pytest.raises(BadInput):
            to_text(definition, value)


@given(st.lists(st.text(min_size=1).filter(lambda text: text == text.strip())))
def test_a_list_survives_writing_and_reading(items):
    assert split_list(join_list(items)) == items


@given(st.text())
def test_any_text_is_a_list_or_bad_input(text):
    try:
        assert all(isinstance(item, str) for item in split_list(text))
    except BadInput as refused:
        assert refused.details["value"] == text
