"""What users lose while whole playbooks release, go back and switch colours: make demo, then python tests/benchmarks/releases.py [--seconds 60] [--rate 200]

On the demo's stack as it was left, whose current release is v3.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from rollout import HEAD, ROOT, under_load

from _measure import PLAYBOOK, quiet
from ansible_collections.runbook.compose.plugins.module_utils._core.rollout_probe import parse_aim

WAYS = {
    "deploy/release": ("deploy/release", "version=v2"),
    "incident/rollback": ("incident/rollback",),
    "deploy/bluegreen": ("deploy/bluegreen", "version=v2"),
    "deploy/bluegreen, switch back": ("deploy/bluegreen", "step=back"),
}


def run(playbook: str, *variables: str) -> float:
    given = [word for variable in variables for word in ("-e", variable)]
    quiet(PLAYBOOK, "-i", str(ROOT / "inventories/local"), str(ROOT / f"playbooks/{playbook}.yml"), *given)
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="of load for each playbook")
    parser.add_argument("--rate", type=float, default=200, help="requests a second, half of them over connections that stay open")
    parser.add_argument("--url", default=f"http://127.0.0.1:{os.environ.get('RUNBOOK_DEMO_PORT', '18080')}", help="of the demo's stack")
    asked = parser.parse_args()
    aim = parse_aim(asked.url, {"path": "/health", "rate": asked.rate}, {})
    print(HEAD)
    told = []
    for name, words in WAYS.items():
        told.append(under_load(name, aim, asked.seconds, lambda words=words: run(*words))[0])
        print(told[-1].row(), flush=True)
    out = Path(ROOT / ".local")
    out.mkdir(exist_ok=True)
    (out / "releases_benchmark.json").write_text(json.dumps([asdict(one) for one in told], indent=2))


if __name__ == "__main__":
    main()
