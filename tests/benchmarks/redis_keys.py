"""Half of many keys deleted by their prefix, against the ways of the runbooks: how long it takes, and how long another client waits meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from _measure import Ratio, interleaved, peak_mib, quiet

from ansible_collections.runbook.compose.plugins.module_utils._core.report_plots import bar_plot
from tests.support.redis import PASSWORD, RedisStack
from tests.support.stacks import compose_program, unique_name

# Fewer only to try whether all still runs.
KEYS = int(os.environ.get("RUNBOOK_BENCHMARK_KEYS", "2000000"))
_READER = Path(__file__).parent / "_reader.py"
_LOGIN = 'export REDISCLI_AUTH="$REDIS_PASSWORD"; '
_WAYS = {
    "KEYS": _LOGIN + "redis-cli KEYS 'ratelimit:*' | xargs redis-cli DEL > /dev/null",
    "--scan": _LOGIN + "redis-cli --scan --pattern 'ratelimit:*' | xargs redis-cli del > /dev/null",
}
_EDGES_MS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096]
_STYLE = (
    "text{font-family:sans-serif}.axis{fill:#5c6470;font-size:12px}.label{fill:#1b1f24;font-size:13px}.c0{fill:#2f6fde}"
    "@media(prefers-color-scheme:dark){.axis{fill:#9aa3ae}.label{fill:#e6e9ed}.c0{fill:#6ea0ff}}"
)


class KeysServer(RedisStack):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory, unique_name("bench-keys"), settings=["--enable-debug-command", "yes", "--save", ""])
        self.waits: dict[str, list[list[float]]] = {}
        self.results: list[dict] = []

    def fill(self) -> None:
        with self.session() as session:
            session.command("FLUSHDB", "ASYNC")
            session.command("DEBUG", "POPULATE", KEYS // 2, "ratelimit:user")
            session.command("DEBUG", "POPULATE", KEYS // 2, "session:user")

    def ours(self) -> None:
        result = self.module("redis_keys", **self.wanted)
        if result.get("deleted") != KEYS // 2:
            raise SystemExit(result.get("msg") or f"deleted {result['deleted']} keys")
        self.results.append(result)

    @property
    def wanted(self) -> dict:
        return {"state": "absent", "prefix": "ratelimit:", "max_keys": KEYS}

    def runbook(self, name: str) -> None:
        compose = [*compose_program(), "-p", self.name, "--project-directory", str(self.directory)]
        quiet(*compose, "exec", "-T", "redis", "sh", "-c", _WAYS[name])
        if self.redis("DBSIZE") != KEYS - KEYS // 2:
            raise SystemExit(f"{name} left {self.redis('DBSIZE')} keys")

    def watched(self, name: str, way: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            with self._reading(name):
                way()

        return run

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        words = [sys.executable, str(_READER), self.address.host]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
            reader.stdin.write(f"{PASSWORD}\n")
            reader.stdin.flush()
            reader.stdout.readline()
            yield
            self.waits.setdefault(name, []).append(json.loads(reader.communicate("end\n")[0]))

    def longest(self, name: str) -> float:
        return statistics.median(max(waits) for waits in self.waits[name])

    def of_thousand(self, name: str) -> float:
        """What one answer in a thousand took at least."""
        every = sorted(wait for waits in self.waits[name] for wait in waits)
        return every[int(len(every) * 0.999)]


def measure(runs: int, directory: Path, plot: Path) -> tuple[list[Ratio], dict[str, float]]:
    server = KeysServer(directory)
    try:
        server.up()
        ways = {"ours": server.watched("ours", server.ours)}
        ways.update((name, server.watched(name, lambda name=name: server.runbook(name))) for name in _WAYS)
        seconds = interleaved(runs, ways, before=server.fill)
        server.fill()
        memory = peak_mib("redis_keys", {**server.options, **server.wanted})
    finally:
        server.down()
    plot.parent.mkdir(exist_ok=True)
    plot.write_text(stall_plot(server.waits))
    facts = {f"{name}_{what}_ms": 1000 * told(name) for name in ways for what, told in (("longest", server.longest), ("p999", server.of_thousand))}
    facts.update(peak_mib=memory, batches=server.results[-1]["batches"], ours_told_ms=server.results[-1]["longest_stall_ms"])
    job, stall = f"delete {KEYS // 2:,} of {KEYS:,} keys", "the same, longest stall of others"
    return [
        Ratio(job, seconds["ours"], seconds["KEYS"], "redis-cli KEYS | xargs redis-cli DEL", 1.0),
        Ratio(job, seconds["ours"], seconds["--scan"], "redis-cli --scan | xargs redis-cli del", 1.0),
        Ratio(stall, server.longest("ours"), server.longest("KEYS"), "redis-cli KEYS | xargs redis-cli DEL", 0.02),
        Ratio(stall, server.longest("ours"), server.longest("--scan"), "redis-cli --scan | xargs redis-cli del", 1.0),
    ], facts


def stall_plot(waits: dict[str, list[list[float]]]) -> str:
    """By the length of the wait, how long another client waited in all, in one run."""
    bars = []
    for name, runs in waits.items():
        every = [1000 * wait for one in runs for wait in one]
        for low, high in zip(_EDGES_MS, _EDGES_MS[1:]):
            total = sum(wait for wait in every if low <= wait < high) / len(runs)
            if low and total:
                bars.append((f"{name}: in waits of {low} to {high} ms", total))
    drawn = bar_plot("How long another client waited in all, by the length of the wait", bars, "milliseconds")
    head, unused, body = drawn.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{_STYLE}</style>{body}\n'
