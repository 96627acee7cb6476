# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is built for a release from source: the project's own build sections, with the sources of one commit."""

from __future__ import annotations

import posixpath
from typing import Any, Dict, Mapping, Optional

from .release_images import LABEL_REVISION

_PATH_KEYS = ("context", "dockerfile")


def buildable_services(config: Mapping[str, Any], repository: str) -> Dict[str, str]:
    """Services of a resolved project whose build context lies in the repository, with that context."""
    found = {}
    for name, body in (config.get("services") or {}).items():
        context = ((body or {}).get("build") or {}).get("context", "")
        if _below(context, repository) is not None:
            found[name] = context
    return found


def build_project(config: Mapping[str, Any], repository: str, tree: str, tags: Mapping[str, str], commit: str) -> Dict[str, Any]:
    """A project of only what is to be built: contexts lead into ``tree``, images have the names of ``tags``."""
    services = {
        name: {"image": tag, "build": _build_section(config["services"][name]["build"], repository, tree, commit)}
        for name, tag in sorted(tags.items())
    }
    project: Dict[str, Any] = {"services": services}
    if config.get("secrets"):
        project["secrets"] = config["secrets"]
    return project


def _build_section(section: Mapping[str, Any], repository: str, tree: str, commit: str) -> Dict[str, Any]:
    moved = dict(section)
    for key in _PATH_KEYS:
        inside = _below(str(moved.get(key) or ""), repository)
        if inside is not None:
            moved[key] = posixpath.join(tree, inside)
    moved.pop("tags", None)  # further names would take them away from images that run
    moved["labels"] = {**(moved.get("labels") or {}), LABEL_REVISION: commit}
    return moved


def _below(path: str, directory: str) -> Optional[str]:
    """The rest of an absolute path below a directory, None when it is not there."""
    if not posixpath.isabs(path):
        return None
    if path == directory:
        return ""
    prefix = directory.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None
