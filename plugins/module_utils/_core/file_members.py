# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in an archive of files, and what of it is different elsewhere."""

from __future__ import annotations

import fnmatch
import json
import posixpath
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Dict, Iterable, List, Sequence, Tuple

from .errors import OperationError

FILE, DIRECTORY, LINK = "file", "directory", "link"
_SCHEMA = 1
_MOST_TOLD = 20


class MembersInvalid(OperationError):
    """The list of what an archive of files holds is none."""

    reason = "backup_members_invalid"


@dataclass(frozen=True)
class Member:
    """``name`` is relative to the root of the archive. ``size`` and ``sha256`` are of files, ``target`` of links."""

    name: str
    type: str
    mode: int
    uid: int
    gid: int
    mtime: int = 0
    size: int = 0
    sha256: str = ""
    target: str = ""


def members_to_bytes(members: Sequence[Member]) -> bytes:
    """Names that are no text in UTF-8 survive as they are."""
    return json.dumps({"schema": _SCHEMA, "members": [asdict(member) for member in members]}, sort_keys=True).encode()


def parse_members(content: bytes) -> List[Member]:
    """Raises MembersInvalid, and nothing else, for whatever the bytes are."""
    try:
        value = json.loads(content)
        if value["schema"] != _SCHEMA:
            raise ValueError("schema")
        members = [Member(**one) for one in value["members"]]
        if not all(_is_valid(member) for member in members):
            raise ValueError("members")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MembersInvalid("The list of the files in this backup cannot be understood.", hint="Choose another backup.") from error
    return members


def is_safe(name: str) -> bool:
    """Whether a name stays below the root that it is put under."""
    return bool(name) and "\0" not in name and not name.startswith("/") and posixpath.normpath(name) == name and name.split("/")[0] != ".."


def is_excluded(name: str, patterns: Iterable[str]) -> bool:
    """A pattern with a slash is about the whole name, one without about each part of it."""
    for pattern in patterns:
        if "/" in pattern and fnmatch.fnmatchcase(name, pattern.strip("/")):
            return True
        if "/" not in pattern and any(fnmatch.fnmatchcase(part, pattern) for part in name.split("/")):
            return True
    return False


def member_differences(expected: Sequence[Member], found: Sequence[Member]) -> List[str]:
    """Sentences; only so many of them."""
    wanted, there = ({member.name: member for member in members} for members in (expected, found))
    told = [f"{name}: missing" for name in wanted if name not in there]
    told += [f"{name}: not in the list" for name in there if name not in wanted]
    told += [f"{name}: {_change(wanted[name], there[name])}" for name in wanted if name in there and wanted[name] != there[name]]
    rest = len(told) - _MOST_TOLD
    return [*told[:_MOST_TOLD], f"and {rest} more"] if rest > 0 else told


def is_same_content(some: Sequence[Member], others: Sequence[Member]) -> bool:
    """Whether both are the same files with the same content, modes, owners and targets, whenever they were written."""
    one, other = ({member.name: replace(member, mtime=0) for member in members} for members in (some, others))
    return one == other


def chosen_members(members: Sequence[Member], only: Sequence[str]) -> Tuple[List[Member], List[str]]:
    """Those named, with all below them, and the names for which there is none."""
    if not only:
        return list(members), []
    chosen = [member for member in members if any(member.name == name or member.name.startswith(f"{name}/") for name in only)]
    return chosen, [name for name in only if not any(one.name == name or one.name.startswith(f"{name}/") for one in chosen)]


def _change(expected: Member, found: Member) -> str:
    names = [field.name for field in fields(Member) if getattr(expected, field.name) != getattr(found, field.name)]
    return "changed content" if names == ["sha256"] else f"other {', '.join(names)}"


def _is_valid(member: Member) -> bool:
    numbers: Dict[str, Any] = {name: getattr(member, name) for name in ("mode", "uid", "gid", "mtime", "size")}
    texts = (member.name, member.type, member.sha256, member.target)
    if not all(isinstance(value, int) for value in numbers.values()) or not all(isinstance(text, str) for text in texts):
        return False
    return is_safe(member.name) and member.type in (FILE, DIRECTORY, LINK)
