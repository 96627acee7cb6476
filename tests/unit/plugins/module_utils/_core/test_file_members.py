"""What an archive of files holds: its list, what is left out, and what is different."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.file_members import (
    DIRECTORY,
    FILE,
    Member,
    MembersInvalid,
    chosen_members,
    is_excluded,
    is_safe,
    is_same_content,
    member_differences,
    members_to_bytes,
    parse_members,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.files_request import FilesRequest, FilesUnencrypted
from ansible_collections.runbook.compose.plugins.module_utils._core.stack import Stack

ENV = Member("srv/shop/.env", FILE, 0o600, 0, 0, 1, 9, "aa")
NGINX = Member("srv/shop/nginx", DIRECTORY, 0o755, 0, 0, 1)
CONF = Member("srv/shop/nginx/a.conf", FILE, 0o644, 0, 0, 1, 3, "bb")
STACK = Stack("shop", "/srv/shop")
PARAMS = {
    "state": "present",
    "backup_dir": "/var/backups",
    "kind": "config",
    "name": "",
    "paths": [".env", "nginx/", "/etc/ssl/key"],
    "excludes": [],
    "purpose": "manual",
    "reuse": "young",
    "min_age": 0,
    "set_id": "",
    "encryption": None,
    "accept_unencrypted": True,
    "backup": "latest",
    "only": [],
    "into": "",
    "validate": "compose",
    "timeout": 60,
    "space_floor_mb": 0,
}


@given(some.text(some.characters(), min_size=1).filter(is_safe))
def test_the_list_keeps_every_name(name):
    members = [replace(ENV, name=name), NGINX]
    assert parse_members(members_to_bytes(members)) == members


def test_names_that_are_no_text_survive():
    odd = replace(ENV, name=b"caf\xe9".decode(errors="surrogateescape"))
    assert parse_members(members_to_bytes([odd])) == [odd]


@given(some.binary())
def test_whatever_the_bytes_are_they_are_a_list_or_refused(content):
    with pytest.raises(MembersInvalid):
        parse_members(content)


@pytest.mark.parametrize(
    "wrong", [{"name": "../x"}, {"name": "/x"}, {"name": "a/../../x"}, {"name": ""}, {"name": "a\0b"}, {"type": "device"}, {"size": "9"}, {"mode": None}]
)
def test_a_list_with_what_leads_elsewhere_is_refused(wrong):
    with pytest.raises(MembersInvalid):
        parse_members(members_to_bytes([replace(ENV, **wrong)]))


@pytest.mark.parametrize("change", [{"sha256": "zz"}, {"mode": 0o644}, {"uid": 9}, {"gid": 9}, {"size": 8}, {"name": "srv/shop/other"}])
def test_the_same_content_is_the_same_whenever_and_in_whatever_order_it_was_written(change):
    members = [ENV, NGINX, CONF]
    assert is_same_content(members, [replace(CONF, mtime=7), NGINX, replace(ENV, mtime=9)])
    assert not is_same_content(members, [replace(ENV, **change), NGINX, CONF])
    assert not is_same_content(members, [ENV, NGINX]) and not is_same_content([ENV, NGINX], members)


def test_names_stay_below_the_root():
    assert all(is_safe(name) for name in ("a", "a/b", "..a", "a..b/c", ".env"))
    assert not any(is_safe(name) for name in ("", "/a", "..", "../a", "a/..", "a//b", "./a", "a/", "a/./b"))


@pytest.mark.parametrize(
    ("name", "patterns", "excluded"),
    [
        ("shop/node_modules/x", ["node_modules"], True),
        ("shop/app.log", ["*.log"], True),
        ("shop/log.d/app", ["*.log"], False),
        ("shop/tmp/x", ["shop/tmp/*"], True),
        ("shop/tmp", ["shop/tmp/*"], False),
        ("other/shop/tmp/x", ["shop/tmp/*"], False),
        ("shop/tmp", ["/shop/tmp"], True),
        ("shop/NODE", ["node"], False),
        ("shop/x", [], False),
    ],
)
def test_what_is_left_out(name, patterns, excluded):
    assert is_excluded(name, patterns) is excluded


def test_differences_name_what_and_how():
    assert member_differences([ENV, NGINX, CONF], [NGINX, CONF, ENV]) == []
    found = member_differences([ENV, NGINX], [replace(ENV, sha256="cc"), CONF])
    assert found == ["srv/shop/nginx: missing", "srv/shop/nginx/a.conf: not in the list", "srv/shop/.env: changed content"]
    assert member_differences([ENV], [replace(ENV, mode=0o644, size=8)]) == ["srv/shop/.env: other mode, size"]
    many = [replace(ENV, name=f"f{number}") for number in range(30)]
    assert len(member_differences(many, [])) == 21 and member_differences(many, [])[-1] == "and 10 more"


def test_chosen_ones_bring_along_what_is_below():
    everything = [ENV, NGINX, CONF]
    assert chosen_members(everything, []) == (everything, [])
    assert chosen_members(everything, ["srv/shop/nginx", "srv/shop/absent"]) == ([NGINX, CONF], ["srv/shop/absent"])
    assert chosen_members(everything, ["srv/shop/ngin"]) == ([], ["srv/shop/ngin"])


def test_paths_are_those_of_the_project_or_absolute():
    request = FilesRequest.from_params(PARAMS, STACK)
    assert (request.paths, request.root, request.name) == (("/srv/shop/.env", "/srv/shop/nginx", "/etc/ssl/key"), "/", "config")
    application = FilesRequest.from_params({**PARAMS, "kind": "application", "paths": [], "name": "weekly"}, STACK)
    assert (application.paths, application.root, application.name) == (("/srv/shop",), "/srv", "weekly")
    assert application.relative("/srv/shop/x") == "shop/x"


@pytest.mark.parametrize(
    "wrong",
    [
        {"paths": ["/"]},
        {"kind": "application", "paths": ["/etc"]},
        {"kind": "application", "state": "restored"},
        {"backup_dir": "here"},
        {"into": "here"},
        {"timeout": 0},
        {"min_age": -1},
        {"reuse": "same", "min_age": 60},
        {"set_id": "mine"},
        {"accept_unencrypted": False},
        {"encryption": {"recipients": ["age1mdyk5ferjzhtexgvfcrrg6tm5vpd2hfu3gthtn5q8dxxpvj5ncrqmj6j22"]}},
        {"encryption": {"recipients": ["-i"], "identity_file": "/k"}},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong):
    with pytest.raises(BadInput):
        FilesRequest.from_params({**PARAMS, **wrong}, STACK)


def test_secrets_are_not_saved_in_the_clear_by_accident():
    with pytest.raises(FilesUnencrypted):
        FilesRequest.from_params({**PARAMS, "accept_unencrypted": False}, STACK)
    with pytest.raises(FilesUnencrypted):  # what is replaced would be saved in the clear
        FilesRequest.from_params({**PARAMS, "accept_unencrypted": False, "state": "restored"}, STACK)
    for harmless in ({"kind": "application", "paths": []}, {"state": "restored", "into": "/copy"}, {"state": "verified"}):
        FilesRequest.from_params({**PARAMS, "accept_unencrypted": False, **harmless}, STACK)
