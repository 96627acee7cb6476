from __future__ import annotations

from datetime import timezone

import pytest
from ansible_collections.runbook.compose.plugins.module_utils._core.x509 import NoCertificate, certificate_of, certificates_of
from cryptography.hazmat.primitives import hashes

from tests.support.certificates import issue

NAMES = ["shop.example", "*.Shop.example", "10.0.0.7", "2001:db8::7"]


@pytest.fixture(scope="module")
def authority():
    return issue("Our Authority")


@pytest.fixture(scope="module")
def issued(authority):
    return issue("shop.example", NAMES, by=authority)


def test_it_is_read_as_the_library_reads_it(issued, authority):
    read = certificate_of(issued.der)
    theirs = issued.certificate
    assert (read.subject, read.issuer, list(read.names)) == ("shop.example", "Our Authority", NAMES)
    assert read.not_after == theirs.not_valid_after_utc and read.not_before == theirs.not_valid_before_utc
    assert read.not_after.tzinfo is timezone.utc
    assert read.fingerprint == theirs.fingerprint(hashes.SHA256()).hex()
    assert certificate_of(authority.der).names == ()


def test_times_before_and_after_2050_are_read():
    far = issue("far", days=365 * 60)
    assert certificate_of(far.der).not_after == far.certificate.not_valid_after_utc
    old = issue("old", days=-365 * 40, begins=-365 * 41)
    assert certificate_of(old.der).not_after.year < 2000


def test_files_hold_one_in_der_or_a_chain_in_pem(issued, authority):
    assert [one.subject for one in certificates_of(issued.der)] == ["shop.example"]
    text = b"subject: shop\n" + issued.pem + b"\n" + issued.key_pem + authority.pem
    assert [one.subject for one in certificates_of(text)] == ["shop.example", "Our Authority"]


@pytest.mark.parametrize(
    ("host", "matches"),
    [
        ("shop.example", True), ("SHOP.example.", True), ("www.shop.example", True), ("a.www.shop.example", False), ("example", False),
        ("other.example", False), ("10.0.0.7", True), ("10.0.0.8", False), ("[2001:db8:0::7]", True), ("", False),
    ],
)  # fmt: skip
def test_a_star_is_one_label_and_an_address_an_address(issued, host, matches):
    assert certificate_of(issued.der).is_for(host) is matches


def test_the_subject_alone_is_for_no_host_and_a_star_never_for_a_whole_country(authority):
    assert not certificate_of(issue("shop.example", by=authority).der).is_for("shop.example")
    assert not certificate_of(issue("x", ["*.example"], by=authority).der).is_for("shop.example")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x30\x82\xff\xff\x00", b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", b"\x30\x03\x30\x01\x00"]
)
def test_what_is_none_is_refused(content):
    with pytest.raises(NoCertificate):
        certificates_of(content)


def test_one_that_is_cut_anywhere_is_refused_and_never_half_read(issued):
    for length in range(0, len(issued.der), 7):
        with pytest.raises(NoCertificate):
            certificate_of(issued.der[:length])
