# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with certificates: those in files, and those that are really served."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Dict, List, Mapping, Optional

from .problem import CRITICAL, WARNING, Limits, Problem
from .x509 import Certificate

_RENEW = "Renew it, then let what serves it read it anew (playbooks/maintenance/host.yml with step=restart_nginx)."
_RELOAD = "Let what serves it read it anew (playbooks/maintenance/host.yml with step=restart_nginx)."
_DAY = timedelta(days=1)


def describe(certificate: Certificate, now: datetime, server_name: str) -> Dict[str, Any]:
    """For results. ``host_matches`` is None when nobody said which name it is for; days are whole ones, negative when it has expired."""
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": list(certificate.names),
        "not_before": certificate.not_before.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "not_after": certificate.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "days_left": (certificate.not_after - now) // _DAY,
        "valid_yet": certificate.not_before <= now,
        "fingerprint": certificate.fingerprint,
        "host_matches": certificate.is_for(server_name) if server_name else None,
    }


def certificate_problems(section: List[Mapping[str, Any]], limits: Limits) -> List[Problem]:
    return [problem for row in section for problem in _of_row(row, limits)]


def _of_row(row: Mapping[str, Any], limits: Limits) -> List[Problem]:
    found = []
    for place, told, error in ((row["file"], row["in_file"], row["file_error"]), (row["address"], row["served"], row["served_error"])):
        if error:
            found.append(Problem("certificates", error["problem"], CRITICAL, place, error["message"], error["hint"]))
        elif told:
            found += _of_certificate(place, told, row["server_name"], limits)
    for one in row["in_file_chain"]:
        found += _age(f"{row['file']} (the certificate of {one['subject']} in it)", one, limits)
    if row["chain_trusted"] is False:
        message = f"{row['address']} serves a certificate that clients do not trust: {row['chain_error']}."
        found.append(
            Problem("certificates", "chain_untrusted", CRITICAL, row["address"], message, "Serve the whole chain; give ca_file for an authority of your own.")
        )
    if row["same"] is False:
        message = f"{row['address']} does not serve the certificate of {row['file']}: it was renewed and not read anew, or another one is configured."
        found.append(Problem("certificates", "not_the_served_one", WARNING, row["address"], message, _RELOAD))
    return found


def _of_certificate(place: str, told: Mapping[str, Any], server_name: str, limits: Limits) -> List[Problem]:
    found = _age(place, told, limits)
    if not told["valid_yet"]:
        message = f"The certificate of {place} is valid from {told['not_before']} on only."
        found.append(Problem("certificates", "not_valid_yet", CRITICAL, place, message, "Look at the clock, and at who made the certificate."))
    if told["host_matches"] is False:
        message = f"The certificate of {place} is for {', '.join(told['names']) or 'no name'}, and not for {server_name}."
        found.append(Problem("certificates", "wrong_name", CRITICAL, place, message, "Get one that has this name."))
    return found


def _age(place: str, told: Mapping[str, Any], limits: Limits) -> List[Problem]:
    left, severity = told["days_left"], _severity(told["days_left"], limits)
    if severity is None:
        return []
    if left < 0:
        return [Problem("certificates", "expired", CRITICAL, place, f"The certificate of {place} expired at {told['not_after']}.", _RENEW)]
    return [Problem("certificates", "expires_soon", severity, place, f"The certificate of {place} expires in {left} days, at {told['not_after']}.", _RENEW)]


def _severity(days: int, limits: Limits) -> Optional[str]:
    if days < 0 or days < limits["certificate_critical_days"]:
        return CRITICAL
    return WARNING if days < limits["certificate_warning_days"] else None
