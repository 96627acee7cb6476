from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.plain_dump import PlainDumpGuard, kind_of
from ansible_collections.runbook.compose.plugins.module_utils._core.restore_errors import ArchiveUnreadable, RestoreRefused

DUMP = rb"""-- PostgreSQL database dump
--

\restrict aB3
-- Dumped from database version 15.18 (Debian)
CREATE TABLE public.t (a text);
COPY public.t (a) FROM stdin;
\N
\connect other
DROP DATABASE shop
ends with a backslash and a dot \\.
\.

COPY public.empty (a) FROM stdin;
\.

SELECT 'x';
-- PostgreSQL database dump complete
\unrestrict aB3
"""
SIZES = [1, 2, 3, 5, 7, 11, 64, 1000]


def passed(dump: bytes, size: int = 7, version: int = 150018) -> bytes:
    return b"".join(PlainDumpGuard(version).pass_on(dump[at : at + size] for at in range(0, len(dump), size)))


@pytest.mark.parametrize("size", SIZES)
def test_a_dump_goes_through_unchanged_whatever_its_pieces(size):
    assert passed(DUMP, size) == DUMP
    assert passed(DUMP.replace(b"\n", b"\r\n").replace(b"dump\r\n", b"dump\n"), size)
    assert passed(b"", size) == b""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "line", [b"\\connect other\n", b"\\c other", b"\\! rm x", b"CREATE DATABASE x;\n", b"drop database shop;", b"ALTER DATABASE shop SET a TO 1;", b"\\i x"]
)
def test_a_line_that_reaches_beyond_the_database_is_stopped_before_it_went_through(line, size):
    went = bytearray()
    with pytest.raises(RestoreRefused) as caught:
        pieces = b"SELECT 1;\n" + line
        for piece in PlainDumpGuard(150018).pass_on(pieces[at : at + size] for at in range(0, len(pieces), size)):
            went += piece
    assert caught.value.details["problems"][0]["code"] == "leaves_database"
    assert not line.startswith(bytes(went[10:])) or len(went) <= 10


@pytest.mark.parametrize("size", SIZES)
def test_a_dump_without_its_end_is_refused(size):
    for end in (DUMP.index(b"SELECT 'x'"), DUMP.index(b"\\connect"), DUMP.index(b"\\.\n\nCOPY"), len(DUMP) - 40):
        with pytest.raises(ArchiveUnreadable):
            passed(DUMP[:end], size)


def test_sql_that_declares_no_dump_needs_no_end():
    assert passed(b"INSERT INTO t VALUES (1);") == b"INSERT INTO t VALUES (1);"


def test_a_psql_that_is_too_old_for_the_dump_is_told_with_versions():
    with pytest.raises(RestoreRefused, match="15.13 does not know; 15.14 is the first") as caught:
        passed(DUMP, version=150013)
    assert caught.value.details["problems"][0]["code"] == "psql_too_old"


def test_a_dump_of_a_newer_major_version_is_told_with_versions():
    with pytest.raises(RestoreRefused, match="of Postgres 15, and the server is 14") as caught:
        passed(DUMP, version=140022)
    assert caught.value.details["problems"][0]["code"] == "major_version"


def test_a_line_longer_than_memory_should_be_goes_through():
    long = b"INSERT INTO t VALUES ('" + b"x" * (3 << 20) + b"');\n\\connect other\n"
    with pytest.raises(RestoreRefused):
        passed(long, 1 << 20)
    assert passed(long[: -len(b"\\connect other\n")], 1 << 20) == long[: -len(b"\\connect other\n")]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"PGDMP\x01\x0e\x00", "pg_dump-custom"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"age-encryption.org/v1\n", "age"),
        (b"SELECT 1;", "sql"),
        (b"", ""),
        (b"toc.dat\0\0\0", ""),
    ],
)
def test_a_file_is_told_by_its_content(head, kind):
    found, cause = kind_of(head)
    assert (found, bool(cause)) == (kind, kind == "")
