# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all operations on the ledger share."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Optional, Protocol, Sequence, Tuple

from ..._core.image_holders import KeptImage
from ..._core.ledger import Ledger, Release
from ..._core.plan import Step
from ..._core.release_selection import rollback_target
from ..._core.stack import Stack
from ..clock import utc_now
from ..journal import journal
from ..ledger_store import LedgerStore
from ..release_files import ReleaseFiles


class Host(Protocol):
    """What an operation may ask of its surroundings."""

    def warn(self, message: str) -> None: ...

    def hide(self, secrets: Iterable[str], harmless: Iterable[str] = ()) -> None: ...


class ReleaseContext:
    def __init__(self, stack: Stack, host: Host) -> None:
        self.stack = stack
        self.host = host
        self.store = LedgerStore(stack)
        self.files = ReleaseFiles(stack)
        self.now = utc_now()

    @property
    def timestamp(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def journal(self, event: str, release: Release, **facts: Any) -> None:
        journal(self.stack, utc_now(), event, release=release.id, version=release.version, **facts)

    def journal_pruned(self, release_id: str, detail: str) -> None:
        journal(self.stack, utc_now(), "release_pruned", release=release_id, detail=detail)


def result(ledger: Ledger, release: Optional[Release], **facts: Any) -> Dict[str, Any]:
    """The answer of every state: the same keys, always."""
    target = rollback_target(ledger)
    answer: Dict[str, Any] = {
        "release": release.to_dict() if release else {},
        "current": ledger.current,
        "previous": target.id if target else "",
        "staged": ledger.staged,
        "already_current": False,
        "services_changed": [],
        "variables_changed": [],
        "acquired": {},
        "pruned": [],
        "freed_tags": [],
        "removed_images": [],
        "removed_image_bytes": 0,
    }
    answer.update(facts)
    return answer


def hold_steps(unheld: Iterable[KeptImage]) -> Tuple[Step, ...]:
    return tuple(Step("hold", image.reference, image.image_id) for image in unheld)


def unheld_summary(unheld: Sequence[KeptImage]) -> Dict[str, Any]:
    """Kept images that lost their holders, as diff mode shows them: gone afterwards."""
    return {"images_not_held": [image.reference for image in unheld]} if unheld else {}


def summary(release: Optional[Release]) -> Dict[str, Any]:
    """A release as diff mode shows it."""
    if release is None:
        return {}
    return {
        "id": release.id,
        "version": release.version,
        "verdict": release.verdict,
        "images": {service: {"reference": image.reference, "id": image.id} for service, image in sorted(release.images.items())},
        "configuration": release.configuration_fingerprint[:12],
    }
