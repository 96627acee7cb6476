# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the databases and tables of a Postgres server, and all rules together."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from . import postgres_server_problems
from .problem import CRITICAL, WARNING, Limits, Problem, Section, bytes_text, seconds_text, worst_first

_MAINTAIN = "playbooks/postgres/maintain.yml"


def database_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    for one in section["databases"]:
        name, way = one["name"], one["wraparound_percent"]
        if way >= limits["wraparound_warning_percent"]:
            severity = CRITICAL if way >= limits["wraparound_critical_percent"] else WARNING
            message = f"Database {name} has used {way:g} % of the transaction ids; at 100 % the server takes no more writes."
            hint = f"Find what keeps vacuum from freezing (long transactions, slots), then {_MAINTAIN}."
            found.append(Problem("databases", "wraparound", severity, name, message, hint))
        if one["collation_changed"]:
            message = f"Database {name} was made with other sorting rules than this image has: indexes on texts may miss rows."
            hint = f"Reindex it ({_MAINTAIN}), then ALTER DATABASE ... REFRESH COLLATION VERSION."
            found.append(Problem("databases", "collation_changed", WARNING, name, message, hint))
        if one["checksum_failures"]:
            message = f"{one['checksum_failures']} pages of database {name} did not have the checksum that was written with them."
            hint = "The disk or the memory is broken: take a backup to another host now."
            found.append(Problem("databases", "checksum_failures", CRITICAL, name, message, hint))
        if one["hit_percent"] is not None and one["hit_percent"] < limits["hit_percent"]:
            message = f"Only {one['hit_percent']:g} % of the blocks that database {name} wanted were in the server's cache."
            found.append(Problem("databases", "cache_misses", WARNING, name, message, "Look at the slowest statements first, then at shared_buffers."))
    return found


def bloat_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    for one in section["tables"]:
        name = f"{one['schema']}.{one['name']}"
        if one["dead_rows"] >= limits["dead_rows"] and (one["dead_percent"] or 0) >= limits["dead_percent"]:
            off = "" if one["autovacuum"] else " Autovacuum is switched off for it."
            message = f"{one['dead_percent']:g} % of the rows of {name} are dead ({one['dead_rows']}).{off}"
            found.append(Problem("bloat", "dead_rows", WARNING, name, message, f"Vacuum it ({_MAINTAIN})."))
        if (one["wasted_bytes"] or 0) >= limits["bloat_bytes"] and (one["wasted_percent"] or 0) >= limits["bloat_percent"]:
            message = f"About {one['wasted_percent']:g} % of {name} is wasted ({bytes_text(one['wasted_bytes'])}); this is an estimate."
            found.append(Problem("bloat", "bloat", WARNING, name, message, f"Measure it (bloat_method=measure), then vacuum_full or reindex it ({_MAINTAIN})."))
    return found


def integrity_problems(section: Section, limits: Limits) -> List[Problem]:
    found = []
    for one in section["invalid_indexes"]:
        name = f"{one['schema']}.{one['name']}"
        message = f"Index {name} is not valid: it is not used{', but kept up to date' if one['maintained'] else ''}."
        hint = f"Drop it and make it again; {_MAINTAIN} removes what an interrupted reindex left."
        found.append(Problem("integrity", "invalid_index", WARNING, name, message, hint))
    for one in section["disabled_triggers"]:
        name = f"{one['schema']}.{one['table']}"
        severity, what = (CRITICAL, "of a constraint") if one["of_constraint"] else (WARNING, one["name"])
        message = f"Trigger {what} of {name} is disabled." if severity == WARNING else f"A constraint of {name} is not checked: its trigger is disabled."
        hint = f"ALTER TABLE {name} ENABLE TRIGGER ALL, after a look at why."
        found.append(Problem("integrity", "disabled_trigger", severity, f"{name} {one['name']}", message, hint))
    for one in section["unvalidated_constraints"]:
        name = f"{one['schema']}.{one['table']} {one['name']}"
        message = f"Constraint {name} {'was never checked for the rows that were there' if one['enforced'] else 'is not enforced'}."
        found.append(Problem("integrity", "unvalidated_constraint", WARNING, name, message, "ALTER TABLE ... VALIDATE CONSTRAINT checks them."))
    return found + [problem for one in section["counts"] for problem in _count_problems(one)]


def _count_problems(one: Mapping[str, Any]) -> List[Problem]:
    found = []
    if one["rows"] < one["min_rows"]:
        message = f"Table {one['table']} has {one['rows']} rows, and at least {one['min_rows']} are expected."
        found.append(Problem("integrity", "too_few_rows", CRITICAL, one["table"], message, "Compare with the last backup (playbooks/incident/data_loss.yml)."))
    if one["max_age_seconds"] and (one["newest_age_seconds"] is None or one["newest_age_seconds"] > one["max_age_seconds"]):
        newest = f"is {seconds_text(one['newest_age_seconds'])} old" if one["newest_age_seconds"] is not None else "does not exist"
        message = f"The newest row of {one['table']} {newest}, and {seconds_text(one['max_age_seconds'])} are allowed."
        hint = "Look whether the application writes, then compare with the last backup."
        found.append(Problem("integrity", "rows_too_old", CRITICAL, one["table"], message, hint))
    return found


RULES: Dict[str, Callable[[Section, Limits], List[Problem]]] = {
    **postgres_server_problems.RULES,
    "databases": database_problems,
    "bloat": bloat_problems,
    "integrity": integrity_problems,
}


def find_problems(sections: Mapping[str, Any], limits: Limits) -> List[Problem]:
    """Of all sections that were read, the critical ones first."""
    read = ((name, sections.get(name)) for name in RULES)
    return worst_first(problem for name, section in read if section is not None for problem in RULES[name](section, limits))


def section_failed(section: str, reason: str, message: str) -> Problem:
    """What could not be looked at may be broken."""
    return Problem(section, "section_failed", CRITICAL, reason, f"Section {section} could not be read. {message}", "The report is not complete.")
