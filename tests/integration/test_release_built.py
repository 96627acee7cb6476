"""release, acquire=build: a commit is built in a clean worktree, never in the user's tree."""

from __future__ import annotations

import json
import subprocess

import pytest
from tests.support.modules import call
from tests.support.release_stacks import SECRET, actions, image_exists, image_id, succeeded
from tests.support.stacks import ComposeProject, docker, remove_holders, unique_name

COMPOSE = """
services:
  web:
    image: {name}-web:${{APP_VERSION}}
    build:
      context: source
      args: {{COLOUR: "${{COLOUR:-red}}", PASSWORD: "${{API_KEY}}"}}
  store:
    image: runbook-base:local
"""
DOCKERFILE = "FROM runbook-base:local\nCOPY page.txt /page.txt\n"


class SourceStack(ComposeProject):
    """A stack whose web image is built from a repository with two commits, beside its compose file."""

    def __init__(self, directory, name: str) -> None:
        super().__init__(directory, name, COMPOSE.format(name=name), {"APP_VERSION": "one", "API_KEY": SECRET})
        self.source = self.directory / "source"
        self.source.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        (self.source / "Dockerfile").write_text(DOCKERFILE)
        self.first = self.commit("page one")
        self.second = self.commit("page two")

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        return subprocess.run(["git", *identity, *words], cwd=self.source, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, page: str) -> str:
        (self.source / "page.txt").write_text(page)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", page)
        return self.git("rev-parse", "HEAD")

    def build(self, version: str, revision: str, check: bool = False, **options: object) -> dict:
        source = {"repository": str(self.source), "revision": revision}
        arguments = {"state": "registered", "version": version, "variables": {"APP_VERSION": version}, "acquire": "build", "source": source}
        return call("release", {**self.options, "disk_free_min_mb": 1, **arguments, **options}, check=check)

    def page(self, reference: str) -> str:
        return docker("run", "--rm", "--network", "none", reference, "cat", "/page.txt")

    def worktrees(self) -> int:
        return len(self.git("worktree", "list").splitlines())

    def remove(self) -> None:
        remove_holders(self.name)
        own = [name for name in docker("images", "--format", "{{.Repository}}:{{.Tag}}").split() if self.name in name]
        if own:
            docker("rmi", "--force", *own)


@pytest.fixture
def stack(tmp_path):
    stack = SourceStack(tmp_path, unique_name("f-build"))
    yield stack
    stack.remove()


def test_check_do_check_again_do_again(stack):
    planned = succeeded(stack.build("one", stack.first, check=True))
    assert actions(planned) == ["build", "register"]
    assert (planned["acquired"], planned["release"]["git_revision"]) == ({"store": "present", "web": "built"}, stack.first)
    assert stack.worktrees() == 1

    done = succeeded(stack.build("one", stack.first[:10]))
    image = done["release"]["images"]["web"]
    assert done["acquired"]["web"] == "built"
    assert stack.page(image["kept_as"]) == "page one"
    labels = json.loads(docker("image", "inspect", "--format", "{{json .Config.Labels}}", image["id"]))
    assert labels["org.opencontainers.image.revision"] == stack.first
    # The name that the compose files use is given to it when it is staged, not before.
    assert not image_exists(f"{stack.name}-web:one")
    assert SECRET not in json.dumps(done)

    for check in (True, False):
        again = succeeded(stack.build("one", "HEAD~1", check=check))
        assert (again["changed"], again["acquired"]["web"]) == (False, "kept")


def test_the_users_tree_is_left_as_it_was_and_each_commit_is_its_own_image(stack):
    (stack.source / "untracked.txt").write_text("mine")
    first = succeeded(stack.build("one", stack.first))["release"]["images"]["web"]
    second = succeeded(stack.build("two", "main"))["release"]["images"]["web"]
    assert stack.page(second["kept_as"]) == "page two"
    assert first["id"] != second["id"]
    assert (stack.source / "page.txt").read_text() == "page two"
    assert stack.git("symbolic-ref", "--short", "HEAD") == "main"
    assert stack.git("status", "--porcelain") == "?? untracked.txt"
    assert stack.worktrees() == 1
    assert not [name for name in docker("images", "--format", "{{.Tag}}", f"runbook.local/{stack.name}/*").split() if "building" in name]


def test_staging_gives_the_built_image_its_live_name(stack):
    built = succeeded(stack.build("one", stack.first))["release"]
    arguments = {**stack.options, "state": "staged", "release": built["id"]}
    succeeded(call("release", arguments))
    assert image_id(f"{stack.name}-web:one") == built["images"]["web"]["id"]


def test_the_kept_image_of_a_revision_is_used_under_another_version(stack):
    built = succeeded(stack.build("one", stack.first))["release"]["images"]["web"]["id"]
    again = succeeded(stack.build("one-again", stack.first))
    assert (again["acquired"]["web"], again["release"]["images"]["web"]["id"]) == ("kept", built)


@pytest.mark.parametrize("builder", ["0", "1"])
def test_it_builds_with_and_without_the_newer_builder(stack, builder, monkeypatch):
    monkeypatch.setenv("DOCKER_BUILDKIT", builder)
    assert stack.page(succeeded(stack.build("one", stack.first))["release"]["images"]["web"]["kept_as"]) == "page one"


def test_a_dirty_repository_is_refused(stack):
    (stack.source / "page.txt").write_text("edited on the server at night")
    result = stack.build("one", stack.first)
    assert (result["reason"], result["details"]["files"]) == ("repository_dirty", ["page.txt"])
    assert stack.worktrees() == 1


@pytest.mark.parametrize("revision", ["nope", "", "--help", "HEAD:page.txt"])
def test_an_unknown_revision_is_refused(stack, revision):
    assert stack.build("one", revision)["reason"] == "revision_unknown"


def test_a_repository_that_nothing_is_built_from_is_refused(stack):
    assert stack.build("one", stack.first, services=["store"])["reason"] == "nothing_to_build"


def test_a_failed_build_shows_its_last_lines_and_leaves_nothing(stack):
    (stack.source / "Dockerfile").write_text("FROM runbook-base:local\nARG PASSWORD\nRUN echo trying $PASSWORD; echo gave up >&2; exit 7\n")
    broken = stack.commit("broken")
    result = stack.build("broken", broken)
    assert result["reason"] == "image_build_failed"
    assert "gave up" in "\n".join(result["details"]["output"])
    assert SECRET not in json.dumps(result)
    assert stack.worktrees() == 1
    assert not (stack.state_dir / stack.name / "releases" / "ledger.json").exists()
    assert list((stack.state_dir / stack.name / "releases" / ".build").iterdir()) == []


def test_the_tree_that_a_killed_run_left_is_removed(stack):
    left = stack.state_dir / stack.name / "releases" / ".worktrees" / "0123456789ab-999999999"
    stack.git("worktree", "add", "--quiet", "--detach", str(left), stack.first)
    assert stack.worktrees() == 2
    succeeded(stack.build("one", stack.first))
    assert stack.worktrees() == 1
    assert not left.exists()


def test_what_a_killed_run_has_built_is_used(stack):
    built = succeeded(stack.build("one", stack.first))["release"]["images"]["web"]
    docker("tag", built["id"], f"runbook.local/{stack.name}/web:building-{stack.first[:12]}")
    (stack.state_dir / stack.name / "releases" / "ledger.json").unlink()
    again = succeeded(stack.build("one", stack.first))
    assert (again["acquired"]["web"], again["release"]["images"]["web"]["id"]) == ("kept", built["id"])
