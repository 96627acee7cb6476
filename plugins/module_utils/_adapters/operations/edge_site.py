# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the site's own nginx configuration in place: kept, tested by nginx, reloaded, and put back when it is refused."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Protocol, Union

from ..._core.edge_configuration import prepared, refuse_lost
from ..._core.edge_errors import EdgeBusy, EdgeNotPrepared
from ..._core.edge_site import EdgeSite
from ..._core.edge_websockets import WEBSOCKET_SETTINGS, with_websockets
from ..._core.errors import BadInput, StateUnwritable
from ..._core.plan import Plan, Step
from ..._core.stack import Stack
from ..clock import utc_now
from ..edge_control import EdgeControl, attempted, not_put_back
from ..engine import Engine
from ..files import link_atomically, make_private_directory, read_text, write_atomically
from ..journal import note
from ..nginx_server import find_nginx

_KEPT = 10


class Host(Protocol):
    check_mode: bool


@dataclass(frozen=True)
class _Wanted:
    """The site's file as it is to be, and our own files that are missing. ``link`` is in sites-enabled, empty without one."""

    before: Optional[str]
    text: str
    linked: bool
    absent: Mapping[str, str]


class EdgeSiteFile:
    """One file of the site; with an nginx on the host also the link that enables it."""

    def __init__(self, params: Mapping[str, Any], host: Host) -> None:
        self._params = params
        self._stack = Stack.from_params(params)
        edge = params["edge"] or {}
        engine = None if edge.get("kind") == "host" else Engine.connect(self._stack)
        self._control = EdgeControl.of(self._stack, params["edge"], engine)
        default = f"/etc/nginx/sites-available/{self._stack.name}" if self._control.site.kind == "host" else "nginx.conf"
        self._path = os.path.realpath(self._stack.in_project(params["file"] or default))
        self._link = self._stack.in_project(params["enabled_as"]) if params["enabled_as"] else ""
        self._wanted: Optional[_Wanted] = None

    @classmethod
    def from_params(cls, params: Mapping[str, Any], host: Host) -> "Union[EdgeSiteFile, NginxReloaded]":
        return NginxReloaded(params) if params["state"] == "reloaded" else cls(params, host)

    def plan(self) -> Plan:
        with self._naming():
            before = read_text(self._path)
            linked = not self._link or (os.path.islink(self._link) and os.path.realpath(self._link) == os.path.realpath(self._path))
        given = self._params["content"] or before
        if not given:
            raise BadInput(f"{self._path} is not there, and no content was given.", hint="Give the site's configuration.", path=self._path)
        if before is not None and not self._control.nginx.sees(self._path):
            raise EdgeNotPrepared(f"nginx does not see {self._path}.", hint="Mount it in the compose file of the edge, or give another file.", path=self._path)
        text = prepared(given if given.endswith("\n") else given + "\n", self._control.site)
        if self._params["websockets"] == "ensure":
            text = with_websockets(text, self._control.site)
        if before:
            refuse_lost(before, text, self._may_change())
        self._wanted = wanted = _Wanted(before, text, linked, self._control.absent_files())
        steps = [Step("install", name) for name in wanted.absent]
        steps += [Step("write", self._path)] if text != before else []
        steps += [Step("enable", self._link)] if not linked else []
        steps += [Step("reload", self._control.nginx.name)] if steps else []
        facts = {"path": self._path, "backup": "", "enabled_as": self._link}
        return Plan({self._path: before or ""}, {self._path: text}, tuple(steps), facts)

    def apply(self, plan: Plan) -> Dict[str, Any]:
        if not plan.changed:
            return {}
        with self._control.alone(), self._naming():
            wanted = self._still_wanted()
            kept = self._keep(wanted)
            former = os.readlink(self._link) if self._link and os.path.islink(self._link) else None
            reloading = False
            try:
                self._control.write_files(wanted.absent)
                self._write(wanted.text)
                if not wanted.linked:
                    link_atomically(self._link, self._path)
                self._control.test(list(self._control.site.ports))
                reloading = True
                self._control.reload()
            except BaseException as error:
                self._put_back(wanted, former, reloading, error)
                raise
        note(self._stack, "edge_site_changed", path=self._path, backup=kept)
        return {"backup": kept}

    def _still_wanted(self) -> _Wanted:
        """What was planned, unless somebody else was faster."""
        wanted = self._wanted
        if wanted is None or read_text(self._path) != wanted.before:
            raise EdgeBusy(f"{self._path} was changed by somebody else a moment ago.", hint="Look at it, and run it again.", path=self._path)
        return wanted

    def _may_change(self) -> List[str]:
        """What is set on purpose may change."""
        return [*self._params["may_change"], *(WEBSOCKET_SETTINGS if self._params["websockets"] == "ensure" else ())]

    def _put_back(self, wanted: _Wanted, former: Optional[str], reloading: bool, error: BaseException) -> None:
        """All of it is tried, whatever else fails."""
        troubles = [
            attempted(lambda: self._relink(former) if not wanted.linked else None),
            attempted(lambda: self._write(wanted.before)),
            attempted(lambda: self._control.write_files({name: None for name in wanted.absent})),
            self._control.back() if reloading else "",
            attempted(lambda: note(self._stack, "edge_site_put_back", path=self._path, because=type(error).__name__)),
        ]
        if any(troubles):
            raise not_put_back(error, [trouble for trouble in troubles if trouble]) from error

    def _relink(self, former: Optional[str]) -> None:
        if former:
            link_atomically(self._link, former)
        elif os.path.islink(self._link):
            os.unlink(self._link)

    def _write(self, text: Optional[str]) -> None:
        """A file that is mounted by itself is written in place: one that is put in its stead would never reach the container."""
        if text is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
            return
        if self._control.nginx.sees(self._path) != "file":
            mode = os.stat(self._path).st_mode & 0o777 if os.path.exists(self._path) else 0o644
            write_atomically(self._path, text.encode(), mode)
            return
        content = text.encode()
        with open(self._path, "r+b", buffering=0) as handle:
            # In one go, and with blank lines up to the old length: whoever reads between this and the end reads a whole configuration.
            handle.write(content.ljust(os.fstat(handle.fileno()).st_size, b"\n"))
            handle.truncate(len(content))
            os.fsync(handle.fileno())

    def _keep(self, wanted: _Wanted) -> str:
        """The former text, among the last ones. They may hold secrets, so only their owner reads them."""
        if wanted.before is None or wanted.before == wanted.text:
            return ""
        directory = self._stack.in_state("edge", "sites")
        make_private_directory(directory)
        name = f"{utc_now():%Y%m%dT%H%M%SZ}-{hashlib.sha256(wanted.before.encode()).hexdigest()[:8]}.conf"
        write_atomically(os.path.join(directory, name), wanted.before.encode())
        older: List[str] = sorted(entry for entry in os.listdir(directory) if entry.endswith(".conf"))
        for entry in older[:-_KEPT]:
            os.unlink(os.path.join(directory, entry))
        return os.path.join(directory, name)

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StateUnwritable(
                f"{self._path} cannot be read or written: {error.strerror} ({error.filename}).",
                hint="Check the directory, the free space and the owner, and that the task runs as the right user (become).",
                path=str(error.filename or self._path),
            ) from error


class NginxReloaded:
    """nginx reads its files and certificates anew, whether they have anything of ours or not."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        stack, site = Stack.from_params(params), EdgeSite.of(Stack.from_params(params), params["edge"])
        engine = None if site.kind == "host" else Engine.connect(stack)
        self._stack = stack
        self._control = EdgeControl(stack, site, find_nginx(stack, engine, site, mounted=False))

    def plan(self) -> Plan:
        """nginx judges its files here already, so that a check tells what it would say."""
        self._control.dump("It goes on with the one that it has: nothing was done. Correct it.")
        return Plan({}, {}, (Step("reload", self._control.nginx.name),), {"path": "", "backup": "", "enabled_as": ""})

    def apply(self, plan: Plan) -> Dict[str, Any]:
        with self._control.alone():
            self._control.reload()
        note(self._stack, "edge_reloaded", nginx=self._control.nginx.name)
        return {}
