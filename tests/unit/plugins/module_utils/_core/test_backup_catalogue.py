"""What the catalogue calls verified, dumped or damaged, and which backup it calls the latest."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ansible_collections.runbook.compose.plugins.module_utils._core.backup_catalogue import Backup, Verification, latest, newest_first
from ansible_collections.runbook.compose.plugins.module_utils._core.backup_manifest import Manifest

NOW = datetime(2026, 11, 3, 4, 0)


def backup(hour: int, *verifications: Verification, **changes: object) -> Backup:
    identifier = f"20261103T{hour:02}0000Z-0000{hour:02}-0000"
    at = f"2026-11-03T{hour:02}:00:00.000000Z"
    manifest = Manifest(identifier, identifier, "postgres-logical", "scheduled", "shop", "postgres", "shop", at, at, {}, {}, (), "")
    own = {name: changes.pop(name) for name in ("subject", "partial") if name in changes}
    return Backup(replace(manifest, **own), "/backups", verifications, **changes)


def tried(outcome: str, level: int = 3, hour: int = 2) -> Verification:
    return Verification(f"2026-11-03T{hour:02}:30:00.000000Z", level, outcome, seconds=4.5, differences=("public.t: 3 rows, expected 4",))


def test_only_a_restore_that_was_compared_verifies():
    assert backup(1).state == "dumped"
    assert backup(1, tried("passed", level=2)).state == "dumped"
    assert backup(1, tried("passed", level=3)).state == "verified"


def test_the_last_result_counts_and_an_inconclusive_one_is_none():
    assert backup(1, tried("passed", hour=2), tried("failed", hour=3)).state == "damaged"
    assert backup(1, tried("passed", hour=2), tried("inconclusive", hour=3)).state == "verified"
    assert backup(1, tried("inconclusive")).state == "dumped"


def test_a_file_that_changed_outweighs_every_proof():
    assert backup(1, tried("passed"), damage=("shop.dump.zst: missing",)).state == "damaged"


def test_what_is_told_of_one():
    told = backup(1, tried("passed")).to_dict(NOW)
    assert (told["state"], told["age_seconds"], told["verified_level"], told["restore_seconds"]) == ("verified", 3 * 3600, 3, 4.5)
    assert told["problems"] == []
    failed = backup(1, tried("failed")).to_dict(NOW)
    assert (failed["verified_at"], failed["problems"]) == (None, ["public.t: 3 rows, expected 4"])


def test_the_latest_is_whole_and_of_the_subject():
    good, newer, partial, other = backup(1, tried("passed")), backup(2), backup(3, partial=True), backup(4, subject="other")
    broken = backup(5, damage=("gone",))
    everything = (good, newer, partial, other, broken)
    assert newest_first(everything)[0] is broken
    assert latest(everything, "shop") is newer
    assert latest(everything, "shop", "verified") is good
    assert latest(everything, "third") is None


def test_the_first_count_in_a_copy_that_was_right_is_the_one_that_counts():
    counts = [
        replace(tried("failed", hour=1), counted={"n": 1}),
        replace(tried("passed", hour=3), counted={"n": 3}),
        replace(tried("passed", hour=2), counted={"n": 2}),
    ]
    assert backup(1, *counts, tried("passed", hour=1)).counted == {"n": 2}
    assert backup(1, tried("passed")).counted == backup(1).counted == {}
