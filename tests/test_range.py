"""`unlisted check` about many addresses: paces, mirrors, what is believed and kept, and being stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from dns_server import answer, asked, serving
from unlisted import standing
from unlisted.cli import check, main
from unlisted.edge import survey as looks
from unlisted.edge import sweep
from unlisted.edge.belief import Belief
from unlisted.edge.recheck import Rounds
from unlisted.edge.server import Server
from unlisted.edge.store import Store
from unlisted.edge.survey import FEW, survey
from unlisted.messages import Listing
from unlisted.notice import dnsbl, tally
from unlisted.notice.lists import Entry, stranger
from unlisted.notice.packets import Answer
from unlisted.notice.subjects import Subjects
from unlisted.notice.tally import tallied

RANGE = "198.51.100.0/26"
MANY = Subjects([ip_network(RANGE)])
OWN = stranger("own.example")
PUBLIC = Entry(
    key="public", zone="public.example", name="Public", operator="", lists="", kind=("ip4", "ip6"),
    source="", checked="", codes={"127.0.0.2": "bad"}, weight=0.5,
)  # fmt: skip
AA, RA = int(dns.flags.AA), int(dns.flags.RA)


def at(port: int) -> list[Server]:
    return [Server("127.0.0.1", port)]


def listed(name: str) -> bool:
    """The test point, and every fourth of the range."""
    first, *rest = name.split(".")
    return name.startswith("2.0.0.127.") or (rest[:3] == ["100", "51", "198"] and int(first) % 4 == 0)


class Lists:
    """Lists that answer honestly and write down when they were asked about whom."""

    def __init__(self, flags: int = 0) -> None:
        self.flags = flags
        self.times: list[float] = []
        self.names: list[str] = []

    def __call__(self, query: dns.message.Message) -> bytes | None:
        name, kind = asked(query)
        self.names.append(name)
        if kind == "A" and name.split(".")[1:4] == ["100", "51", "198"]:
            self.times.append(time.monotonic())
        if not listed(name):
            return answer(query, rcode=3, flags=self.flags)
        return answer(query, "A 127.0.0.2" if kind == "A" else f'TXT "see {name}"', flags=self.flags)


# ---- paces ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flags", "quick"), [(0, False), (AA | RA, False), (RA, False), (AA, True)])
def test_a_public_list_is_asked_at_its_pace_unless_the_resolver_holds_a_copy_of_it(
    flags: int, quick: bool
) -> None:
    lists = Lists(flags)
    entry = structs.replace(PUBLIC, per_second=50.0)
    with serving(lists) as port:
        found = survey(MANY, [entry], at(port), 20.0)
    assert {one.state for one in found.listings} == {"listed", "clear"}
    assert len(found.listings) == len(lists.times) == 64
    assert (lists.times[-1] - lists.times[0] < 0.6) == quick
    if not quick:
        assert lists.times[-1] - lists.times[0] >= 63 / 50 - 0.05
        assert all(lists.times[n + 10] - lists.times[n] > 0.12 for n in range(0, 50, 5))


def test_a_copy_that_lies_elsewhere_is_somebody_s() -> None:
    for host, ours in (("192.0.2.53", False), ("192.168.1.53", True), ("::1", True), ("2001:db8::53", False)):
        belief = Belief([Server(host)])
        group = belief.add(PUBLIC, MANY_FIRST, ())
        said = Answer(name="", qtype=1, rcode=0, addresses=("127.0.0.2",), own=True)
        belief.take(group.listed[0], said)
        assert belief.mirrors() == ({"public.example"} if ours else set())


MANY_FIRST = ip_address("198.51.100.0")


def test_who_names_no_limit_is_asked_with_courtesy_and_a_zone_of_one_s_own_at_once() -> None:
    assert sweep.pace(PUBLIC) == sweep.COURTESY
    assert sweep.pace(structs.replace(PUBLIC, per_second=5.0)) == 5.0
    assert sweep.pace(OWN) == 0.0


def test_the_questions_of_a_day_are_not_exceeded() -> None:
    lists = Lists()
    entry = structs.replace(PUBLIC, per_second=1000.0, per_day=40)
    with serving(lists) as port:
        found = survey(MANY, [entry], at(port), 20.0)
    assert len(lists.times) == 40
    unasked = [one for one in found.listings if one.state == "unknown"]
    assert len(unasked) == 24
    assert {one.why for one in unasked} == {"not asked: its operator bears 40 questions a day"}


def test_what_time_does_not_allow_is_said_and_the_rest_stands() -> None:
    entry = structs.replace(PUBLIC, per_second=20.0)
    with serving(Lists()) as port:
        found = survey(MANY, [OWN, entry], at(port), 2.0)
    assert {one.state for one in found.listings if one.list == OWN.key} == {"listed", "clear"}
    public = [one for one in found.listings if one.list == "public"]
    assert 15 < sum(one.state != "unknown" for one in public) < 45
    assert {one.why for one in public if one.why.startswith("not asked")} == {
        "not asked: its operator bears 20 questions a second"
    }
    assert found.seconds < 3


def test_a_range_beyond_every_public_list_is_refused_with_a_way_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "198.18.0.0/16", "--resolver", "127.0.0.1:9"]) == 2
    told = capsys.readouterr().err
    assert "not asked of so many: " in told
    assert "no public list bears 65,536 questions" in told
    assert "--offline FILE" in told


def test_a_mirror_is_swept(program: Callable[[str], str], tmp_path: Path) -> None:
    """rbldnsd says AA and not RA; a public list's own pace would take ten seconds for so many."""
    subjects = Subjects([ip_network("198.18.4.0/22")])
    tmp_path.chmod(0o755)
    (tmp_path / "zone").write_text(":127.0.0.2:Listed $\n127.0.0.2\n198.18.4.16/28\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program("rbldnsd"), "-n", "-q", "-b", f"127.0.0.1/{port}", "-w", str(tmp_path)]
    command.append("public.example:ip4trie:zone")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            assert any("started" in line for line in server.stdout)
            found = survey(subjects, [PUBLIC], at(port), 30.0)
        finally:
            server.terminate()
    accused = [one for one in found.listings if one.state == "listed"]
    assert [one.address for one in accused] == [f"198.18.4.{n}" for n in range(16, 32)]
    assert all(one.reason == f"Listed {one.address}" for one in accused)
    assert len(found.listings) == 1024
    assert found.seconds < 5


# ---- what is believed -----------------------------------------------------------------------------


def test_a_list_that_lists_the_world_accuses_nobody_of_a_range() -> None:
    def handler(query: dns.message.Message) -> bytes:
        name, _ = asked(query)
        lies = name.endswith("public.example") or listed(name)
        return answer(query, "A 127.0.0.2") if lies else answer(query, rcode=3)

    with serving(handler) as port:
        found = survey(MANY, [structs.replace(PUBLIC, per_second=1e4), OWN], at(port), 10.0)
    public = [one for one in found.listings if one.list == "public"]
    assert {(one.state, one.why) for one in public} == {("unknown", dnsbl.LISTS_ALL)}
    assert sum(one.state == "listed" for one in found.listings) == 16


@pytest.mark.parametrize("address", ["127.0.0.2", ""])
def test_nobody_is_asked_through_a_resolver_that_is_believed_in_nothing(address: str) -> None:
    names: list[str] = []

    def handler(query: dns.message.Message) -> bytes:
        names.append(asked(query)[0])
        return answer(query, f"A {address}") if address else answer(query, rcode=3)

    with serving(handler) as port:
        found = survey(MANY, [PUBLIC], at(port), 10.0)
    assert len(found.listings) == 64
    assert {one.state for one in found.listings} == {"unknown"}
    why = found.listings[0].why
    assert ("invents answers" if address else "does not list its own test point") in why
    assert len(names) == 3
    assert bool(found.trouble) == bool(address)  # one list that shows nothing speaks against itself


def test_a_silent_list_is_counted_and_keeps_nobody_waiting() -> None:
    silent = stranger("silent.example")
    names: list[str] = []

    def handler(query: dns.message.Message) -> bytes | None:
        name, _ = asked(query)
        names.append(name)
        if name.endswith("silent.example"):
            return None
        return answer(query, "A 127.0.0.2") if listed(name) else answer(query, rcode=3)

    subjects = Subjects([ip_network("198.51.100.0/24")])
    with serving(handler) as port, pytest.MonkeyPatch.context() as patch:
        patch.setattr(looks, "WAIT", 0.7)
        found = survey(subjects, [OWN, silent], at(port), 20.0)
    told = {(one.said.list, one.said.state, one.said.why): one.count for one in found.told}
    assert told["silent.example", "unknown", "not asked: its test points had no answer within 0.7 s"] == 256
    assert told["own.example", "clear", ""] + told["own.example", "listed", ""] == 256
    assert sum(told.values()) == 512
    assert not any(name.endswith(".100.51.198.silent.example") for name in names)
    assert found.seconds < 3


def test_a_list_that_falls_silent_halfway_is_left_alone_and_the_rest_is_counted() -> None:
    heard = 0

    def handler(query: dns.message.Message) -> bytes | None:
        nonlocal heard
        name, _ = asked(query)
        heard += name.endswith("silent.example")
        if name.endswith("silent.example") and heard > 100:
            return None
        return answer(query, "A 127.0.0.2") if listed(name) else answer(query, rcode=3)

    subjects = Subjects([ip_network("198.18.0.0/20")])
    with serving(handler) as port, pytest.MonkeyPatch.context() as patch:
        patch.setattr(looks, "WAIT", 0.7)
        found = survey(subjects, [OWN, stranger("silent.example")], at(port), 20.0)
    told = {(one.said.list, one.said.state, one.said.why): one.count for one in found.told}
    assert told["own.example", "clear", ""] == 4096
    assert 90 <= told["silent.example", "clear", ""] <= 100
    assert told["silent.example", "unknown", sweep.NOT_ASKED] > 2000
    assert sum(count for (name, *_), count in told.items() if name == "silent.example") == 4096


def test_what_is_lost_is_asked_again() -> None:
    seen: dict[str, int] = {}

    def handler(query: dns.message.Message) -> bytes | None:
        name, kind = asked(query)
        seen[name + kind] = seen.get(name + kind, 0) + 1
        if seen[name + kind] == 1 and name.split(".")[0].endswith("7"):
            return None
        return answer(query, "A 127.0.0.2") if listed(name) else answer(query, rcode=3)

    with serving(handler) as port:
        found = survey(MANY, [OWN], at(port), 20.0)
    assert len(found.listings) == 64
    assert all(one.state != "unknown" for one in found.listings)


def test_two_zones_of_one_list_are_two_and_one_that_is_named_twice_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def handler(query: dns.message.Message) -> bytes:
        name, kind = asked(query)
        bad = listed(name) and (name.startswith("2.0.0.127") or name.endswith("second.example"))
        return answer(query, "A 127.0.0.2") if bad and kind == "A" else answer(query, rcode=3)

    entries = [stranger("own.example"), structs.replace(stranger("second.example"), key="own.example")]
    for subjects in (MANY, [ip_address("198.51.100.4"), ip_address("198.51.100.5")]):
        with serving(handler) as port:
            found = survey(subjects, entries, at(port), 10.0).listings
        assert {one.zone for one in found if one.state == "listed"} == {"second.example"}
        assert len(found) == 2 * len(subjects)
    with serving(handler) as port:
        words = ["--zone", "own.example", "--zone", "Own.example.", "--resolver", f"127.0.0.1:{port}"]
        main(["check", "198.51.100.4", *words, "--no-save", "--json"])
    assert len(capsys.readouterr().out.splitlines()) == 1


# ---- what is kept ---------------------------------------------------------------------------------


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts of more than ten are not kept one by one."""
    monkeypatch.setattr(looks, "MOST_KEPT", 10)


@pytest.mark.usefixtures("folded")
def test_of_many_only_what_accuses_is_kept_and_everything_is_counted_and_told() -> None:
    heard: list[tuple[str, str]] = []
    with serving(Lists()) as port:
        found = survey(
            MANY, [OWN, stranger("two.example")], at(port), 20.0,
            heard=lambda one, who: heard.append((one.list, who)),
        )  # fmt: skip
    assert {one.state for one in found.listings} == {"listed"}
    assert len(found.listings) == 32
    assert all(one.reason.startswith("see ") for one in found.listings)
    assert {(one.said.list, one.said.state): one.count for one in found.told} == {
        ("own.example", "listed"): 16,
        ("own.example", "clear"): 48,
        ("two.example", "listed"): 16,
        ("two.example", "clear"): 48,
    }
    assert len(heard) == len(set(heard)) == 128


@pytest.mark.usefixtures("folded")
def test_json_has_every_row_as_any_other_look_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Lists()) as port:
        words = ["--zone", "own.example", "--zone", "dul.dnsbl.sorbs.net", "--zone", "spamhaus-dbl"]
        words += ["--resolver", f"127.0.0.1:{port}", "--no-save"]
        code = main(["check", RANGE, *words, "--json"])
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        few = main(["check", "198.51.100.4", "198.51.100.5", *words, "--json"])
        alone = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == few == 1
    assert len(rows) == len({(row["address"], row["zone"]) for row in rows}) == 64 * 3
    known = {(row["address"], row["zone"]): row | {"since": None} for row in rows}
    for row in alone:
        assert known[row["address"], row["zone"]] == row | {"since": None}


@pytest.mark.usefixtures("folded")
def test_history_of_a_range(tmp_path: Path) -> None:
    lists, gone = Lists(), {"8.100.51.198.own.example"}

    def handler(query: dns.message.Message) -> bytes | None:
        return answer(query, rcode=3) if asked(query)[0] in gone else lists(query)

    with serving(handler) as port, Store(str(tmp_path / "db")) as store:

        def look() -> list[tuple[str, str]]:
            made = Rounds(MANY, [OWN], at(port), 20.0, store).once()
            return [(one.what, one.address) for one in made.changes]

        assert look() == []  # who was never looked at is no news
        gone.add("12.100.51.198.own.example")
        gone.remove("8.100.51.198.own.example")
        assert sorted(look()) == [("gone", "198.51.100.12"), ("new", "198.51.100.8")]
        assert {one.address: one.state for one in store.listings()}["198.51.100.12"] == "clear"
        gone.clear()
        assert look() == [("back", "198.51.100.12")]


@pytest.mark.usefixtures("folded")
def test_a_range_for_monitors_and_people(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Lists()) as port:
        words = ["check", RANGE, "--zone", "own.example", "--resolver", f"127.0.0.1:{port}", "--no-save"]
        assert main([*words, "--nagios"]) == 2
        line = capsys.readouterr().out
        assert "and 11 more | listed=16;;;0;64 unknown=0;;;0;64 clear=48;;;0;64" in line
        assert main([*words, "--metrics"]) == 1
        gauges = capsys.readouterr().out.splitlines()
        assert sum(one.startswith("unlisted_listed{") for one in gauges) == 16
        assert 'unlisted_answers{list="own.example",state="clear"} 48' in gauges
        assert main(words) == 1
        told = capsys.readouterr()
    assert "16 listed, 48 clear, 0 unknown of 64 answers" in told.out
    assert "asking 1 list about 64 addresses, at most" in told.err


def test_a_table_ends_before_the_reader_does(capsys: pytest.CaptureFixture[str]) -> None:
    many = tuple(Listing(f"192.0.2.{n}", "x", "x", "listed", meaning="bad") for n in range(250))
    from unlisted import show

    standing.render(looks.Survey(many, ()), {}, show.console())
    out = capsys.readouterr().out
    assert f"and {250 - standing.MOST_SHOWN} more: --json" in out
    assert "250 listed" in out


def test_what_a_liar_says_is_counted_in_bounds() -> None:
    said = [(Listing("192.0.2.7", "x", "x", "unknown", why=str(n)), 1) for n in range(3 * tally.MOST)]
    told = tallied([*said, *said])
    assert len(told) == tally.MOST + 1
    assert sum(one.count for one in told) == 6 * tally.MOST
    assert told[0].count == 2


# ---- being stopped --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subjects", [MANY, Subjects([ip_address("198.51.100.4"), ip_address("198.51.100.5")])]
)
def test_what_stands_when_it_is_stopped_stays(subjects: Subjects) -> None:
    told: list[str] = []

    def heard(one: Listing, who: str) -> None:
        told.append(who)
        if len(told) == 2:
            raise KeyboardInterrupt

    with serving(Lists()) as port:
        found = survey(subjects, [OWN, stranger("two.example")], at(port), 20.0, heard=heard)
    assert found.stopped
    assert sum(one.count for one in found.told) == len(found.listings) == 2


def test_a_signal_ends_it_with_what_stands() -> None:
    def handler(query: dns.message.Message) -> bytes:
        time.sleep(0.02)
        name, _ = asked(query)
        return answer(query, "A 127.0.0.2") if listed(name) else answer(query, rcode=3)

    with serving(handler) as port:
        command = [sys.executable, "-m", "unlisted", "check", "198.51.100.0/24", "--zone", "own.example"]
        command += ["--resolver", f"127.0.0.1:{port}", "--no-save", "--json"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()  # it streams
            process.send_signal(signal.SIGINT)
            rest, said = process.communicate(timeout=20)
    rows = [json.loads(line) for line in [first, *rest.splitlines()]]
    assert process.returncode == 130
    assert 1 <= len(rows) < 256
    assert f"stopped after {len(rows)} of 256 answers" in said


# ---- subjects -------------------------------------------------------------------------------------

NETWORKS = st.builds(
    lambda value, size: ip_network((value, size), strict=False),
    st.integers(0, 2**32 - 1).map(lambda value: value & 0xC0A8030F),
    st.integers(24, 32),
)


@given(st.lists(st.one_of(NETWORKS, NETWORKS.map(lambda one: one[0]), st.just("spam.example")), max_size=6))
def test_each_subject_once(named: list[Any]) -> None:
    subjects = Subjects(named)
    walked = list(subjects)
    assert len(walked) == len(set(walked)) == len(subjects)
    wanted = {one for each in named for one in ([each] if not hasattr(each, "hosts") else each)}
    assert set(walked) == wanted
    assert all(one in subjects for one in wanted)
    assert ip_address("203.0.113.9") not in subjects


def test_a_private_network_within_a_wide_range_is_seen() -> None:
    assert Subjects([ip_network("192.160.0.0/12")]).inside() == ip_address("192.168.0.0")
    assert Subjects([ip_network("10.1.0.0/16")]).inside() == ip_address("10.1.0.0")
    assert Subjects([ip_network("198.51.100.0/24"), ip_network("2001:db8::/112")]).inside() is None


def test_six(capsys: pytest.CaptureFixture[str]) -> None:
    """Bounded as the rest: a /108 is a million addresses, a /64 is refused."""

    def handler(query: dns.message.Message) -> bytes:
        name, kind = asked(query)
        bad = name.startswith(("7.0.0.0.0.0.0.0.", "2.0.0.0.0.0.f.7."))
        return answer(query, "A 127.0.0.2") if bad and kind == "A" else answer(query, rcode=3)

    with serving(handler) as port:
        words = ["2001:db8::/122", "--zone", "own.example", "--resolver", f"127.0.0.1:{port}", "--no-save"]
        assert main(["check", *words, "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 64
    assert [row["address"] for row in rows if row["state"] == "listed"] == ["2001:db8::7"]
    assert main(["check", "2001:db8::/107", "--zone", "own.example"]) == 2
    assert "/108" in capsys.readouterr().err


@given(st.text(max_size=40), st.sampled_from(["clear", "unknown"]))
def test_a_line_that_is_put_together_is_the_line(text: str, state: str) -> None:
    one = Listing("198.51.100.7", "x", text, state, codes=("127.0.0.9",), meaning=text, why=f'""{text}')
    rows = check._Rows()
    for _ in range(2):
        rows.tell(structs.replace(one, address=""), one.address, None)
        rows.tell(one, one.address, None)
    assert len(set(rows.lines)) == 1
    assert json.loads(rows.lines[0])["address"] == "198.51.100.7"
    assert json.loads(rows.lines[0])["why"] == one.why


def test_more_than_a_few_wait_for_the_test_points() -> None:
    lists = Lists()
    with serving(lists) as port:
        survey(MANY, [OWN], at(port), 10.0)
    points = {n for n, name in enumerate(lists.names) if name.startswith(("1.0.0.127.", "2.0.0.127."))}
    assert points == {0, 1, 2} - {lists.names.index(next(n for n in lists.names if n.endswith(".invalid")))}
    assert len(MANY) > FEW


# ---- a watch --------------------------------------------------------------------------------------


def test_a_watch_notices_that_the_own_address_is_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a name that is kept up to date, asked between two looks; nothing is due meanwhile."""
    homes = iter(["198.51.100.5", "198.51.100.5", "198.51.100.8", "", "stop"])
    home = next(homes)

    def handler(query: dns.message.Message) -> bytes:
        name, kind = asked(query)
        if name == "home.example":
            return answer(query, f"A {home}") if home and kind == "A" else answer(query)
        return answer(query, "A 127.0.0.2") if listed(name) and kind == "A" else answer(query, rcode=3)

    def sleep(seconds: float) -> None:
        nonlocal home
        assert seconds <= check.MOVED
        if (home := next(homes)) == "stop":
            raise KeyboardInterrupt

    monkeypatch.setattr("unlisted.edge.recheck.time.sleep", sleep)
    with serving(handler) as port:
        words = ["--own-name", "home.example", "--zone", "own.example", "--resolver", f"127.0.0.1:{port}"]
        assert main(["check", *words, "--watch", "--json", "--no-save"]) == 130
    told = capsys.readouterr()
    rows = [json.loads(line) for line in told.out.splitlines()]
    places = [(row["address"], row["state"]) for row in rows if row["address"].startswith("198.51.100.")]
    assert places == [("198.51.100.5", "clear"), ("198.51.100.8", "listed")]
    assert told.err.count("your address is now 198.51.100.8 (was 198.51.100.5)") == 1


def test_a_watch_keeps_to_the_questions_of_a_day() -> None:
    entry = structs.replace(PUBLIC, per_second=1e4, per_day=32, every_hours=1.0)
    with serving(Lists()) as port:
        rounds = Rounds(MANY, [entry], at(port), 20.0, None)
        rounds.once()
    assert rounds.due["public"] - time.monotonic() == pytest.approx(2 * 86_400, abs=60)
    assert not rounds.ripe
