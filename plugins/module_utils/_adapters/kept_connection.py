# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection over which one request is sent after the other, as a browser or a gateway does."""

from __future__ import annotations

import http.client
import socket
from typing import Optional

from .._core.probe import Probe
from .._core.probe_verdict import HttpAnswer
from .http_client import own_headers, read_answer, with_tls
from .tcp_client import BoundedConnection, Deadline, connect, is_timeout


class KeptConnection:
    """Connects when there is no connection. With ``keeps`` false, anew for each request."""

    def __init__(self, probe: Probe, address: str = "", keeps: bool = True) -> None:
        self._probe = probe
        self._address = address
        self._keeps = keeps
        self._socket: Optional[socket.socket] = None

    def ask(self) -> HttpAnswer:
        """One request and its answer. What the server closed between two requests is opened again, and is no failure."""
        deadline = Deadline(self._probe.timeout)
        used_before = self._socket is not None
        try:
            return self._exchange(deadline)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not (used_before and self._probe.reads_only) or is_timeout(error):
                raise
            return self._exchange(deadline)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, deadline: Deadline) -> HttpAnswer:
        channel = http.client.HTTPConnection(self._probe.endpoint.host, self._probe.endpoint.port)
        channel.sock = BoundedConnection(self._connected(deadline), deadline)
        request = self._probe.request
        given = {name.lower() for name, _value in request.headers}
        channel.putrequest(request.method, self._probe.endpoint.target, skip_host=True, skip_accept_encoding=True)
        for name, value in own_headers(self._probe.endpoint, request):
            if name.lower() not in given and name != "Connection":
                channel.putheader(name, value)
        for name, value in (*request.headers, ("Connection", "keep-alive" if self._keeps else "close")):
            channel.putheader(name, value.encode())
        channel.endheaders(request.body)
        response = channel.getresponse()
        answer = read_answer(response)
        if response.will_close or not self._keeps or not answer.complete:
            self.close()
        return answer

    def _connected(self, deadline: Deadline) -> socket.socket:
        if self._socket is None:
            endpoint = self._probe.endpoint
            self._socket = connect(self._address or endpoint.host, endpoint.port, deadline)
            if endpoint.scheme == "https":
                self._socket = with_tls(self._socket, endpoint.host, self._probe.validate_certs, deadline)
        return self._socket
