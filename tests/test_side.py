"""On which side of the translation a log was taken: nobody is accused from the wrong one."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from test_rank import MAC, attempt, burst, judge, named
from unlisted.evidence.gateway import netfilter
from unlisted.find.columns import gather
from unlisted.find.outgoing import outgoing
from unlisted.find.rank import Setting
from unlisted.find.who import Who
from unlisted.messages import Attempt, Lease

SPORTS = 30_000
BOT, OTHER = "3c:5a:b4:99:00:57", "f8:b1:56:22:00:20"
QUIET = [attempt(float(n), "198.51.100.7", "192.168.50.20", mac=OTHER, sport=n + 1) for n in range(3)]


def numbered(rows: list[Attempt]) -> list[Attempt]:
    """Every attempt with a source port of its own."""
    return [structs.replace(one, sport=SPORTS + n) for n, one in enumerate(rows)]


def after(rows: list[Attempt], src: str, *, late: float = 0.0, **more: object) -> list[Attempt]:
    """The same connections as the other interface tells them."""
    return [structs.replace(one, src=ip_address(src), at=one.at + late, mac="", **more) for one in rows]


@pytest.mark.parametrize("source", ["192.168.50.1", "192.168.50.254", "172.17.0.1", "172.22.1.1", "fd00::1"])
def test_a_gateway_that_stands_for_all_accuses_nobody(source: str) -> None:
    found = judge(burst(source))
    assert (found.suspects, found.told, found.outer) == ([], False, False)
    assert source in found.notes[0]
    assert "nobody is accused" in found.notes[0]
    assert ("container bridge" in found.notes[0]) == source.startswith("172.")


def test_a_machine_at_a_gateways_address_is_accused_where_something_tells_that_it_is_one() -> None:
    infected = "192.168.50.1"
    leased = Who()
    leased.add(Lease(ip_address(infected), MAC, start=10.0))
    assert named(judge(burst(infected), leased)) == [MAC]
    assert named(judge(burst(infected, mac=MAC))) == [MAC], "a MAC of its own"
    assert named(judge([*burst(infected), attempt(50.0, "203.0.113.25")])) == [infected], "others are seen"
    assert judge(burst(infected), senders=(infected,)).told, "the person knows it"


def test_a_mac_that_hands_on_the_world_is_the_gateways() -> None:
    """On the mail server's own log the gateway's MAC stands before strangers and before machines inside."""
    strangers = [attempt(5.0 + i, "192.168.50.10", f"198.51.{i}.25", mac=MAC) for i in range(5)]
    for source in ("192.168.50.1", "192.168.50.77"):
        found = judge([*burst(source, mac=MAC), *strangers])
        assert (found.suspects, found.told) == ([], False)
    assert "whose MAC hands on what comes from outside" in found.notes[0]


def test_a_stranger_who_calls_us_is_not_taken_for_our_own_address() -> None:
    called = [attempt(float(n), "203.0.113.5", "198.51.100.7", sport=n + 1) for n in range(9)]
    found = judge(called)
    assert (found.suspects, found.told) == ([], False)
    assert "strangers who call that address, or our own" in found.notes[0]
    ours = judge(called, own=(ip_address("198.51.100.7"),))
    assert "the outer side of the address translation" in ours.notes[0]


def test_who_forges_sources_does_not_pass_for_a_gateway() -> None:
    forged = [attempt(50.0 + n, "198.51.100.7", f"203.0.113.{n}", mac=MAC) for n in range(9)]
    for source in ("192.168.50.1", "192.168.50.9"):
        assert named(judge([*burst(source, mac=MAC), *forged])) == [MAC]


def test_hairpin_is_no_outgoing_mail() -> None:
    ours = "203.0.113.5"
    inner = [attempt(float(i), ours, "192.168.50.1", sport=i + 1) for i in range(40)]
    found = judge(inner, own=(ip_address(ours),))
    assert (found.suspects, found.told) == ([], False)
    assert "none left the own network" in found.notes[0]
    assert "mynetworks" in found.notes[0]
    mixed = judge([*inner, *burst("192.168.50.9")], own=(ip_address(ours),))
    assert named(mixed) == ["192.168.50.9"]
    assert any(note.startswith("40 attempts went to our own public address") for note in mixed.notes)


def test_the_gateway_of_containers_before_our_own_server() -> None:
    calls = [attempt(float(i), "172.22.1.253", "172.22.1.1", sport=i + 1) for i in range(40)]
    found = judge(calls)
    assert (found.suspects, found.told) == ([], False)
    assert "172.22.1.1" in found.notes[0]
    assert "containers" in found.notes[0]


@pytest.mark.parametrize("late", [0.0, 0.4])
def test_both_sides_of_a_translation_tell_each_connection_once(late: float) -> None:
    inner = numbered(burst())
    found = judge([*inner, *after(inner, "203.0.113.5", late=late)])
    [one] = found.suspects
    assert (one.device.key, one.attempts, one.flagged_after) == ("192.168.50.9", 20, 3)
    assert any("20 lines show a connection again after translation to 203.0.113.5" in n for n in found.notes)
    assert not any("left out" in note for note in found.notes)


def test_a_source_port_that_was_translated_too_is_joined_by_moment_and_target() -> None:
    inner = numbered(burst())
    out = outgoing(gather([*inner, *after(inner, "203.0.113.5", late=0.01, sport=1025)]), Setting().inside)
    assert out.again == {ip_address("203.0.113.5"): 20}
    strangers = outgoing(gather([*inner, *burst("203.0.113.5", start=900.0)]), Setting().inside)
    assert strangers.again == {}
    assert strangers.outer == {ip_address("203.0.113.5"): 20}


def test_a_translation_to_another_address_inside_accuses_the_inner_one() -> None:
    """A container, its host behind a second translation, and the router: three lines a connection."""
    inner = numbered(burst("172.17.0.2"))
    found = judge(
        [*inner, *after(inner, "192.168.50.10", late=0.001), *after(inner, "203.0.113.5", late=0.002)]
    )
    assert named(found) == ["172.17.0.2"]
    assert len(found.suspects) == 1


def test_many_behind_one_address_are_joined_whichever_line_came_first() -> None:
    inner = numbered([one for n in range(4) for one in burst(f"10.1.0.{n + 2}", count=5, start=100.0 * n)])
    found = judge([*inner, *after(inner, "10.0.0.7", late=-0.01)])
    assert {one.device.key for one in found.suspects} == {f"10.1.0.{n + 2}" for n in range(4)}


def test_two_machines_that_share_a_port_now_and_then_stay_two() -> None:
    one = numbered(burst("192.168.50.9"))
    two = numbered(burst("192.168.50.10", start=500.0))
    shared = after(one[:4], "192.168.50.10", late=0.1)
    found = judge([*one, *two, *shared])
    assert {seen.device.key: seen.attempts for seen in found.suspects} == {
        "192.168.50.9": 20,
        "192.168.50.10": 24,
    }


def test_a_card_that_forges_a_neighbors_address_beside_its_own_is_named() -> None:
    """Else it would pass for the translation of the neighbor, who would be accused."""
    own = [structs.replace(one, mac=MAC) for one in numbered(burst("192.168.50.9"))]
    forged = [structs.replace(one, src=ip_address("192.168.50.20"), at=one.at - 0.001) for one in own]
    found = judge([*own, *forged])
    assert named(found) == [MAC]
    assert found.suspects[0].attempts == 40


def test_what_nobody_is_seen_to_have_sent_is_not_called_fine() -> None:
    """A log of the outer side with a few inner lines: that those are honest tells nothing."""
    quiet = [attempt(float(n), "198.51.100.7", "192.168.50.20", sport=n + 1) for n in range(3)]
    found = judge([*quiet, *burst("203.0.113.5", start=500.0)])
    assert [one.verdict for one in found.suspects] == ["honest"]
    assert not found.told
    assert any(note.startswith("20 attempts left out") for note in found.notes)
    ours = judge([*quiet, *burst("203.0.113.5", start=500.0)], own=(ip_address("203.0.113.5"),))
    assert not ours.told
    assert any(note.startswith("20 attempts from 203.0.113.5 have no inner line") for note in ours.notes)
    assert judge([*quiet, *burst("203.0.113.5", count=2, start=500.0)]).told
    assert judge([*burst(), *burst("203.0.113.5", count=200, start=500.0)]).told, "somebody is named"
    forged = [attempt(500.0 + n, "198.51.100.7", f"203.0.113.{n}") for n in range(50)]
    assert judge([*quiet, *forged]).told, "strangers' addresses are not ours"
    assert not judge([*quiet, *forged], own=tuple(ip_address(f"203.0.113.{n}") for n in range(50))).told


# ---- what the machine that logs sent itself --------------------------------------------------------

ROUTER = "192.168.178.2"


def test_a_gateway_that_logs_its_own_outer_side_accuses_nobody() -> None:
    outer = burst(ROUTER, start=500.0, local=True)
    found = judge([*QUIET, *outer])
    assert (named(found), found.told) == ([], False)
    assert any(f"20 attempts as {ROUTER}" in note and "nobody is accused" in note for note in found.notes)
    assert judge([*QUIET, *outer[:2]]).told, "two networks are no bot"
    assert named(judge([*burst(), *outer])) == ["192.168.50.9"], "others are named all the same"
    leased = Who()
    leased.add(Lease(ip_address(ROUTER), MAC, start=10.0))
    assert named(judge([*QUIET, *outer], leased)) == [MAC]
    assert named(judge([*QUIET, *outer, attempt(50.0, "203.0.113.25", ROUTER)])) == [ROUTER], (
        "it is passed on"
    )


def test_an_address_that_providers_give_to_routers_is_the_outer_side() -> None:
    found = judge(burst("100.72.3.9", local=True))
    assert (found.suspects, found.told) == ([], False)
    assert "providers give to routers" in found.notes[0]


def test_a_firewall_that_logs_its_own_machine_alone_may_be_either() -> None:
    found = judge(burst(local=True))
    [one] = found.suspects
    assert (one.verdict, one.device.key) == ("suspect", "192.168.50.9")
    assert "If it is a router, this is its outer side" in one.because
    several = judge([*burst(local=True), *burst("192.168.50.10", start=900.0, local=True)])
    assert {one.verdict for one in several.suspects} == {"rogue"}, "logged behind the routing"


@pytest.mark.parametrize("mac", ["02:42:ac:11:00:01", "da:37:0b:00:11:22"])
def test_the_gateway_of_a_container_bridge_has_a_card_made_up_by_software(mac: str) -> None:
    found = judge(burst("172.17.0.1", mac=mac))
    assert (found.suspects, found.told) == ([], False)
    assert named(judge(burst("172.17.0.2", mac=mac))) == [mac], "a container"
    beside = judge([*QUIET, *burst("172.17.0.1", mac=mac)]).suspects[0]
    assert (beside.device.mac, beside.verdict) == (mac, "suspect")
    assert "as the gateway of a container bridge has" in beside.because
    assert named(judge(burst("172.17.0.1", mac=MAC))) == [MAC], "a machine"


# ---- machines with public IPv6 addresses, and forged sources ---------------------------------------

OWN = "2001:db8:9:1"


def six(src: str, mac: str = BOT, count: int = 20, start: float = 100.0) -> list[Attempt]:
    """A spammer over IPv6."""
    return [attempt(start + i, f"2001:db8:{i + 0x100:x}::25", src, mac=mac) for i in range(count)]


def test_an_address_made_from_its_mac_is_a_machines_own() -> None:
    bot = six(f"{OWN}:3e5a:b4ff:fe99:57")
    assert named(judge(bot)) == [BOT]
    privacy = six(f"{OWN}:a000:1:2:3", start=500.0)
    assert [one.attempts for one in judge([*bot, *privacy]).suspects] == [40]
    unknown = six(f"{OWN}:a000:1:2:4", mac="")
    assert set(named(judge([*bot, *unknown]))) == {BOT, f"{OWN}:a000:1:2:4"}


def test_a_network_from_which_several_cards_send_is_our_own() -> None:
    bot = six(f"{OWN}::aaaa")
    assert not judge(bot).told
    assert named(judge([*bot, *six(f"{OWN}::bbbb", OTHER, count=1)])) == [BOT]
    routed = [one for n in range(6) for one in six(f"2001:db8:9:{n + 1}::5", MAC, count=1)]
    assert not judge([*bot, *routed]).told, "a router's card, or a forger's, makes no network ours"


def test_a_network_from_which_a_gateway_brings_mail_is_not_our_own() -> None:
    """Its card stands before strangers of IPv4 as well."""
    handed = [attempt(float(n), "192.168.50.20", f"198.51.{n}.5", mac=MAC) for n in range(3)]
    assert not judge([*six(f"{OWN}::aaaa"), *six(f"{OWN}::bbbb", MAC, count=1), *handed]).told


def test_a_machine_whose_network_nobody_named_is_not_called_fine() -> None:
    bot = [one for n in range(8) for one in six(f"{OWN}:a00{n}:1:2:3", count=3, start=100.0 + 9 * n)]
    found = judge([*QUIET, *bot])
    assert (named(found), found.told) == ([], False)
    assert any(f"MAC {BOT} sent 24 as {OWN}:a000" in note for note in found.notes)
    assert any(f"--inside {OWN}::/64" in note for note in found.notes)
    alone = judge(bot)
    assert (alone.told, alone.outer) == (False, True)
    assert f"--inside {OWN}::/64" in alone.notes[0]
    [single] = judge(six(f"{OWN}::5")).notes
    assert f"--inside {OWN}::/64" in single
    assert "outer side" not in single, "nobody translates IPv6"


def test_who_names_ipv6_networks_does_not_unname_ipv4() -> None:
    bot = [one for n in range(8) for one in six(f"{OWN}:a00{n}:1:2:3", count=3, start=100.0 + 9 * n)]
    found = judge([*QUIET, *bot], inside=(ip_network(f"{OWN}::/64"),))
    assert {one.device.mac: one.verdict for one in found.suspects} == {BOT: "suspect", OTHER: "honest"}
    assert not any("left out" in note for note in found.notes)


def test_who_sends_under_many_forged_addresses_is_shown_by_its_mac() -> None:
    forged = [attempt(100.0 + n, f"198.18.{n}.7", f"203.{n}.113.9", mac=BOT) for n in range(120)]
    for attempts in (forged, [*QUIET, *forged]):
        found = judge(attempts)
        assert (named(found), found.told) == ([], False)
        assert any(f"MAC {BOT} sent 120 under 120 addresses that are not" in note for note in found.notes)
        assert not any("--inside 2" in note for note in found.notes), "those networks are not ours"
    without = judge([*QUIET, *(structs.replace(one, mac="") for one in forged)])
    assert not without.told
    few = judge([*QUIET, *burst("192.168.50.21", count=1), *forged[:2]])
    assert few.told, "stray packets are no matter"


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 5), st.integers(0, 2), st.integers(0, 3)), max_size=60
    )
)
def test_joining_two_sides_loses_no_connection(rows: list[tuple[int, int, int, int]]) -> None:
    made = [
        attempt(at / 4, f"198.18.{net}.7", f"10.0.0.{src + 1}", sport=port) for at, src, net, port in rows
    ]
    kept = outgoing(gather(made), Setting().inside).flows
    left = {(one.dst, one.sport) for one in kept.attempts()}
    assert left == {(one.dst, one.sport) for one in made}
    assert {one.src for one in kept.attempts()} <= {one.src for one in made}


@pytest.mark.parametrize(
    ("interfaces", "local"),
    [
        ("IN= OUT=eth0.2 ", True),
        ("OUT=vmbr0 ", True),
        ("IN=br-lan OUT=eth0 ", False),
        ("IN= OUT=vmbr0 PHYSIN=tap100i0 ", False),
        ("IN=eth0 OUT= ", False),
        ("IN=eth0 ", False),
        ("", False),
    ],
)
def test_netfilter_tells_what_came_in_by_no_interface(interfaces: str, local: bool) -> None:
    for dst in ("198.51.100.7", "2001:db8::7"):
        packet = (
            f"SRC={dst[:-1]}9 DST={dst} LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=41059 DPT=25"
        )
        line = f"Nov 20 18:50:00 gw kernel: out {interfaces}{packet} WINDOW=64240 RES=0x00 SYN URGP=0"
        read = netfilter.parse(line, 1.8e9)
        assert isinstance(read, Attempt)
        assert read.local == local
