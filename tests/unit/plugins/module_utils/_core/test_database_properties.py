from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.backup_manifest import ManifestInvalid
from ansible_collections.runbook.compose.plugins.module_utils._core.database_properties import DatabaseProperties, Grant, setting_values

SOURCE = {
    "owner": "shop",
    "encoding": "UTF8",
    "collate": "C",
    "ctype": "C",
    "locale_provider": "i",
    "locale": "de",
    "connlimit": 7,
    "datacl": [{"grantee": None, "privilege": "CONNECT", "grantable": False}, {"grantee": "clerk", "privilege": "CREATE", "grantable": True}],
    "settings": [[None, "work_mem=4MB"], ["reader", "search_path=a, b"]],
}


def test_a_manifest_tells_what_the_database_was_like():
    read = DatabaseProperties.from_source(SOURCE)
    assert (read.provider, read.locale, read.connection_limit, read.comment) == ("icu", "de", 7, None)
    assert read.grants == (Grant(None, "CONNECT", False), Grant("clerk", "CREATE", True))
    assert read.settings == ((None, "work_mem", "4MB"), ("reader", "search_path", "a, b"))
    assert read.roles == {"shop", "clerk", "reader"}


def test_without_privileges_of_its_own_it_keeps_those_of_every_new_database():
    assert DatabaseProperties.from_source({**SOURCE, "datacl": None}).grants is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"owner": 7},
        {"encoding": None},
        {"locale_provider": "x"},
        {"connlimit": "many"},
        {"datacl": [{"grantee": None, "privilege": "ALL; DROP DATABASE shop", "grantable": False}]},
        {"settings": [["a"]]},
        {"settings": [[None, "no equals sign"]]},
    ],
)
def test_what_is_no_manifest_is_refused(wrong):
    with pytest.raises(ManifestInvalid):
        DatabaseProperties.from_source({**SOURCE, **wrong})


@pytest.mark.parametrize(
    ("name", "value", "values"),
    [
        ("work_mem", "4MB", ["4MB"]),
        ("application_name", 'a, "b"', ['a, "b"']),
        ("search_path", '"$user", public', ["$user", "public"]),
        ("search_path", '"o""dd", "a, b"', ['o"dd', "a, b"]),
        ("search_path", "public", ["public"]),
        ("search_path", '""', [""]),
        ("search_path", "", [""]),
    ],
)
def test_a_list_of_names_is_set_name_by_name(name, value, values):
    assert setting_values(name, value) == values
