# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tables and indexes of a Postgres database need maintenance, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .errors import BadInput, ConfirmationMissing, OperationError
from .plan import Plan, Step
from .postgres_relations import Index, Relation, Table

VACUUM, ANALYZE, VACUUM_FULL, REINDEX = "vacuum", "analyze", "vacuum_full", "reindex"
DROP_LEFTOVER = "drop_leftover"
_CATALOGS = ("pg_catalog", "pg_toast", "information_schema")
# Counted only, unless they were named: there may be thousands.
BELOW, UNKNOWN = "below_threshold", "unknown_bloat"
_MANUAL = (
    "Rebuilding a system catalog locks out everybody, and is meant for a catalog that is damaged. By hand: stop the applications, take a backup, start a "
    "single-user server on the data directory with 'postgres --single -P', run REINDEX SYSTEM there, and start the service again."
)


class SystemCatalog(BadInput):
    """Catalogs of the server are not rebuilt while it runs."""

    reason = "system_catalog"


class NotEnoughSpace(OperationError):
    """The copy that has to be written does not fit on the disk."""

    reason = "not_enough_space"


class IndexInvalid(OperationError):
    """An index is there that no query uses."""

    reason = "index_invalid"


class NotMaintained(OperationError):
    """The server reported success, and the table or index is as it was."""

    reason = "not_maintained"


@dataclass(frozen=True)
class Thresholds:
    min_dead_ratio: float = 0.1
    min_dead_rows: int = 1000
    min_size_bytes: int = 0
    min_bloat_ratio: float = 0.3


@dataclass(frozen=True)
class Request:
    """``tables`` and ``indexes`` are names with their schema; both empty means all that exceed the thresholds."""

    task: str
    tables: Tuple[str, ...] = ()
    indexes: Tuple[str, ...] = ()
    thresholds: Thresholds = Thresholds()

    @property
    def names(self) -> Tuple[str, ...]:
        return self.tables + self.indexes

    @property
    def writes_copy(self) -> bool:
        return self.task in (VACUUM_FULL, REINDEX)


@dataclass(frozen=True)
class Item:
    """One piece of work: a table, an index, or an index that an earlier run left behind."""

    action: str
    relation: Relation
    detail: str = ""

    @property
    def step(self) -> Step:
        return Step(self.action, self.relation.full_name, self.detail)


@dataclass(frozen=True)
class Selection:
    """``skipped`` are (name, why); ``below`` counts what the thresholds left out and nobody named."""

    items: Tuple[Item, ...] = ()
    skipped: Tuple[Tuple[str, str], ...] = ()
    below: int = 0

    def to_plan(self) -> Plan:
        before = {"maintenance": [f"{item.relation.full_name}: {item.action} ({item.detail})" for item in self.items]}
        return Plan(before, {"maintenance": []}, tuple(item.step for item in self.items), self.facts())

    def facts(self) -> Dict[str, Any]:
        return {
            "maintained": [],
            "left_out": [{"name": name, "why": why} for name, why in self.skipped],
            "below_threshold": self.below,
            "remaining": [],
        }


def check_request(request: Request, confirm: str, database: str) -> None:
    """Raises BadInput for what makes no sense or is too dangerous, before anything is looked at."""
    for name in request.names:
        schema, dot, rest = name.partition(".")
        if not schema or not rest:
            raise BadInput(f"{name!r} lacks a schema.", hint="Write public.orders, as the server writes the names.", name=name)
        if schema in _CATALOGS and request.writes_copy:
            raise SystemCatalog(f"{name} is a system catalog.", hint=_MANUAL, name=name)
    if request.indexes and request.task != REINDEX:
        raise BadInput("indexes goes with task=reindex only.", task=request.task)
    if request.task != VACUUM_FULL:
        return
    if not request.tables:
        raise BadInput("task=vacuum_full locks out everybody, and so needs tables that are named one by one.", task=request.task)
    if confirm != database:
        raise ConfirmationMissing(
            f"task=vacuum_full lets nobody read or write {', '.join(request.tables)} until it is done.",
            hint=f"If that is meant, give confirm: {database}",
            database=database,
        )


def select_tables(tables: Sequence[Table], request: Request) -> Selection:
    """Tables for vacuum, analyze and vacuum_full; a partitioned table's name stands for its partitions."""
    _require_known(request.tables, {name for table in tables for name in (table.full_name, *table.partition_of)}, "table")
    named = set(request.tables)
    chosen = [table for table in tables if (named & {table.full_name, *table.partition_of} if named else table.schema not in _CATALOGS)]
    judged = [(table, _table_work(table, request)) for table in sorted(chosen, key=lambda table: -_weight(table, request.task))]
    return _selection([(table, why, Item(request.task, table, detail)) for table, (why, detail) in judged], bool(named))


def select_indexes(indexes: Sequence[Index], request: Request) -> Selection:
    """Leftovers of earlier runs first, then invalid indexes, then those with the most to gain."""
    _require_known(request.tables, {index.table for index in indexes}, "table with indexes")
    _require_known(request.indexes, {index.full_name for index in indexes}, "index")
    order = sorted(indexes_of(indexes, request), key=lambda index: (not index.leftover, index.valid, -(index.bloat_ratio or 0) * (index.size_bytes or 0)))
    judged = []
    for index in order:
        why, detail = _index_work(index, request.thresholds)
        judged.append((index, why, Item(DROP_LEFTOVER if index.leftover else REINDEX, index, detail)))
    return _selection(judged, bool(request.names))


def indexes_of(indexes: Sequence[Index], request: Request) -> List[Index]:
    """Those that were asked for, with what earlier runs left behind beside them."""
    if not request.names:
        return [index for index in indexes if index.schema not in _CATALOGS]
    named = set(request.names)
    touched = {index.table for index in indexes if index.full_name in named}
    return [index for index in indexes if named & {index.full_name, index.table} or (index.leftover and index.table in touched)]


def _selection(judged: Sequence[Tuple[Relation, str, Item]], named: bool) -> Selection:
    items = tuple(item for relation, why, item in judged if not why)
    skipped = tuple((relation.full_name, why) for relation, why, item in judged if why and (named or why not in (BELOW, UNKNOWN)))
    return Selection(items, skipped, sum(1 for relation, why, item in judged if why == BELOW))


def _table_work(table: Table, request: Request) -> Tuple[str, str]:
    """Why the table is left out (empty: it is not), and what is known about it."""
    limits, why = request.thresholds, _obstacle(table)
    if why:
        return why, ""
    if (table.size_bytes or 0) < limits.min_size_bytes:
        return BELOW, ""
    if request.task == VACUUM_FULL:
        return _by_bloat(table.bloat_ratio, limits)
    if request.task == VACUUM:
        rows, ratio, words, other = table.dead_rows, table.dead_ratio, "dead rows", table.inserted_rows
    else:
        rows, ratio, words, other = table.modified_rows, table.modified_ratio, "changed rows", 0
        if not table.analyzed and table.size_bytes:
            return "", "never analyzed"
    due = rows >= limits.min_dead_rows and ratio >= limits.min_dead_ratio and rows + other > 0
    return ("" if due else BELOW), f"{rows} {words}, {ratio:.0%}"


def _index_work(index: Index, limits: Thresholds) -> Tuple[str, str]:
    why = _obstacle(index)
    if why or index.leftover:
        return why, "invalid, left by an earlier run"
    if index.exclusion:
        return "exclusion_constraint", ""
    if not index.valid:
        return "", "invalid"
    if (index.size_bytes or 0) < limits.min_size_bytes:
        return BELOW, ""
    return _by_bloat(index.bloat_ratio, limits)


def _by_bloat(bloat: Optional[float], limits: Thresholds) -> Tuple[str, str]:
    if bloat is None:
        return (UNKNOWN, "") if limits.min_bloat_ratio > 0 else ("", "unknown bloat")
    return ("" if bloat >= limits.min_bloat_ratio else BELOW), f"about {bloat:.0%} bloat"


def _obstacle(relation: Relation) -> str:
    if relation.size_bytes is None:
        return "locked"
    return "busy" if relation.busy else ""


def _weight(table: Table, task: str) -> float:
    if task == VACUUM_FULL:
        return (table.bloat_ratio or 0) * (table.heap_bytes or 0)
    return table.dead_rows if task == VACUUM else table.modified_rows


def _require_known(names: Sequence[str], known: Any, what: str) -> None:
    missing = sorted(set(names) - set(known))
    if missing:
        raise BadInput(f"The database has no {what} {', '.join(missing)}.", hint="Write names with their schema, as the server writes them.", missing=missing)


def require_space(relation: Relation, free_bytes: int) -> None:
    """The copy, and as much again for what is written meanwhile and for sorting."""
    needed = 2 * (relation.size_bytes or 0)
    if free_bytes < needed:
        raise NotEnoughSpace(
            f"{relation.full_name} needs {needed} bytes for a while, and {free_bytes} are free where it lies. It was not touched.",
            hint="Make room first, or maintain smaller tables.",
            name=relation.full_name,
            needed_bytes=needed,
            free_bytes=free_bytes,
        )


def invalid_error(names: List[str]) -> IndexInvalid:
    return IndexInvalid(
        f"Invalid afterwards, so that no query uses them: {', '.join(names)}.",
        hint="Read the server's log for why (a unique index over values that are not, for example), then drop them or run this again.",
        indexes=names,
    )
