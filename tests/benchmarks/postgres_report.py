"""The report on a database of 10,000 tables, against one query that only asks for their sizes."""

from __future__ import annotations

from pathlib import Path

from _measure import Ratio, interleaved, quiet
from _postgres import BigServer

TABLES = 10_000
_MANY = f"""
DO $$ BEGIN FOR number IN 1..{TABLES} LOOP
  EXECUTE format('CREATE TABLE table_%s (id int PRIMARY KEY, word text)', number);
  IF number % 500 = 0 THEN COMMIT; END IF;
END LOOP; END $$
"""
_SIZES = "SELECT relname, n_live_tup, pg_total_relation_size(relid) FROM pg_stat_user_tables ORDER BY 3 DESC"


def measure(runs: int, directory: Path) -> list[Ratio]:
    server = BigServer(directory, "bench-report")
    try:
        server.up()
        server.sql(_MANY)
        ways = {
            "ours": lambda: _report(server),
            "query": lambda: quiet(*server.inside("psql", "-q", "-U", "shop", "-d", "shop", "-c", _SIZES)),
        }
        seconds = interleaved(runs, ways)
    finally:
        server.down()
    return [Ratio(f"postgres_info, {TABLES} tables", seconds["ours"], seconds["query"], "psql: names and sizes only", 2.0)]


def _report(server: BigServer) -> None:
    result = server.module("postgres_info")
    if result["failed"]:
        raise SystemExit(result["msg"])
