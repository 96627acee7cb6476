"""Ratios against the runbooks' own commands, plain compose and other collections, on real stacks: python tests/benchmarks/run.py [RUNS]

Prints a table and writes .local/benchmarks.json. Only ratios mean anything: they are medians of interleaved runs of one machine.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "collections"), str(Path(__file__).parent)]

import one_service
import postgres_backup
import postgres_report
import postgres_restore
import redis_keys
import rollback
import rollout

# A round of these takes more than a minute.
POSTGRES_RUNS = 3
# Of load for each way of replacing a service, and requests a second.
ROLLOUT_SECONDS, ROLLOUT_RATE = 60, 200


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as place:
        ratios = one_service.measure(runs, Path(place) / "service")
        more, counts = rollback.measure(runs, Path(place) / "rollback")
        few = min(runs, POSTGRES_RUNS)
        backup, backup_facts = postgres_backup.measure(few, Path(place) / "backup")
        restore, restore_facts = postgres_restore.measure(few, Path(place) / "restore")
        report = postgres_report.measure(few, Path(place) / "report")
        keys, keys_facts = redis_keys.measure(few, Path(place) / "keys", ROOT / ".local" / "redis_stalls.svg")
        print(rollout.HEAD)
        rolled = rollout.measure(Path(place) / "rollout", ROLLOUT_SECONDS, ROLLOUT_RATE)
    (ROOT / ".local" / "rollout_latency.svg").write_text(rollout.latency_plot(dict(list(rolled.samples.items())[:4])))
    ratios += [*more, *backup, *restore, *report, *keys]
    print(f"{'JOB':<34} {'OURS':>8}  {'AGAINST':<44} {'':>8}  RATIO  TARGET")
    for ratio in ratios:
        print(ratio.row())
    for name, target in (("deploy", 12), ("rollback", 8)):
        print(f"module tasks in a {name}: {counts[name]} (target <= {target}: {'met' if counts[name] <= target else 'MISSED'})")
    facts = {"backup": backup_facts, "restore": restore_facts, "redis keys": keys_facts}
    for name, found in facts.items():
        print(f"{name}: " + ", ".join(f"{what} {value:,.1f}" for what, value in found.items()))
    out = ROOT / ".local" / "benchmarks.json"
    out.parent.mkdir(exist_ok=True)
    figures = {"ratios": [dict(asdict(one), ratio=one.ratio) for one in ratios], "rollouts": [asdict(one) for one in rolled.lost]}
    out.write_text(json.dumps({"runs": runs, "module_tasks": counts, **figures, **facts}, indent=2))


if __name__ == "__main__":
    main()
