"""Ledgers and releases as plain data, for unit tests."""

from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core.ledger import Ledger, Release, ReleaseFile, ReleaseImage
from ansible_collections.runbook.compose.plugins.module_utils._core.verdicts import Verification, verify


def draft(version: str = "v1", image: str = "sha256:aa", fingerprint: str = "f1", **changes) -> Release:
    values = {
        "id": "",
        "version": version,
        "env": ReleaseFile("/srv/shop/.env", "e1"),
        "compose_files": (ReleaseFile("/srv/shop/compose.yaml", "c1"),),
        "images": {"api": ReleaseImage(f"shop-api:{version}", image)},
        "configuration_fingerprint": fingerprint,
        "created_at": "2026-11-21T03:00:00Z",
    }
    return Release(**{**values, **changes})


def ledger_of(*drafts: Release) -> Ledger:
    ledger = Ledger(salt="salt")
    for item in drafts:
        ledger = ledger.with_new(item)
    return ledger


def go_live(ledger: Ledger, release_id: str, how: str = "deploy", **changes) -> Ledger:
    """Stages and verifies one release."""
    verification = Verification(at="2026-11-21T04:00:00Z", by="ada", how=how, **changes)
    staged = Ledger(**{**vars(ledger), "staged": release_id})
    return verify(staged, staged.entry(release_id), verification)


def live_history(*versions: str) -> Ledger:
    """Each version deployed and verified in turn."""
    ledger = Ledger(salt="salt")
    for number, version in enumerate(versions, start=1):
        ledger = ledger.with_new(draft(version, image=f"sha256:{number:02x}", fingerprint=f"f{number}"))
        ledger = go_live(ledger, ledger.releases[-1].id)
    return ledger
