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

from .._core.edge_errors import EdgeNotPrepared, EdgeRefused
from .._core.edge_rendering import SITE_FILE, TRAFFIC_FILE, EdgeFiles
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
from .nginx_server import NginxServer, Workers, find_nginx

_RELOAD_SECONDS = 15.0
_POLL_SECONDS = 0.05
_TAKEOVER_POLL_SECONDS = 0.01
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
        """Open connections of nginx to these backends."""
        return self._nginx.connections(addresses)

    def drain(self, addresses: Sequence[Tuple[str, int]], deadline: float) -> Drained:
        """Waits until no request is in flight to these backends, at most ``deadline`` seconds."""
        began = time.monotonic()
        left = self.connections(addresses)
        while left and time.monotonic() - began < deadline:
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
            note(self._stack, "edge_put_back", generation=before.generation, because=type(error).__name__)
            try:
                self._put_back(before, written.former, reloading)
            except OperationError as second:
                if isinstance(error, OperationError):
                    error.details.update(not_put_back=str(second))
            raise
        self._records.save(replace(after, proven=True))
        note(self._stack, "edge_changed", generation=after.generation, traffic=after.traffic.to_dict())

    def test(self, services: List[str]) -> None:
        """By nginx, and whether the site includes our files and uses what they define: else all of this would be without effect."""
        said = self._nginx.run("-T")
        if said.exit_code:
            raise EdgeRefused(
                f"{self._nginx.name} refuses the configuration: {self._told(said.complaints)}",
                hint="What was there before is back, and still served. Correct the site's nginx configuration.",
                nginx=self._nginx.name,
            )
        lacking = _lacking(said.output, self._given, services)
        if lacking:
            raise EdgeNotPrepared(
                f"The nginx configuration of {self._nginx.name} lacks {', and '.join(lacking)}.",
                hint="Run playbooks/deploy/nginx.yml with a site that has it (docs/edge.md).",
                lacking=lacking,
            )

    def reload(self, generation: int = 0) -> None:
        """Graceful: old workers end what they are at. Done when only new ones take connections."""
        former = self._nginx.workers()
        said = self._nginx.reload()
        if said.exit_code:
            raise EdgeRefused(f"{self._nginx.name} could not be reloaded: {self._told(said.complaints)}", hint="Look at its log.", nginx=self._nginx.name)
        until = time.monotonic() + _RELOAD_SECONDS
        while not self._took_over(former, generation):
            if time.monotonic() > until:
                raise EdgeRefused(
                    f"{self._nginx.name} did not take over its configuration within {_RELOAD_SECONDS:g} s.",
                    hint="What was there before is back. Look at its error log: an address in use, or a shared memory zone that changed.",
                    nginx=self._nginx.name,
                )
            time.sleep(_TAKEOVER_POLL_SECONDS)

    def _took_over(self, former: Workers, generation: int) -> bool:
        serving = self._nginx.workers().serving
        if not serving or serving & former.serving:
            return False
        said = self.asked()
        return not said or said["generation"] >= generation

    def _put_back(self, before: EdgeRecord, former: Mapping[str, Optional[str]], reloading: bool) -> None:
        """nginx may have begun to take it over: then it is reloaded again, and stays with what it has when it refuses its old files as well.

        Until it was told to, nobody may believe the record: the next change does it again.
        """
        self._files.write(former)
        self._records.save(replace(before, proven=before.proven and not reloading))
        if reloading:
            said = self._nginx.reload()
            if said.exit_code:
                raise EdgeRefused(f"{self._nginx.name} could not be reloaded with what was there before: {self._told(said.complaints)}")
            self._records.save(before)

    def _told(self, output: str) -> str:
        """nginx' own words, without the secrets that it may repeat."""
        operators = (self._given.operators, self._records.load().operators)
        hidden = [*(one.secret for one in operators if one), self._records.load().look]
        return Redactor(hidden).text(" ".join(output.split()))[-_LONGEST_TOLD:]


def _lacking(dump: str, site: EdgeSite, services: List[str]) -> List[str]:
    """What ``nginx -T`` does not show. Each file in it begins with a line that names it."""
    found = [f"include {site.in_nginx(name)}" for name in (TRAFFIC_FILE, SITE_FILE) if f"# configuration file {site.in_nginx(name)}:" not in dump]
    used = [line.split("#")[0] for line in dump.splitlines()]
    passing = [line for line in used if "_pass" in line]
    found += [
        f"proxy_pass http://${site.pool_variable(service)}"
        for service in services
        if not any(f"${site.pool_variable(service)}" in line or f"${{{site.pool_variable(service)}}}" in line for line in passing)
    ]
    if site.kind == "compose" and not any("resolver " in line for line in used):
        found.append("resolver 127.0.0.11")
    return found
