# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against a restore, all of it at once and before anything is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, FrozenSet, Iterator, List, Mapping, Optional, Sequence, Tuple

from .backup_catalogue import DAMAGED, VERIFIED
from .restore_request import REPLACE, RestoreRequest

Problem = Dict[str, str]
# A copy needs about what the database needed, and room for sorting while its indexes are built.
_SPACE_FACTOR = 1.3
# Masked, it has old and new rows at once, and then its tables are written anew.
_MASKING_FACTOR = 2


@dataclass(frozen=True)
class LiveDatabase:
    """The database that is to be exchanged. What is tied to its number would not follow its name."""

    oid: int
    bytes: int
    prepared: Tuple[str, ...] = ()
    slots: Tuple[str, ...] = ()
    subscriptions: Tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetFacts:
    """``server_version`` is 150018 for 15.18. ``databases`` maps names to numbers."""

    server_version: int
    system_identifier: str
    in_recovery: bool
    may_create: bool
    databases: Mapping[str, int]
    extensions: FrozenSet[str]
    roles: FrozenSet[str]
    live: Optional[LiveDatabase]
    free_bytes: int


@dataclass(frozen=True)
class SourceFacts:
    """What is to be restored. ``state`` is that of a backup, empty for a file; numbers of 0 and empty texts are unknown."""

    label: str
    server_version: int = 0
    system_identifier: str = ""
    subject: str = ""
    state: str = ""
    partial: bool = False
    extensions: FrozenSet[str] = frozenset()
    roles: FrozenSet[str] = frozenset()
    roles_made: FrozenSet[str] = frozenset()
    bytes: int = 0
    damage: Tuple[str, ...] = field(default=())


def missing_roles(target: TargetFacts, source: SourceFacts, which: str) -> FrozenSet[str]:
    """Roles that the restore makes: those that the database names, or ``all`` that the backup knows."""
    wanted = source.roles | source.roles_made if which == "all" else source.roles
    return frozenset(role for role in wanted - target.roles if not role.startswith("pg_"))


def problems(target: TargetFacts, source: SourceFacts, request: RestoreRequest) -> List[Problem]:
    """Everything, in the order in which people should look at it."""
    return [*_of_the_source(source, request), *_of_the_pair(target, source, request), *exchange_problems(target), *_of_ties(target)]


def exchange_problems(target: TargetFacts) -> Iterator[Problem]:
    """What makes an exchange of databases impossible, whatever becomes live."""
    if target.in_recovery:
        yield _problem("in_recovery", "The server is a replica; restore on the primary.")
    if target.live and target.live.prepared:
        yield _problem("prepared_transactions", f"Transactions are prepared and neither committed nor rolled back: {_listed(target.live.prepared)}.")


def _of_the_source(source: SourceFacts, request: RestoreRequest) -> Iterator[Problem]:
    yield from proof_problems(source, request.allow_unverified)
    if source.subject and source.subject != request.database and not request.allow_foreign:
        yield _problem("foreign_database", f"{source.label} is of the database {source.subject}, not of {request.database}; allow_foreign=true accepts it.")


def proof_problems(source: SourceFacts, allow_unverified: bool) -> Iterator[Problem]:
    """Of what is to be restored itself, whatever it goes into."""
    if source.state == DAMAGED or source.damage:
        yield _problem("backup_damaged", f"{source.label} is damaged: {_listed(source.damage) or 'its last verification failed'}.")
    elif source.state and source.state != VERIFIED and not allow_unverified:
        yield _problem("backup_unverified", f"{source.label} was never restored to prove it; verify it, or set allow_unverified=true.")
    if source.partial:
        yield _problem("backup_partial", f"{source.label} holds only a part of the database.")


def _of_the_pair(target: TargetFacts, source: SourceFacts, request: RestoreRequest) -> Iterator[Problem]:
    if request.backup_stack and source.system_identifier == target.system_identifier:
        yield _problem("same_server", f"{source.label} is of this very server, and backup_stack is for those of others; restore it without backup_stack.")
    elif source.system_identifier and source.system_identifier != target.system_identifier and not (request.allow_foreign or request.backup_stack):
        yield _problem(
            "foreign_server",
            f"{source.label} is of another server (system identifier {source.system_identifier}, here {target.system_identifier or 'unknown'});"
            " allow_foreign=true accepts it.",
        )
    if source.server_version // 10000 > target.server_version // 10000:
        versions = f"{source.server_version // 10000}, and the server is {target.server_version // 10000}"
        yield _problem("major_version", f"{source.label} is of Postgres {versions}; a dump goes into the same or a later major version only.")
    lacking = sorted(source.extensions - target.extensions)
    if lacking:
        yield _problem("extensions_missing", f"The server's image has no extension {', '.join(lacking)}.")
    unmade = sorted(role for role in source.roles - target.roles if role not in source.roles_made or role.startswith("pg_"))
    if unmade:
        yield _problem("roles_missing", f"Neither the server nor the backup has the role {', '.join(unmade)}.")
    if not target.may_create:
        yield _problem("not_allowed", "The role that logs in may not create databases.")
    yield from _of_space(target, source, request)


def _of_space(target: TargetFacts, source: SourceFacts, request: RestoreRequest) -> Iterator[Problem]:
    freed = target.live.bytes if target.live and request.mode == REPLACE else 0
    needed = round(source.bytes * _SPACE_FACTOR * (_MASKING_FACTOR if request.masking else 1))
    if target.free_bytes + freed < needed:
        free = f"{target.free_bytes >> 20} MiB are free{f' and {freed >> 20} MiB would become free' if freed else ''}"
        hint = "" if request.mode == REPLACE else "; mode=replace needs no room for two copies"
        yield _problem("not_enough_space", f"About {needed >> 20} MiB are needed where the server keeps its data, and {free}{hint}.")


def _of_ties(target: TargetFacts) -> Iterator[Problem]:
    if target.live and target.live.slots:
        yield _problem("logical_slots", f"Logical replication slots hang on the database and would not follow: {_listed(target.live.slots)}.")
    if target.live and target.live.subscriptions:
        yield _problem("subscriptions", f"Subscriptions hang on the database and would not follow: {_listed(target.live.subscriptions)}.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _problem(code: str, message: str) -> Problem:
    return {"code": code, "message": message}
