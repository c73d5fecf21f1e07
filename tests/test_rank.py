"""Which device did it: what is counted, who is named, and who is not."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from unlisted.find import columns, rank, roles, served
from unlisted.find.columns import Gatherer, gather
from unlisted.find.outgoing import outgoing
from unlisted.find.rank import Findings, Setting
from unlisted.find.served import Deliveries
from unlisted.find.who import Who
from unlisted.messages import Attempt, Delivery, Evidence, Lease, Submission, Suspect

MAC = "3c:5a:b4:12:34:56"


def attempt(at: float, dst: str, src: str = "192.168.50.9", **more: object) -> Attempt:
    made = {"dport": 25, "sport": 0, "seen": Evidence("gateway.log", int(at * 1000) + 1, "")} | more
    return Attempt(at, ip_address(src), ip_address(dst), **made)  # type: ignore[arg-type]


def burst(src: str = "192.168.50.9", count: int = 20, start: float = 100.0, **more: object) -> list[Attempt]:
    """A spammer: every attempt a new network, ten a millisecond."""
    return [attempt(start + i * 1e-4, f"198.{18 + i // 250}.{i % 250}.7", src, **more) for i in range(count)]


def judge(attempts: list[Attempt], who: Who | None = None, **setting: object) -> Findings:
    return rank.judge(gather(attempts), who or Who(), Setting(**setting))  # type: ignore[arg-type]


def named(found: Findings) -> list[str]:
    return [one.device.key for one in found.suspects if one.verdict != "honest"]


def only(found: Findings) -> Suspect:
    assert len(found.suspects) == 1
    return found.suspects[0]


def test_a_burst_to_new_networks_is_named_at_its_third_attempt() -> None:
    one = only(judge(burst()))
    assert (one.verdict, one.flagged_after, one.attempts, one.destinations) == ("rogue", 3, 20, 20)
    assert one.flagged_at == pytest.approx(100.0002)
    assert one.device.first_seen == 100.0
    assert [seen.source for seen in one.evidence] == ["gateway.log"] * 10
    assert "20 attempts on port 25 to 20 addresses in 20 networks" in one.because
    assert "attempt 3" in one.because


def test_evidence_ends_with_the_attempt_that_convinced() -> None:
    quiet = [attempt(float(i), "203.0.113.25") for i in range(50)]
    one = only(judge([*quiet, *burst(start=1000.0)]))
    assert one.flagged_after is not None
    assert len(one.evidence) == 10
    assert one.flagged_at is not None
    assert one.evidence[-1].line == int(one.flagged_at * 1000) + 1


def test_one_device_with_two_addresses_is_one() -> None:
    mixed = burst(count=6, mac=MAC) + [
        attempt(one.at, f"2001:db8:{i:x}::25", "2001:db8:50::9", mac=MAC)
        for i, one in enumerate(burst(count=6))
    ]
    assert only(judge(mixed)).attempts == 12


def test_a_lease_joins_address_and_device() -> None:
    who = Who()
    who.add(Lease(ip_address("192.168.50.9"), MAC, "laptop", start=10.0))
    one = only(judge(burst(), who))
    assert (one.device.mac, one.device.hostname, one.device.first_seen) == (MAC, "laptop", 10.0)


def test_an_address_that_moved_is_two_devices() -> None:
    who = Who()
    who.add(Lease(ip_address("192.168.50.9"), MAC, start=10.0))
    who.add(Lease(ip_address("192.168.50.9"), "00:1b:63:00:00:01", start=5000.0))
    found = judge([*burst(), attempt(6000.0, "203.0.113.25")], who)
    assert named(found) == [MAC]
    assert len(found.suspects) == 2


def test_leases_that_contradict_name_nobody_but_say_who_it_could_be() -> None:
    who = Who()
    who.add(Lease(ip_address("192.168.50.9"), MAC, start=10.0))
    who.add(Lease(ip_address("192.168.50.9"), "00:1b:63:00:00:01", end=90000.0))
    one = only(judge(burst(), who))
    assert one.device.mac == ""
    assert MAC in one.because
    assert "00:1b:63:00:00:01" in one.because


def test_a_router_between_tells_no_devices_apart() -> None:
    quiet = [attempt(i, "203.0.113.25", f"192.168.50.{i}", mac=MAC) for i in range(2, 12)]
    found = judge(quiet + burst("192.168.50.99", mac=MAC))
    assert named(found) == ["192.168.50.99"]
    assert any("router" in note for note in found.notes)


def test_a_machine_that_changes_its_address_is_one_device() -> None:
    hops = [
        one
        for n in range(6)
        for one in [
            attempt(200.0 * n + 20 * i, f"198.{18 + n}.{i}.7", f"192.168.50.{100 + n}", mac=MAC)
            for i in range(8)
        ]
    ]
    found = judge(hops)
    assert only(found).attempts == 48
    assert named(found) == [MAC]
    assert any("6 addresses one after the other" in note for note in found.notes)
    back = judge([*hops, attempt(1e5, "203.0.113.25", "192.168.50.100", mac=MAC)])
    assert len(back.suspects) == 6, "a machine behind a router comes back to its address"


def test_a_row_without_a_card_is_the_card_s_that_the_address_had_about_then() -> None:
    """The firewall's log tells no MAC, the router's does."""
    with_card = burst(count=10, mac=MAC)
    bare = [structs.replace(one, at=one.at + 30, dst=one.dst + 65536 * 9, mac="") for one in with_card]
    assert [(one.device.key, one.attempts) for one in judge([*bare, *with_card]).suspects] == [(MAC, 20)]
    late = [structs.replace(one, at=one.at + 7200) for one in bare]
    assert len(judge([*late, *with_card]).suspects) == 2, "hours later it may be another's"
    other = attempt(100.5, "203.0.113.25", mac="00:1b:63:00:00:01")
    assert len(judge([*bare, *with_card, other]).suspects) == 3, "two cards: whose, nobody knows"


def test_who_retries_the_servers_of_one_service_is_no_suspect() -> None:
    """In turn, without an answer, over and over."""

    def retried(count: int) -> list[Attempt]:
        return [
            attempt(3.0 * n, f"198.{18 + n % 8}.1.109", dport=465, outcome="silent") for n in range(count)
        ]

    assert only(judge(retried(100))).verdict == "suspect"
    assert only(judge(retried(900))).verdict == "honest"


def test_declared_senders_are_judged_honest_and_named_as_such() -> None:
    for sender in ("192.168.50.9", MAC.upper().replace(":", "-")):
        one = only(judge(burst(mac=MAC), senders=(sender,)))
        assert (one.verdict, one.role, one.flagged_at) == ("honest", roles.sender().title, None)


def test_a_mail_server_is_known_by_its_own_log() -> None:
    made = Deliveries()
    for one in burst():
        made.add(Delivery(one.at, "4E74", "", "a@example.net", f"mx.example.net[{one.dst}]:25", "sent", "ok"))
    found = rank.judge(gather(burst() + burst("192.168.50.10", start=9000.0)), Who(), Setting(), made)
    assert {one.device.key: one.verdict for one in found.suspects} == {
        "192.168.50.9": "honest",
        "192.168.50.10": "rogue",
    }


def test_what_was_stopped_delivered_nothing() -> None:
    """A rogue beside the server, stopped at the gateway while the server delivers to the same hosts."""
    made = delivered(*burst())
    found = rank.judge(gather(burst(action="block")), Who(), Setting(), made)
    assert only(found).verdict == "rogue"


@pytest.mark.parametrize("hours", [2, -5.75])
def test_a_mail_log_in_another_zone_still_knows_its_server(hours: float) -> None:
    made = Deliveries()
    for one in burst():
        relay = f"mx.example.net[{one.dst}]:25"
        made.add(Delivery(one.at + 90_000 + hours * 3600, "4E74", "", "a@example.net", relay, "sent", "ok"))
    found = rank.judge(gather(burst(start=90_100.0)), Who(), Setting(), made)
    assert only(found).role == "mail server"
    assert [note for note in found.notes if "clock" in note] == [
        f"the mail log's clock stands {hours:+g} h from the gateway's: taken so"
    ]
    # The same destinations at other times of the day are no deliveries of ours, in no zone.
    scattered = [attempt(90_000.0 + i * 317.0, f"198.18.{i}.7", sport=i) for i in range(20)]
    assert only(rank.judge(gather(scattered), Who(), Setting(), made)).role != "mail server"


PROVIDERS = [f"{142 + n}.250.{n}.26" for n in range(6)]  # everybody's mail goes to the same few


def delivered(*attempts: Attempt, ahead: float = 0.0, times: int = 1) -> Deliveries:
    made = Deliveries()
    for one in attempts * times:
        relay = f"mx.example.net[{one.dst}]:25"
        made.add(Delivery(one.at + ahead, "4E74", "", "a@example.net", relay, "sent", "ok"))
    return made


def busy_server(src: str = "192.168.50.10", start: float = 100.0) -> list[Attempt]:
    return [
        attempt(start + t + n * 0.1, to, src, sport=5000 + t + n)
        for t in range(0, 2000, 60)
        for n, to in enumerate(PROVIDERS)
    ]


def test_a_busy_server_exonerates_nobody_who_mails_the_same_providers() -> None:
    rogue = [
        one
        for n in range(200)
        for one in (
            attempt(100.0 + n, PROVIDERS[n % 6], sport=3000 + n),
            *([attempt(100.1 + n, f"198.18.{n}.9", sport=9000 + n)] if n % 2 else []),
        )
    ]
    for ahead in (0.0, 7200.0):
        made = delivered(*busy_server(), ahead=ahead)
        found = rank.judge(gather(rogue + busy_server()), Who(), Setting(), made)
        assert {one.device.key: (one.verdict, one.role) for one in found.suspects} == {
            "192.168.50.9": ("rogue", ""),
            "192.168.50.10": ("honest", "mail server"),
        }


def test_a_delivery_accounts_for_one_attempt() -> None:
    made = delivered(*(attempt(100.0, to) for to in PROVIDERS))
    once = [attempt(100.0 + n, to, sport=n) for n, to in enumerate(PROVIDERS)]
    assert only(rank.judge(gather(once), Who(), Setting(), made)).role == "mail server"
    often = [attempt(100.0 + n, PROVIDERS[n % 6], sport=n) for n in range(60)]
    assert only(rank.judge(gather(often), Who(), Setting(), made)).verdict == "rogue"


def test_one_device_is_the_server_that_fits_best() -> None:
    made = delivered(*busy_server(), times=2)  # two recipients a message leave deliveries over
    follower = busy_server("192.168.50.9", start=110.0)
    follower += [attempt(110.5 + n * 9, f"198.18.{n}.7", "192.168.50.9", sport=n) for n in range(150)]
    found = rank.judge(gather(follower + busy_server()), Who(), Setting(), made)
    assert {one.device.key: one.role for one in found.suspects} == {
        "192.168.50.9": "",
        "192.168.50.10": "mail server",
    }


def test_a_time_zone_is_not_taken_from_users_of_one_smarthost() -> None:
    relay = "198.18.0.1"
    made = delivered(*(attempt(t * 600.0, relay) for t in range(144)))
    users = [
        attempt(9e4 + n * 30.0, relay, f"192.168.50.{user}", sport=n)
        for user in range(30)
        for n in range(300)
    ]
    found = rank.judge(gather(users), Who(), Setting(), made)
    assert not [note for note in found.notes if "clock" in note]
    assert {one.role for one in found.suspects} == {"service monitor"}


def test_a_time_zone_is_looked_for_by_few_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def zone(self: Deliveries, one: served._Reach, real: Callable[..., int] = Deliveries._zone) -> int:
        asked.append(one)
        return real(self, one)

    monkeypatch.setattr(Deliveries, "_zone", zone)
    many = [one for user in range(40) for one in burst(f"192.168.50.{user}", start=9e4)]
    rank.judge(gather(many), Who(), Setting(), delivered(*burst()))
    assert len(asked) == served.CLOCKS


def inbound(count: int, server: str = "192.168.50.9", **more: object) -> list[Attempt]:
    """Strangers' servers that bring mail."""
    return [attempt(50.0 + i, server, f"198.51.{i}.25", **more) for i in range(count)]


def test_who_answers_mail_from_outside_is_a_mail_server() -> None:
    assert only(judge([*burst(), *inbound(3, outcome="answered")])).role == "mail server"
    for other in ({}, {"outcome": "refused"}, {"action": "block", "outcome": "answered"}, {"dport": 587}):
        assert named(judge([*burst(), *inbound(9, **other)])) == ["192.168.50.9"]
    assert named(judge([*burst(), *inbound(2, outcome="answered")])) == ["192.168.50.9"]


def test_a_call_from_outside_exonerates_nobody_but_is_said() -> None:
    one = only(judge([*burst(), *inbound(9)]))
    assert one.verdict == "suspect", "it is not held: mail to it passes, so it is likely a server"
    assert "if it is a mail server of yours" in one.because
    failing = judge([*burst(outcome="silent"), *inbound(9)])
    assert only(failing).verdict == "rogue", "its own mail is not answered"
    few = only(judge([*burst(), *inbound(2)]))
    assert few.verdict == "rogue"
    assert "mail server" not in few.because


def test_what_may_be_a_mail_server_is_not_to_be_held_and_stands_behind_the_rogue() -> None:
    found = judge([*burst(count=60), *inbound(9)])
    assert "--sender 192.168.50.9" in found.steps["192.168.50.9"]
    both = judge([*burst(count=60), *inbound(9), *burst("192.168.50.77", start=900.0)])
    assert named(both) == ["192.168.50.77", "192.168.50.9"]
    assert "192.168.50.77" not in both.steps


def submitted(count: int, account: str = "petra", client: str = "192.168.50.57") -> list[Submission]:
    """Messages, two lines each."""
    return [
        Submission(200.0 + i, f"{account}{i}", ip_address(client), name)
        for i in range(count)
        for name in (account, "")
    ]


@pytest.mark.parametrize(("others", "told"), [(0, True), (100, True), (400, False)])
def test_the_account_that_a_server_sent_for_is_named(others: int, told: bool) -> None:
    made = Deliveries()
    for one in [*submitted(300), *submitted(others, "", "192.168.50.60")]:
        made.submitted.add(one)
    found = rank.judge(gather([*burst(), *inbound(9)]), Who(), Setting(), made)
    because = only(found).because
    assert (f"petra submitted 300 of {300 + others} messages from 192.168.50.57" in because) == told
    assert ("account petra" in found.steps["192.168.50.9"]) == told
    assert "petra" not in only(rank.judge(gather(burst()), Who(), Setting(), made)).because, "no server"


def test_a_few_messages_of_an_account_are_no_burst() -> None:
    made = Deliveries()
    for one in submitted(20):
        made.submitted.add(one)
    later = [attempt(one.at + 1e6, str(one.dst)) for one in burst()]
    assert "petra" not in only(rank.judge(gather([*burst(), *inbound(9)]), Who(), Setting(), made)).because
    for one in submitted(300):
        made.submitted.add(one)
    assert "petra" not in only(rank.judge(gather([*later, *inbound(9)]), Who(), Setting(), made)).because


@pytest.mark.parametrize(
    ("attempts", "role"),
    [
        ([attempt(i * 60.0, "203.0.113.25", outcome="silent") for i in range(22)], "stuck client"),
        ([attempt(i * 0.6, f"203.0.113.{i % 2}") for i in range(500)], "service monitor"),
        ([attempt(i * 3600.0, "203.0.113.25", outcome="answered") for i in range(20)], "relay user"),
        ([attempt(i * 4.0, f"198.18.{i}.1", dport=587) for i in range(4)], "account set-up"),
    ],
)
def test_honest_ways_are_named_and_not_accused(attempts: list[Attempt], role: str) -> None:
    one = only(judge(attempts))
    assert (one.verdict, one.role) == ("honest", role)


def test_retransmissions_are_one_attempt() -> None:
    again = [attempt(at, "198.51.100.7", sport=40000) for at in (0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0)]
    others = [attempt(3.0, "198.51.100.7", sport=40001), attempt(500.0, "198.51.100.7", sport=40000)]
    out = outgoing(gather([*again, *others]), Setting().inside)
    assert (out.flows.size, out.repeats) == (3, 6)


def test_flow_records_are_connections_already() -> None:
    made = Gatherer("flows.csv", packets=False)
    for at in (0.0, 1.0, 1.0):
        made.add(attempt(at, "198.51.100.7", sport=40000))
    out = outgoing(made.flows(), Setting().inside)
    assert (out.flows.size, out.repeats) == (2, 1), "only what is told twice is one"


def test_what_stays_inside_does_not_count() -> None:
    inside = [attempt(i * 1e-3, f"192.168.{i}.25") for i in range(50)]
    found = judge(inside)
    assert found.suspects == []
    assert not found.told  # nothing left, so nothing can be told
    assert any("50 attempts stayed inside" in note for note in found.notes)


def test_the_outer_side_of_the_translation_accuses_nobody() -> None:
    found = judge(burst("203.0.113.5"))
    assert (found.suspects, found.told) == ([], False)
    assert "203.0.113.5" in found.notes[0]
    found = judge(burst("203.0.113.5") + burst("203.0.113.6"))
    assert not found.told
    assert "--inside" in found.notes[0]
    assert named(judge(burst("203.0.113.5"), inside=(ip_network("203.0.113.0/24"),))) == ["203.0.113.5"]


def test_spoofed_sources_are_left_out_and_said() -> None:
    found = judge(burst() + burst("203.0.113.77", start=500.0))
    assert named(found) == ["192.168.50.9"]
    assert any("not inside" in note for note in found.notes)


def test_a_public_ipv6_address_is_inside_when_its_mac_is() -> None:
    six = [
        attempt(one.at, f"2001:db8:{i:x}::25", "2001:db8:ffff::9", mac=MAC) for i, one in enumerate(burst())
    ]
    assert not judge(six).told
    who = Who()
    who.add(Lease(ip_address("192.168.50.9"), MAC, "laptop", start=10.0))
    assert named(judge(six, who)) == [MAC]
    assert named(judge([*six, attempt(1.0, "198.51.100.7", mac=MAC)])) == [MAC]


def test_nothing_is_nothing() -> None:
    found = judge([])
    assert (found.suspects, found.told) == ([], False)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6), st.integers(0, 255), st.integers(2, 6), st.sampled_from([25, 465, 587])
        ),
        max_size=60,
    ),
    st.integers(0, 60),
)
def test_files_may_be_cut_and_mixed(rows: list[tuple[int, int, int, int]], cut: int) -> None:
    attempts = [
        attempt(at / 1000, f"198.51.{net}.1", f"10.0.0.{src}", dport=port) for at, net, src, port in rows
    ]
    parts = [gather(attempts[:cut]), gather(attempts[cut:])]
    whole = rank.judge(gather(sorted(attempts, key=lambda one: one.at)), Who(), Setting())
    mixed = rank.judge(columns.join(parts), Who(), Setting())
    assert {one.device.key: (one.attempts, one.destinations) for one in mixed.suspects} == {
        one.device.key: (one.attempts, one.destinations) for one in whole.suspects
    }


def test_columns_give_the_messages_back() -> None:
    attempts = burst(count=3, sport=7, mac=MAC, action="block", outcome="silent")
    assert list(gather(attempts).attempts()) == attempts


def test_the_outer_side_is_known_though_strangers_call_in() -> None:
    us = "203.0.113.5"
    sent = burst(us)
    came = [attempt(200.0 + i, us, f"198.51.100.{i + 1}") for i in range(20)]
    found = judge([*sent, *came])
    assert (found.suspects, found.told) == ([], False)
    assert us in found.notes[0]
    assert "--inside" not in found.notes[0], "that would accuse the gateway"


def test_a_lease_names_what_came_after_it_and_nothing_before() -> None:
    who = Who()
    who.add(Lease(ip_address("192.168.50.9"), MAC, start=150.0))
    found = judge([*burst(count=5), *burst(count=7, start=200.0)], who)
    assert {(one.device.mac, one.attempts) for one in found.suspects} == {("", 5), (MAC, 7)}


def test_a_busy_client_of_one_large_service_with_many_networks_is_no_rogue() -> None:
    many = [
        attempt(
            1e9 + i * 30, f"203.0.{i * 7 % 24}.{i % 40 + 1}", dport=587, outcome="answered", sport=1024 + i
        )
        for i in range(600)
    ]
    one = only(judge(many))
    assert (one.verdict, one.role) == ("suspect", "submission client")


def test_a_long_honest_life_on_submission_does_not_hide_a_burst_there() -> None:
    life = [attempt(1e9 + i * 3600, "203.0.113.25", dport=587, outcome="answered") for i in range(1000)]
    burst_ = [attempt(2e9 + i * 0.01, f"198.18.{i}.7", dport=587, outcome="answered") for i in range(40)]
    assert only(judge(life + burst_)).verdict == "rogue"


def test_spam_to_every_host_of_five_networks_is_no_monitor() -> None:
    spam = [attempt(1e9 + i / 2, f"203.0.{i % 5}.{i % 250 + 1}", outcome="answered") for i in range(5000)]
    assert only(judge(spam)).verdict == "rogue"


def test_one_failure_among_many_of_unknown_outcome_is_no_stuck_client() -> None:
    spam = [attempt(1e9 + i / 2, "203.0.113.7", outcome="" if i else "silent") for i in range(500)]
    assert only(judge(spam)).role != "stuck client"


def test_rows_that_all_stay_are_not_copied() -> None:
    flows = gather(burst())
    assert outgoing(flows, Setting().inside).flows.at is flows.at


def test_a_machine_with_a_new_ipv6_address_for_each_attempt_is_told_and_nobody_accused() -> None:
    inside = (ip_network("2001:db8:50::/48"),)
    spam = [attempt(1e9 + i, f"2001:db9:{i:x}::25", f"2001:db8:50::{i + 9:x}") for i in range(60)]
    found = judge(spam, inside=inside)
    assert (named(found), found.told) == ([], False)
    assert any("60 addresses of 2001:db8:50::/64" in note for note in found.notes)


def test_ipv6_addresses_that_share_a_relay_are_no_machine_that_changes_its_address() -> None:
    inside = (ip_network("2001:db8:50::/48"),)
    mail = [attempt(1e9 + i, "2001:db9:1::25", f"2001:db8:50::{i + 9:x}", dport=587) for i in range(60)]
    found = judge(mail, inside=inside)
    assert (found.told, found.notes) == (True, [])
