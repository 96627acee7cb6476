from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.service_login import (
    ServiceLogin,
    environment_of,
    login_of_container,
)


def test_postgres_login_comes_from_the_variables_of_the_official_image():
    environment = environment_of(["POSTGRES_USER=app", "POSTGRES_PASSWORD=a=b", "POSTGRES_DB=shop", "PATH"])
    assert login_of_container("postgres", environment) == ServiceLogin("app", "a=b", "shop")


def test_files_are_named_for_what_the_environment_does_not_hold():
    environment = {"POSTGRES_USER": "app", "POSTGRES_USER_FILE": "/ignored", "POSTGRES_PASSWORD_FILE": "/run/secrets/pw"}
    assert login_of_container("postgres", environment) == ServiceLogin(username="app", password_file="/run/secrets/pw")


def test_redis_password_may_stand_in_the_command():
    command = ["redis-server", "--requirepass", "hunter2"]
    assert login_of_container("redis", {}, command).password == "hunter2"
    assert login_of_container("redis", {"REDIS_PASSWORD": "other"}, command).password == "other"
    assert login_of_container("redis", {}, ["redis-server", "--requirepass"]) == ServiceLogin()
