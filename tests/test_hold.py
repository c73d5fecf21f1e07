"""The verbs that stop: what they show, whom they refuse, how they answer. Nothing here changes a network."""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec import structs

from unlisted import cli
from unlisted.cli.hold import hours
from unlisted.edge import apply, byhand, kernel, present, surroundings, watch
from unlisted.edge.store import Store
from unlisted.edge.watch import Carried, Happening, Sources, Watch, sentence, stand
from unlisted.messages import (
    Applied,
    Attempt,
    Command,
    Decision,
    Device,
    Event,
    Hold,
    Lease,
    Propose,
    Release,
    Save,
    Tick,
)
from unlisted.net import Address, ip
from unlisted.stop import decide, guard

LAPTOP, ADDRESS = "3c:5a:b4:00:00:01", "192.168.77.50"


def address(text: str) -> Address:
    made = ip(text)
    assert made is not None
    return made


PACKET = (
    "IN=lan0 OUT=wan0 MAC=00:11:22:33:44:55:3c:5a:b4:00:00:01:08:00 SRC=192.168.77.50 DST=198.18.5.7 LEN=60 "
    "PROTO=TCP SPT=4444 DPT=25 WINDOW=1 SYN URGP=0"
)


@pytest.fixture(autouse=True)
def _quiet_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network of the machine that runs the tests is nobody's business, and is never changed."""

    def never(*_: object) -> None:
        raise AssertionError("the packet filter was opened")

    monkeypatch.setattr(kernel, "neighbors", list)
    monkeypatch.setattr(surroundings, "default_routes", list)
    monkeypatch.setattr(apply, "Nft", never)


@pytest.fixture
def leases(tmp_path: Path) -> str:
    file = tmp_path / "dnsmasq.leases"
    file.write_text(
        f"4102444800 {LAPTOP} {ADDRESS} laptop 01:{LAPTOP}\n"
        f"4102444800 3c:5a:b4:00:00:02 192.168.77.51 twin *\n"
        f"4102444800 3c:5a:b4:00:00:03 192.168.77.52 twin *\n"
    )
    return str(file)


def refused(capsys: pytest.CaptureFixture[str], words: Sequence[str], code: int) -> str:
    assert cli.main(words) == code
    return capsys.readouterr().err


@pytest.mark.parametrize("name", ["laptop", "LAPTOP", ADDRESS, LAPTOP, "3C-5A-B4-00-00-01"])
def test_a_dry_run_shows_everything_and_does_nothing(
    leases: str, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    words = ["hold", name, "--leases", leases, "--for", "90m", "--reason", "spam", "--dry-run", "--json"]
    assert cli.main(words) == 0
    shown = capsys.readouterr()
    assert f"add element inet unlisted held_mac {{ {LAPTOP} timeout 5400s" in shown.err
    assert f"conntrack -D -f ipv4 -s {ADDRESS}" in shown.err
    assert "for 1.5 h" in shown.err
    assert f"undo: unlisted release {LAPTOP}" in shown.err
    decision = json.loads(shown.out)
    assert (decision["state"], decision["reason"]) == ("proposed", "spam")
    assert decision["device"] == {
        "address": ADDRESS,
        "mac": LAPTOP,
        "vendor": "Google, Inc.",  # IEEE, 3C-5A-B4
        "hostname": "laptop",
        "first_seen": None,
    }
    with Store() as store:
        assert store.decisions() == []


def test_without_a_person_it_asks_for_yes(leases: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--yes" in refused(capsys, ["hold", "laptop", "--leases", leases], 2)
    assert "--yes" in refused(capsys, ["rule", "install", "--wan", "lo"], 2)


def test_the_guard_answers_with_4(
    leases: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "unlisted.toml"
    settings.write_text(f'protect = ["{ADDRESS}"]\n')
    words = ["hold", LAPTOP, "--leases", leases, "--yes", "--config", str(settings)]
    assert "protected" in refused(capsys, words, 4)
    assert "forged" in refused(capsys, ["hold", "192.168.77.99", "--leases", leases, "--yes"], 4)
    monkeypatch.setenv("SSH_CONNECTION", f"{ADDRESS} 50000 192.168.77.1 22")
    assert "administrator" in refused(capsys, ["hold", "laptop", "--leases", leases, "--yes"], 4)


def test_names_that_do_not_fit(leases: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no device goes by" in refused(capsys, ["hold", "printer", "--leases", leases], 2)
    assert "2 devices call themselves" in refused(capsys, ["hold", "twin", "--leases", leases], 2)
    assert "cannot read" in refused(capsys, ["hold", "laptop", "--leases", leases + "x"], 2)
    assert "no device goes by" in refused(capsys, ["release", "nobody"], 2)


@pytest.mark.parametrize(("text", "value"), [("8h", 8), ("90m", 1.5), ("2d", 48), ("3", 3), ("36s", 0.01)])
def test_durations(text: str, value: float) -> None:
    assert hours(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "h", "-1h", "0", "1w", "1e9", "999d", "8 hours", "٣h"])
def test_no_durations(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as told:
        cli.main(["hold", "x", f"--for={text}"])
    assert told.value.code == 2


def test_the_rule_is_printed_in_both_spellings(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rule", "print", "--lan", "lan0", "--wan", "wan0", "--allow", "192.168.1.2"]
    assert cli.main(words) == 0
    assert 'oifname "wan0" tcp dport @mail_ports jump outgoing' in capsys.readouterr().out
    assert cli.main([*words, "--json"]) == 0
    assert "nftables" in json.loads(capsys.readouterr().out)
    assert "--wan" in refused(capsys, ["rule", "print"], 2)
    assert "interface" in refused(capsys, ["rule", "print", "--wan", "a b"], 2)
    assert "neither" in refused(capsys, ["rule", "print", "--wan", "wan0", "--allow", "bob"], 2)


def test_devices(leases: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nobody" in refused(capsys, ["devices"], 3)
    assert cli.main(["devices", "--leases", leases, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["device"] for line in lines} == {LAPTOP, "3c:5a:b4:00:00:02", "3c:5a:b4:00:00:03"}
    assert {"device", "first_seen", "last_seen", "role", "scanned"} <= set(lines[0])
    assert lines[0]["scanned"] is None
    assert cli.main(["devices"]) == 0
    assert "never scanned" in capsys.readouterr().out
    (tmp_path / "roles.toml").write_text(
        f'senders = ["3c:5a:b4:00:00:02"]\n[roles]\n"{LAPTOP.upper()}" = "newsletter"\n'
    )
    assert cli.main(["devices", "--config", str(tmp_path / "roles.toml"), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["device"]: line["role"] for line in lines} == {
        LAPTOP: "newsletter host",
        "3c:5a:b4:00:00:02": "mail server",
        "3c:5a:b4:00:00:03": "",
    }


# ---- the live loop, with an enforcer and an engine of the test's own ------------------------------


class Enforcer:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.stands = True

    def prepare(self) -> apply.Outcome:
        self.stands = True
        return apply.Outcome(ok=True)

    def whole(self) -> bool:
        return self.stands

    def hold(self, decision: Decision, now: float) -> apply.Outcome:
        assert now > decision.made_at - 1
        self.did.append(f"hold {decision.device.key}")
        return apply.Outcome(ok=True)

    def release(self, decision: Decision) -> apply.Outcome:
        self.did.append(f"release {decision.device.key}")
        return apply.Outcome(ok=True)

    def end_flows(self, decision: Decision) -> str:
        return f"ended those of {decision.device.key}"


class Decider:
    """Holds whoever tries, releases on the answer."""

    def __init__(self) -> None:
        self.decisions: dict[str, Decision] = {}
        self.seen: list[Event] = []

    def surround(self, network: guard.Network) -> None:
        self.around = network

    def step(self, event: Event) -> list[Command]:
        self.seen.append(event)
        if isinstance(event, Attempt):
            device = Device(event.src, event.mac)
            decision = decide.by_hand(device, "test", "policy", event.at, 1)
            return [Hold(decision), Save(event.at, decision)]
        if isinstance(event, Applied):
            decision = decide.by_hand(Device(address(ADDRESS)), "test", "policy", 0.0, 1)
            return [Release(decision, "test")]
        return []


def test_files_become_events_and_commands_are_carried_out(leases: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("")
    engine, enforcer = Decider(), Enforcer()
    told: list[Happening] = []

    def on(happening: Happening) -> None:
        told.append(happening)
        if isinstance(happening, Lease) and happening.hostname == "laptop":
            with log.open("a") as file:
                file.write(
                    "Nov 23 10:00:00 gw kernel: [1.0] unlisted-block IN=lan0 OUT=wan0 "
                    f"MAC=02:00:00:00:00:f1:{LAPTOP}:08:00 SRC={ADDRESS} DST=198.51.100.7 LEN=60 TOS=0x00 "
                    "PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=40000 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0\n"
                )
        if isinstance(happening, Carried) and happening.what == "release":
            live.stop()

    with Store(str(tmp_path / "s.db")) as store:
        sources = Sources(leases=(leases,), logs=(str(log),), neighbors=False)
        live = Watch(engine, sources, on, enforcer=enforcer, store=store)
        stand(live, 30)
        assert store.count(Lease) == 3
        assert store.count(Attempt) == 1
        assert [one.state for one in store.decisions()] == ["proposed"]
    assert enforcer.did == [f"hold {LAPTOP}", f"release {ADDRESS}"]
    carried = [one for one in told if isinstance(one, Carried)]
    assert [one.ok for one in carried] == [True, True]
    assert "0 lines were not understood" in live.account()


def test_the_hold_is_stored_although_nobody_can_be_told(tmp_path: Path) -> None:
    def gone(_: Happening) -> None:
        raise BrokenPipeError

    with Store(str(tmp_path / "s.db")) as store:
        live = Watch(Decider(), Sources(neighbors=False), gone, enforcer=Enforcer(), store=store)

        async def once() -> None:
            live.take(Attempt(1.0, address(ADDRESS), address("198.51.100.7"), 25))

        with pytest.raises(BrokenPipeError):
            asyncio.run(once())
    with Store(str(tmp_path / "s.db")) as store:
        assert [one.device.key for one in store.decisions()] == [ADDRESS]
        assert store.count(Attempt) == 1


def test_a_flushed_filter_is_laid_again_with_who_is_held(tmp_path: Path) -> None:
    engine, enforcer = Decider(), Enforcer()
    held = structs.replace(
        decide.by_hand(Device(address(ADDRESS), LAPTOP), "test", "me", time.time(), 1), state="verified"
    )
    live = Watch(engine, Sources(neighbors=False), lambda _: None, enforcer=enforcer)
    engine.decisions[held.id] = held
    live._tick()
    assert enforcer.did == []
    enforcer.stands = False
    live._tick()
    assert enforcer.did == [f"hold {LAPTOP}"]
    assert enforcer.stands


def test_what_another_process_decides_is_taken_over_and_never_backwards(tmp_path: Path) -> None:
    made = decide.by_hand(Device(address(ADDRESS), LAPTOP), "test", "me", time.time(), 1)
    engine = Decider()

    def known() -> list[str]:
        live._tick()
        return [one.state for one in engine.decisions.values()]

    with Store(str(tmp_path / "s.db")) as store:
        live = Watch(engine, Sources(neighbors=False), lambda _: None, store=store)
        for state, then in (("proposed", "proposed"), ("applied", "applied"), ("verified", "verified")):
            store.save_decision(structs.replace(made, state=state), 1.0, "me")
            assert known() == [then]
        store.save_decision(structs.replace(made, state="applied"), 1.0, "me")  # ours is not on disk yet
        assert known() == ["verified"]
        store.save_decision(structs.replace(made, state="released"), 1.0, "me")
        assert known() == ["released"]
        over = structs.replace(made, id="over", expires_at=1.0, state="expired")
        store.save_decision(over, 1.0, "me")
        assert known() == ["released"]  # history is not read again and again


def test_a_lease_file_is_read_again_and_only_what_is_new_is_told(leases: str) -> None:
    engine = Decider()
    live = Watch(engine, Sources(leases=(leases,), neighbors=False), lambda _: None)
    live._poll()
    assert len(engine.seen) == 3
    with open(leases, "a", encoding="utf-8") as file:
        file.write("4102444800 3c:5a:b4:00:00:04 192.168.77.53 new *\n")
    live._poll()
    assert [event.mac for event in engine.seen[3:] if isinstance(event, Lease)] == ["3c:5a:b4:00:00:04"]
    Path(leases).write_text("", encoding="utf-8")
    live._poll()
    assert live.files.leases == {leases: set()}  # what is gone is not remembered


@pytest.mark.parametrize(
    "words",
    [
        ["watch", "--nflog=70000"],
        ["watch", "--nflog=-1"],
        ["watch", "--for=nan"],
        ["rule", "print", "--nflog=65536"],
        ["hold", "x", "--wait=inf"],
    ],
)
def test_numbers_that_are_none(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as told:
        cli.main(words)
    assert told.value.code == 2
    assert "is no" in capsys.readouterr().err


def test_an_address_that_changed_hands_belongs_to_its_last_owner() -> None:
    first, second = "3c:5a:b4:00:00:0a", "3c:5a:b4:00:00:0b"
    where, now = address(ADDRESS), 5000.0
    seen = [Lease(where, first, "old", start=1000.0), Lease(where, second, "new", start=2000.0)]
    there = present.standing(seen)  # as a watch notes neighbors: none of them has an end
    found = present.find(ADDRESS, there, now)
    assert found.mac == second
    assert guard.unproven(found, there, now) == ""
    assert present.find(first, there, now) == Device(None, first, "Google, Inc.")
    # A lease that still runs is not put aside by a claim: two claims stay two, and the guard refuses.
    claimed = present.standing([Lease(where, first, end=9000.0), Lease(where, second)])
    assert "may be forged" in guard.unproven(Device(where, second), claimed, now)


def test_a_host_name_is_held_by_where_it_is_now() -> None:
    there = [
        Lease(address("192.168.77.9"), LAPTOP, "laptop", end=10.0),
        Lease(address(ADDRESS), LAPTOP, "laptop", end=9000.0),
    ]
    assert present.find("LAPTOP", there, 5000.0).address == address(ADDRESS)
    gone = present.find("laptop", there[:1], 5000.0)
    assert (gone.address, gone.mac, gone.hostname) == (None, LAPTOP, "laptop")


def test_a_watch_without_an_enforcer_never_holds(tmp_path: Path) -> None:
    engine = Decider()
    told: list[Happening] = []
    live = Watch(engine, Sources(), told.append)
    live.take(Attempt(1.0, address(ADDRESS), address("198.51.100.7"), 25))
    carried = next(one for one in told if isinstance(one, Carried))
    assert not carried.ok
    assert any(isinstance(event, Applied) and not event.ok for event in engine.seen)


def test_what_a_watch_does_not_stand_over_is_said(
    leases: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_text("")
    words = ["watch", "--log", str(log), "--log", str(tmp_path / "none"), "--leases", leases, "--for", "0"]
    assert cli.main(words) == 0
    shown = capsys.readouterr().out
    assert f"{tmp_path}/none: No such file or directory: waiting for it" in shown
    assert leases not in shown
    assert "group" not in shown  # a log was named: the kernel's log is not asked for


def test_a_name_that_several_held_devices_give_themselves_releases_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    released: list[str] = []

    def let_go(decision: Decision, store: Store) -> byhand.Done:
        released.append(decision.device.mac)
        return byhand.Done(decision, "released")

    monkeypatch.setattr(byhand, "release", let_go)
    named = [
        Device(address(ADDRESS), LAPTOP, hostname="laptop"),
        Device(address("192.168.77.60"), "3c:5a:b4:00:00:60", hostname=ADDRESS),
        Device(address("192.168.77.61"), "3c:5a:b4:00:00:61", hostname="laptop"),
    ]
    with Store() as store:
        for number, device in enumerate(named):
            made = decide.by_hand(device, "spam", "me", time.time() + number, 1)
            store.save_decision(decide.applied(made, time.time(), ok=True), time.time(), "me")
    assert "several go by that name" in refused(capsys, ["release", "laptop"], 2)
    assert released == []
    assert cli.main(["release", ADDRESS]) == 0
    assert released == [LAPTOP], "an address is an address, whoever calls himself so"


def test_the_surroundings_are_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SURROUNDINGS", 0.0)
    monkeypatch.setattr(watch, "TICK", 0.05)
    engine = Decider()
    new = guard.Network(gateway=frozenset({"192.168.77.1"}))
    live = Watch(engine, Sources(neighbors=False), lambda _: None, look=lambda: new)
    asyncio.run(live.run(1.0))
    assert engine.around is new


def test_a_device_that_claims_the_gateways_address_is_held_by_its_mac_alone(
    leases: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    around = guard.Network(
        gateway=frozenset({"192.168.77.1"}),
        known=(
            Lease(address(ADDRESS), LAPTOP),
            Lease(address("192.168.77.1"), LAPTOP),
            Lease(address("192.168.77.1"), "3c:5a:b4:00:00:aa"),
        ),
    )
    monkeypatch.setattr(surroundings, "look", lambda *_: around)
    words = ["hold", LAPTOP, "--leases", leases, "--dry-run"]
    assert f"try: unlisted hold {LAPTOP} --mac-only" in refused(capsys, words, 4)
    assert cli.main([*words, "--mac-only"]) == 0
    shown = capsys.readouterr().err
    assert LAPTOP in shown
    assert f"add element inet unlisted held4 {{ {ADDRESS}" not in shown
    # The gateway itself is the only one that claims its address: no word holds it.
    alone = structs.replace(around, known=around.known[:2])
    monkeypatch.setattr(surroundings, "look", lambda *_: alone)
    assert "the gateway" in refused(capsys, [*words, "--mac-only"], 4)


def test_an_error_of_the_engine_ends_the_watch(tmp_path: Path) -> None:
    class Broken(Decider):
        def step(self, event: Event) -> list[Command]:
            raise ValueError(f"a bug with {event}")

    live = Watch(Broken(), Sources(), lambda _: None)
    with pytest.raises(ValueError, match="a bug"):
        stand(live, 30)


def test_sentences_are_safe_for_a_terminal() -> None:
    hostile = Device(address(ADDRESS), LAPTOP, hostname="\x1b[2Jx")
    decision = decide.by_hand(hostile, "\x1b[31m", "me", 0.0, 1)
    happenings: list[Happening] = [
        Propose(structs.replace(decision, refused="\x1b[31m")),
        Carried(1.0, decision, ok=True, detail="\x1b", decided_ms=0.5),
        Attempt(1.0, address(ADDRESS), address("198.51.100.7"), 25, action="block"),
    ]
    for happening in happenings:
        text = sentence(happening)
        assert text
        assert "\x1b" not in text
    assert sentence(Tick(1.0)) == ""
