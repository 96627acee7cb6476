"""What an env file becomes, and what people see of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._core.dotenv import EnvFileMalformed
from ansible_collections.runbook.compose.plugins.module_utils._core.env_change import (
    EnvState,
    NoSuchVersion,
    Wanted,
    parse_wanted,
    plan_present,
    plan_restored,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.env_report import EnvReport, Secrecy, fingerprints
from ansible_collections.runbook.compose.plugins.module_utils._core.env_rules import ValueRefused, parse_rules
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput


def state(content: str | None, mode: int = 0o600) -> EnvState:
    return EnvState("/srv/shop/.env", None if content is None else content.encode(), mode)


def present(content: str | None, mode: int = 0o600, remove=(), rules=None, **values):
    return plan_present(state(content, mode), parse_wanted(values, list(remove), rules or {}))


def actions(change) -> list[tuple[str, str]]:
    return [(step.action, step.target) for step in change.steps]


def test_only_differences_become_steps():
    change = present("A=1\nB=2\nC=3\nC=4\n", A=1, B=True, D="x y", remove=["C", "Z"])
    assert actions(change) == [("remove", "C"), ("set", "B"), ("set", "D")]
    assert change.content == b"A=1\nB=true\nD='x y'\n"
    assert change.changed_keys == ["B", "C", "D"]


def test_what_is_already_so_needs_nothing():
    change = present("A=1\n", A="1", remove=["B"])
    assert (change.content, change.steps, change.changed_keys) == (None, (), [])


def test_duplicates_are_folded_and_values_stay():
    change = present("A=1\nB=1\nA=2\n")
    assert actions(change) == [("fold", "A")]
    assert change.content == b"B=1\nA=2\n"
    assert change.changed_keys == []


def test_a_missing_file_is_created_and_a_wrong_mode_is_a_change():
    assert actions(present(None)) == [("create", "/srv/shop/.env")]
    wrong = present("A=1\n", mode=0o644, A="1")
    assert (actions(wrong), wrong.content) == ([("chmod", "/srv/shop/.env")], None)


def test_a_variable_that_depends_on_a_changed_one_counts_as_changed():
    assert present("HOST=a\nURL=http://$HOST/\n", HOST="b").changed_keys == ["HOST", "URL"]


def test_restoring_works_on_a_malformed_file_and_is_done_once():
    change = plan_restored(state("A='broken\n"), "20261121T000000Z-1", b"A=1\n# c\n")
    assert (change.content, actions(change), change.changed_keys) == (b"A=1\n# c\n", [("restore", "/srv/shop/.env")], ["A"])
    assert plan_restored(state("A=1\n# c\n"), "x", b"A=1\n# c\n").steps == ()


def test_a_version_that_is_malformed_itself_is_refused():
    with pytest.raises(NoSuchVersion, match="Line 2"):
        plan_restored(state("A=1\n"), "x", b"A=1\nB='\n")


def test_a_file_that_is_not_text_is_refused_by_line():
    with pytest.raises(EnvFileMalformed) as refused:
        plan_present(EnvState("/srv/shop/.env", b"A=1\nB=\xff\n"), Wanted())
    assert refused.value.details["line"] == 2


@pytest.mark.parametrize("value", [None, ["a"], {"a": "b"}, "********", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"])
def test_values_that_are_none_are_refused(value):
    with pytest.raises(BadInput):
        parse_wanted({"A": value}, [], {})


def test_setting_and_removing_one_variable_is_refused():
    with pytest.raises(BadInput, match="at once: A"):
        parse_wanted({"A": "1"}, ["A"], {})


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ({"type": "int"}, ["0", "-5", "+7"], ["", "1.5", "a", "1 "]),
        ({"type": "int", "min": 1, "max": 50}, ["1", "50"], ["0", "51"]),
        ({"type": "bool"}, ["true", "No", "1"], ["", "maybe"]),
        ({"type": "enum", "choices": ["a", True, 5]}, ["a", "true", "5"], ["b", "A", ""]),
        ({"type": "str", "min": 2, "max": 3}, ["ab", "abc"], ["a", "abcd"]),
        ({"pattern": "[a-z]+"}, ["ab"], ["ab1", ""]),
    ],
)
def test_rules_refuse_bad_values_without_showing_them(rule, good, bad):
    for value in good:
        present("", rules={"A": rule}, A=value)
    for value in bad:
        with pytest.raises(ValueRefused) as refused:
            present("A=1\n", rules={"A": rule}, A=value)
        assert refused.value.details == {"name": "A", "type": rule.get("type", "str")}
    assert present("B=1\n", rules={"A": rule}).steps == ()


def test_rules_hold_for_what_is_in_the_file_already():
    with pytest.raises(ValueRefused):
        present("A=abc\n", rules={"A": {"type": "int"}}, B="1")


@pytest.mark.parametrize("rule", ["int", {"typ": "int"}, {"type": "float"}, {"type": "enum"}, {"min": "x"}, {"max": True}, {"pattern": "("}])
def test_rules_that_make_no_sense_are_refused(rule):
    with pytest.raises(BadInput):
        parse_rules({"A": rule})


def test_secrets_show_as_length_and_fingerprint_wherever_they_stand():
    env = {
        "USER": "shop",
        "DB_PASSWORD": "hunter22",
        "URL": "postgres://shop:hunter22@db/shop",
        "OTHER_URL": "redis://:pw@r/0",
        "SEED": "s3cr3t-seed",
        "EMPTY_TOKEN": "",
    }
    report = EnvReport(env, Secrecy([env], extra=["SEED"]), "salt")
    shown = {key["name"]: key.get("value") for key in report.keys()}
    assert shown == {"USER": "shop", "DB_PASSWORD": None, "URL": None, "OTHER_URL": None, "SEED": None, "EMPTY_TOKEN": None}
    assert [key["length"] for key in report.keys()][:2] == [4, 8]
    text = str(report.keys()) + str(report.lines())
    assert not any(secret in text for secret in ("hunter22", "s3cr3t", ":pw@"))
    assert report.lines()[0] == "USER=shop"
    assert report.lines()[-1] == "EMPTY_TOKEN="


def test_a_diff_shows_that_a_secret_changed():
    change = present("DB_PASSWORD=old-secret\nA=1\n", DB_PASSWORD="new-secret")
    plan = change.to_plan(Secrecy([change.old, change.new]), "salt", {})
    assert plan.before["keys"][0] != plan.after["keys"][0]
    assert plan.before["keys"][1] == plan.after["keys"][1] == "A=1"
    assert "secret" not in str(plan.before) + str(plan.after) + str(plan.facts["changed_keys"])


def test_a_fingerprint_tells_values_apart_but_not_which_others_have_the_same():
    first = fingerprints({"A_TOKEN": "1", "B": "1"}, "salt")
    assert first["A_TOKEN"] != first["B"]
    assert first == fingerprints({"A_TOKEN": "1", "B": "1"}, "salt")
    assert first["B"] != fingerprints({"B": "2"}, "salt")["B"]
    assert first["B"] != fingerprints({"B": "1"}, "other")["B"]


NAMES = st.sampled_from(["A", "B", "C", "D_KEY"])


@given(
    content=st.lists(st.sampled_from(["A=1", "A=2", "B=$A", "# c", "", "C", "B='x y'"]), max_size=8),
    values=st.dictionaries(NAMES, st.text("a$ '\"\\\n", max_size=6), max_size=3),
    remove=st.sets(NAMES, max_size=2),
)
def test_doing_it_again_changes_nothing(content, values, remove):
    wanted = Wanted(values, tuple(sorted(remove - set(values))))
    first = plan_present(state("\n".join(content)), wanted)
    after = first.before.content if first.content is None else first.content
    assert (first.content is not None) == bool(first.steps)
    again = plan_present(EnvState("/srv/shop/.env", after), wanted)
    assert (again.content, again.steps) == (None, ())
    assert {name: again.new.get(name) for name in values} == values
    assert not set(wanted.remove) & set(again.new)
