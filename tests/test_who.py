"""Who had an address when: joined by interval, and never guessed."""

import random
from ipaddress import ip_address
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.edge import vendors
from unlisted.find import spans
from unlisted.find.vendor import vendor
from unlisted.find.who import Who
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


def had(leases: list[Lease], mac: str, at: float) -> bool:
    """True when `mac` may have had the address at a moment, in words; moments touch, so both ends count.

    It took the address, and since then neither did that lease end, nor did the MAC give the address
    back, nor did anybody else take it. Or a lease of which nobody saw the start ends later, and nobody
    takes the address until then.
    """
    taken = [(one.start, one.mac) for one in leases if one.start is not None]
    given_back = [
        (one.end, one.mac)
        for one in leases
        if one.end is not None and (one.start is None or one.end < one.start)
    ]
    for lease in leases:
        if lease.mac == mac and lease.start is not None and lease.start <= at:
            over = lease.end is not None and lease.start <= lease.end < at
            back = any(who == mac and lease.start <= end < at for end, who in given_back)
            gone = any(who != mac and lease.start < start < at for start, who in taken)
            if not (over or back or gone):
                return True
    return any(
        who == mac and at <= end and not any(at < start <= end for start, _ in taken)
        for end, who in given_back
    )


# Where a start is told with two ends the earlier counts; here each start is told once.
told = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.none() | st.integers(0, 9).map(float),
        st.none() | st.integers(0, 9).map(float),
    ),
    max_size=30,
    unique_by=lambda one: one[:2] if one[1] is not None else one,
)
MOMENTS = [moment / 2 for moment in range(-1, 20)]


def drawn(people: Who) -> set[tuple[str, float]]:
    return {
        (span.mac, at)
        for span in people.spans(HOST)
        if span.dated
        for at in MOMENTS
        if span.start <= at <= span.end
    }


@given(told)
def test_intervals_are_those_of_the_definition(told: list[tuple[str, float | None, float | None]]) -> None:
    leases = [Lease(HOST, mac, start=start, end=end) for mac, start, end in told]
    made = drawn(who(*leases))
    assert made == {(mac, at) for mac in "abc" for at in MOMENTS if had(leases, mac, at)}


@given(told)
def test_what_is_left_out_changes_nothing(told: list[tuple[str, float | None, float | None]]) -> None:
    """Renewals are joined once there are many; what has come until then gives the same intervals."""
    leases = [Lease(HOST, mac, start=start, end=end) for mac, start, end in told]
    past = spans.Past()
    for lease in leases:
        past.add(lease)
    before = past.spans()
    while spare := past._spare():
        for at, mac, is_start in spare[::2]:
            if is_start:
                del past._starts[at, mac]
            else:
                past._ends.discard((at, mac))
        past._spans = None
        assert past.spans() == before


@pytest.mark.parametrize("seed", range(40))
def test_told_in_order_few_words_do(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a watch hears it: what is known after `since` is by the definition, however few words are kept."""
    rng = random.Random(seed)
    monkeypatch.setattr(spans, "MOST", rng.choice([8, 12, 16]))
    past, told, at, mac = spans.Past(), list[Lease](), 0.0, "a"
    for _ in range(80):
        at += rng.choice([0.5, 1.0, 2.0])
        mac = rng.choice("abc") if rng.random() < 0.1 else mac
        kind = rng.choice(["start", "both", "end"])
        start = None if kind == "end" else at
        end = at + rng.randint(0, 6) if kind == "both" else at if kind == "end" else None
        told.append(Lease(HOST, mac, start=start, end=end))
        past.add(told[-1])
        assert len(past) <= spans.MOST
    moments = [moment / 2 for moment in range(400) if moment / 2 > past.since]
    assert {(one.mac, m) for one in past.spans() for m in moments if one.start <= m <= one.end} == {
        (who, m) for who in "abc" for m in moments if had(told, who, m)
    }


def test_a_lease_file_that_goes_on_after_another_took_the_address_leaves_both() -> None:
    """The log has A, then B; today's lease file says A until 100."""
    people = who(Lease(HOST, A, start=10.0), Lease(HOST, B, start=20.0), Lease(HOST, A, end=100.0))
    assert people.device(HOST, 12.0).mac == A
    assert {one.mac for one in people.identify(HOST, 90.0).candidates} == {A, B}
    assert people.device(HOST, 110.0).mac == B


def test_a_renewal_goes_on() -> None:
    people = who(Lease(HOST, A, start=10.0, end=50.0), Lease(HOST, A, start=30.0, end=70.0))
    assert [tuple(span) for span in people.spans(HOST)] == [(10.0, 70.0, A, True)]


def words(people: Who) -> int:
    return sum(map(len, people._pasts.values()))


def test_a_day_of_renewals_is_one_span_and_few_words() -> None:
    people = who(*(Lease(HOST, A, f"pc{n}", end=1e6 + n) for n in range(5000)))
    people.add(Lease(HOST, B, start=2e6))
    assert [(one.start, one.end, one.mac) for one in people.spans(HOST)] == [
        (-inf, 1e6 + 4999, A),
        (2e6, inf, B),
    ]
    assert words(people) <= spans.MOST
    assert (people.forgotten, people.device(HOST, 1e6).hostname) == (0, "pc4999")
    people = who(*(Lease(HOST, A, start=float(n)) for n in range(5000)))
    assert [tuple(one) for one in people.spans(HOST)] == [(0.0, inf, A, True)]
    assert (words(people) <= spans.MOST, people.forgotten) == (True, 0)
    assert people.device(HOST, 9.0).first_seen == 0.0


@pytest.mark.parametrize("step", [1.0, 0.0])
def test_claims_without_end_are_bounded_and_the_newest_are_kept(step: float) -> None:
    count = 20 * spans.MOST
    people = who(*(Lease(HOST, f"{n:06}", start=n * step) for n in range(count)))
    assert words(people) <= spans.MOST
    assert len(people) <= spans.MOST
    assert people.forgotten == count - words(people)
    if step:
        assert people.device(HOST, count - 100.5 + spans.MOST).mac == f"{count - 1:06}"
        assert people.identify(HOST, 10.0).via == "address only", "what is forgotten is not guessed"
    undated = who(*(Lease(HOST, f"{n:06}") for n in range(2 * spans.MOST)))
    assert (len(undated), undated.forgotten) == (spans.MOST, spans.MOST)


def test_a_long_dhcp_log_of_one_address_costs_no_square(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "MOST", 10_000)

    class Counted(float):
        compared = 0

        def __lt__(self, other: float) -> bool:
            Counted.compared += 1
            return float(self) < float(other)

    count = 4000
    people = who(*(Lease(HOST, str(n % 7), start=Counted(n), end=Counted(n + 1)) for n in range(count)))
    assert len(people.spans(HOST)) == count
    assert Counted.compared < 100 * count


def test_a_device_that_changed_its_mac_is_known_by_its_client_id() -> None:
    duid = "ff:12:34:56:78:00:01:00:01:2c:aa:bb:cc:3c:5a:b4:12:34:56"
    people = who(
        Lease(HOST, A, client_id=duid, start=1.0),
        Lease(HOST, "5e:00:00:00:00:01", client_id=duid, start=900.0),
        Lease(HOST, B, client_id=f"01:{B}", start=2000.0),
    )
    assert people.same(A) == ("5e:00:00:00:00:01",)
    assert people.same(B) == ()


def test_a_virtual_machine_is_told_from_a_random_address() -> None:
    assert vendors.name("52:54:00:12:34:56") == "QEMU/KVM (virtual machine)"
    assert vendors.name("02:42:ac:11:00:02") == "Docker (container)"
    assert vendors.name("5e:12:34:56:78:9a") == ""
