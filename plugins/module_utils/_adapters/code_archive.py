# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs the operations into one file that plain Python runs: the target of a schedule has no Ansible."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import io
import zipfile
from dataclasses import dataclass
from typing import Dict, Iterator

from .._core.errors import OperationError

# .../module_utils as it is called here; within the archive it has a short name of its own. All imports in it are relative.
_HERE = __name__.rpartition("._adapters.")[0]
_PACKAGE = "runbook_jobs"
_MAIN = f"import sys\n\nfrom {_PACKAGE}.{{entry}} import main\n\nsys.exit(main(sys.argv))\n"
# Zip files hold times; the same sources have to give the same file.
_ANY_TIME = (2000, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class CodeArchive:
    """``fingerprint`` names what is in it."""

    fingerprint: str
    content: bytes


def pack(entry: str) -> CodeArchive:
    """``entry`` is a module below module_utils (``_adapters.scheduled_run``) with a ``main(argv)``; what it imports of ours comes along."""
    sources = {"__main__.py": _MAIN.format(entry=entry), **_packaged(entry)}
    digest = hashlib.sha256()
    for name, source in sorted(sources.items()):
        digest.update(f"{name}\0{source}\0".encode())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in sorted(sources.items()):
            archive.writestr(zipfile.ZipInfo(name, _ANY_TIME), source.encode(), zipfile.ZIP_DEFLATED)
    return CodeArchive(digest.hexdigest()[:16], buffer.getvalue())


def _packaged(entry: str) -> Dict[str, str]:
    found: Dict[str, str] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        path = f"{_PACKAGE}/{name.replace('.', '/')}.py"
        if path not in found:
            found[path] = _source(name)
            waiting += _imported(name, found[path])
    for path in list(found):
        parts = path.split("/")[:-1]
        found.update({"/".join(parts[: depth + 1]) + "/__init__.py": "" for depth in range(len(parts))})
    return found


def _imported(name: str, source: str) -> Iterator[str]:
    """Modules of ours that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = name.split(".")[: -node.level]
            if node.module:
                yield ".".join([*base, node.module])
            else:
                yield from (".".join([*base, alias.name]) for alias in node.names)


def _source(name: str) -> str:
    found = importlib.util.find_spec(f"{_HERE}.{name}")
    source = found.loader.get_source(found.name) if found and hasattr(found.loader, "get_source") else None
    if source is None:
        raise OperationError(f"The source of {name} cannot be read, so nothing can be installed.", hint="Report it.", module=name)
    return source
