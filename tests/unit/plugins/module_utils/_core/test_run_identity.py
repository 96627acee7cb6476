from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.run_identity import shown_variables, who_runs


def test_a_person_at_a_terminal():
    assert who_runs({}, {}, "ann", "desk") == {"user": "ann", "login": "ann", "host": "desk", "awx": {}, "ci": {}}


def test_the_person_behind_sudo_is_named():
    assert who_runs({"SUDO_USER": "ann"}, {}, "root", "desk")["user"] == "ann"


@pytest.mark.parametrize("prefix", ["awx", "tower"])
def test_a_job_of_awx_names_who_started_it(prefix):
    extra_vars = {f"{prefix}_job_id": 12, f"{prefix}_user_name": "ann", f"{prefix}_job_template_name": "Rollback"}
    told = who_runs({"SUDO_USER": "nobody"}, extra_vars, "runner", "pod")
    assert told["user"] == "ann"
    assert told["awx"] == {"job_id": "12", "user": "ann", "template": "Rollback", "schedule": ""}


def test_the_job_may_be_told_by_the_environment():
    assert who_runs({"AWX_JOB_ID": "12"}, {}, "runner", "pod")["awx"]["job_id"] == "12"


@pytest.mark.parametrize(
    ("environment", "system", "url"),
    [
        ({"CI_JOB_URL": "https://ci/7"}, "gitlab", "https://ci/7"),
        ({"BUILD_URL": "https://ci/8"}, "jenkins", "https://ci/8"),
        ({"GITHUB_RUN_ID": "9", "GITHUB_REPOSITORY": "me/shop"}, "github", "https://github.com/me/shop/actions/runs/9"),
    ],
)
def test_a_job_of_ci_has_an_address(environment, system, url):
    assert who_runs(environment, {}, "ci", "pod")["ci"] == {"system": system, "url": url}


def test_only_listed_variables_show_their_value_and_secret_looking_ones_never():
    told = shown_variables({"kind": "release", "api_token": "hunter2", "other": 1}, ["kind", "api_token", "absent"])
    assert told == {"names": ["api_token", "kind", "other"], "values": {"kind": "release"}}
