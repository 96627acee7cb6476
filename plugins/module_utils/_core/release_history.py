# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was released when, by whom and with what: the ledger as rows and as a table."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from .ledger import Ledger, Release
from .release_report import short_id
from .release_selection import rollback_target
from .text_table import aligned

CURRENT, STAGED, LAST_KNOWN_GOOD = "current", "staged", "last_known_good"
_MARKS = {CURRENT: "*", STAGED: ">", LAST_KNOWN_GOOD: "<", "": ""}
_HEADER = ("", "id", "version", "verdict", "live since", "how", "by", "digests", "git", "schema", "settings")


def release_history(ledger: Ledger, releases: Sequence[Release]) -> List[Dict[str, Any]]:
    """One row a release. The last known good one is what going back leads to."""
    target = rollback_target(ledger)
    good = target.id if target else ""
    return [_row(release, _place(release.id, ledger, good)) for release in releases]


def history_table(rows: Sequence[Dict[str, Any]]) -> str:
    """Aligned text; ``*`` marks the current release, ``>`` the staged one, ``<`` the last known good before it."""
    return "\n".join(aligned([_HEADER, *(_cells(row) for row in rows)]))


def migration_level(schema: Any) -> str:
    """The last migration that was applied when the release was judged last; empty when nobody asked."""
    applied = (schema or {}).get("applied") or []
    if not applied:
        return ""
    last = applied[-1]
    return " ".join(str(last[key]) for key in ("version", "name") if last.get(key))


def _place(release_id: str, ledger: Ledger, good: str) -> str:
    if release_id == ledger.current:
        return CURRENT
    if release_id == ledger.staged:
        return STAGED
    return LAST_KNOWN_GOOD if release_id == good else ""


def _row(release: Release, place: str) -> Dict[str, Any]:
    last = release.activations[-1] if release.activations else None
    return {
        "place": place,
        "id": release.id,
        "version": release.version,
        "verdict": release.verdict,
        "verdict_reason": release.verdict_reason,
        "registered": release.created_at,
        "live_since": last.at if last else "",
        "how": last.how if last else "",
        "by": (last.by if last else "") or release.created_by,
        "times_live": len(release.activations),
        "digests": {service: image.digest or image.id for service, image in sorted(release.images.items())},
        "git_revision": release.git_revision,
        "migration_level": migration_level(release.schema),
        "settings": release.configuration_fingerprint,
        "backup_id": release.backup_id,
    }


def _cells(row: Dict[str, Any]) -> Sequence[str]:
    digests = ", ".join(f"{service}={short_id(digest.rpartition('@')[2])}" for service, digest in row["digests"].items())
    return (
        _MARKS[row["place"]],
        row["id"],
        row["version"],
        row["verdict"],
        row["live_since"] or "-",
        row["how"] or "-",
        row["by"] or "-",
        digests or "-",
        row["git_revision"][:10] or "-",
        row["migration_level"] or "-",
        row["settings"][:8] or "-",
    )
