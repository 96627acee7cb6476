"""The manifest: what was written comes back, and nothing else is believed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._core.backup_manifest import (
    BackupFile,
    Manifest,
    ManifestInvalid,
    directory_name,
    is_id,
    new_id,
    parse_manifest,
    sequence_of,
)

ID = "20261103T021500Z-000123-7f3a"
DUMP = BackupFile("shop.dump.zst", 10, "a" * 64, 20, "b" * 64, "pg_dump-custom", "zstd")
MANIFEST = Manifest(
    id=ID,
    set_id=ID,
    kind="postgres-logical",
    purpose="scheduled",
    stack="shop",
    service="postgres",
    subject='sh"op',
    started="2026-11-03T02:15:00.000000Z",
    finished="2026-11-03T02:15:09.500000Z",
    source={"server_version": 150018},
    content={"tables": {"public.Transaction": {"rows": 3}}},
    files=(DUMP,),
    restore_hint="zstd -d < shop.dump.zst | pg_restore -d shop",
)


def parse(content: bytes) -> Manifest:
    return parse_manifest(content, hashlib.sha256(content).hexdigest(), "here")


def test_what_was_written_comes_back():
    assert parse(MANIFEST.to_bytes()) == MANIFEST
    assert MANIFEST.created == datetime(2026, 11, 3, 2, 15)
    assert MANIFEST.bytes == 10


def test_one_changed_byte_is_noticed():
    content = MANIFEST.to_bytes()
    digest = hashlib.sha256(content).hexdigest()
    with pytest.raises(ManifestInvalid):
        parse_manifest(content.replace(b'"rows": 3', b'"rows": 4'), digest, "here")


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"id": "../../etc"},
        {"started": "yesterday"},
        {"source": []},
        {"partial": "no"},
        {"files": [{"path": "../x"}]},
        {"files": ["x"]},
        {"surplus": 1},
        {"files": None},
    ],
)
def test_what_later_code_could_not_rely_on_is_refused(changes):
    value = {**json.loads(MANIFEST.to_bytes()), **changes}
    with pytest.raises(ManifestInvalid):
        parse(json.dumps(value).encode())


@pytest.mark.parametrize("path", ["../../etc/passwd", ".hidden", "/absolute", "a/b", ""])
def test_a_file_of_a_backup_lies_in_its_directory(path):
    with pytest.raises(ManifestInvalid):
        parse(replace(MANIFEST, files=(replace(DUMP, path=path),)).to_bytes())


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=20,
)


@given(some.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_the_bytes_are_the_answer_is_a_reason(content):
    with pytest.raises(ManifestInvalid):
        parse(content)


@given(some.dictionaries(some.sampled_from(sorted(json.loads(MANIFEST.to_bytes()))), JSON, min_size=1))
def test_any_field_of_any_kind_is_taken_whole_or_refused(changes):
    content = json.dumps({**json.loads(MANIFEST.to_bytes()), **changes}).encode()
    try:
        manifest = parse(content)
    except ManifestInvalid:
        return
    assert parse(manifest.to_bytes()) == manifest


def test_ids_sort_by_time_and_tell_their_number():
    first, second = new_id(datetime(2026, 1, 2, 3, 4, 5), 7, 0x1ABCD), new_id(datetime(2026, 1, 2, 3, 4, 5), 8, 0)
    assert first == "20260102T030405Z-000007-abcd"
    assert first < second
    assert is_id(first) and not is_id(f".tmp-{first}")
    assert (sequence_of(second), sequence_of("latest")) == (8, 0)


@given(some.text(min_size=1), some.text(min_size=1))
def test_every_subject_has_a_directory_of_its_own(one, other):
    name = directory_name(one)
    assert "/" not in name and not name.startswith(".") and "\0" not in name
    assert (name == directory_name(other)) == (one == other)
