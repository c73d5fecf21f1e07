"""Who had an address when: joined by interval, and never guessed."""

import random
from ipaddress import ip_address
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from unlisted.edge import vendors
from unlisted.find.vendor import vendor
from unlisted.find.who import Span, Who
from unlisted.messages import Lease

A, B = "3c:5a:b4:12:34:56", "00:1b:63:00:00:01"
HOST = ip_address("192.168.50.9")


def who(*leases: Lease) -> Who:
    made = Who(vendors.name)
    for lease in leases:
        made.add(lease)
    return made


def test_a_lease_names_the_device() -> None:
    found = who(Lease(HOST, A, "FRONTDESK-PC", start=1000.0)).identify(HOST, 2000.0)
    assert (found.device.mac, found.device.hostname, found.via) == (A, "FRONTDESK-PC", "lease")
    assert found.device.first_seen == 1000.0
    assert found.device.vendor.startswith("Google")
    assert found.candidates == ()


def test_before_the_lease_nobody_is_named() -> None:
    found = who(Lease(HOST, A, start=1000.0)).identify(HOST, 900.0)
    assert (found.device.mac, found.via) == ("", "address only")


def test_the_next_lease_takes_the_address() -> None:
    people = who(Lease(HOST, A, start=1000.0), Lease(HOST, B, start=5000.0))
    assert people.moves(HOST)
    assert people.device(HOST, 2000.0).mac == A
    assert people.device(HOST, 6000.0).mac == B


def test_a_release_ends_a_lease() -> None:
    people = who(Lease(HOST, A, start=1000.0), Lease(HOST, A, end=2000.0))
    assert people.device(HOST, 1500.0).mac == A
    assert people.device(HOST, 3000.0).mac == ""


def test_a_lease_file_that_contradicts_the_log_leaves_both_as_candidates() -> None:
    people = who(Lease(HOST, A, start=1000.0), Lease(HOST, B, end=90000.0))
    found = people.identify(HOST, 2000.0)
    assert found.device.mac == ""
    assert {one.mac for one in found.candidates} == {A, B}
    assert people.identify(HOST, 500.0).candidates == ()


def test_a_neighbor_table_counts_only_without_dated_leases() -> None:
    assert who(Lease(HOST, A)).identify(HOST, 10.0).via == "neighbor table"
    assert who(Lease(HOST, A), Lease(HOST, B, start=0.0)).device(HOST, 10.0).mac == B


def test_a_mac_on_the_wire_settles_it() -> None:
    found = who(Lease(HOST, A, "old", start=1.0), Lease(HOST, B, "new", start=2.0)).identify(HOST, 9.0, A)
    assert (found.device.mac, found.device.hostname, found.via) == (A, "old", "MAC in the log")


lease = st.builds(
    Lease,
    st.sampled_from([HOST, ip_address("192.168.50.10")]),
    st.sampled_from([A, B]),
    start=st.none() | st.floats(0, 100),
    end=st.none() | st.floats(0, 100),
)


@given(st.lists(lease, max_size=8), st.floats(0, 100), st.randoms())
def test_order_does_not_matter_and_a_name_is_unique_or_none(
    leases: list[Lease], at: float, rng: random.Random
) -> None:
    found = who(*leases).identify(HOST, at)
    mixed = list(leases)
    rng.shuffle(mixed)
    again = who(*mixed).identify(HOST, at)
    assert again.device.mac == found.device.mac
    assert {one.mac for one in again.candidates} == {one.mac for one in found.candidates}
    assert not (found.device.mac and found.candidates)
    assert len(found.candidates) != 1


def test_vendor_by_the_longest_registry() -> None:
    table = (
        b"# head\n001BC5\tIEEE Registration Authority\n001BC5000\tConverging Systems Inc.\n"
        b"0055DA\tIEEE Registration Authority\n0055DA0\tShinko\n3C5AB4\tGoogle, Inc.\n"
    )
    assert vendor("3c:5a:b4:12:34:56", table) == "Google, Inc."
    assert vendor("00:1b:c5:00:01:02", table) == "Converging Systems Inc."
    assert vendor("00:1b:c5:ff:01:02", table) == ""
    assert vendor("00:55:da:01:02:03", table) == "Shinko"
    assert vendor("aa:bb:cc:01:02:03", table) == "", "made up by software"
    assert vendor("", table) == vendor("nonsense", table) == vendor("00:00:00:00:00:00", b"") == ""


def test_the_vendor_table_is_sorted_dated_and_found_throughout() -> None:
    lines = bytes(vendors.table()[:]).decode().splitlines()
    head = [line for line in lines if line.startswith("#")]
    rows = [line.partition("\t") for line in lines[len(head) :]]
    assert "source" in head[1]
    assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    assert len(rows) > 50_000
    for prefix, _, name in rows[:: len(rows) // 200]:
        digits = prefix.ljust(12, "0").lower()
        if int(digits[:2], 16) & 2 or name == "IEEE Registration Authority":
            continue
        assert vendors.name(":".join(digits[i : i + 2] for i in range(0, 12, 2)))


def slowly(leases: list[Lease]) -> set[Span]:
    """The same intervals by the definition, every lease against every other."""
    starts = [(one.start, one.mac) for one in leases if one.start is not None]
    ends = [(one.end, one.mac) for one in leases if one.end is not None]
    found = set()
    for start, mac in starts:
        taken = min((at for at, other in starts if other != mac and at > start), default=inf)
        ended = min((at for at, other in ends if other == mac and at >= start), default=inf)
        found.add(Span(start, min(taken, ended), mac, dated=True))
    for end, mac in ends:
        if not any(start <= end and other == mac for start, other in starts):
            before = max((at for at, other in starts if other != mac and at <= end), default=-inf)
            found.add(Span(before, end, mac, dated=True))
    return found


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.none() | st.integers(0, 9).map(float),
            st.none() | st.integers(0, 9).map(float),
        ),
        max_size=30,
    )
)
def test_intervals_are_those_of_the_definition(told: list[tuple[str, float | None, float | None]]) -> None:
    leases = [Lease(HOST, mac, start=start, end=end) for mac, start, end in told]
    made = {span for span in who(*leases).spans(HOST) if span.dated}
    assert made == slowly(leases)


def test_a_long_dhcp_log_of_one_address_costs_no_square() -> None:
    class Counted(float):
        compared = 0

        def __lt__(self, other: float) -> bool:
            Counted.compared += 1
            return float(self) < float(other)

    count = 4000
    people = who(*(Lease(HOST, str(n % 7), start=Counted(n), end=Counted(n + 1)) for n in range(count)))
    assert len(people.spans(HOST)) == count
    assert Counted.compared < 100 * count
