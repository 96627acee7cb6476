from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.environment_drift import (
    compare_environment,
    empty_required,
    environment_problems,
)

SECRET = "correct-horse-battery"


def test_equal_changed_and_absent_keys_are_told_apart_and_drift_names_only_the_keys():
    rows = compare_environment({"COLOUR": "red", "API_KEY": SECRET, "NEW": "1"}, {"COLOUR": "blue", "API_KEY": SECRET}, "salt")
    assert [(row["key"], row["in_container"], row["equal"]) for row in rows] == [
        ("API_KEY", True, True),
        ("COLOUR", True, False),
        ("NEW", False, False),
    ]
    (problem,) = environment_problems("web", "shop-web-1", rows)
    assert (problem.problem, problem.severity) == ("environment_drift", "drift")
    assert "COLOUR, NEW" in problem.message and "API_KEY" not in problem.message


def test_a_secret_is_not_shown_under_any_name():
    files = {"API_KEY": SECRET, "COPY": f"prefix-{SECRET}", "DATABASE_URL": "postgres://shop:url-password@db/shop"}
    rows = compare_environment(files, {"API_KEY": "older-secret", "NOTE": ""}, "salt")
    assert SECRET not in str(rows) and "url-password" not in str(rows)
    assert {row["key"]: row.get("value") for row in rows} == {
        "API_KEY": None,
        "COPY": "prefix-********",
        "DATABASE_URL": "postgres://shop:********@db/shop",
    }


def test_what_was_secret_in_the_container_is_not_shown_either():
    (row,) = compare_environment({"COPY": "older-secret"}, {"API_KEY": "older-secret"}, "salt")
    assert row["value"] == "********"


def test_fingerprints_differ_between_salts_and_an_empty_value_has_none():
    first, second = (compare_environment({"API_KEY": SECRET, "EMPTY": ""}, {}, salt) for salt in ("one", "two"))
    assert first[0]["fingerprint"] != second[0]["fingerprint"]
    assert first[1]["fingerprint"] == ""


def test_a_required_key_is_asked_only_of_services_that_declare_it():
    assert empty_required("web", {"COLOUR": "red"}, ["API_KEY"]) == []
    assert [one.severity for one in empty_required("web", {"API_KEY": ""}, ["API_KEY"])] == ["failing"]
