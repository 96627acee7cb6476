# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends announcements: by HTTP, by mail, into a file."""

from __future__ import annotations

import json
import smtplib
import ssl
import time
import urllib.error
import urllib.request
from email.message import EmailMessage
from http.client import HTTPException
from typing import Any, Dict

from .._core.announcement import FILE, MAIL, Announcement, Target
from .clock import utc_now
from .files import append_line

_PAUSE_SECONDS = 0.5


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is sent elsewhere would arrive without its body, and perhaps with its secrets."""

    def redirect_request(self, *unused: Any, **unused_too: Any) -> None:
        return None


class Announcer:
    """Tells one target after the other; nothing here raises for a target that cannot be told."""

    def __init__(self, stack: str, attempts: int = 3, timeout: float = 5.0) -> None:
        self._stack = stack
        self._attempts = attempts
        self._timeout = timeout

    def tell(self, target: Target, announcement: Announcement) -> Dict[str, Any]:
        """``error`` is empty when it was delivered; it never holds an address that may be secret."""
        error = ""
        for attempt in range(1, self._attempts + 1):
            error = self._attempt(target, announcement)
            if not error or attempt == self._attempts:
                return {"target": target.name, "kind": target.kind, "delivered": not error, "attempts": attempt, "error": error}
            time.sleep(_PAUSE_SECONDS * attempt)
        raise AssertionError("attempts is at least 1")

    def _attempt(self, target: Target, announcement: Announcement) -> str:
        at = utc_now().strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            if target.kind == FILE:
                append_line(target.path, json.dumps(announcement.payload(self._stack, at), sort_keys=True), 0o644)
            elif target.kind == MAIL:
                self._mail(target, announcement, at)
            else:
                self._post(target, {**announcement.payload(self._stack, at), **target.extra})
        except urllib.error.HTTPError as error:
            return f"it answered with status {error.code}"
        except smtplib.SMTPResponseException as error:
            return f"the mail server answered with {error.smtp_code}"
        except (OSError, HTTPException, smtplib.SMTPException, ValueError) as error:  # ValueError: letters that the protocol has no way to send
            cause = getattr(error, "reason", error)
            return str(getattr(cause, "strerror", None) or type(cause).__name__)
        return ""

    def _post(self, target: Target, payload: Dict[str, Any]) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": "runbook.compose announcement", **dict(target.headers)}
        request = urllib.request.Request(target.url, json.dumps(payload).encode(), headers, method="POST")
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=self._timeout) as answer:
            answer.read(1024)

    def _mail(self, target: Target, announcement: Announcement, at: str) -> None:
        mail = EmailMessage()
        mail["Subject"] = announcement.subject
        mail["From"] = target.sender
        mail["To"] = ", ".join(target.recipients)
        mail.set_content(announcement.body(self._stack, at))
        context = ssl.create_default_context()
        if target.security == "tls":
            server = smtplib.SMTP_SSL(target.host, target.port, timeout=self._timeout, context=context)
        else:
            server = smtplib.SMTP(target.host, target.port, timeout=self._timeout)
        with server:
            if target.security == "starttls":
                server.starttls(context=context)
            if target.username:
                server.login(target.username, target.password)
            server.send_message(mail)
