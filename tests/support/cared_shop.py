"""A stack whose edge and Redis have images of names that only this test uses, with a registry and a monitoring project beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from tests.support.modules import ROOT, call
from tests.support.operated import OperatedStack
from tests.support.registry import Registry
from tests.support.stacks import MINIATURE, docker, free_port, unique_name

MONITORING = ROOT / "tests" / "systems" / "monitoring" / "stack"


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
        self.prometheus_port, self.alertmanager_port = free_port(), free_port()
        self.monitoring = {
            "name": f"{name}-monitoring",
            "project_dir": str(directory / "monitoring"),
            "files": {"directory": str(MONITORING)},
            "environment": {"PROMETHEUS_PORT": str(self.prometheus_port), "ALERTMANAGER_PORT": str(self.alertmanager_port)},
            "prometheus_url": f"http://127.0.0.1:{self.prometheus_port}",
            "alertmanager_url": f"http://127.0.0.1:{self.alertmanager_port}",
            "expect_jobs": ["prometheus", "alertmanager"],
            "expect_rules": ["TargetDown"],
        }
        super().__init__(directory, name, stack_monitoring=self.monitoring, **described)

    def publish(self, *lines: str) -> str:
        """Another edge in the registry, and only there."""
        image = built(f"{self.name}:made", "FROM runbook-nginx:1", *lines)
        digest = self.registry.publish("v1", image)
        docker("rmi", f"{self.name}:made")
        return digest

    def scan(self, verdict: str) -> dict:
        return {"scan": {"command": ["sh", "-c", f'echo "$0" >>{self.scanned}; {verdict}', "{image}"], "timeout": 120}}

    def release(self, **changes: object) -> dict:
        declared = yaml.safe_load((self.inventory / "group_vars/stack/release.yml").read_text())["stack_release"]
        return {**declared, **changes}

    def ids(self) -> dict[str, str]:
        return {name: self.project.containers(name)[0]["Id"] for name in ("api", "postgres", "redis", "edge")}

    def image_of(self, service: str) -> str:
        return self.project.containers(service)[0]["Image"]

    def watching(self, **options: object) -> dict:
        """What prometheus_info says."""
        return call("prometheus_info", {**self.project.options, "url": self.monitoring["prometheus_url"], **options})

    def remove(self) -> None:
        super().remove()
        watching = ["--filter", f"label=com.docker.compose.project={self.monitoring['name']}"]
        for listing, words in ((["ps", "--all"], ["rm", "--force", "--volumes"]), (["volume", "ls"], ["volume", "rm"]), (["network", "ls"], ["network", "rm"])):
            found = docker(*listing, "--quiet", *watching).split()
            if found:
                docker(*words, *found)
        for prefix in (f"runbook.images/{self.name}/*", f"{self.registry.address}/shop/*", f"{self.name}/*"):
            for line in docker("image", "ls", "--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}", prefix).splitlines():
                name, tag, digest = line.split()
                docker("rmi", f"{name}@{digest}" if tag == "<none>" else f"{name}:{tag}")
