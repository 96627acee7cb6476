"""A backup, from the command to files that were published and read once, against the runbooks' pg_dump | gzip and community.postgresql.

And the memory it takes.
"""

from __future__ import annotations

from pathlib import Path

from _measure import PLAYBOOK, Ratio, interleaved, quiet
from _postgres import MEGABYTES, BigServer, peer_programs, piped


def measure(runs: int, directory: Path) -> tuple[list[Ratio], dict[str, float]]:
    server = BigServer(directory, "bench-backup")
    peers = peer_programs()
    wanted = {"databases": ["shop"], "allow_same_disk": True}
    try:
        server.up()
        server.fill(MEGABYTES // 10)
        memory = {"small_mib": server.peak_mib("postgres_backup", verify="none", **wanted)}
        size = server.fill(MEGABYTES)
        memory["large_mib"] = server.peak_mib("postgres_backup", verify="none", **wanted)
        ours, peer = server.ours("postgres_backup", verify="none", **wanted), server.peer("dump")
        ways = {
            "ours": lambda: quiet(PLAYBOOK, ours),
            "runbook": lambda: piped(server.inside("pg_dump", "-U", "shop", "shop"), ["gzip"], into=server.file),
            "peer": lambda: quiet(PLAYBOOK, peer, environment=peers),
            "limit": lambda: quiet(*server.inside("pg_dump", "-U", "shop", "--file=/dev/null", "shop")),
        }
        seconds = interleaved(runs, ways)
        made = server.kept["backups"][0]
        sizes = {"database_bytes": size, "ours_bytes": made["bytes"], "runbook_bytes": server.file.stat().st_size, "making_seconds": made["seconds"]}
    finally:
        server.down()
    job = f"backup of {size >> 20} MiB"
    return [
        Ratio(job, seconds["ours"], seconds["runbook"], "the runbooks: exec pg_dump | gzip", 0.25),
        Ratio(job, seconds["ours"], seconds["peer"], "community.postgresql.postgresql_db, dump", 0.25),
        Ratio(job, seconds["ours"], seconds["limit"], "pg_dump to /dev/null, uncompressed", 1.6),
    ], {**memory, **sizes}
