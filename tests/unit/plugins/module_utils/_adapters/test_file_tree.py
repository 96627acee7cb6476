"""A tar of files and back: what is on the disk is what comes out, and what leads elsewhere never does."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ansible_collections.runbook.compose.plugins.module_utils._adapters.archive_directory import plain_files
from ansible_collections.runbook.compose.plugins.module_utils._adapters.file_restore import Placed, all_or_none, compared, unpack_into
from ansible_collections.runbook.compose.plugins.module_utils._adapters.file_tree import FileTree, unpacked
from ansible_collections.runbook.compose.plugins.module_utils._core.errors import BadInput, StateUnwritable
from ansible_collections.runbook.compose.plugins.module_utils._core.file_members import FILE, Member
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_errors import ArchiveUnreadable


def packed(tree: FileTree) -> tuple:
    pieces: list[bytes] = []
    return tree.pack(pieces.append), pieces


def tar_of(*entries: tuple[str, bytes, bytes]) -> bytes:
    """Name, type and content (or target) of each."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, kind, data in entries:
            entry = tarfile.TarInfo(name)
            entry.type = kind
            entry.size, entry.linkname = (len(data), "") if kind == tarfile.REGTYPE else (0, data.decode())
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "srv" / "shop"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "empty").write_bytes(b"")
    (root / "large").write_bytes(os.urandom(3_000_000))
    (root / "line\nbreak * [x]").write_text("odd")
    (root / "sub" / "link").symlink_to("/etc/passwd")
    (root / "large").chmod(0o750)
    return root


def test_what_is_there_comes_out(project, tmp_path):
    tree = FileTree(str(project.parent), (str(project),))
    found, pieces = packed(tree)
    assert [member.name for member in found.members] == ["shop", "shop/large", "shop/line\nbreak * [x]", "shop/sub", "shop/sub/empty", "shop/sub/link"]
    assert unpacked(pieces) == found.members and found.bytes == tree.bytes() == 3_000_003
    unpack_into(str(tmp_path / "a" / "copy"), found.members, lambda keep: unpacked(pieces, keep))
    copy = tmp_path / "a" / "copy" / "shop"
    assert packed(FileTree(str(copy.parent), (str(copy),)))[0].members == found.members
    assert stat.S_IMODE((copy / "large").stat().st_mode) == 0o750 and os.readlink(copy / "sub" / "link") == "/etc/passwd"
    assert os.listdir(tmp_path / "a") == ["copy"]


def test_a_link_that_is_named_is_followed_and_one_within_is_not(project):
    (project / "current").symlink_to("large")
    members = packed(FileTree("/", (str(project / "current"),)))[0].members
    assert [(member.type, member.size) for member in members] == [(FILE, 3_000_000)]


@pytest.mark.parametrize("change", [lambda large: large.write_bytes(b"short"), lambda large: large.open("ab").write(b"more")], ids=["shrinks", "grows"])
def test_a_file_that_changes_while_it_is_read_is_told(project, change):
    (project / "large").write_bytes(os.urandom(3_000_000))
    pieces: list[bytes] = []

    def write(piece: bytes) -> None:
        if not pieces:
            change(project / "large")
        pieces.append(piece)

    found = FileTree(str(project.parent), (str(project),)).pack(write)
    assert found.unstable == ["shop/large"]
    assert unpacked(pieces) == found.members  # the archive is whole all the same


def members_or_none(content: bytes) -> list | None:
    try:
        return unpacked([content])
    except ArchiveUnreadable:
        return None


def test_a_tar_that_ends_too_early_is_never_taken_for_whole(project):
    found, pieces = packed(FileTree(str(project.parent), (str(project),)))
    whole = b"".join(pieces)
    assert members_or_none(whole) == found.members
    for length in (0, 512, 600, 1_000_000, len(whole) // 2):  # between two headers it is only shorter
        assert members_or_none(whole[:length]) != found.members
    assert members_or_none(whole[:1_000_000]) is None


@pytest.mark.parametrize(
    "entry",
    [
        ("../evil", tarfile.REGTYPE, b"x"),
        ("/evil", tarfile.REGTYPE, b"x"),
        ("a/../../evil", tarfile.REGTYPE, b"x"),
        ("evil", tarfile.LNKTYPE, b"/etc/passwd"),
        ("evil", tarfile.CHRTYPE, b""),
        ("evil", tarfile.FIFOTYPE, b""),
    ],
)
def test_what_does_not_belong_into_an_archive_is_refused(entry, tmp_path):
    with pytest.raises(ArchiveUnreadable):
        unpacked([tar_of(entry)])
    with pytest.raises(ArchiveUnreadable):
        unpack_into(str(tmp_path / "copy"), [], lambda keep: unpacked([tar_of(entry)], keep))
    assert list(tmp_path.iterdir()) == []


def test_a_link_of_the_archive_does_not_lead_out_of_it(tmp_path):
    (tmp_path / "outside").mkdir()
    hostile = tar_of(("shop", tarfile.SYMTYPE, str(tmp_path / "outside").encode()), ("shop/evil", tarfile.REGTYPE, b"x"))
    with pytest.raises(ArchiveUnreadable, match="leads out"):
        unpack_into(str(tmp_path / "copy"), [], lambda keep: unpacked([hostile], keep))
    assert list((tmp_path / "outside").iterdir()) == [] and not (tmp_path / "copy").exists()


@given(some.binary(max_size=3000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_the_bytes_are_they_are_a_tar_or_refused(content):
    try:
        assert unpacked([content]) == []
    except ArchiveUnreadable:
        pass
    assert isinstance([b"".join(pieces) for _name, pieces in plain_files(iter([content]))], list)


def test_files_of_a_tar_by_their_names_whatever_its_end():
    whole = tar_of(("shop/id/manifest.json", tarfile.REGTYPE, b"{}"), ("shop/id", tarfile.DIRTYPE, b""), ("shop/id/data", tarfile.REGTYPE, b"d" * 5000))
    found = {name: b"".join(pieces) for name, pieces in plain_files(iter([whole[:700], whole[700:]]))}
    assert found == {"manifest.json": b"{}", "data": b"d" * 5000}
    taken = iter([whole[:3000], b"", b"after"])
    cut = {name: b"".join(pieces) for name, pieces in plain_files(taken)}
    assert cut["manifest.json"] == b"{}" and len(cut.get("data", b"")) < 5000 and list(taken) == []


def placed(path: Path, content: bytes) -> Placed:
    return compared("/", Member(str(path)[1:], FILE, 0o640, os.geteuid(), os.getegid()), content)


def test_what_was_placed_is_taken_back_when_something_fails(tmp_path):
    old, new, made = tmp_path / "old", tmp_path / "new" / "file", tmp_path / "made"
    old.write_text("before")
    old.chmod(0o604)
    made.mkdir()
    with pytest.raises(StateUnwritable, match="Everything is as it was"), all_or_none() as place:
        place(placed(old, b"after"))
        place(placed(new, b"after"))
        assert (old.read_text(), new.read_text(), placed(old, b"after").change) == ("after", "after", "")
        raise OSError(28, "No space left on device", str(tmp_path / "x"))
    assert (old.read_text(), stat.S_IMODE(old.stat().st_mode), new.exists()) == ("before", 0o604, False)
    with pytest.raises(BadInput, match="is no file"):
        placed(made, b"after")
