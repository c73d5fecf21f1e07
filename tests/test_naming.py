"""Names that look like a line's, and what is said at HELO."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.net import Address
from unlisted.notice import naming

FOUR, SIX = ip_address("192.0.2.7"), ip_address("2001:db8::1:2:3:4")


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("192-0-2-7.dyn.example.net", FOUR),
        ("7.2.0.192.example.net", FOUR),
        ("host-192-0-2-7.Example.net.", FOUR),
        ("2-7.pool-192-0.example.net", FOUR),
        ("pc010000002007.example.net", ip_address("10.0.2.7")),
        ("ip192000002007.example.net", FOUR),
        ("pc0000207.dip0.example.net", FOUR),
        ("dsl-17.isp.example.net", FOUR),
        ("cpe-17.isp.example.net", FOUR),
        ("2001-db8-0-0-1-2-3-4.example.net", SIX),
        ("h0001000200030004.example.net", SIX),
    ],
)
def test_names_of_lines(name: str, address: Address) -> None:
    assert naming.generic(name, address)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("mail.example.net", FOUR),
        ("mx7.example.net", FOUR),
        ("mx2-7.example.net", FOUR),
        ("homer.example.net", FOUR),
        ("poolside.example.net", FOUR),
        ("mail.dsl.example", FOUR),  # the domain itself is called so
        ("192.example.net", FOUR),
        ("mail6.example.net", SIX),
        ("mail.example.net", ip_address("2001:db8::25")),
        ("", FOUR),
    ],
)
def test_names_of_servers(name: str, address: Address) -> None:
    assert naming.generic(name, address) == ""


@given(st.text(max_size=300), st.ip_addresses())
def test_no_name_raises(name: str, address: Address) -> None:
    assert isinstance(naming.generic(name, address), str)
    assert isinstance(naming.greeting(name, address, [], [name]), str)


@pytest.mark.parametrize(
    ("helo", "forward", "says"),
    [
        ("mail.example.net", [FOUR], ""),
        ("MAIL.example.net.", [FOUR], ""),
        ("mail", [FOUR], "no dot"),
        ("localhost", [ip_address("127.0.0.1")], "nobody outside"),
        ("exchange.office.local", [], "nobody outside"),
        ("[192.0.2.7]", [], "literal"),
        ("mail.example.net", [], "resolves to nothing"),
        ("mail.example.net", [ip_address("192.0.2.8")], "resolves to 192.0.2.8, not to 192.0.2.7"),
        ("smtp.example.net", [FOUR], "differs from the PTR name mail.example.net"),
    ],
)
def test_what_is_said_at_helo(helo: str, forward: list[Address], says: str) -> None:
    told = naming.greeting(helo, FOUR, forward, ["mail.example.net"])
    assert (says in told) if says else told == ""
