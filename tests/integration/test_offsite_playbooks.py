"""Off-site and back, as a person runs it: copied, checked, and a host that has lost everything restored from the remote and its key alone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.operated import OperatedStack
from tests.support.stacks import docker, unique_name


class Shop(OperatedStack):
    def __init__(self, directory: Path) -> None:
        self.backup_dir, self.remote, self.key = directory / "backups", directory / "remote", directory / "age-key"
        said = subprocess.run(["age-keygen", "-o", str(self.key)], check=True, capture_output=True, text=True).stderr
        self.password = directory / "restic-password"
        self.password.write_text("what only the operator has\n")
        self.password.chmod(0o600)
        offsite = {"tool": "restic", "remote": str(self.remote), "password_file": str(self.password)}
        settings = {"dir": str(self.backup_dir), "allow_same_disk": True, "verify": "restore", "offsite": offsite, "databases": ["shop"]}
        encryption = {"recipients": [said.split()[-1]], "identity_file": str(self.key)}
        self.settings = {**settings, "encryption": encryption}
        super().__init__(directory, unique_name("offsite"), stack_backup=self.settings)

    def sql(self, statement: str) -> str:
        container = self.project.containers("postgres")[0]["Id"]
        return docker("exec", container, "psql", "-U", "shop", "-tAc", statement, "shop").strip()

    def lose_everything(self) -> None:
        """What a host that burnt down takes along: containers, volumes, the project, our state, the backups."""
        for kind, words in (("container", ["rm", "--force", "--volumes"]), ("volume", ["volume", "rm"])):
            listing = ["ps", "--all"] if kind == "container" else [kind, "ls"]
            found = docker(*listing, "--quiet", "--filter", f"label=com.docker.compose.project={self.name}").split()
            docker(*words, *found)
        for path in (self.project.directory, self.project.state_dir, self.backup_dir):
            shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("offsite-playbooks"))
    try:
        made.must("deploy/install", version="v1")
        made.redis("MSET", *[word for number in range(40) for word in (f"cart:{number}", "full")])
        made.sql("CREATE TABLE marker AS SELECT i, md5(i::text) AS text FROM generate_series(1, 1000) i")
        yield made
    finally:
        made.remove()


def test_files_and_databases_are_copied_once_and_checked(shop):
    shop.must("backup/create")
    saved = shop.must("backup/files")
    assert "config: " in saved.output and "verified" in saved.output
    refused = shop.play("backup/offsite")
    assert refused.code != 0 and refused.reason == "offsite_unreachable"
    copied = shop.must("backup/offsite", backup_offsite_initialize=True)
    assert {(one["subject"], one["done"], one["outcome"]) for one in copied.told["result"]["sets"]} == {
        ("shop", "copied", "passed"),
        ("rdb", "copied", "passed"),
        ("config", "copied", "passed"),
    }
    again = shop.must("backup/offsite")
    assert again.changed == 0 and shop.lease_is_free()
    checked = shop.must("backup/offsite", state="checked", data_percent=50)
    assert checked.changed == 0 and "READ BACK" in checked.output
    assert "OFF-SITE" in shop.must("backup/verify").output


def test_a_configuration_comes_back_and_one_that_does_not_work_does_not(shop):
    env = Path(shop.project.env_path)
    good = env.read_text()
    env.write_text(good + "UNKNOWN_SETTING=1\n")
    restored = shop.must("restore/config")
    assert env.read_text() == good and shop.version() and restored.told["result"]["previous"]
    assert shop.must("restore/config").changed == 0

    done = shop.must("service/configure", settings={"LOG_LEVEL": "debug"}, stack_backup={**shop.settings, "archives": [{"kind": "config"}]})
    assert "just as it is" in done.told["result"]["configuration_saved"]["message"] and env.read_text() != good
    shop.must("restore/config", backup=done.told["result"]["configuration_saved"]["backups"][0])
    assert env.read_text() == good

    env.write_text(good.replace("POSTGRES_PASSWORD=", "POSTGRES_PASSWORD=not-that-of-the-server-"))
    bad = shop.must("backup/files").told["result"]["backups"][0]["id"]
    env.write_text(good)
    refused = shop.play("restore/config", backup=bad, restore_health_timeout=20, restore_probe_deadline=8)
    assert refused.code != 0 and "the one before it runs again and answers" in refused.message
    assert env.read_text() == good and shop.version() and shop.lease_is_free()


def test_a_host_that_has_nothing_is_restored_from_the_copy_and_its_key(shop):
    rows, env = shop.sql("SELECT count(*), md5(string_agg(text, ',' ORDER BY i)) FROM marker"), Path(shop.project.env_path).read_text()
    shop.lose_everything()
    fetched = shop.must("backup/offsite", state="fetched")
    assert {one["subject"] for one in fetched.told["result"]["sets"] if one["done"] == "fetched"} == {"shop", "rdb", "config"}
    shop.must("deploy/install", version="v1")
    shop.must("restore/config")
    assert Path(shop.project.env_path).read_text() == env
    shop.must("restore/postgres", confirm="local", confirm_database="shop", database="shop", restore_allow_foreign=True)
    assert shop.sql("SELECT count(*), md5(string_agg(text, ',' ORDER BY i)) FROM marker") == rows and shop.version() == "v1"
    assert shop.redis("EXISTS", "cart:39") == "0"
    restored = shop.must("restore/redis", confirm="local", confirm_service="redis").told["result"]
    carts = next(group for group in restored["groups"] if group["name"] == "cart:")
    assert (carts["count"], carts["restored"], shop.redis("GET", "cart:39")) == (40, 40, "full") and shop.version() == "v1"
