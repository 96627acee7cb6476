"""A directory through a stream and back, and streams that are no such thing."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.runbook.compose.plugins.module_utils._adapters.archive_directory import pack, unpack
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_errors import ArchiveUnreadable


def packed(directory) -> bytes:
    held = io.BytesIO()
    pack(str(directory), held.write)
    return held.getvalue()


def tar_of(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd" if kind == tarfile.SYMTYPE else ""
        archive.addfile(entry)
    return held.getvalue()


def pieces(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_what_goes_in_comes_out_and_takes_no_room_twice(tmp_path, size):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    contents = {"toc.dat": b"PGDMP", "3456.dat": bytes(range(256)) * 20000, "blobs_1.toc": b"", "blob_17.dat": b"x" * 511}
    for name, content in contents.items():
        (source / name).write_bytes(content)
    stream = packed(source)
    assert list(source.iterdir()) == []
    assert tarfile.open(fileobj=io.BytesIO(stream)).getnames()[0] == "toc.dat"
    unpack(pieces(stream, size), str(target))
    assert {path.name: path.read_bytes() for path in target.iterdir()} == contents


@pytest.mark.parametrize(
    "stream", [tar_of("../evil"), tar_of("/etc/evil"), tar_of("a/b"), tar_of(".hidden"), tar_of("link", tarfile.SYMTYPE), tar_of("d", tarfile.DIRTYPE)]
)
def test_nothing_but_plain_names_is_written(tmp_path, stream):
    with pytest.raises(ArchiveUnreadable):
        unpack([stream], str(tmp_path / "target"))
    assert list((tmp_path / "target").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_stream_that_was_cut_is_no_directory(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "toc.dat").write_bytes(b"x" * 5000)
    with pytest.raises(ArchiveUnreadable):
        unpack([packed(source)[:3000]], str(tmp_path / "target"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=2000))
def test_whatever_the_stream_is(tmp_path_factory, stream):
    with_tail = tar_of("toc.dat")[:512] + stream
    for content in (stream, with_tail):
        target = tmp_path_factory.mktemp("fuzz") / "target"
        try:
            unpack([content], str(target))
        except ArchiveUnreadable:
            continue
        assert all(path.parent == target for path in target.iterdir())
