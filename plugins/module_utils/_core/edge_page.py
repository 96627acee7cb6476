# Copyright (c) 2026, runbook.compose contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a closed edge answers: a page for people, JSON for programs, and in how many seconds to come again."""

from __future__ import annotations

import html
import json
import unicodedata
from datetime import datetime
from typing import List, Tuple

from .edge_traffic import Maintenance
from .errors import BadInput
from .timestamps import parse_timestamp

TITLE = "Back soon"
NOTICE = "We are working on this service. Nothing you saved is lost. Please come again in a little while."
AFTER_END = 30  # seconds, once the announced end is over
_NO_TEXT = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of letters, ends of lines
_LONGEST_TITLE, _LONGEST_NOTICE = 80, 600
# Blocks of so many seconds, where at least so many are left: nearer the end the answer gets finer.
_FINEST = 10
_BLOCKS = ((_FINEST, -_FINEST), *((10**power, 6 * 10**power) for power in range(2, 8)))

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="60">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ --ground: #f4f5f7; --card: #fff; --text: #1c2330; --soft: #566073; --line: #dfe3ea; --mark: #b45309; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ground: #12161d; --card: #1b212b; --text: #e8ebf0; --soft: #a3adbd; --line: #2c3542; --mark: #f0a94a; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; min-height: 100vh; display: flex; align-items: center; justify-content: center; padding: 1.25rem;
  background: var(--ground); color: var(--text); font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }}
main {{ width: 100%; max-width: 34rem; padding: 2.25rem; background: var(--card); border: 1px solid var(--line);
  border-top: 4px solid var(--mark); border-radius: .75rem; overflow-wrap: anywhere; }}
h1 {{ margin: 0 0 .75rem; font-size: 1.6rem; line-height: 1.25; text-wrap: balance; }}
p {{ margin: 0 0 1rem; }}
.until {{ margin: 1.25rem 0 0; padding-top: 1.25rem; border-top: 1px solid var(--line); color: var(--soft); }}
.until strong {{ color: var(--text); font-variant-numeric: tabular-nums; }}
@media (max-width: 30rem) {{ main {{ padding: 1.5rem; }} h1 {{ font-size: 1.35rem; }} }}
</style>
</head>
<body>
<main>
<h1 dir="auto">{title}</h1>
<p dir="auto">{notice}</p>
<p class="until">We expect to be back by <strong><time datetime="{until}">{shown}</time></strong>. This page looks again by itself.</p>
</main>
</body>
</html>
"""


def page(maintenance: Maintenance) -> str:
    """The page for people. It fetches nothing and runs nothing."""
    until = _end(maintenance)
    shown = until.strftime("%H:%M\u00a0UTC, %d\u00a0%B\u00a0%Y")
    words = {"title": maintenance.title or TITLE, "notice": maintenance.notice or NOTICE, "until": maintenance.until, "shown": shown}
    return _PAGE.format(**{name: html.escape(text).replace("$", "&#36;") for name, text in words.items()})


def answer(maintenance: Maintenance) -> str:
    """The JSON for programs, open at its end: the seconds and the closing bracket are nginx's to add."""
    facts = {"error": "maintenance", "status": 503, "title": maintenance.title or TITLE, "message": maintenance.notice or NOTICE, "until": maintenance.until}
    return json.dumps(facts).replace("$", "\\u0024")[:-1] + ', "retry_after": '


def retry_after(maintenance: Maintenance, now: datetime) -> Tuple[List[Tuple[str, int]], int]:
    """First digits of the epoch in seconds and what is left at most then; and what to say at any other time.

    nginx cannot subtract; a table of blocks keeps the answer true without a reload. It is never too early, and late by one block at most.
    """
    end, began = int(_end(maintenance).timestamp()), int(now.timestamp())
    table: List[Tuple[str, int]] = []
    position = -(-end // _FINEST) * _FINEST
    while position > began:
        size = max(size for size, least in _BLOCKS if position % size == 0 and end - position >= least)
        position -= size
        table.append((str(position // size), end - position))
    return table, AFTER_END


def check_words(title: str, notice: str) -> None:
    """Refuses what does not fit on the page."""
    for what, text, longest in (("title", title, _LONGEST_TITLE), ("notice", notice, _LONGEST_NOTICE)):
        if len(text) > longest or any(unicodedata.category(letter) in _NO_TEXT for letter in text):
            raise BadInput(f"The {what} of the maintenance page is not one line of at most {longest} letters.", hint="Shorten it.", length=len(text))


def _end(maintenance: Maintenance) -> datetime:
    end = parse_timestamp(maintenance.until)
    if end is None:
        raise BadInput(f"{maintenance.until!r} is no time.", hint="Write it as 2026-01-31T22:30:00Z.", until=maintenance.until)
    return end
