# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found out about a published backup, in files of their own beside its manifest."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict
from typing import Any, Iterable, Iterator, List, Tuple

from .._core.backup_catalogue import OffsiteCopy, Verification
from .files import write_atomically

_VERIFICATION, _OFFSITE, _JSON = "verify-", "offsite-", ".json"


def verification_files(names: List[str]) -> List[str]:
    """Of the files of a backup, those that say how it was verified."""
    return sorted(name for name in names if name.startswith(_VERIFICATION) and name.endswith(_JSON))


def verifications(path: str) -> Tuple[Verification, ...]:
    """An unreadable one proves nothing and is left out."""
    return tuple(_parsed(Verification, _notes(path, _VERIFICATION)))


def parse_verification(content: bytes) -> Verification:
    """Raises ValueError, and nothing else, for whatever the bytes are."""
    try:
        return next(_parsed(Verification, [json.loads(content)]))
    except (StopIteration, RecursionError) as error:
        raise ValueError("not a verification") from error


def write_verification(path: str, verification: Verification) -> None:
    name = f"{_VERIFICATION}{verification.at.replace(':', '').replace('-', '')}{_JSON}"
    _write(os.path.join(path, name), verification)


def offsite_copies(path: str) -> Tuple[OffsiteCopy, ...]:
    """What is known of copies elsewhere, one for each remote. An unreadable one proves nothing and is left out."""
    return tuple(_parsed(OffsiteCopy, _notes(path, _OFFSITE)))


def write_offsite_copy(path: str, copy: OffsiteCopy) -> None:
    """Replaces what was known of the copy at the same remote."""
    _write(os.path.join(path, f"{_OFFSITE}{copy.key}{_JSON}"), copy)


def _parsed(kind: Any, values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        with contextlib.suppress(TypeError, AttributeError):
            yield kind(**{**value, "differences": tuple(value.get("differences", ()))})


def _write(path: str, note: Any) -> None:
    write_atomically(path, (json.dumps(asdict(note), sort_keys=True) + "\n").encode(), 0o400)


def _notes(path: str, prefix: str) -> Iterator[Any]:
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(path)):
            if name.startswith(prefix) and name.endswith(_JSON):
                with contextlib.suppress(OSError, ValueError), open(os.path.join(path, name), "rb") as handle:
                    yield json.loads(handle.read())
