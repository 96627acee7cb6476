from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.masking import Masking
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_preflight import (
    LiveDatabase,
    SourceFacts,
    TargetFacts,
    exchange_problems,
    missing_roles,
    problems,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_request import RestoreRequest

GIB = 2**30
TARGET = TargetFacts(150018, "7412", False, True, {"shop": 16384}, frozenset({"plpgsql"}), frozenset({"shop"}), LiveDatabase(16384, GIB), 10 * GIB)
SOURCE = SourceFacts("backup x", 150010, "7412", "shop", "verified", False, frozenset({"plpgsql"}), frozenset({"shop"}), frozenset({"shop", "reader"}), GIB)
REQUEST = RestoreRequest("present", "shop", "/backups", "latest-verified")
PARAMS = {
    **{name: "" for name in ("backup", "file", "restore_id", "confirm", "confirm_replace")},
    **{"state": "present", "database": "shop", "backup_dir": "/backups", "mode": "swap", "safety_backup": True, "safety_max_age": 900},
    **{"allow_unverified": False, "allow_foreign": False, "roles": "needed", "fence_timeout": 10, "jobs": 0, "timeout": 60, "undo_ttl": 60},
    **{"backup_stack": "", "masking": [], "masking_checks": []},
    **{"dependents": None, "assertions": [], "encryption": None},
}


def codes(target=TARGET, source=SOURCE, request=REQUEST) -> list[str]:
    return [problem["code"] for problem in problems(target, source, request)]


def test_a_backup_of_another_stack_is_of_another_server_and_no_other_is():
    elsewhere = replace(REQUEST, backup_stack="shop-production")
    assert codes(source=replace(SOURCE, system_identifier="1"), request=elsewhere) == []
    assert codes(request=elsewhere) == ["same_server"]
    assert codes(request=replace(elsewhere, allow_foreign=True)) == ["same_server"]
    assert codes(source=replace(SOURCE, system_identifier="1", subject="users"), request=elsewhere) == ["foreign_database"]


def test_masking_needs_room_for_what_it_writes_anew():
    target = replace(TARGET, free_bytes=2 * GIB)
    assert codes(target) == []
    assert codes(target, request=replace(REQUEST, masking=Masking(("UPDATE a SET b = 1",)))) == ["not_enough_space"]


def test_a_proven_backup_of_the_same_database_has_no_problems():
    assert codes() == []
    assert codes(target=replace(TARGET, live=None)) == []


@pytest.mark.parametrize(
    ("code", "target", "source"),
    [
        ("backup_unverified", {}, {"state": "dumped"}),
        ("backup_damaged", {}, {"state": "damaged"}),
        ("backup_damaged", {}, {"damage": ("a: missing",)}),
        ("backup_partial", {}, {"partial": True}),
        ("foreign_database", {}, {"subject": "other"}),
        ("foreign_server", {}, {"system_identifier": "1"}),
        ("foreign_server", {"system_identifier": ""}, {}),
        ("major_version", {}, {"server_version": 160000}),
        ("extensions_missing", {}, {"extensions": frozenset({"postgis"})}),
        ("roles_missing", {}, {"roles": frozenset({"stranger"})}),
        ("roles_missing", {}, {"roles": frozenset({"pg_new"}), "roles_made": frozenset({"pg_new"})}),
        ("not_allowed", {"may_create": False}, {}),
        ("not_enough_space", {"free_bytes": GIB}, {}),
        ("in_recovery", {"in_recovery": True}, {}),
        ("prepared_transactions", {"live": LiveDatabase(1, 1, prepared=("a",))}, {}),
        ("logical_slots", {"live": LiveDatabase(1, 1, slots=("a",))}, {}),
        ("subscriptions", {"live": LiveDatabase(1, 1, subscriptions=("a",))}, {}),
    ],
)
def test_every_problem_is_found_alone(code, target, source):
    assert codes(replace(TARGET, **target), replace(SOURCE, **source)) == [code]


def test_all_problems_are_told_at_once():
    target = replace(TARGET, in_recovery=True, free_bytes=0, live=LiveDatabase(1, 1, ("a",), ("b",), ("c",)))
    assert len(codes(target, replace(SOURCE, server_version=170000, subject="other", state="dumped"))) == 8


def test_what_was_allowed_is_no_problem():
    request = replace(REQUEST, allow_unverified=True, allow_foreign=True)
    assert codes(source=replace(SOURCE, state="dumped", subject="other", system_identifier="1"), request=request) == []
    assert codes(source=replace(SOURCE, state="damaged"), request=request) == ["backup_damaged"]


def test_a_replacement_counts_the_room_that_becomes_free():
    target = replace(TARGET, free_bytes=GIB // 2)
    assert codes(target) == ["not_enough_space"]
    assert codes(target, request=replace(REQUEST, mode="replace")) == []
    said = problems(replace(target, free_bytes=100), SOURCE, replace(REQUEST, mode="replace"))[0]["message"]
    assert "1331 MiB" in said and "1024 MiB would become free" in said


def test_a_file_of_which_nothing_is_known_is_judged_by_what_is_known():
    assert codes(source=SourceFacts("file x")) == []


def test_roles_are_made_when_they_are_needed_or_all():
    source = replace(SOURCE, roles=frozenset({"shop", "reader", "pg_monitor"}), roles_made=frozenset({"reader", "clerk", "shop"}))
    assert missing_roles(TARGET, source, "needed") == {"reader"}
    assert missing_roles(TARGET, source, "all") == {"reader", "clerk"}


def test_an_exchange_asks_less():
    target = replace(TARGET, live=LiveDatabase(1, 1, slots=("a",), subscriptions=("c",)), free_bytes=0)
    assert list(exchange_problems(target)) == []
    assert len(list(exchange_problems(replace(target, in_recovery=True, live=LiveDatabase(1, 1, ("a",)))))) == 2


def test_a_request_is_read():
    assert RestoreRequest.from_params(PARAMS).backup == "latest-verified"
    assert RestoreRequest.from_params({**PARAMS, "file": "/x.sql"}).backup == ""
    assert RestoreRequest.from_params({**PARAMS, "dependents": ["b", "a", "b"]}).dependents == ("b", "a")
    assert RestoreRequest.from_params({**PARAMS, "state": "expired", "database": "", "backup_dir": ""}).database == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"database": ""},
        {"database": "template1"},
        {"database": "shop__undo_7f3a01bc"},
        {"backup_dir": ""},
        {"backup_dir": "relative"},
        {"file": "relative.sql"},
        {"file": "/x.sql", "backup_dir": ""},
        {"mode": "replace", "safety_backup": False},
        {"fence_timeout": 0},
        {"jobs": -1},
        {"restore_id": "latest"},
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(wrong):
    with pytest.raises(BadInput):
        RestoreRequest.from_params({**PARAMS, **wrong})
