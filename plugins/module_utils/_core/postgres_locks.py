# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for whom on a Postgres server, from the sessions that are part of it."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Set, Tuple

Session = Mapping[str, Any]
_PREPARED = 0  # pg_blocking_pids says so of a transaction that was prepared and belongs to no session
_ABOUT = ("pid", "database", "username", "application", "client", "state", "state_seconds", "transaction_seconds", "statement")


def lock_report(sessions: Sequence[Session], limit: int) -> Dict[str, Any]:
    """``sessions`` have ``number`` (the pid, 0 for a prepared transaction) and ``blocked_by``; the longest wait comes first."""
    nodes = {session["number"]: session for session in sessions}
    waiting = [session for session in sessions if session["blocked_by"]]
    roots = {session["number"]: _roots(session["number"], nodes) for session in waiting}
    holders = sorted({root for found in roots.values() for root in found}, key=lambda number: (-_waiters(number, roots), number))
    by_wait = sorted(waiting, key=lambda session: (-(session["waiting_seconds"] or 0), session["number"]))
    return {
        "waiting_total": len(waiting),
        "longest_wait_seconds": max((session["waiting_seconds"] or 0 for session in waiting), default=0),
        "blocking": [_holder(nodes.get(number, {}), number, _waiters(number, roots)) for number in holders[:limit]],
        "waiting": [_waiter(session, roots[session["number"]], nodes) for session in by_wait[:limit]],
    }


def lock_tree(report: Mapping[str, Any]) -> List[str]:
    """Each holder with those who wait for it below, indented by how far they are away."""
    lines = []
    for holder in report["blocking"]:
        what = "prepared transaction" if holder["pid"] == _PREPARED else f"{holder['pid']} {holder['username']} {holder['application']} {holder['state']}"
        lines.append(f"{' '.join(what.split())} holds up {holder['waiters']}: {holder['statement'] or '-'}")
        lines += _below(holder["pid"], report["waiting"], 1, {holder["pid"]})
    return lines


def _below(pid: int, waiting: Sequence[Mapping[str, Any]], depth: int, seen: Set[int]) -> List[str]:
    lines = []
    for session in waiting:
        if pid in session["blocked_by"] and session["pid"] not in seen:
            seen.add(session["pid"])
            wanted = f"{session['mode']} {session['relation'] or session['lock']}"
            lines.append(f"{'  ' * depth}{session['pid']} {session['username']} waits {session['waiting_seconds'] or 0:.0f} s for {wanted}: {session['statement']}")
            lines += _below(session["pid"], waiting, depth + 1, seen)
    return lines


def _roots(number: int, nodes: Mapping[int, Session]) -> List[int]:
    """Those at the end of all chains; in a circle, which the server is about to break, its smallest number."""
    found: Set[int] = set()
    seen = {number}
    ahead = [number]
    while ahead:
        blocked_by = list(nodes.get(ahead.pop(), {}).get("blocked_by") or ())
        for other in blocked_by:
            if not nodes.get(other, {}).get("blocked_by"):
                found.add(other)
            elif other not in seen:
                seen.add(other)
                ahead.append(other)
    return sorted(found) or [min(seen)]


def _depth(number: int, nodes: Mapping[int, Session]) -> int:
    """Steps to whoever is farthest away, each on the shortest way to it."""
    depth, seen, level = 0, {number}, {number}
    while True:
        level = {other for one in level for other in nodes.get(one, {}).get("blocked_by") or ()} - seen
        if not level:
            return depth
        depth, seen = depth + 1, seen | level


def _waiters(holder: int, roots: Mapping[int, List[int]]) -> int:
    return sum(holder in found for number, found in roots.items() if number != holder)


def _holder(session: Session, number: int, waiters: int) -> Dict[str, Any]:
    about: List[Tuple[str, Any]] = [(name, session.get(name)) for name in _ABOUT]
    texts = {name: value if value is not None or name.endswith("_seconds") else "" for name, value in about}
    return {**texts, "pid": number, "backend": session.get("backend", ""), "waiters": waiters}


def _waiter(session: Session, roots: List[int], nodes: Mapping[int, Session]) -> Dict[str, Any]:
    about = {name: session[name] for name in _ABOUT}
    more = {name: session[name] for name in ("backend", "lock", "mode", "relation", "waiting_seconds")}
    return {**about, **more, "blocked_by": sorted(set(session["blocked_by"])), "roots": roots, "depth": _depth(session["number"], nodes)}
