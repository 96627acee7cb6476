# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a certificate says of itself, read from its DER without any library."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Iterator, List, Optional, Tuple

_PEM = re.compile(r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.+?)-----END ", re.DOTALL)
_OCTETS, _UTC_TIME, _GENERALIZED_TIME = 0x04, 0x17, 0x18
_VERSION, _EXTENSIONS, _DNS_NAME, _ADDRESS = 0xA0, 0xA3, 0x82, 0x87
_COMMON_NAME, _ORGANIZATION, _ALTERNATIVE_NAMES = b"\x55\x04\x03", b"\x55\x04\x0a", b"\x55\x1d\x11"
_WIDE = {0x1E: "utf-16-be", 0x1C: "utf-32-be"}


class NoCertificate(ValueError):
    """The bytes are no certificate."""


@dataclass(frozen=True)
class Certificate:
    """``names`` are those that it is valid for: host names, possibly with a leading ``*.``, and addresses."""

    subject: str
    issuer: str
    names: Tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: str

    def is_for(self, host: str) -> bool:
        """As browsers see it: a star stands for the whole first label, and the subject's own name counts nothing."""
        address = _address(host)
        if address is not None:
            return any(_address(name) == address for name in self.names)
        wanted = host.rstrip(".").lower()
        unused, dot, parent = wanted.partition(".")
        accepted = {wanted, f"*.{parent}"} if dot and "." in parent else {wanted}
        return any(name.rstrip(".").lower() in accepted for name in self.names)


@dataclass(frozen=True)
class _Node:
    tag: int
    body: bytes

    def children(self) -> Iterator["_Node"]:
        rest = self.body
        while rest:
            node, rest = _first(rest)
            yield node


def certificates_of(content: bytes) -> List[Certificate]:
    """All certificates of a PEM file in their order, or the one of a DER file."""
    blocks = _PEM.findall(content.decode("ascii", errors="replace"))
    if not blocks:
        return [certificate_of(content)]
    try:
        return [certificate_of(base64.b64decode("".join(block.split()), validate=True)) for block in blocks]
    except (ValueError, UnicodeError) as error:
        raise NoCertificate("a block of it is no base64") from error


def certificate_of(der: bytes) -> Certificate:
    """Raises NoCertificate."""
    try:
        return _read(der)
    except (IndexError, ValueError, StopIteration, OverflowError) as error:
        raise NoCertificate("it is no X.509 certificate") from error


def _read(der: bytes) -> Certificate:
    outer = _first(der)[0]
    parts = list(next(outer.children()).children())
    parts = parts[1:] if parts[0].tag == _VERSION else parts
    issuer, validity, subject = parts[2], parts[3], parts[4]
    begins, ends = validity.children()
    extensions = next((part for part in parts[6:] if part.tag == _EXTENSIONS), None)
    return Certificate(
        _name(subject), _name(issuer), tuple(_alternatives(extensions)) if extensions else (), _time(begins), _time(ends), hashlib.sha256(der).hexdigest()
    )


def _first(data: bytes) -> Tuple[_Node, bytes]:
    """The first value, and what follows it."""
    tag, length, at = data[0], data[1], 2
    if length & 0x80:
        count = length & 0x7F
        length, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if len(data) < at + length:
        raise ValueError("cut short")
    return _Node(tag, data[at : at + length]), data[at + length :]


def _name(node: _Node) -> str:
    """The common name, else the organization."""
    found = {}
    for relative in node.children():
        for pair in relative.children():
            kind, value = pair.children()
            found[kind.body] = value.body.decode(_WIDE.get(value.tag, "utf-8"), errors="replace")
    return found.get(_COMMON_NAME) or found.get(_ORGANIZATION) or ""


def _alternatives(extensions: _Node) -> Iterator[str]:
    for extension in list(extensions.children())[0].children():
        parts = list(extension.children())
        if parts[0].body == _ALTERNATIVE_NAMES:
            for name in list(_Node(_OCTETS, parts[-1].body).children())[0].children():
                if name.tag == _DNS_NAME:
                    yield name.body.decode("ascii", errors="replace")
                elif name.tag == _ADDRESS:
                    yield str(ipaddress.ip_address(name.body))


def _time(node: _Node) -> datetime:
    text = node.body.decode("ascii")
    if node.tag == _UTC_TIME:  # two digits of the year: 1950 to 2049
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif node.tag != _GENERALIZED_TIME:
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)


def _address(text: str) -> Optional[object]:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
