from __future__ import annotations

import pytest
from ansible_collections.runbook.compose.plugins.module_utils._core.kernel_texts import (
    busy_percent,
    listening,
    listens,
    memory_of,
    mount_of,
    mounts_of,
    parse_listener,
)

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /srv/with\040blank rw - tmpfs tmpfs rw,size=10k
31 22 8:16 / /srv/data rw,noatime - xfs /dev/sdb ro
32 22 8:17 / /srv/data rw - ext4 /dev/sdc rw
33 22 8:18 / /srv/datastore ro - ext4 /dev/sdd rw
""".strip()
TCP = """  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0100007F:0016 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 3
"""
TCP6 = """  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000
   2: 0000000000000000FFFF00000100007F:2328 00000000000000000000000000000000:0000 0A 00000000:00000000
"""


@pytest.mark.parametrize(
    ("path", "device", "read_only"),
    [
        ("/", "/dev/vda", False), ("/etc", "/dev/vda", False), ("/srv/with blank/x", "tmpfs", False), ("/srv/data", "/dev/sdc", False),
        ("/srv/data/a", "/dev/sdc", False), ("/srv/datastore/a", "/dev/sdd", True), ("/srv/databases", "/dev/vda", False),
    ],
)  # fmt: skip
def test_a_path_is_on_the_last_of_the_longest(path, device, read_only):
    mount = mount_of(path, mounts_of(MOUNTS))
    assert (mount.device, mount.read_only) == (device, read_only)


def test_a_file_system_that_became_read_only_is_seen():
    assert mounts_of(MOUNTS)[2].read_only
    assert mount_of("/x", []) is None


def test_memory_is_in_bytes():
    assert memory_of("MemTotal:  8 kB\nMemAvailable:\t 4 kB\nHugePages_Total: 0\n") == {"MemTotal": 8192, "MemAvailable": 4096}


def test_the_processors_are_busy_with_what_is_neither_idle_nor_waiting():
    earlier, later = "cpu 100 0 0 100 0 0 0 0 50 0\ncpu0 1", "cpu 120 0 10 150 10 0 0 10 70 0\ncpu0 1"
    assert busy_percent(earlier, later) == {"busy": 40.0, "waiting_for_disk": 10.0, "stolen": 10.0}
    assert busy_percent(earlier, earlier) is None and busy_percent("", later) is None


def test_who_listens_is_read_from_the_kernel():
    assert listening(TCP) == [("0.0.0.0", 22), ("127.0.0.1", 8080)]
    assert listening(TCP6) == [("127.0.0.1", 9000), ("::", 443), ("::1", 80)]
    assert listening("") == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("22", ["0.0.0.0"]), ("127.0.0.1:22", ["0.0.0.0"]), ("127.0.0.1:8080", ["127.0.0.1"]), ("10.0.0.1:8080", []), ("8080", ["127.0.0.1"]),
        ("10.0.0.1:443", ["::"]), ("[::1]:443", ["::"]), ("[::1]:80", ["::1"]), ("[::1]:22", []), ("127.0.0.1:80", []), ("23", []),
    ],
)  # fmt: skip
def test_what_listens_everywhere_listens_there_too(text, where):
    assert listens(parse_listener(text), [*listening(TCP), *listening(TCP6)]) == where


@pytest.mark.parametrize("text", ["", "http", "0", "65536", "localhost:80", ":x", "1.2.3:80", "127.0.0.1:", "80 "])
def test_what_is_no_listener_is_none(text):
    assert parse_listener(text) is None
