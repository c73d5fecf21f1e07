"""The evening the laptop comes home, and what must not happen on it."""

from ipaddress import IPv4Address

import msgspec
import pytest
from play import Play

from unlisted.config import Config
from unlisted.engine import Engine
from unlisted.messages import (
    Applied,
    Attempt,
    Hold,
    Lease,
    Listing,
    Name,
    Propose,
    Refusal,
    Release,
    Report,
    Save,
    Say,
    Tick,
)
from unlisted.stop import decide
from unlisted.stop.guard import Network

LAPTOP, ADDRESS = "3c:5a:b4:12:34:56", IPv4Address("192.168.50.143")
PHONE, OTHER = "3c:5a:b4:00:00:20", IPv4Address("192.168.50.20")
SERVER = IPv4Address("192.168.50.10")
SIX = 1_795_000_000.0  # an evening, Unix seconds
HOLDING = Config(policy="hold", warm_up=0.0)


def engine(config: Config = HOLDING, *, known: tuple[Lease, ...] = ()) -> Engine:
    network = Network(
        gateway=frozenset({"192.168.50.1"}), senders=frozenset({str(SERVER)}), known=known, max_holds=3
    )
    return Engine(config, network)


def lease(address: IPv4Address = ADDRESS, mac: str = LAPTOP, at: float = SIX - 5) -> Lease:
    return Lease(address, mac, "PETRAS-LAPTOP", start=at, end=at + 3600)


def watching(play: Play, start: float, end: float) -> Play:
    """A tick each second."""
    for second in range(int(end - start) + 1):
        play >> Tick(start + second)
    return play


def syn(number: int, *, src: IPv4Address = ADDRESS, mac: str = LAPTOP, action: str = "block") -> Attempt:
    target = IPv4Address(f"198.18.{number}.25")
    return Attempt(SIX + number / 1000, src, target, 25, mac=mac, action=action)


def test_the_third_attempt_names_it_and_holds_it() -> None:
    play = Play(engine()) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)
    suspect = play.last(Name).suspect
    assert suspect.device.mac == LAPTOP
    assert suspect.device.hostname == "PETRAS-LAPTOP"
    assert suspect.flagged_after == 3
    decision = play.last(Hold).decision
    assert decision.expires_at == SIX + 3 / 1000 + 48 * 3600
    assert decision.undo == f"unlisted release {LAPTOP}"
    play >> syn(4) >> syn(5)
    play.ends()


def test_applied_is_not_held_until_its_traffic_was_seen_to_stop() -> None:
    play = Play(engine()) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)
    held = play.last(Hold).decision.id
    play >> Applied(SIX + 1, held, ok=True) << (Save, Say)
    assert play.last(Save).decision.state == "applied"
    (
        play
        >> Attempt(SIX + 2, ADDRESS, IPv4Address("198.18.9.25"), 25, mac=LAPTOP, action="held")
        << (Save, Say)
    )
    assert play.last(Save).decision.state == "verified"
    play.ends()


def test_a_hold_that_leaks_is_called_failed() -> None:
    play = Play(engine()) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)
    play >> Applied(SIX + 1, play.last(Hold).decision.id, ok=True) << (Save, Say)
    (
        play
        >> Attempt(SIX + 9, ADDRESS, IPv4Address("198.18.9.25"), 25, mac=LAPTOP, action="pass")
        << (Save, Say)
    )
    assert play.last(Save).decision.state == "failed"
    assert "PASSES" in play.last(Say).text


def test_an_enforcer_that_fails_is_said() -> None:
    play = Play(engine()) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)
    play >> Applied(SIX + 1, play.last(Hold).decision.id, ok=False, detail="no such table") << (Save, Say)
    assert play.last(Save).decision.state == "failed"
    assert "no such table" in play.last(Say).text


def test_a_hold_ends_by_itself() -> None:
    play = Play(engine()) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)
    play >> Applied(SIX + 1, play.last(Hold).decision.id, ok=True) << (Save, Say)
    play >> Tick(SIX + 47 * 3600) >> Tick(SIX + 49 * 3600) << (Release, Save)
    assert play.last(Save).decision.state == "expired"
    play >> Tick(SIX + 50 * 3600)
    play.ends()


@pytest.mark.parametrize("policy", ["observe", "approve"])
def test_unless_told_to_hold_it_proposes(policy: str) -> None:
    config = msgspec.structs.replace(HOLDING, policy=policy)
    play = Play(engine(config)) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Propose, Save)
    assert play.last(Propose).decision.refused == ""


def test_a_cold_start_proposes() -> None:
    config = msgspec.structs.replace(HOLDING, warm_up=900.0)
    play = Play(engine(config)) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Propose, Save)
    assert "a person decides" in play.last(Propose).decision.waits


def test_after_the_warm_up_it_holds() -> None:
    config = msgspec.structs.replace(HOLDING, warm_up=900.0)
    play = watching(Play(engine(config)), SIX - 901, SIX - 1) >> lease()
    play >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)


def test_a_clock_that_is_set_does_not_end_the_warm_up() -> None:
    """A router without a battery starts in 1970 and hears of today from the network."""
    config = msgspec.structs.replace(HOLDING, warm_up=900.0)
    play = Play(engine(config)) >> Tick(40.0) >> Tick(SIX - 1) >> lease()
    play >> syn(1) >> syn(2) >> syn(3) << (Name, Propose, Save)


def test_a_device_that_a_person_released_is_only_proposed_again() -> None:
    play = Play(engine()) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)
    held = play.last(Hold).decision
    play >> Applied(SIX + 1, held.id, ok=True) << (Save, Say)
    released = decide.release(play.last(Save).decision, "petra", SIX + 5)
    play.engine.decisions[held.id] = released  # as the store tells it to the watch
    kinds = going_on(play, SIX + 20, 30)
    assert kinds.count(Hold) == 0
    assert kinds.count(Propose) == 1


def test_a_hold_that_fails_again_and_again_is_tried_ever_more_seldom() -> None:
    play = Play(engine()) >> lease()
    tried = 0
    for second in range(3600):
        target = IPv4Address(f"198.{18 + second // 256 % 2}.{second % 256}.9")
        play >> Attempt(SIX + second, ADDRESS, target, 25, mac=LAPTOP, action="block")
        for command in play.waiting:
            if isinstance(command, Hold):
                tried += 1
                play.engine.step(Applied(SIX + second, command.decision.id, ok=False, detail="no"))
        play.waiting = []
    assert 5 <= tried <= 12


def test_a_hold_begins_and_ends_by_our_clock_and_not_by_a_logs() -> None:
    play = Play(engine()) >> Tick(SIX + 7200) >> lease(at=SIX + 7000)
    play >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)
    decision = play.last(Hold).decision
    assert (decision.made_at, decision.expires_at) == (SIX + 7200, SIX + 7200 + 48 * 3600)


def test_a_forged_source_gets_nobody_held() -> None:
    victim = lease(IPv4Address("192.168.50.20"), "3c:5a:b4:00:00:20")
    forged = [syn(number, src=IPv4Address("192.168.50.20")) for number in (1, 2, 3)]
    play = Play(engine()) >> victim >> forged[0] >> forged[1] >> forged[2] << (Name, Propose, Save)
    assert "forged" in play.last(Propose).decision.refused


def test_nobody_without_a_lease_or_neighbor_is_held() -> None:
    play = Play(engine()) >> syn(1) >> syn(2) >> syn(3) << (Name, Propose, Save)
    assert "no lease" in play.last(Propose).decision.refused


def test_the_gateway_is_never_held() -> None:
    gateway = IPv4Address("192.168.50.1")
    attempts = [syn(number, src=gateway, mac="3c:5a:b4:00:00:01") for number in (1, 2, 3)]
    play = Play(engine()) >> lease(gateway, "3c:5a:b4:00:00:01")
    play >> attempts[0] >> attempts[1] >> attempts[2] << (Name, Propose, Save)
    assert "gateway" in play.last(Propose).decision.refused


def test_the_declared_mail_server_may_write_to_the_whole_world() -> None:
    play = Play(engine())
    for number in range(200):
        play >> syn(number, src=SERVER, mac="3c:5a:b4:00:00:10")
    play.ends()


def test_what_strangers_write_never_moves_a_hold() -> None:
    play = Play(engine()) >> lease()
    play >> Refusal(
        "a.eml", verdict="our-address", cited_ip=IPv4Address("203.0.113.5"), text="3c:5a:b4:12:34:56"
    )
    for port in (0, 41234):
        play >> Report(
            "xarf-4",
            "abuse",
            "messaging/spam",
            source=IPv4Address("192.168.50.143"),
            source_port=port,
            at=SIX,
            accuracy=1.0,
        )
    play >> Listing("203.0.113.5", "x", "x.example", "listed", reason="from 192.168.50.143", at=SIX)
    play.ends()


def test_a_relapse_is_said() -> None:
    clear = Listing("203.0.113.5", "x", "x.example", "clear", at=SIX)
    again = msgspec.structs.replace(clear, state="listed", at=SIX + 60)
    silent = msgspec.structs.replace(clear, state="unknown", why="timeout", at=SIX + 30)
    Play(engine()) >> clear >> silent << () >> again << (Say,)


def test_a_flood_of_forged_sources_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlisted.engine.MOST_DEVICES", 8)
    play = Play(engine()) >> lease()
    for number in range(7):
        play >> syn(number, src=IPv4Address(f"10.0.0.{number}"), mac="")
    play >> syn(7, src=IPv4Address("10.0.0.7"), mac="")
    play >> syn(9, src=IPv4Address("10.0.1.9"), mac="") << (Say,)
    play >> syn(10, src=IPv4Address("10.0.1.10"), mac="")
    assert play.engine.untracked == 2
    play >> syn(11) >> syn(12) >> syn(13) << (Name, Hold, Save)


def test_a_syn_sent_again_is_no_new_attempt() -> None:
    """A dropped SYN comes again after 1, 3 and 7 seconds; neither does it trip twice nor does it excuse."""
    play = Play(engine()) >> lease()
    for number in (1, 2, 3):
        for again in (0, 1, 3, 7):
            play >> Attempt(
                SIX + number / 1000 + again, ADDRESS, IPv4Address(f"198.18.{number}.25"), 25,
                sport=40000 + number, mac=LAPTOP, action="block",
            )  # fmt: skip
            if play.waiting:
                play << (Name, Hold, Save)
    assert play.last(Name).suspect.flagged_after == 3
    assert play.engine.state.tries[0] == 3


def test_mail_that_comes_in_or_stays_inside_accuses_nobody() -> None:
    play = Play(engine())
    for number in range(9):
        stranger, server = IPv4Address(f"198.51.100.{number}"), IPv4Address(f"192.168.{number}.10")
        play >> Attempt(SIX + number / 1000, stranger, SERVER, 25)
        play >> Attempt(SIX + number / 1000, ADDRESS, server, 25, mac=LAPTOP)
    play.ends()
    assert play.engine.state.tries.sum() == 0


def test_a_hundred_machines_may_write_mail() -> None:
    play = Play(engine())
    for number in range(100):
        play >> syn(1, src=IPv4Address(f"192.168.51.{number}"), mac=f"3c:5a:b4:00:01:{number:02x}")
    play.ends()
    assert len(play.engine.state.fast) >= 100


def going_on(play: Play, start: float, seconds: int, *, src: IPv4Address = ADDRESS) -> list[type]:
    """The rogue goes on, one new server a second; the kinds of commands that came out."""
    kinds: list[type] = []
    for number in range(seconds):
        target = IPv4Address(f"198.{18 + number // 256 % 2}.{number % 256}.9")
        play >> Attempt(start + number, src, target, 25, mac=LAPTOP, action="block")
        kinds += [type(command) for command in play.waiting]
        play.waiting = []
    return kinds


def test_who_was_over_the_threshold_at_the_cold_start_is_a_persons_to_decide() -> None:
    """It may be a mail server that nobody declared."""
    config = msgspec.structs.replace(HOLDING, warm_up=900.0)
    play = Play(engine(config)) >> Tick(SIX) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Propose, Save)
    watching(play, SIX, SIX + 1000)
    kinds = going_on(play, SIX + 1020, 1000)
    assert kinds.count(Hold) == 0
    assert kinds.count(Propose) == 0  # the same reason is said once
    play >> lease(OTHER, PHONE)
    for number in (1, 2, 3):
        play >> syn(number, src=OTHER, mac=PHONE)
    play << (Name, Hold, Save)


def test_a_line_of_yesterday_does_not_end_the_warm_up() -> None:
    config = msgspec.structs.replace(HOLDING, warm_up=900.0)
    play = Play(engine(config)) >> Tick(SIX) >> lease()
    play >> Attempt(SIX - 7200, OTHER, IPv4Address("198.18.9.25"), 25, mac=PHONE)
    play >> syn(1) >> syn(2) >> syn(3) << (Name, Propose, Save)


def test_a_proposal_of_a_watch_that_only_observed_is_no_free_pass() -> None:
    first = Play(engine(msgspec.structs.replace(HOLDING, policy="observe")))
    first >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Propose, Save)
    old = msgspec.structs.replace(first.last(Propose).decision, id="older")
    again = Play(engine()) >> lease()
    again.engine.decisions[old.id] = old  # as the watch takes it from the store
    again >> syn(1) >> syn(2) >> syn(3) << (Name, Save, Hold, Save)
    assert again.engine.decisions[old.id].state == "released"


def test_what_has_ended_makes_nobody_a_router_or_protected() -> None:
    network = Network(gateway=frozenset({"192.168.50.1"}), protect=frozenset({"192.168.50.7"}))
    play = Play(Engine(HOLDING, network))
    for last in (3, 4, 5, 6, 7):
        play >> Lease(IPv4Address(f"192.168.50.{last}"), LAPTOP, start=SIX - 9000, end=SIX - 3600)
    play >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)


def test_a_forged_source_first_is_no_free_pass() -> None:
    play = Play(engine()) >> lease()
    for number in (1, 2, 3):
        play >> syn(number, src=IPv4Address("192.168.50.99"))
    play << (Name, Propose, Save)
    assert Hold in going_on(play, SIX + 20, 30)


def test_a_hold_that_ended_while_it_goes_on_comes_again() -> None:
    play = Play(engine()) >> lease(at=SIX) >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)
    play >> Applied(SIX + 1, play.last(Hold).decision.id, ok=True) << (Save, Say)
    later = SIX + 49 * 3600
    play >> lease(at=later) >> Tick(later) << (Release, Save)
    assert going_on(play, later + 1, 30).count(Hold) == 1


def test_an_enforcer_that_failed_is_tried_again() -> None:
    play = Play(engine()) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)
    play >> Applied(SIX + 1, play.last(Hold).decision.id, ok=False, detail="busy") << (Save, Say)
    assert Hold in going_on(play, SIX + 20, 30)


def test_a_claim_by_arp_does_not_get_the_victim_held() -> None:
    victim = IPv4Address("192.168.50.20")
    play = Play(engine()) >> lease(victim, "3c:5a:b4:00:00:20") >> Lease(victim, LAPTOP, start=SIX)
    for number in (1, 2, 3):
        play >> syn(number, src=victim)
    play << (Name, Propose, Save)
    assert "forged" in play.last(Propose).decision.refused


def test_a_log_without_a_mac_holds_nobody() -> None:
    play = Play(engine()) >> lease()
    for number in (1, 2, 3):
        play >> syn(number, mac="")
    play << (Name, Propose, Save)
    assert "forge an address" in play.last(Propose).decision.waits


def test_a_leak_is_noticed_after_a_restart() -> None:
    first = Play(engine()) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Hold, Save)
    first >> Applied(SIX + 1, first.last(Hold).decision.id, ok=True) << (Save, Say)
    decision = first.last(Save).decision
    again = Play(engine()) >> lease()
    again.engine.decisions[decision.id] = decision
    (
        again
        >> Attempt(SIX + 60, ADDRESS, IPv4Address("198.18.9.25"), 25, mac=LAPTOP, action="pass")
        << (Save, Say)
    )
    assert again.last(Save).decision.state == "failed"


def test_what_was_never_applied_is_not_released() -> None:
    config = msgspec.structs.replace(HOLDING, policy="observe")
    play = Play(engine(config)) >> lease() >> syn(1) >> syn(2) >> syn(3) << (Name, Propose, Save)
    play >> Tick(SIX + 49 * 3600) << (Save,)
    assert play.last(Save).decision.state == "expired"


def test_proposals_and_claims_are_bounded() -> None:
    play = Play(engine())
    for number in range(300):
        source = IPv4Address(f"10.0.{number // 200}.{number % 200}")
        for step in (1, 2, 3):
            play >> syn(step, src=source, mac=f"3c:5a:b4:00:{number // 256:02x}:{number % 256:02x}")
        play.waiting = []
    assert len(play.engine.decisions) == 100
    for number in range(5000):
        play >> Lease(ADDRESS, LAPTOP, start=SIX + number)
    assert [len(past) for past in play.engine.who._pasts.values()] == [1]
