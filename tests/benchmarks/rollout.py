"""What users lose while a service is replaced, and how long that takes: python tests/benchmarks/rollout.py [--seconds 60] [--rate 200] [--ways NAME...]

Against `docker compose up -d --wait`, and against the procedure of docker-rollout, whose steps are done here with the same commands: twice as many
containers, wait until the new ones are healthy, stop and remove the old ones. All of them behind the same nginx, which asks for the name every second.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "collections"), str(Path(__file__).parent)]

from _measure import PLAYBOOK, playbook, quiet

from ansible_collections.runbook.compose.plugins.module_utils._adapters.rollout_probe import RolloutProbe
from ansible_collections.runbook.compose.plugins.module_utils._core.report_plots import Series, line_plot
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout_probe import Aim, Sample, figures, parse_aim, percentile, timeline
from tests.support.rollouts import PROBE, RolloutStack
from tests.support.stacks import compose_program, docker, unique_name

REPLICAS = 2
_BEFORE, _AFTER = 2.0, 3.0
_COLOURS = ("#2f6fde", "#c2410c", "#15803d", "#7e22ce")
_STYLE = "text{font-family:sans-serif}.axis{fill:#5c6470;font-size:12px}.grid{stroke:#d5dae1}.line{fill:none;stroke-width:1.5}" + "".join(
    f".line.c{number}{{stroke:{colour}}}circle.c{number},text.c{number}{{fill:{colour}}}" for number, colour in enumerate(_COLOURS)
)


@dataclass(frozen=True)
class Lost:
    """One way, under load: ``failed`` of ``sent`` requests; ``reopened`` kept connections that were closed between two requests."""

    way: str
    seconds: float
    sent: int
    failed: int
    reopened: int
    longest_gap_ms: float
    p99_ms: float
    kinds: dict
    effect_ms: float = 0.0

    def row(self) -> str:
        effect = f"  effect after {self.effect_ms:.0f} ms" if self.effect_ms else ""
        kinds = f"  {self.kinds}" if self.kinds else ""
        counts = f"{self.sent:>7} {self.failed:>7} {self.reopened:>9}"
        return f"{self.way:<34} {self.seconds:6.1f} s {counts} {self.longest_gap_ms:>9.0f} {self.p99_ms:>8.1f}{effect}{kinds}"


HEAD = f"{'WAY':<34} {'TIME':>8} {'SENT':>7} {'FAILED':>7} {'REOPENED':>9} {'GAP ms':>9} {'P99 ms':>8}"


def under_load(way: str, aim: Aim, seconds: float, act: Callable[[], float]) -> tuple[Lost, list[Sample]]:
    """What users lose while ``act`` runs, who ask that long at least. It may return the milliseconds until it had effect."""
    with RolloutProbe(aim) as users:
        began = time.monotonic()
        time.sleep(_BEFORE)
        started = time.monotonic()
        effect = act()
        taken = time.monotonic() - started
        time.sleep(max(_AFTER, seconds - (time.monotonic() - began)))
    found = figures([users.samples])
    slowest = percentile([one.ms for one in users.samples if not one.error], 0.99) or 0.0
    return Lost(way, taken, found["requests"], found["errors"], found["reopened"], found["longest_gap_ms"], slowest, found["kinds"], effect), users.samples


class Measured:
    """The stack, the ways, and what users saw of each."""

    def __init__(self, directory: Path, seconds: float, rate: float) -> None:
        self.stack = RolloutStack(directory, unique_name("bench-rollout"))
        self._directory = directory
        self._seconds, self._rate = seconds, rate
        self._compose = [*compose_program(), "-p", self.stack.name, "--project-directory", str(self.stack.project.directory)]
        self.samples: dict[str, list[Sample]] = {}
        self.lost: list[Lost] = []

    def ways(self) -> dict[str, Callable[[], float]]:
        return {
            "ours": lambda: self._ours("ours"),
            "docker compose up -d --wait": self._plain,
            "docker-rollout's procedure": self._docker_rollout,
            "ours, canary 10/50/100": lambda: self._ours("canary", strategy="canary", hold=3),
            "ours, blue/green": lambda: self._ours("bluegreen", strategy="blue_green"),
            "ours, switch back": lambda: self._ours("back", turn=False, state="switched_back"),
        }

    def run(self, name: str) -> Lost:
        aim = parse_aim(f"http://127.0.0.1:{self.stack.port}", {**PROBE, "rate": self._rate}, {})
        told, self.samples[name] = under_load(name, aim, self._seconds, self.ways()[name])
        self.lost.append(told)
        return told

    def _turn(self) -> None:
        self.stack.wants("v1" if self.stack.version() == "v2" else "v2")

    def _ours(self, name: str, turn: bool = True, **options: object) -> float:
        """A whole ansible-playbook with one task."""
        if turn:
            self._turn()
        kept = self._directory / f"{name}.json"
        task = {"runbook.compose.service_rollout": {**self.stack.options, "probe": PROBE, "bake": 600, **options}, "register": "done"}
        copy = {"ansible.builtin.copy": {"content": "{{ done | to_json }}", "dest": str(kept), "mode": "0600"}}
        quiet(PLAYBOOK, playbook(self._directory, name, task, copy))
        rollouts = json.loads(kept.read_text())["rollouts"]
        return float(rollouts[0].get("effect_ms", 0)) if rollouts else 0.0

    def _plain(self) -> float:
        self._turn()
        quiet(*self._compose, "up", "--detach", "--wait", "--scale", f"api={REPLICAS}")
        return 0.0

    def _docker_rollout(self) -> float:
        self._turn()
        old = [one["Id"] for one in self.stack.project.containers("api")]
        quiet(*self._compose, "up", "--detach", "--scale", f"api={2 * REPLICAS}", "--no-recreate", "api")
        while True:
            new = [one for one in self.stack.project.containers("api") if one["Id"] not in old]
            if all(one["State"]["Health"]["Status"] == "healthy" for one in new):
                break
            time.sleep(1)
        docker("stop", *old)
        docker("rm", *old)
        return 0.0


def measure(directory: Path, seconds: float, rate: float, wanted: list[str] | None = None) -> Measured:
    measured = Measured(directory, seconds, rate)
    try:
        measured.stack.up(REPLICAS)
        for name in wanted or measured.ways():
            print(measured.run(name).row(), flush=True)
    finally:
        measured.stack.remove()
    return measured


def latency_plot(samples: dict[str, list[Sample]]) -> str:
    """The longest answer of each half second; failed requests count as long as users waited for them."""
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    series = [Series(name, [(start + timedelta(seconds=at), ms) for at, ms, unused in timeline(found)]) for name, found in samples.items()]
    drawn = line_plot("The longest answer of each half second", series, "milliseconds").partition("<svg")[2]
    head, unused, body = drawn.partition(">")
    body = re.sub(r"<circle.*?</circle>", "", body)  # hundreds of points that lie on the lines
    body = re.sub(r">00:00<(.*)>00:\d\d<", rf">0 s<\1>{max(found[-1].ended - found[0].began for found in samples.values()):.0f} s<", body)
    legend = "".join(f'<text class="c{number}" x="210" y="{26 + 14 * number}" font-size="11">{one.name}</text>' for number, one in enumerate(series))
    return f'<svg{head} xmlns="http://www.w3.org/2000/svg"><style>{_STYLE}</style>{legend}{body}\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="of load for each way")
    parser.add_argument("--rate", type=float, default=200, help="requests a second, half of them over connections that stay open")
    parser.add_argument("--ways", nargs="*", help="some of them only, in this order")
    asked = parser.parse_args()
    print(HEAD)
    with tempfile.TemporaryDirectory() as place:
        measured = measure(Path(place), asked.seconds, asked.rate, asked.ways)
    out = ROOT / ".local"
    out.mkdir(exist_ok=True)
    (out / "rollout_latency.svg").write_text(latency_plot(dict(list(measured.samples.items())[:4])))
    (out / "rollout_benchmark.json").write_text(json.dumps([asdict(one) for one in measured.lost], indent=2))


if __name__ == "__main__":
    main()
