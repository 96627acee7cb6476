"""Remotes for copies of backups, on this host: a directory, an SFTP server, an S3 server, and a server of restic's own protocol."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sysconfig
import time
from pathlib import Path
from typing import Any

from ansible_collections.runbook.compose.plugins.module_utils._ansible.backup_copy_arguments import backup_copy_arguments
from tests.support.backup_samples import BackupDirectory
from tests.support.modules import call
from tests.support.stacks import free_port

PASSWORD = "repository-password: %s'\"$"
_UP_SECONDS = 60
# What the distribution has is what targets have; the tests' own environment may hold a newer rclone, which serves S3.
# A bundle of certificates for S3 that somebody set here is nothing that its rclone can use.
TARGET = {**{name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}, "PATH": os.pathsep.join(["/usr/bin", os.environ["PATH"]])}


def rclone_that_serves_s3() -> str:
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    found = shutil.which("rclone", path=path)
    assert found, "rclone is missing: requirements/test.txt brings it"
    return found


class Served:
    """A directory served by rclone. ``stop`` and ``start`` as often as wanted; the port stays."""

    def __init__(self, directory: Path, protocol: str, *options: str, program: str = "/usr/bin/rclone") -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self._command = [program, "serve", protocol, str(directory), "--addr", f"127.0.0.1:{self.port}", "--config", "", *options]
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Served":
        self.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.stop()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + _UP_SECONDS
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, f"{self._command} ended with {self._process.returncode}"
                time.sleep(0.05)
        raise AssertionError(f"{self._command} does not answer")

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def obscured(password: str) -> str:
    """As rclone wants passwords to be written; it is no encryption."""
    return subprocess.run(["/usr/bin/rclone", "obscure", password], check=True, capture_output=True, text=True).stdout.strip()


def sftp(directory: Path, *options: str) -> tuple[Served, dict]:
    """A server, and the options of backup_copy that reach it."""
    served = Served(directory, "sftp", "--user", "box", "--pass", "sftp-password", *options)
    settings = {"TYPE": "sftp", "HOST": "127.0.0.1", "PORT": served.port, "USER": "box", "PASS": obscured("sftp-password")}
    return served, {"tool": "rclone", "remote": "BOX:backups", "environment": {f"RCLONE_CONFIG_BOX_{name}": value for name, value in settings.items()}}


def s3(directory: Path, tool: str, secret: str = "SKSKSKSKSKSK") -> tuple[Served, dict]:
    """The server always wants the same key; ``secret`` is what is shown to it."""
    served = Served(directory, "s3", "--auth-key", "AKAKAKAK,SKSKSKSKSKSK", program=rclone_that_serves_s3())
    (directory / "bucket").mkdir(exist_ok=True)
    endpoint = f"http://127.0.0.1:{served.port}"
    if tool == "restic":
        keys = {"AWS_ACCESS_KEY_ID": "AKAKAKAK", "AWS_SECRET_ACCESS_KEY": secret}
        return served, {"tool": "restic", "remote": f"s3:{endpoint}/bucket/repository", "password": PASSWORD, "environment": keys}
    settings = {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": endpoint, "ACCESS_KEY_ID": "AKAKAKAK", "SECRET_ACCESS_KEY": secret}
    return served, {"tool": "rclone", "remote": "S3:bucket/backups", "environment": {f"RCLONE_CONFIG_S3_{name}": value for name, value in settings.items()}}


def rest(directory: Path, *options: str) -> tuple[Served, dict]:
    served = Served(directory, "restic", *options)
    return served, {"tool": "restic", "remote": f"rest:http://127.0.0.1:{served.port}/", "password": PASSWORD}


class CopiedBackups(BackupDirectory):
    """Published backups with backup_copy."""

    @property
    def state_dir(self) -> Path:
        return self.path.parent / "state"

    def arguments(self, **options: Any) -> dict:
        shared = {"stack_name": self.stack, "project_dir": "/absent", "state_dir": str(self.state_dir), "docker_host": "unix:///absent"}
        return {**shared, "backup_dir": str(self.path), "space_floor_mb": 0, **options}

    def copy(self, check: bool = False, **options: Any) -> dict:
        return call("backup_copy", self.arguments(**options), check=check, environment=TARGET)

    def params(self, **options: Any) -> dict:
        """All of them, as the operation gets them."""
        defaults = {name: option.get("default") for name, option in backup_copy_arguments().options.items()}
        return {**defaults, **self.arguments(**options)}

    def info(self) -> dict:
        shared = {name: value for name, value in self.arguments().items() if name != "space_floor_mb"}
        return call("backup_info", shared)

    def journal(self) -> str:
        path = self.state_dir / self.stack / "journal.ndjson"
        return path.read_text() if path.exists() else ""
