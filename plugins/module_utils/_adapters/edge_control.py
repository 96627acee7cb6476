# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steers the edge: one change at a time, tested by nginx itself, proven by its workers, and put back when it is refused."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, ContextManager, Dict, List, Mapping, Optional, Sequence, Tuple

from .._core.edge_configuration import lacking
from .._core.edge_errors import EdgeNotPrepared, EdgeNotPutBack
from .._core.edge_rendering import EdgeFiles
from .._core.edge_site import EdgeSite
from .._core.edge_traffic import Traffic, ends_of, iso, without_expired
from .._core.errors import OperationError
from .._core.redaction import Redactor
from .._core.stack import Stack
from .._core.timestamps import parse_timestamp
from .clock import moment
from .edge_files import EdgeRecord, EdgeRecordFile, IncludedFiles, with_operators
from .edge_questions import ask_workers
from .engine import Engine
from .journal import note
from .nginx_reload import NginxReload
from .nginx_server import NginxServer, find_nginx

_POLL_SECONDS = 0.05
_LONGEST_TOLD = 2000


@dataclass(frozen=True)
class Drained:
    """How many connections were left at the end, and how long it took."""

    connections_left: int
    seconds: float


@dataclass(frozen=True)
class _Written:
    """What nginx is to serve, and what it served before."""

    record: EdgeRecord
    texts: Mapping[str, str]
    former: Mapping[str, Optional[str]]


class EdgeControl:
    """The edge of one stack."""

    def __init__(self, stack: Stack, site: EdgeSite, nginx: NginxServer, operators_given: bool = True) -> None:
        self._stack = stack
        self._given = site
        self._operators_given = operators_given
        self._nginx = nginx
        self._records = EdgeRecordFile(stack)
        self._files = IncludedFiles(site)
        self._reload = NginxReload(nginx, self._told)

    @classmethod
    def of(cls, stack: Stack, edge: Optional[Mapping[str, Any]], engine: Optional[Engine] = None) -> "EdgeControl":
        """``edge`` is the module option of that name. Raises EdgeMissing or EdgeNotPrepared."""
        site = EdgeSite.of(stack, edge)
        return cls(stack, site, find_nginx(stack, engine, site), bool((edge or {}).get("operators")))

    @property
    def site(self) -> EdgeSite:
        return with_operators(self._given, self._records.load(), self._operators_given)

    @property
    def nginx(self) -> NginxServer:
        return self._nginx

    def record(self) -> EdgeRecord:
        """What we know; what has expired is still in it."""
        return self._records.load()

    def traffic(self) -> Traffic:
        """What is in force."""
        return self._records.load().traffic

    def settled(self) -> Traffic:
        """What is in force without what has expired."""
        record = self._records.load()
        return without_expired(record.traffic, record.ends, moment())

    def is_written(self, traffic: Traffic) -> bool:
        """Whether nginx serves this already: same traffic, same files, proven."""
        record = self._records.load()
        return record.proven and record.traffic == traffic and not self._differs(record)

    def change(self, decide: Callable[[Traffic], Traffic]) -> Traffic:
        """Gives nginx the traffic that ``decide`` makes of what is in force; nothing is done when it is served already."""
        with self._records.alone():
            record = self._records.load()
            wanted = decide(without_expired(record.traffic, record.ends, moment()))
            for service in wanted.pools:
                self._given.require_pool(service)
            if record.proven and wanted == record.traffic and not self._differs(record):
                return wanted
            self._serve(record, self._prepare(record, wanted))
            return wanted

    def alone(self) -> ContextManager[None]:
        """Waits until nobody else changes the edge, and keeps it so."""
        return self._records.alone()

    def absent_files(self) -> Dict[str, str]:
        """Those of our files that nginx needs and that are not there, with what belongs into them."""
        record = self._records.load()
        texts = EdgeFiles(self.site, record.generation, record.look).render(record.traffic, parse_timestamp(record.written_at) or moment().wall)
        there = self._files.read(texts)
        return {name: text for name, text in texts.items() if there[name] is None}

    def write_files(self, texts: Mapping[str, Optional[str]]) -> None:
        """Makes the directory when it is not there: an empty one is mounted by compose, and nginx' workers read nothing in it."""
        os.makedirs(self._given.directory, mode=0o755, exist_ok=True)
        self._files.write(texts)

    def connections(self, addresses: Sequence[Tuple[str, int]]) -> int:
        """Connections of nginx to these backends, those that it asks for among them."""
        return self._nginx.connections(addresses)

    def drain(self, addresses: Sequence[Tuple[str, int]], deadline: float) -> Drained:
        """Waits until no request is in flight to these backends, at most ``deadline`` seconds."""
        began = time.monotonic()
        left, quiet = self.connections(addresses), True
        while (left or not quiet) and time.monotonic() - began < deadline:
            quiet = not left  # one that goes on to another backend has none for a moment
            time.sleep(_POLL_SECONDS)
            left = self.connections(addresses)
        return Drained(left, round(time.monotonic() - began, 3))

    def old_workers(self) -> int:
        """Workers of earlier configurations that still end requests."""
        return len(self._nginx.workers().leaving)

    def asked(self, client: str = "") -> Dict[str, Any]:
        """What the running workers say they serve (through ``url``): generation, and whether limits hold for this client."""
        return ask_workers(self._given, self._records.load().look, client)

    def _differs(self, record: EdgeRecord) -> bool:
        """Whether the files are not what the record says: somebody edited or replaced them, or the inventory changed."""
        site = with_operators(self._given, record, self._operators_given)
        written_at = parse_timestamp(record.written_at) or moment().wall
        texts = EdgeFiles(site, record.generation, record.look).render(record.traffic, written_at)
        return self._files.read(texts) != texts

    def _prepare(self, record: EdgeRecord, wanted: Traffic) -> _Written:
        now = moment()
        site = with_operators(self._given, record, self._operators_given)
        follower = EdgeRecord(
            traffic=wanted,
            generation=record.generation + 1,
            proven=False,
            look=record.look or secrets.token_urlsafe(24).replace("=", ""),
            written_at=iso(now.wall),
            ends=ends_of(wanted, record.ends, now),
            operators=site.operators,
        )
        texts = EdgeFiles(site, follower.generation, follower.look).render(wanted, parse_timestamp(follower.written_at) or now.wall)
        return _Written(follower, texts, self._files.read(texts))

    def _serve(self, before: EdgeRecord, written: _Written) -> None:
        """The record is written first and unproven: who is killed between here and the end leaves a next run to do it again."""
        after, reloading = written.record, False
        self._records.save(after)
        try:
            self._files.write(written.texts)
            self.test(list(after.traffic.pools))
            reloading = True
            self.reload(after.generation)
        except BaseException as error:
            self._put_back(before, written.former, reloading, error)
            raise
        self._records.save(replace(after, proven=True))
        note(self._stack, "edge_changed", generation=after.generation, traffic=after.traffic.to_dict())

    def test(self, services: List[str]) -> None:
        """By nginx, and whether the site includes our files and uses what they define: else all of this would be without effect."""
        said = self.dump("What was there before is back, and still served. Correct the site's nginx configuration.")
        missing = lacking(said, self._given, services)
        if missing:
            raise EdgeNotPrepared(
                f"The nginx configuration of {self._nginx.name} lacks {', and '.join(missing)}.",
                hint="Run playbooks/deploy/nginx.yml with a site that has it (docs/edge.md).",
                lacking=missing,
            )

    def dump(self, hint: str) -> str:
        """All files of nginx, when it accepts them. They hold secrets."""
        return self._reload.dump(hint)

    def reload(self, generation: int = 0) -> None:
        """Graceful: old workers end what they are at. Done when only new ones take connections."""

        def proven() -> bool:
            said = self.asked()
            return not said or said["generation"] >= generation

        self._reload.take_over(proven)

    def back(self) -> str:
        """After files of before are in place again: what is wrong with what nginx serves now."""
        return self._reload.back()

    def _put_back(self, before: EdgeRecord, former: Mapping[str, Optional[str]], reloading: bool, error: BaseException) -> None:
        """All of it is tried, whatever else fails. nginx may have begun to take it over: then it is reloaded again, and what is known of it is unproven
        until it serves the old files."""
        files = attempted(lambda: self._files.write(former))
        serving = self.back() if reloading else ""
        record = attempted(lambda: self._records.save(replace(before, proven=before.proven and not serving and not files)))
        noted = attempted(lambda: note(self._stack, "edge_put_back", generation=before.generation, because=type(error).__name__))
        troubles = [trouble for trouble in (files, serving, record, noted) if trouble]
        if troubles:
            raise not_put_back(error, troubles) from error

    def _told(self, output: str) -> str:
        """nginx' own words, without the secrets that it may repeat."""
        operators = (self._given.operators, self._records.load().operators)
        hidden = [*(one.secret for one in operators if one), self._records.load().look]
        return Redactor(hidden).text(" ".join(output.split()))[-_LONGEST_TOLD:]


def attempted(act: Callable[[], None]) -> str:
    """Why it failed, empty when it did not."""
    try:
        act()
    except (OSError, OperationError) as error:
        return str(error)
    return ""


def not_put_back(error: BaseException, troubles: Sequence[str]) -> EdgeNotPutBack:
    """What a failed change left behind."""
    return EdgeNotPutBack(
        f"{error} What was there before could not be put back whole: {' '.join(troubles)}",
        hint="Look at nginx and at its log, mend what is said, and run it again: what is in force is written and proven anew.",
        cause=getattr(error, "reason", type(error).__name__),
        troubles=list(troubles),
    )
