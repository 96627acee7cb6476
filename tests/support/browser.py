"""A page in a real browser without a window: how it lies at a width, what it fetched, and how it looks."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
# The page itself forbids scripts: only the copy that is measured lets this one run.
_FORBIDS, _LETS = "default-src 'none';", "default-src 'none'; script-src 'unsafe-inline';"
_MEASURE = """
<script>addEventListener('load', () => {
  const root = document.documentElement, wide = [...document.querySelectorAll('main *')].filter(one => !one.closest('.scroll, svg'));
  const plots = [...document.querySelectorAll('svg')].map(one => ({
    told: one.getAttribute('aria-label'), marks: one.querySelectorAll('rect, circle').length, width: one.getBoundingClientRect().width}));
  const texts = [...document.querySelectorAll('svg text')].filter(one => {
    const own = one.getBoundingClientRect(), plot = one.ownerSVGElement.getBoundingClientRect();
    return own.left < plot.left - 1 || own.right > plot.right + 1;
  }).map(one => one.textContent);
  root.dataset.measured = JSON.stringify({width: innerWidth, needed: root.scrollWidth, plots: plots, cut: texts,
    outside: wide.filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 80)),
    rightward: [...document.querySelectorAll('h1, p')].filter(one => getComputedStyle(one).direction === 'rtl').map(one => ({text: one.textContent})),
    fetched: performance.getEntriesByType('resource').map(one => one.name)});
  parent.postMessage(root.dataset.measured, '*');
});</script></body>"""
# A window cannot be as narrow as a phone; a frame can.
_FRAME = """<!doctype html><body style="margin:0"><script>addEventListener('message', told => document.body.dataset.measured = told.data)</script>
<iframe style="border:0;display:block" width="{width}" height="{height}" srcdoc="{page}"></iframe></body>"""


class Browser:
    """``directory`` gets the browser's own files."""

    def __init__(self, program: str, directory: Path) -> None:
        self._program = program
        self._directory = directory

    def measure(self, page: str, width: int, height: int) -> dict:
        assert page.count(_FORBIDS) == 1
        framed = self._framed(page.replace(_FORBIDS, _LETS).replace("</body>", _MEASURE), width, height)
        dumped = self._run("--dump-dom", "--virtual-time-budget=3000", f"--window-size={max(width, 600)},{height}", framed.as_uri())
        found = re.search(r'<body[^>]* data-measured="([^"]*)"', dumped)
        assert found, dumped[-500:]
        return json.loads(html.unescape(found[1]))

    def picture(self, page: str, size: tuple[int, int], path: Path, *flags: str) -> bytes:
        framed = self._framed(page, *size)
        self._run(f"--screenshot={path}", f"--window-size={size[0]},{size[1]}", *flags, framed.as_uri())
        return path.read_bytes()

    def _framed(self, page: str, width: int, height: int) -> Path:
        file = self._directory / "framed.html"
        file.write_text(_FRAME.format(width=width, height=height, page=html.escape(page)))
        return file

    def _run(self, *words: str) -> str:
        command = [self._program, *_FLAGS, f"--user-data-dir={self._directory / 'profile'}", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout


def installed_browser(directory: Path) -> Browser:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "there is no Chromium here: run scripts/setup-browser"
    return Browser(program, directory)
