"""The gate, the countdown and the words of a removal; what is quiet; what came back."""

from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from unlisted.messages import Attempt, Decision, Device, Listing
from unlisted.notice import dnsbl, lists
from unlisted.notice.lists import Catalogue, stranger
from unlisted.notice.packets import A, Answer
from unlisted.recover import quiet, relapse, removal
from unlisted.recover.removal import Removal

HOUR = 3600.0
NOW = 1_790_000_000.0
US = IPv4Address("203.0.113.7")
LAPTOP = Device(IPv4Address("192.168.1.23"), "3c:5a:b4:12:34:56", hostname="laptop")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """Ours."""
    return lists.load()


def plan(catalogue: Catalogue, key: str, *codes: str, **facts: Any) -> Removal:
    """The plan for an answer with these codes; contained two days ago unless `facts` say otherwise."""
    entry = catalogue.list[key]
    rcode = 0 if codes else 3
    listing = dnsbl.judge(entry, US, Answer(name="x", qtype=A, rcode=rcode, addresses=codes))
    given_facts: dict[str, Any] = {"contained_at": NOW - 48 * HOUR, "last_attempt": None, "now": NOW, **facts}
    return removal.plan(listing, entry, **given_facts)


def test_open_gate(catalogue: Catalogue) -> None:
    row = plan(catalogue, "spamhaus-zen", "127.0.0.4", what="A laptop sent mail", watched=NOW)
    assert (row.list, row.address, row.state) == ("spamhaus-zen", "203.0.113.7", "ready")
    assert row.earliest == NOW
    assert row.why_not_yet == ""
    assert row.url == "https://check.spamhaus.org/"
    assert "203.0.113.7" in row.text
    assert "A laptop sent mail" in row.text
    assert "Nothing else left by port 25 from 2026-09-19" in row.text


def test_no_containment_no_removal(catalogue: Catalogue) -> None:
    row = plan(catalogue, "spamhaus-zen", "127.0.0.4", contained_at=None, why_open="nothing is held")
    assert row.state == "wait"
    assert row.earliest is None
    assert row.why_not_yet == "the cause is not contained: nothing is held"
    assert row.text == ""  # there is nothing true to say yet


def test_not_quiet_for_long_enough(catalogue: Catalogue) -> None:
    fresh = plan(catalogue, "barracuda", "127.0.0.2", contained_at=NOW - 2 * HOUR)
    assert (fresh.state, fresh.earliest) == ("wait", NOW + 22 * HOUR)
    leaked = plan(catalogue, "barracuda", "127.0.0.2", last_attempt=NOW - HOUR)
    assert (leaked.state, leaked.earliest) == ("wait", NOW + 23 * HOUR)
    assert "quiet only since" in leaked.why_not_yet


def test_what_was_not_watched_is_not_claimed(catalogue: Catalogue) -> None:
    assert "Nothing else left" not in plan(catalogue, "barracuda", "127.0.0.2").text


def test_a_higher_record_stands_in_front(catalogue: Catalogue) -> None:
    row = plan(catalogue, "spamhaus-zen", "127.0.0.2", "127.0.0.4", "127.0.0.10")
    assert row.state == "provider"
    assert "delistingprocedure" in row.url
    assert "XBL, PBL can be asked about once it is gone" in row.why_not_yet


def test_a_policy_entry_needs_no_quiet(catalogue: Catalogue) -> None:
    row = plan(catalogue, "spamhaus-zen", "127.0.0.10", contained_at=None)
    assert row.state == "ready"
    assert "policy range" in row.text


def test_a_list_that_expires_is_a_countdown(catalogue: Catalogue) -> None:
    row = plan(catalogue, "spamcop", "127.0.0.2", contained_at=NOW - 4 * HOUR)
    assert (row.state, row.earliest) == ("countdown", NOW + 24 * HOUR)
    assert "nothing to ask" in row.why_not_yet
    again = plan(catalogue, "spamcop", "127.0.0.2", last_attempt=NOW)
    assert again.earliest == NOW + 28 * HOUR
    loose = plan(catalogue, "uceprotect-1", "127.0.0.2", contained_at=None)
    assert (loose.state, loose.earliest) == ("countdown", None)
    assert "starts anew" in loose.why_not_yet


def test_a_neighbor_s_listing_is_not_ours(catalogue: Catalogue) -> None:
    for key in ("uceprotect-2", "uceprotect-3"):
        row = plan(catalogue, key, "127.0.0.2")
        assert row.state == "neighbor"
        assert "provider" in row.why_not_yet
        assert row.state in removal.CLOSED


def test_asked_once_is_enough(catalogue: Catalogue) -> None:
    row = plan(catalogue, "barracuda", "127.0.0.2", asked_at=NOW - HOUR)
    assert (row.state, row.earliest) == ("asked", NOW + 23 * HOUR)
    assert plan(catalogue, "barracuda", "127.0.0.2", asked_at=NOW - 25 * HOUR).state == "ready"


def test_clear_and_unknown(catalogue: Catalogue) -> None:
    assert plan(catalogue, "spamcop").state == "cleared"
    row = plan(catalogue, "spamcop", "127.0.0.77")
    assert row.state == "unknown"
    assert "127.0.0.77" in row.why_not_yet


def test_a_list_that_nobody_knows_goes_through_the_same_gate() -> None:
    entry = stranger("bl.example")
    listing = dnsbl.judge(entry, US, Answer(name="x", qtype=A, rcode=0, addresses=("127.0.0.2",)))
    shut = removal.plan(listing, entry, contained_at=None, last_attempt=None, now=NOW)
    assert shut.state == "wait"
    assert removal.plan(listing, entry, contained_at=1.0, last_attempt=None, now=NOW).state == "ready"


@given(
    st.sampled_from(sorted(lists.load().list)),
    st.lists(st.sampled_from([f"127.0.0.{n}" for n in range(48)]), min_size=1, max_size=4, unique=True),
    st.none() | st.floats(0, NOW),
    st.none() | st.floats(0, NOW),
)
def test_never_before_its_gate(
    key: str, codes: list[str], contained_at: float | None, last_attempt: float | None
) -> None:
    entry = lists.load().list[key]
    listing = dnsbl.judge(entry, US, Answer(name="x", qtype=A, rcode=0, addresses=tuple(codes)))
    row = removal.plan(listing, entry, contained_at=contained_at, last_attempt=last_attempt, now=NOW)
    assert row.state in (*removal.OPEN, *removal.CLOSED)
    way = dnsbl.way_out(entry, codes)
    if row.state == "ready" and way.quiet_hours:
        assert contained_at is not None
        assert max(contained_at, last_attempt or 0.0) + way.quiet_hours * HOUR <= NOW
    if row.state == "ready":
        assert row.text
    else:
        assert row.state == "cleared" or row.why_not_yet


def test_the_order_is_what_to_do_first() -> None:
    rows = [
        Removal(list=state, address="x", state=state)
        for state in ("cleared", "countdown", "wait", "ready", "provider")
    ]
    assert [row.state for row in removal.order(rows)] == ["ready", "provider", "wait", "countdown", "cleared"]


# ---- quiet ----------------------------------------------------------------------------------------


def decision(
    state: str, device: Device = LAPTOP, made_at: float = 10.0, expires_at: float = 1e12
) -> Decision:
    """A hold."""
    applied = None if state == "proposed" else made_at + 1
    return Decision(
        "id", device, "sends mail", "policy", made_at, expires_at, state, "unlisted release", applied
    )


@pytest.mark.parametrize(
    ("states", "at", "why"),
    [
        ([], None, "no device has been found"),
        (["verified"], 10.0, ""),
        (["applied"], None, "not yet seen to work"),
        (["proposed"], None, "is to be held and is not"),
        (["failed"], None, "failed"),
        (["released"], None, "has ended"),
        (["failed", "verified"], 11.0, ""),
    ],
)
def test_contained(states: list[str], at: float | None, why: str) -> None:
    made = [decision(state, made_at=10.0 + n) for n, state in enumerate(states)]
    told = quiet.contained(made, NOW)
    assert told.at == at
    assert why in told.why


def test_a_hold_that_has_run_out_contains_nothing() -> None:
    assert quiet.contained([decision("verified", expires_at=NOW - 1)], NOW).at is None


@pytest.mark.parametrize(
    "never",
    [
        structs.replace(decision("proposed"), refused="its source may be forged"),
        structs.replace(decision("released"), applied_at=None),
        structs.replace(decision("expired"), applied_at=None),
    ],
)
def test_what_was_never_held_and_never_will_be_stands_in_nobodys_way(never: Decision) -> None:
    other = structs.replace(never, device=Device(IPv4Address("192.168.1.99")))
    assert quiet.contained([other, decision("verified")], NOW).at == 10.0
    assert "192.168.1.99 was found and never held" in quiet.contained([other], NOW).why


def test_one_loose_device_is_enough() -> None:
    other = Device(IPv4Address("192.168.1.99"))
    assert quiet.contained([decision("verified"), decision("proposed", other)], NOW).at is None
    both = quiet.contained([decision("verified"), decision("verified", other, made_at=20.0)], NOW)
    assert both.at == 20.0
    assert both.what.startswith("2 devices")


def test_the_last_leak_is_what_passed_and_should_not_have() -> None:
    def attempt(at: float, **other: Any) -> Attempt:
        return Attempt(
            at, IPv4Address("192.168.1.23"), IPv4Address("198.51.100.1"), other.pop("dport", 25), **other
        )

    seen = [
        attempt(1.0, action="pass"),
        attempt(2.0),
        attempt(3.0, action="block"),
        attempt(4.0, action="held"),
        attempt(5.0, dport=587),
        attempt(6.0, mac="02:00:00:00:00:25"),
        Attempt(7.0, IPv4Address("198.51.100.9"), IPv4Address("192.168.1.25"), 25),  # mail that came in
        Attempt(8.0, IPv4Address("192.168.1.23"), IPv4Address("192.168.1.25"), 25),  # to our own server
    ]
    assert quiet.last_leak(seen, ["02:00:00:00:00:25"]) == 2.0
    assert quiet.last_leak(seen, ["192.168.1.23"]) is None
    assert quiet.last_leak([]) is None


# ---- relapse --------------------------------------------------------------------------------------


def test_what_changed() -> None:
    """`f` was never looked at: that it is listed is no news."""

    def look(**states: str) -> list[Listing]:
        return [Listing("203.0.113.7", name, name, state) for name, state in states.items()]

    before = look(a="listed", b="clear", c="listed", d="unknown", e="clear")
    after = look(a="clear", b="listed", c="unknown", d="listed", e="clear", f="listed")
    changes = relapse.compare(before, after, frozenset({("203.0.113.7", "b")}))
    assert [(one.list, one.what) for one in changes] == [
        ("a", "gone"),
        ("b", "back"),
        ("d", "new"),
    ]


def test_a_declared_sender_may_be_spelled_in_any_way() -> None:
    seen = [Attempt(1.0, IPv4Address("192.168.1.10"), US, 25, mac="3c:5a:b4:12:34:56")]
    assert quiet.last_leak(seen) == 1.0
    assert quiet.last_leak(seen, ["3C-5A-B4-12-34-56"]) is None
    assert quiet.last_leak(seen, ["::ffff:192.168.1.10"]) is None
    assert quiet.last_leak(seen, ["192.168.1.11"]) == 1.0
