"""What surrounds releases, as a person does it: newer images for stores and edge from a real registry, and the list of what was released."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.support.operated import OperatedStack
from tests.support.registry import Registry
from tests.support.stacks import MINIATURE, docker, unique_name


def built(name: str, *lines: str) -> str:
    """An image made of another one, by its id."""
    return docker("build", "--quiet", "--tag", name, "-f", "-", ".", stdin="\n".join(lines)).strip()


class Shop(OperatedStack):
    """Edge and Redis have images of names that only this test uses."""

    def __init__(self, directory: Path, registry: Registry) -> None:
        self.registry = registry
        name = unique_name("update")
        self.edge, self.redis_image = f"{registry.address}/shop/edge:v1", f"{name}/redis:7"
        self.scanned = directory / "scanned"
        files = directory / "files"
        shutil.copytree(MINIATURE, files)
        own = {"services": {"edge": {"image": self.edge}, "redis": {"image": self.redis_image}}}
        (files / "compose.own.yaml").write_text(yaml.safe_dump(own))
        docker("tag", "runbook-nginx:1", self.edge)
        docker("tag", "runbook-redis:7", self.redis_image)
        backup = {"dir": str(directory / "backups"), "allow_same_disk": True, "verify": "restore", "databases": ["shop"], "min_age": 0}
        described = {"stack_files": {"directory": str(files)}, "stack_compose_files": ["compose.yaml", "compose.own.yaml"], "stack_backup": backup}
        super().__init__(directory, name, **described)

    def publish(self, *lines: str) -> str:
        """Another edge in the registry, and only there."""
        image = built(f"{self.name}:made", "FROM runbook-nginx:1", *lines)
        digest = self.registry.publish("v1", image)
        docker("rmi", f"{self.name}:made")
        return digest

    def scan(self, verdict: str) -> dict:
        return {"scan": {"command": ["sh", "-c", f'echo "$0" >>{self.scanned}; {verdict}', "{image}"], "timeout": 20}}

    def ids(self) -> dict[str, str]:
        return {name: self.project.containers(name)[0]["Id"] for name in ("api", "postgres", "redis", "edge")}

    def image_of(self, service: str) -> str:
        return self.project.containers(service)[0]["Image"]

    def remove(self) -> None:
        super().remove()
        for prefix in (f"runbook.images/{self.name}/*", f"{self.registry.address}/shop/*", f"{self.name}/*"):
            for line in docker("image", "ls", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}", prefix).splitlines():
                name, tag, digest = line.split()
                docker("rmi", f"{name}@{digest}" if tag == "<none>" else f"{name}:{tag}")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with Registry("update") as registry:
        made = Shop(tmp_path_factory.mktemp("update-images"), registry)
        try:
            made.must("deploy/install", version="v1")
            yield made
        finally:
            made.remove()


def test_a_newer_image_is_scanned_and_only_its_service_is_recreated(shop):
    digest, before, old = shop.publish('LABEL newer="1"'), shop.ids(), shop.image_of("edge")
    release = {**yaml.safe_load((shop.inventory / "group_vars/stack/release.yml").read_text())["stack_release"], "acquire": "pull"}
    refused = shop.play("deploy/update_images", services=["edge"], stack_release={**release, **shop.scan("exit 2")})
    assert (refused.code != 0, refused.reason) == (True, "image_refused"), refused.output
    assert shop.ids() == before and shop.image_of("edge") == old and shop.version() == "v1"

    done = shop.must("deploy/update_images", services=["edge"], stack_release={**release, **shop.scan("exit 0")})
    told = done.told["result"]
    assert (told["updated"], told["backups"], told["images"][0]["before_id"]) == (["edge"], [], old)
    assert told["images"][0]["after_digest"].endswith(digest)
    after = shop.ids()
    assert {name for name in after if after[name] != before[name]} == {"edge"} and shop.version() == "v1"
    assert shop.scanned.read_text().split() == [f"runbook.images/{shop.name}/edge:candidate"] * 2
    again = shop.must("deploy/update_images", services=["edge"], stack_release=release)
    assert again.changed == 0 and shop.ids() == after


def test_an_image_that_does_not_work_is_taken_back(shop):
    """T105."""
    good, release = shop.image_of("edge"), yaml.safe_load((shop.inventory / "group_vars/stack/release.yml").read_text())["stack_release"]
    shop.publish('CMD ["false"]')
    failed = shop.play("deploy/update_images", services=["edge"], stack_release={**release, "acquire": "pull"})
    assert failed.code != 0 and "what ran before runs again and answers" in failed.message, failed.output
    assert shop.image_of("edge") == good and shop.version() == "v1" and shop.lease_is_free()


def test_a_store_is_backed_up_first_and_an_older_image_comes_back(shop):
    shop.redis("SET", "cart:1", "full")
    old, before = shop.image_of("redis"), shop.ids()
    newer = built(f"{shop.name}/newer:7", "FROM runbook-redis:7", 'LABEL newer="1"')
    done = shop.must("deploy/update_images", images={"redis": f"{shop.name}/newer:7"})
    assert len(done.told["result"]["backups"]) == 1 and shop.image_of("redis") == newer
    after = shop.ids()
    assert {name for name in after if after[name] != before[name]} == {"redis"} and shop.redis("GET", "cart:1") == "full"

    back = shop.must("deploy/update_images", state="returned", services=["redis"])
    assert back.changed and shop.image_of("redis") == old and shop.redis("GET", "cart:1") == "full"
    assert shop.lease_is_free()


def test_the_history_tells_what_is_live(shop):
    listed = shop.must("deploy/history", stack_report_dir=str(shop.directory / "reports"))
    told = listed.told["result"]
    assert listed.changed == 0
    assert [(one["version"], one["place"], one["verdict"], one["how"]) for one in told["releases"]] == [("v1", "current", "verified", "deploy")]
    newest = told["releases"][0]
    assert newest["migration_level"].startswith("002 ") and newest["digests"]["api"].startswith("sha256:") and newest["by"]
    assert "v1" in Path(told["page"]).read_text() and Path(told["json"]).stat().st_mode & 0o777 == 0o600
    assert any("v1" in line and "verified" in line and "*" in line for line in listed.output.splitlines()), listed.output
