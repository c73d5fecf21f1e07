"""Addresses: read once, never raised about."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted import net


@given(st.text())
def test_no_text_raises(text: str) -> None:
    net.ip(text)
    net.network(text)
    net.mac(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
def test_spellings(text: str, address: str) -> None:
    assert net.ip(text) == ip_address(address)


@pytest.mark.parametrize("text", ["", "192.0.2", "192.0.2.256", "010.0.0.1", "host.example", "1.2.3.4/24"])
def test_what_is_no_address(text: str) -> None:
    assert net.ip(text) is None


def test_documentation_ranges_are_not_inside() -> None:
    assert not net.inside(ip_address("203.0.113.5"))
    assert net.inside(ip_address("192.168.50.23"))
    assert net.inside(ip_address("203.0.113.5"), (ip_network("203.0.113.0/24"),))


@given(st.ip_addresses())
def test_a_prefix_fits_the_kernel(address: net.Address) -> None:
    assert 0 <= net.prefix(address) < 2**63 - 1


def test_prefixes_are_a_24_and_a_48() -> None:
    assert net.prefix(ip_address("192.0.2.1")) == net.prefix(ip_address("192.0.2.254"))
    assert net.prefix(ip_address("192.0.2.1")) != net.prefix(ip_address("192.0.3.1"))
    assert net.prefix(ip_address("2001:db8:1:ffff::1")) == net.prefix(ip_address("2001:db8:1::2"))
    assert net.prefix(ip_address("2001:db8:2::1")) != net.prefix(ip_address("2001:db8:1::1"))


@pytest.mark.parametrize(
    "text", ["3C-5A-B4-12-34-56", "3c5ab4123456", "3c5a.b412.3456", " 3c:5a:b4:12:34:56 "]
)
def test_macs_have_one_form(text: str) -> None:
    assert net.mac(text) == "3c:5a:b4:12:34:56"


def test_a_made_up_mac_is_told() -> None:
    assert net.random_mac("da:a1:19:00:00:01")
    assert not net.random_mac("3c:5a:b4:12:34:56")
    assert not net.random_mac("")
