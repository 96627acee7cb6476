# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a password is the one that a Postgres server keeps the SCRAM verifier of."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata

_VERIFIER = re.compile(r"SCRAM-SHA-256\$(?P<iterations>\d+):(?P<salt>[^$]+)\$(?P<stored>[^:]+):(?P<server>.+)")


def is_password_of(verifier: str, password: str) -> bool:
    """False for verifiers of other kinds too (md5, none)."""
    match = _VERIFIER.fullmatch(verifier)
    if match is None:
        return False
    salt = base64.b64decode(match["salt"])
    # Normalised as RFC 4013 asks for; a password of ASCII characters stays as it is.
    salted = hashlib.pbkdf2_hmac("sha256", unicodedata.normalize("NFKC", password).encode(), salt, int(match["iterations"]))
    client_key = hmac.new(salted, b"Client Key", hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(hashlib.sha256(client_key).digest()).decode(), match["stored"])
