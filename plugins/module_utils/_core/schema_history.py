# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release can work with the database as it is now."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .backup_manifest import is_id
from .errors import BadInput, OperationError
from .ledger import PENDING, Ledger, Release
from .schema_shape import ADDITIVE, DIVERGED, NOT_KNOWN, SAME, UNKNOWN, ShapeChange
from .timestamps import parse_timestamp

_BY_WEIGHT = (UNKNOWN, SAME, ADDITIVE, DIVERGED)


class SchemaIncompatible(OperationError):
    """The database changed since the release in a way that the release cannot work with."""

    reason = "schema_incompatible"


def parse_schema(value: Optional[Mapping[str, Any]]) -> Optional[Dict[str, List[Dict[str, str]]]]:
    """Checks ``{applied: [{version, name, kind}], pending: [...]}``; None stays None, and means that nothing is known."""
    if value is None:
        return None
    unknown = sorted(set(value) - {"applied", "pending"})
    if unknown:
        raise BadInput(f"schema has no field {', '.join(unknown)}.", hint="Give applied and pending, each a list.", fields=unknown)
    return {key: [_parse_migration(item) for item in value.get(key) or []] for key in ("applied", "pending")}


def newest_schema(ledger: Ledger) -> Optional[Mapping[str, Any]]:
    """The schema recorded with the release that was activated last, else with the one registered last."""
    recorded = [release for release in ledger.releases if release.schema]
    if not recorded:
        return None
    return max(recorded, key=lambda release: (release.activations[-1].number if release.activations else 0, release.id)).schema


def unknown_to(release: Release, now: Optional[Mapping[str, Any]]) -> Tuple[Dict[str, str], ...]:
    """The migrations in the database that a release does not know and that are not additive.

    A release knows what was applied when it was registered or proven, and what it brought itself (then pending).
    A pending release without a record is taken to bring whatever was applied; a verified one is not.
    """
    return tuple(item for item in _applied_since(release, now) if item["kind"] != ADDITIVE)


def schema_change(release: Release, now: Optional[Mapping[str, Any]]) -> str:
    """How the database changed since the release: same, additive or diverged; unknown where nothing was recorded."""
    if now is not None and unknown_to(release, now):
        return DIVERGED
    if now is None or not release.schema:
        return UNKNOWN
    return ADDITIVE if _applied_since(release, now) else SAME


def _applied_since(release: Release, now: Optional[Mapping[str, Any]]) -> Tuple[Dict[str, str], ...]:
    if now is None or (not release.schema and release.verdict == PENDING):
        return ()
    known = {item["version"] for key in ("applied", "pending") for item in release.schema.get(key) or []}
    return tuple(dict(item) for item in now.get("applied") or [] if item["version"] not in known)


def backup_before_later(ledger: Ledger, release: Release) -> str:
    """The backup made before a later release was deployed: it still has the schema that the release knows.

    Of several, the first since the release went live last: those before it would lose more.
    """
    live_since = release.activations[-1].at if release.activations else ""
    made = [later.backup_id for later in ledger.releases if later.id > release.id and later.backup_id]
    return next((backup_id for backup_id in made if _made_at(backup_id) >= live_since), made[0] if made else "")


def heavier(one: str, other: str) -> str:
    """What is known of a change from two sides: the worse of both, as each sees what the other does not."""
    return max(one, other, key=_BY_WEIGHT.index)


def refuse_incompatible(
    release: Release,
    now: Optional[Mapping[str, Any]],
    backup_id: str = "",
    shape: ShapeChange = NOT_KNOWN,
    at: Optional[datetime] = None,
) -> None:
    """Raises SchemaIncompatible with what stands in the way, and the ways out; ``backup_id`` is the backup to offer.

    ``shape`` is how the live schema changed since the release was verified, whoever changed it.
    """
    migrations = unknown_to(release, now)
    if not migrations and shape.name != DIVERGED:
        return
    causes = [_migrations_said(release, migrations)] if migrations else []
    if shape.name == DIVERGED:
        causes.append(f"its schema is not the one that release was verified with: {shape.summary()}")
    raise SchemaIncompatible(
        f"Release {release.title} cannot work with this database: {'; '.join(causes)}.",
        hint=(
            f"Choose: {_restore_choice(backup_id, at)}; "
            "deploy a corrected release forward; or, when you know that it works, say on_incompatible_schema=accept."
        ),
        release=release.id,
        schema_change=heavier(schema_change(release, now), shape.name),
        migrations=list(migrations),
        objects=shape.to_dict(),
        choices=["restore_backup", "deploy_forward", "accept"],
        backup_id=backup_id,
        lost_since=_made_at(backup_id),
        lost_minutes=_minutes_since(backup_id, at),
    )


def _migrations_said(release: Release, migrations: Tuple[Dict[str, str], ...]) -> str:
    names = ", ".join(f"{item['version']} {item['name']} ({item['kind'] or 'kind unknown'})".replace("  ", " ") for item in migrations)
    cause = "it does not know" if release.schema else "which may be unknown to it, as no schema is recorded with it"
    return f"it holds migrations {cause}: {names}"


def _restore_choice(backup_id: str, at: Optional[datetime]) -> str:
    """The way back with the database, and what it costs."""
    if not backup_id:
        return "restore a backup from before that deploy together with the release (playbooks/incident/rollback.yml -e kind=db -e backup=<id> -e to=<release>)"
    since, minutes = _made_at(backup_id), _minutes_since(backup_id, at)
    age = "" if minutes is None else f" ({minutes} minute{'' if minutes == 1 else 's'})"
    cost = f", which loses what was written since {since}{age}" if since else ""
    return f"restore the backup made before that deploy together with the release (playbooks/incident/rollback.yml -e kind=db -e backup={backup_id}){cost}"


def _made_at(backup_id: str) -> str:
    """The time that the id of a backup begins with, in ISO 8601; empty for an id of another kind."""
    return re.sub(r"^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$", r"\1-\2-\3T\4:\5:\6Z", backup_id[:16]) if is_id(backup_id) else ""


def _minutes_since(backup_id: str, at: Optional[datetime]) -> Optional[int]:
    made = parse_timestamp(_made_at(backup_id))
    return None if made is None or at is None else max(0, -int((made - at).total_seconds() // 60))


def _parse_migration(item: Any) -> Dict[str, str]:
    if not isinstance(item, Mapping) or not str(item.get("version") or ""):
        raise BadInput("Each migration of schema needs a version.", hint="Give version, name and kind (additive, breaking).")
    return {key: str(item.get(key) or "") for key in ("version", "name", "kind")}
