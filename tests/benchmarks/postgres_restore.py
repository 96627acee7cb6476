"""A restore against the runbooks' gunzip | psql and community.postgresql, and how long the application has no database meanwhile."""

from __future__ import annotations

import statistics
from pathlib import Path

from _measure import PLAYBOOK, Ratio, interleaved, quiet
from _postgres import MEGABYTES, BigServer, peer_programs, piped


def measure(runs: int, directory: Path) -> tuple[list[Ratio], dict[str, float]]:
    server = BigServer(directory, "bench-restore")
    peers = peer_programs()
    told: list[dict] = []
    try:
        server.up()
        size = server.fill(MEGABYTES)
        quiet(PLAYBOOK, server.ours("postgres_backup", databases=["shop"], allow_same_disk=True, verify="archive"))
        backup = server.kept["backups"][0]["id"]
        piped(server.inside("pg_dump", "-U", "shop", "shop"), ["gzip"], into=server.file)
        # Neither of the others makes a safety backup, or proves the backup by a restore before.
        alike = {"safety_backup": False, "allow_unverified": True}
        ours = server.ours("postgres_restore", database="shop", confirm="shop", backup=backup, **alike)
        expired = server.ours("postgres_restore", state="expired", undo_ttl=0)
        peer = server.peer("absent", "present", "restore")

        def own_way() -> None:
            quiet(PLAYBOOK, ours)
            told.append(server.kept)

        def runbook() -> None:
            for statement in ("DROP DATABASE shop WITH (FORCE)", "CREATE DATABASE shop"):
                quiet(*server.inside("psql", "-U", "shop", "-d", "postgres", "-c", statement))
            piped(["gunzip", "-c", str(server.file)], server.inside("psql", "-q", "-U", "shop", "shop"))

        def tidy() -> None:
            quiet(PLAYBOOK, expired)
            server.sql("CHECKPOINT", database="postgres")

        ways = {"ours": own_way, "runbook": runbook, "peer": lambda: quiet(PLAYBOOK, peer, environment=peers)}
        seconds = interleaved(runs, ways, before=tidy)
        rows = server.sql("SELECT count(*) FROM events")[0][0]
        tidy()
        memory = server.peak_mib("postgres_restore", database="shop", confirm="shop", backup=backup, **alike)
        assert server.sql("SELECT count(*) FROM events") == [(rows,)]
    finally:
        server.down()
    away = statistics.median(one["unavailable_ms"] for one in told) / 1000
    job = f"restore of {size >> 20} MiB, compared"
    parts = {f"{part}_seconds": statistics.median(one[f"{part}_seconds"] for one in told) for part in ("restore", "compare", "analyze")}
    return [
        Ratio(job, seconds["ours"], seconds["runbook"], "the runbooks: gunzip | exec psql", 0.8),
        Ratio(job, seconds["ours"], seconds["peer"], "community.postgresql.postgresql_db, restore", 0.8),
        Ratio("restore, database not available", away, seconds["runbook"], "the runbooks: all the time", 0.05),
    ], {"unavailable_seconds": away, "peak_mib": memory, **parts}
