"""env_file on real files, and what the real compose reads from them; no engine is needed."""

from __future__ import annotations

import json
import os
import stat

import pytest

from tests.support.modules import call
from tests.support.stacks import ComposeProject

SECRET = "hunter22-of-the-test"
COMPOSE = """
services:
  app:
    image: none
    environment:
      V: "${V-unset}"
      PLAIN: "${PLAIN-unset}"
"""


class Project(ComposeProject):
    def env_file(self, check: bool = False, **options) -> dict:
        # The module's arguments come back, as they do under -vvv and before core 2.21.
        return call("env_file", {**self.options, "_ansible_inject_invocation": True, **options}, check=check)

    def read_by_compose(self) -> dict[str, str]:
        config = json.loads(self.compose("config", "--format", "json").stdout)
        return {name: value.replace("$$", "$") for name, value in config["services"]["app"]["environment"].items()}

    @property
    def text(self) -> str:
        return self.env_path.read_bytes().decode()

    def state(self, *parts: str):
        return self.state_dir.joinpath(self.name, *parts)

    def journal(self) -> list[dict]:
        return [json.loads(line) for line in self.state("journal.ndjson").read_text().splitlines()]


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path, "runbook-b", COMPOSE)


def write(project: Project, text: str, mode: int = 0o600) -> None:
    project.env_path.write_bytes(text.encode())
    project.env_path.chmod(mode)


def test_check_then_do_then_both_again(project):
    text = "# settings\nPLAIN=1   # one\n\nexport DB_PASSWORD='old-secret-of-the-test'\nOLD=x\n"
    write(project, text)
    wanted = {"set": {"PLAIN": 2, "DB_PASSWORD": SECRET, "V": "a b"}, "remove": ["OLD"]}

    would = project.env_file(check=True, **wanted)
    assert would["changed"]
    assert project.text == text
    assert not project.state_dir.exists()

    done = project.env_file(**wanted)
    assert done["actions"] == would["actions"]
    assert [(action["action"], action["target"]) for action in done["actions"]] == [
        ("remove", "OLD"),
        ("set", "PLAIN"),
        ("set", "DB_PASSWORD"),
        ("set", "V"),
    ]
    assert project.text == f"# settings\nPLAIN=2   # one\n\nexport DB_PASSWORD={SECRET}\nV='a b'\n"
    assert done["changed_keys"] == ["PLAIN", "DB_PASSWORD", "OLD", "V"]
    assert project.read_by_compose() == {"PLAIN": "2", "V": "a b"}

    changed_at = project.env_path.stat().st_mtime_ns
    for check in (True, False):
        again = project.env_file(check=check, **wanted)
        assert (again["changed"], again["actions"], again["version"]) == (False, [], "")
    assert project.env_path.stat().st_mtime_ns == changed_at
    assert len(project.journal()) == 1


def test_no_secret_is_in_any_result(project):
    write(project, "DB_PASSWORD=old-secret-of-the-test\nURL=postgres://u:url-secret@db/x\nSEED=seed-secret\n")
    values = {"DB_PASSWORD": SECRET, "PIN_TOKEN": "7", "SEED": "new-seed-secret", "PORT": "7777", "NAME": "shop"}
    options = {"set": values, "secrets": ["SEED"]}
    results = [project.env_file(check=True, **options), project.env_file(**options), project.env_file(**options)]
    results.append(project.env_file(state="restored", version="previous", secrets=["SEED"]))
    results.append(project.env_file(set={**values, "BAD NAME": "1"}, secrets=["SEED"]))
    assert results[-1]["reason"] == "bad_input"
    everything = json.dumps(results) + json.dumps(project.journal())
    for secret in (SECRET, "old-secret", "url-secret", "seed-secret"):
        assert secret not in everything
    shown = {key["name"]: key.get("value", "masked") for key in results[1]["settings"]}
    assert shown == {"DB_PASSWORD": "masked", "URL": "masked", "SEED": "masked", "PIN_TOKEN": "masked", "PORT": "7777", "NAME": "shop"}
    given = results[1]["invocation"]["module_args"]["set"]
    assert given == {"DB_PASSWORD": "********", "PIN_TOKEN": "********", "SEED": "********", "PORT": "7777", "NAME": "shop"}
    assert results[1]["diff"]["before"]["keys"][0] != results[1]["diff"]["after"]["keys"][0]
    assert all(line.startswith(("DB_PASSWORD=********", "URL=********", "SEED=********")) for line in results[1]["diff"]["before"]["keys"])


def test_short_values_do_not_censor_the_result(project):
    done = project.env_file(set={"A": "1", "PIN_TOKEN": "e", "B": True, "C": 0})
    assert done["env_file"] == str(project.env_path)
    assert "****" not in json.dumps({name: done[name] for name in ("settings", "actions", "changed_keys", "env_file")})
    assert [key.get("value") for key in done["settings"]] == ["1", None, "true", "0"]


@pytest.mark.parametrize("secret", [["nested-secret"], {"key": "nested-secret"}])
def test_a_secret_in_a_value_that_is_refused_is_not_shown(project, secret):
    refused = project.env_file(set={"APP_KEY": secret, "ODD": secret})
    assert (refused["failed"], refused["reason"]) == (True, "bad_input")
    assert "nested-secret" not in json.dumps(refused)


NASTY = [
    "",
    " ",
    "two  words ",
    "#hash",
    "a #b",
    "$HOME",
    "${HOME}",
    "$$x",
    "it's",
    'say "hi"',
    "'\"",
    "\\",
    "a\\",
    "\\n",
    "\\'\\\"\\\\",
    "\\$HOME",
    "line\nbreak\n",
    "carriage\rreturn\r\n",
    "\ttab\t",
    "é ü 漢字 🙂",
    "\u2028\u00a0\u0085",
    "a=b:c",
    "`date` $(date)",
    "%s {{ x }} !",
    "\x07\x1b[0m",
]


def test_compose_reads_back_exactly_what_was_set(project):
    assert project.env_file(set={f"N{number}": value for number, value in enumerate(NASTY)})["changed"]
    lines = "\n".join(f'      N{number}: "${{N{number}}}"' for number in range(len(NASTY)))
    (project.directory / "compose.yaml").write_text(f"services:\n  app:\n    image: none\n    environment:\n{lines}\n")
    read = project.read_by_compose()
    assert [read[f"N{number}"] for number in range(len(NASTY))] == NASTY


def test_the_mode_is_made_private_and_that_is_a_change(project):
    write(project, "A=1\n", mode=0o644)
    for check in (True, False):
        result = project.env_file(check=check, set={"A": "1"})
        assert [action["action"] for action in result["actions"]] == ["chmod"]
    assert stat.S_IMODE(project.env_path.stat().st_mode) == 0o600
    assert not project.env_file(set={"A": "1"})["changed"]
    assert result["versions"] == []


def test_the_owner_stays(project):
    if os.geteuid() != 0:
        assert project.env_file(set={"A": "1"})["changed"]
        return
    os.chown(project.env_path, 1234, 1235)
    project.env_file(set={"A": "1"})
    assert (project.env_path.stat().st_uid, project.env_path.stat().st_gid) == (1234, 1235)


def test_a_missing_file_is_created_private(project):
    project.env_path.unlink()
    assert project.env_file(check=True, set={"V": "x"})["changed"]
    assert not project.env_path.exists()
    done = project.env_file(set={"V": "x"})
    assert [action["action"] for action in done["actions"]] == ["create", "set"]
    assert (done["version"], done["diff"]["before"]) == ("", {})
    assert stat.S_IMODE(project.env_path.stat().st_mode) == 0o600


def test_a_link_stays_a_link_and_is_said(project, tmp_path):
    target = tmp_path / "shared.env"
    target.write_text("V=1\n")
    project.env_path.unlink()
    project.env_path.symlink_to(target)
    done = project.env_file(set={"V": "2"})
    assert (done["env_file"], done["link"]) == (str(target), str(project.env_path))
    assert project.env_path.is_symlink()
    assert target.read_text() == "V=2\n"


def test_another_file_of_the_project_has_versions_of_its_own(project):
    other = project.directory / "other.env"
    other.write_text("A=1\n")
    project.env_file(set={"V": "1"})
    done = project.env_file(path="other.env", set={"A": "2"})
    assert done["env_file"] == str(other)
    assert [version["id"] for version in done["versions"]] == [done["version"]]


def test_versions_come_back_check_then_do_then_both_again(project):
    write(project, "# first\nV=1\nAPI_KEY=first-secret\n")
    first = project.env_file(set={"V": "2"})["version"]
    project.env_file(set={"V": "3"})

    options = {"state": "restored", "version": first}
    assert project.env_file(check=True, **options)["changed"]
    assert "V=3" in project.text
    done = project.env_file(**options)
    assert (done["changed"], done["restored"], done["changed_keys"]) == (True, first, ["V"])
    assert project.text == "# first\nV=1\nAPI_KEY=first-secret\n"
    for check in (True, False):
        assert not project.env_file(check=check, **options)["changed"]

    undone = project.env_file(state="restored", version=done["version"])
    assert undone["changed"]
    assert "V=3" in project.text
    assert [entry["restored"] for entry in project.journal()] == ["", "", first, done["version"]]


def test_previous_undoes_the_last_change(project):
    write(project, "V=1\n")
    project.env_file(set={"V": "2"})
    assert project.env_file(state="restored", version="previous")["changed"]
    assert project.text == "V=1\n"


def test_a_malformed_file_is_refused_by_line_but_can_be_restored(project):
    write(project, "V=1\n")
    version = project.env_file(set={"V": "2"})["version"]
    write(project, "V=2\nDB_PASSWORD='half-a-secret\n")
    before = project.text
    refused = project.env_file(set={"V": "3"})
    assert (refused["reason"], refused["details"]["line"], refused["details"]["path"]) == ("env_file_malformed", 2, str(project.env_path))
    assert "half-a-secret" not in json.dumps(refused)
    assert project.text == before
    assert project.env_file(state="restored", version=version)["changed"]
    assert project.text == "V=1\n"


def test_only_so_many_versions_are_kept_and_they_are_private(project):
    for number in range(4):
        done = project.env_file(set={"V": str(number)}, keep_versions=2)
    assert [version["id"] for version in done["versions"]][0] == done["version"]
    kept = sorted(path.name for path in project.state("env").iterdir() if path.name != "lock")
    assert len(kept) == 4
    assert stat.S_IMODE(project.state("env").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in project.state("env").glob("*.env")} == {0o600}
    assert stat.S_IMODE(project.state("salt").stat().st_mode) == 0o600


def test_fingerprints_stay_and_tell_a_change(project):
    first = project.env_file(set={"APP_KEY": "one-secret"})["settings"][-1]["fingerprint"]
    assert project.env_file(set={"APP_KEY": "one-secret"})["settings"][-1]["fingerprint"] == first
    assert project.env_file(set={"APP_KEY": "two-secret"})["settings"][-1]["fingerprint"] != first


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"set": {"V": "x"}, "validate": {"V": {"type": "int"}}}, "value_refused"),
        ({"set": {"V": "x"}, "validate": {"V": {"type": "float"}}}, "bad_input"),
        ({"set": {"1V": "x"}}, "bad_input"),
        ({"set": {"V": None}}, "bad_input"),
        ({"set": {"V": "********"}}, "bad_input"),
        ({"set": {"V": "x"}, "remove": ["V"]}, "bad_input"),
        ({"state": "restored"}, "bad_input"),
        ({"state": "restored", "version": "previous"}, "no_such_version"),
        ({"state": "restored", "version": "../../x"}, "no_such_version"),
        ({"state": "restored", "version": "previous", "set": {"V": "x"}}, "bad_input"),
        ({"set": {"V": "x"}, "keep_versions": 0}, "bad_input"),
        ({"set": {"V": "x"}, "path": "no/such/directory/.env"}, "project_missing"),
        ({"set": {"V": "x"}, "path": "."}, "state_unwritable"),
    ],
)
def test_bad_input_touches_nothing(project, options, reason):
    write(project, "V=1\n")
    refused = project.env_file(**options)
    assert (refused["failed"], refused["reason"]) == (True, reason)
    assert not refused.get("changed")
    assert project.text == "V=1\n"
    assert not project.state_dir.exists()
