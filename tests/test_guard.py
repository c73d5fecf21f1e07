"""Who may never be held, and what proves that a device is who its packets say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from unlisted.messages import Decision, Device, Lease
from unlisted.net import Address, ip
from unlisted.stop import decide, guard

NOW = 1000.0


def address(text: str) -> Address:
    made = ip(text)
    assert made is not None
    return made


def lease(where: str, mac: str, end: float | None = None) -> Lease:
    return Lease(address(where), mac, end=end)


LAPTOP = Device(address("192.168.1.50"), "3c:5a:b4:00:00:01")
NETWORK = guard.Network(
    gateway=frozenset({"192.168.1.1"}),
    dns=frozenset({"192.168.1.2"}),
    dhcp=frozenset({"192.168.1.3"}),
    this_host=frozenset({"3c:5a:b4:00:00:f1"}),
    admin=frozenset({"192.168.1.20"}),
    senders=frozenset({"192.168.1.25", "3c:5a:b4:00:00:26"}),
    protect=frozenset({"192.168.1.30"}),
    known=(
        lease("192.168.1.50", LAPTOP.mac),
        lease("192.168.1.1", "3c:5a:b4:00:00:aa"),
        lease("fd00::1", "3c:5a:b4:00:00:aa"),
    ),
)


def held(device: Device, ident: str = "x") -> Decision:
    made = decide.by_hand(device, "", "me", NOW - 10, 1)
    return structs.replace(made, id=ident, state="verified")


def test_an_ordinary_device_may_be_held() -> None:
    assert guard.refuse(LAPTOP, NETWORK, [], NOW) == ""


@pytest.mark.parametrize(
    ("where", "mac", "what"),
    [
        ("192.168.1.1", "", "the gateway"),
        ("192.168.1.77", "3c:5a:b4:00:00:aa", "the gateway"),  # by its MAC, through the neighbor table
        ("fd00::1", "", "the gateway"),  # by its other family
        ("192.168.1.2", "", "the DNS server"),
        ("192.168.1.3", "", "the DHCP server"),
        ("192.168.1.9", "3c:5a:b4:00:00:f1", "this machine"),
        ("192.168.1.20", "", "the administrator"),
        ("192.168.1.25", "", "a declared mail sender"),
        ("192.168.1.26", "3c:5a:b4:00:00:26", "a declared mail sender"),
        ("192.168.1.30", "", "protected"),
        ("192.168.1.40", "01:00:5e:00:00:01", "no device's own MAC"),
        ("192.168.1.40", "ff:ff:ff:ff:ff:ff", "no device's own MAC"),
    ],
)
def test_what_the_network_needs_is_never_held(where: str, mac: str, what: str) -> None:
    assert what in guard.refuse(Device(address(where), mac), NETWORK, [], NOW)


def test_nothing_to_hold_it_by() -> None:
    assert "neither" in guard.refuse(Device(None), NETWORK, [], NOW)


def test_already_held_under_any_of_its_names() -> None:
    assert "already held" in guard.refuse(LAPTOP, NETWORK, [held(LAPTOP)], NOW)
    assert "already held" in guard.refuse(
        Device(LAPTOP.address), NETWORK, [held(Device(None, LAPTOP.mac))], NOW
    )
    assert guard.refuse(LAPTOP, NETWORK, [held(LAPTOP)], NOW + 1e6) == ""  # that hold is over


def test_never_more_than_so_many_at_once() -> None:
    others = [held(Device(address(f"192.168.1.{n}")), str(n)) for n in (100, 101, 102)]
    assert guard.full(NETWORK, others[:2], NOW) == ""
    assert "3 is the most at once" in guard.full(NETWORK, others, NOW)
    assert "0 is the most" in guard.full(structs.replace(NETWORK, max_holds=0), [], NOW)


def test_a_router_of_others_is_not_held() -> None:
    many = tuple(lease(f"192.168.1.{n}", LAPTOP.mac) for n in range(50, 50 + guard.SHARED + 1))
    assert "a router" in guard.refuse(LAPTOP, structs.replace(NETWORK, known=many), [], NOW)
    private = tuple(
        lease(f"fd00::{n:x}", LAPTOP.mac) for n in range(50, 70)
    )  # privacy addresses of one machine
    known = (*NETWORK.known, *private)
    assert guard.refuse(LAPTOP, structs.replace(NETWORK, known=known), [], NOW) == ""


def test_a_forged_source_leads_to_no_hold() -> None:
    forger = "3c:5a:b4:00:00:66"
    assert "may be forged" in guard.refuse(Device(LAPTOP.address, forger), NETWORK, [], NOW)
    assert "may be forged" in guard.refuse(Device(address("192.168.1.99"), forger), NETWORK, [], NOW)
    both = structs.replace(NETWORK, known=(*NETWORK.known, lease("192.168.1.50", forger)))
    assert "may be forged" in guard.refuse(LAPTOP, both, [], NOW)  # two claim it: neither is held
    assert "no lease" in guard.refuse(Device(None, forger), NETWORK, [], NOW)


def test_a_lease_that_ended_proves_nothing() -> None:
    ended = guard.Network(known=(lease("192.168.1.50", LAPTOP.mac, end=NOW - 1),))
    assert "no lease" in guard.refuse(LAPTOP, ended, [], NOW)


@given(st.binary(min_size=6, max_size=6), st.integers(0, 2**32 - 1), st.floats(allow_nan=True))
def test_it_always_answers(mac: bytes, where: int, now: float) -> None:
    device = Device(address(".".join(str(where >> shift & 255) for shift in (24, 16, 8, 0))), mac.hex(":"))
    assert isinstance(guard.refuse(device, NETWORK, [held(LAPTOP)], now), str)
