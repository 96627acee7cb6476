from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.package_upgrades import installed_versions, planned_upgrades

SIMULATED = """NOTE: This is only a simulation!
Reading package lists...
The following packages have been kept back:
  docker.io
Inst libc6 [2.36-9] (2.36-10 Debian:12.5/stable [amd64]) []
Inst base-files [12.4] (12.4+deb12u5 Debian:12.5/stable, Debian-Security:12/stable-security [amd64])
Inst linux-image-6.1.0-18 (6.1.76-1 Debian-Security:12/stable-security [amd64])
Inst local [1] (2 localhost)
Conf libc6 (2.36-10 Debian:12.5/stable [amd64])
"""


def test_what_would_be_installed_is_told_by_name():
    rows = planned_upgrades(SIMULATED)
    assert [(row["package"], row["before"], row["after"], row["security"]) for row in rows] == [
        ("base-files", "12.4", "12.4+deb12u5", True),
        ("libc6", "2.36-9", "2.36-10", False),
        ("linux-image-6.1.0-18", "", "6.1.76-1", True),
        ("local", "1", "2", False),
    ]
    assert planned_upgrades("") == []


def test_only_what_is_installed_counts():
    assert installed_versions("libc6:amd64 2.36-9 installed\nold 1 config-files\n tar 1\n") == [{"package": "libc6:amd64", "version": "2.36-9"}]
