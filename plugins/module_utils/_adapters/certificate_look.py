# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates as they lie in files, and as a server really serves them."""

from __future__ import annotations

import contextlib
import ssl
from datetime import datetime
from typing import Any, Dict, Mapping, Optional, Tuple

from .._core.certificate_problems import describe
from .._core.x509 import NoCertificate, certificate_of, certificates_of
from .tcp_client import Deadline, connect

_SECONDS = 10
_MOST_BYTES = 1 << 20
# OpenSSL's words for what the dates of the certificate tell already.
_EXPIRED, _NOT_YET = 10, 9


def look(wanted: Mapping[str, Any], now: datetime) -> Dict[str, Any]:
    """One row of the result: what the file has, what is served, and whether that is the same."""
    address, name = wanted["served"] or "", wanted["server_name"] or _name_in(wanted["served"] or "")
    row: Dict[str, Any] = {"file": wanted["file"] or "", "address": address, "server_name": name, "in_file_chain": []}
    row.update(in_file=None, file_error=None, served=None, served_error=None, same=None, chain_trusted=None, chain_error="")
    if wanted["file"]:
        _look_at_file(row, now)
    if address:
        _look_at_server(row, wanted["ca_file"], now)
    if row["in_file"] and row["served"]:
        row["same"] = row["in_file"]["fingerprint"] == row["served"]["fingerprint"]
    return row


def parse_address(text: str) -> Optional[Tuple[str, int]]:
    """``host:port`` or ``[::1]:port``."""
    host, unused, port = text.rpartition(":")
    host = host.strip("[]")
    return (host, int(port)) if host and port.isdigit() and 0 < int(port) < 65536 else None


def _name_in(address: str) -> str:
    """The name of a served address; an address of numbers is no name to ask for."""
    host = (parse_address(address) or ("", 0))[0]
    return "" if not host or ":" in host or host.replace(".", "").isdigit() else host


def _look_at_file(row: Dict[str, Any], now: datetime) -> None:
    path = row["file"]
    try:
        with open(path, "rb") as handle:
            found = certificates_of(handle.read(_MOST_BYTES))
    except FileNotFoundError:
        row["file_error"] = _error("certificate_missing", f"There is no certificate {path}.", "Look at what should have put it there.")
    except OSError as error:
        row["file_error"] = _error("certificate_unreadable", f"{path} cannot be read: {error.strerror}.", "Run as a user who may read it (become).")
    except NoCertificate as error:
        row["file_error"] = _error("certificate_unreadable", f"{path} holds no certificate: {error}.", "Name the file with the certificate in PEM or DER.")
    else:
        row["in_file"] = describe(found[0], now, row["server_name"])
        row["in_file_chain"] = [describe(one, now, "") for one in found[1:]]


def _look_at_server(row: Dict[str, Any], ca_file: Optional[str], now: datetime) -> None:
    """Once as a client that trusts, and, when that one turns away, once as one that takes anything to see what it is."""
    host, port = parse_address(row["address"]) or ("", 0)
    code = 0
    try:
        strict = _strict(ca_file)
    except OSError as error:  # ssl's errors are OSErrors
        row["served_error"] = _error("authority_unreadable", f"{ca_file} holds no authority: {_why(error)}.", "Name a file of certificates in PEM.")
        return
    try:
        try:
            der = _served(host, port, row["server_name"], strict)
        except ssl.SSLCertVerificationError as error:
            code, row["chain_error"] = error.verify_code, error.verify_message
            der = _served(host, port, row["server_name"], _lenient())
        row["served"] = describe(certificate_of(der), now, row["server_name"])
        row["chain_trusted"] = None if code in (_EXPIRED, _NOT_YET) else code == 0
    except (OSError, NoCertificate) as error:
        row["served_error"] = _error("not_served", f"{row['address']} serves no certificate: {_why(error)}.", "Look at what should listen there.")


def _served(host: str, port: int, server_name: str, context: ssl.SSLContext) -> bytes:
    deadline = Deadline(_SECONDS)
    with contextlib.closing(connect(host, port, deadline)) as connection:
        connection.settimeout(deadline.left())
        with context.wrap_socket(connection, server_hostname=server_name or None) as channel:
            return channel.getpeercert(binary_form=True) or b""


def _strict(ca_file: Optional[str]) -> ssl.SSLContext:
    """It judges the chain as most clients do, with every Python the same; names are judged by what the certificate says."""
    context = ssl.create_default_context(cafile=ca_file)
    context.check_hostname = False
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _lenient() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _why(error: Exception) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__)


def _error(problem: str, message: str, hint: str) -> Dict[str, str]:
    return {"problem": problem, "message": message, "hint": hint}
