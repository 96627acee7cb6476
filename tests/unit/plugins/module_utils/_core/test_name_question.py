from __future__ import annotations

import pytest

from ansible_collections.runbook.compose.plugins.module_utils._core.name_question import ADDRESS_4, ADDRESS_6, addresses, hosts_entry, name_servers, question

ANSWER = (
    b"\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00"
    + b"\x03api\x04shop\x00\x00\x01\x00\x01"
    # A pointer to the question's name, an alias and then the address.
    + b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01a\xc0\x10"
    + b"\x01a\xc0\x10\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xac\x15\x00\x02"
)


def test_a_question_and_its_answer():
    assert question("api.shop.", ADDRESS_4, 0x1234) == b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03api\x04shop\x00\x00\x01\x00\x01"
    assert addresses(ANSWER, 0x1234, ADDRESS_4) == ["172.21.0.2"]
    assert addresses(ANSWER, 0x1234, ADDRESS_6) == []


@pytest.mark.parametrize("answer", [b"", ANSWER[:11], ANSWER[:30], ANSWER[:50], ANSWER[:-6]])
def test_an_answer_that_is_cut_is_none(answer):
    with pytest.raises(ValueError, match="cut"):
        addresses(answer, 0x1234, ADDRESS_4)


def test_the_answer_to_another_question_is_none():
    with pytest.raises(ValueError, match="another"):
        addresses(ANSWER, 1, ADDRESS_4)


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ""])
def test_what_is_no_name_is_not_asked(name):
    with pytest.raises(ValueError, match="."):
        question(name, ADDRESS_4, 1)


def test_files_of_a_container():
    hosts = "127.0.0.1\tlocalhost\n# 10.0.0.9 provider\n10.0.0.7  Provider stub # of the test\n"
    assert (hosts_entry(hosts, "stub"), hosts_entry(hosts, "provider"), hosts_entry(hosts, "of")) == ("10.0.0.7", "10.0.0.7", None)
    assert name_servers("nameserver 127.0.0.11\nsearch shop\nnameserver\nnameserver ::1\n") == ["127.0.0.11", "::1"]
