"""What is written, reset, only reloaded, or refused."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_setting_values import Definition
from ansible_collections.runbook.compose.plugins.module_utils._core.postgres_settings import (
    Setting,
    SettingOverridden,
    decide_settings,
    libraries,
    not_in_effect,
    shown,
)
from ansible_collections.runbook.compose.plugins.module_utils._core.setting_errors import DangerousSetting
from ansible_collections.runbook.compose.plugins.module_utils._core.scram import is_password_of

MEMORY = Setting(Definition("work_mem", "integer", "kB", "64", "2147483647"), "4096")
FSYNC = Setting(Definition("fsync", "bool", context="sighup"), "on")
PRELOAD = Setting(Definition("shared_preload_libraries", context="postmaster"), "auto_explain", "configuration file")
ZONE = Setting(Definition("TimeZone"), "UTC")
BLOCK = Setting(Definition("block_size", "integer", "", "8192", "8192", context="internal"), "8192")


def steps(setting: Setting, value: object, accept: tuple = (), merge: bool = False) -> list[tuple[str, str]]:
    name = setting.definition.name
    changes = decide_settings({name.lower(): setting}, {name: value}, accept, merge)
    return [(change.step.action, change.step.detail) for change in changes]


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        (MEMORY, "4MB", []),
        (MEMORY, 8192, [("set", "4096 -> 8192")]),
        (replace(MEMORY, effective="8192", written="8MB"), "8192kB", []),
        (replace(MEMORY, written="8MB"), "8MB", [("reload", "written earlier and not loaded yet")]),
        (replace(MEMORY, written="8MB", pending_restart=True), "8MB", []),
        (replace(MEMORY, written="8MB"), "4MB", [("set", "8MB -> 4MB")]),
        (replace(MEMORY, written="damaged"), "4MB", [("set", "damaged -> 4MB")]),
        (replace(MEMORY, source="user"), "4MB", [("set", "4096 -> 4MB")]),
        (replace(MEMORY, source="user", written="8MB"), "8MB", []),
        (replace(MEMORY, source="command line"), "4MB", []),
        (MEMORY, None, []),
        (replace(MEMORY, written="8MB"), None, [("reset", "was 8MB")]),
        (ZONE, "Europe/Berlin", [("set", "UTC -> Europe/Berlin")]),
        (PRELOAD, ["auto_explain"], []),
        (PRELOAD, "pg_stat_statements", [("set", "auto_explain -> pg_stat_statements")]),
    ],
)
def test_only_what_differs_is_done(setting, value, expected):
    assert steps(setting, value) == expected


def test_names_are_found_in_any_case():
    assert decide_settings({"timezone": ZONE}, {"TIMEZONE": "UTC"}, (), False) == []


def test_lists_are_merged_into_what_holds_after_the_next_restart():
    assert steps(PRELOAD, ["pg_stat_statements"], merge=True) == [("set", "auto_explain -> auto_explain, pg_stat_statements")]
    assert steps(PRELOAD, ["auto_explain"], merge=True) == []
    pending = replace(PRELOAD, written="auto_explain, pg_cron", pending_restart=True)
    assert steps(pending, ["pg_stat_statements"], merge=True) == [("set", "auto_explain, pg_cron -> auto_explain, pg_cron, pg_stat_statements")]
    assert steps(pending, ["pg_cron"], merge=True) == []
    assert steps(MEMORY, "8MB", merge=True) == [("set", "4096 -> 8MB")]


def test_new_libraries_are_named():
    changes = decide_settings({"shared_preload_libraries": PRELOAD, "work_mem": MEMORY}, {"work_mem": "8MB", "shared_preload_libraries": "b, a"}, (), True)
    assert libraries(changes) == ["a", "auto_explain", "b"]


@pytest.mark.parametrize(("setting", "value"), [(MEMORY, "1kB"), (BLOCK, 8192), (PRELOAD, []), (MEMORY, ["4MB"]), (MEMORY, {})])
def test_what_cannot_be_is_refused(setting, value):
    with pytest.raises(BadInput):
        steps(setting, value)


def test_an_unknown_setting_is_refused():
    with pytest.raises(BadInput) as refused:
        decide_settings({}, {"work_men": "4MB"}, (), False)
    assert refused.value.details["setting"] == "work_men"


def test_danger_has_to_be_accepted_by_name():
    with pytest.raises(DangerousSetting) as refused:
        steps(FSYNC, False)
    assert "can damage data" in str(refused.value)
    assert steps(FSYNC, False, accept=("FSYNC",)) == [("set", "on -> off")]
    assert steps(replace(FSYNC, effective="off"), True) == [("set", "off -> on")]
    with pytest.raises(DangerousSetting):
        steps(Setting(Definition("listen_addresses", context="postmaster"), "*"), "localhost", accept=("fsync",))


def test_the_command_line_wins_and_is_said_to():
    with pytest.raises(SettingOverridden) as refused:
        steps(replace(MEMORY, source="command line"), "8MB")
    assert refused.value.details == {"setting": "work_mem", "in_effect": "4096", "wanted": "8MB"}
    assert steps(replace(MEMORY, source="command line", written="8MB"), None) == [("reset", "was 8MB")]


def test_a_change_is_proven_by_what_the_server_says_afterwards():
    (change,) = decide_settings({"work_mem": MEMORY}, {"work_mem": "8MB"}, (), False)
    assert not_in_effect({"work_mem": MEMORY}, [change]) == ["work_mem"]
    assert not_in_effect({"work_mem": replace(MEMORY, written="8MB")}, [change]) == ["work_mem"]
    assert not_in_effect({"work_mem": replace(MEMORY, written="8MB", pending_restart=True)}, [change]) == []
    assert not_in_effect({"work_mem": replace(MEMORY, written="8MB", effective="8192")}, [change]) == []
    (reset,) = decide_settings({"work_mem": replace(MEMORY, written="8MB")}, {"work_mem": None}, (), False)
    assert not_in_effect({"work_mem": replace(MEMORY, written="8MB")}, [reset]) == ["work_mem"]
    assert not_in_effect({"work_mem": MEMORY}, [reset]) == []


def test_values_are_shown_without_their_passwords():
    assert shown("primary_conninfo", "host=a password=b") == "********"
    assert shown("archive_command", "curl https://me:hunter22@host/%f") == "curl https://me:********@host/%f"
    assert shown("work_mem", None) == "not set"


def test_a_verifier_tells_its_password_from_others():
    # Salt, iterations and keys of RFC 7677's example.
    salt = base64.b64encode(base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")).decode()
    verifier = f"SCRAM-SHA-256$4096:{salt}$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    assert is_password_of(verifier, "pencil")
    assert not is_password_of(verifier, "Pencil")
    assert not is_password_of("md5abc", "pencil")
    assert not is_password_of("", "")
