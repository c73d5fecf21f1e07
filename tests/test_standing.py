"""Where we stand on the lists, as monitors and people are told it, and over time."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from dns_server import answer, asked, serving
from unlisted import show, standing
from unlisted.cli import main
from unlisted.edge import belief, ledger, recheck
from unlisted.edge.resolver import Server
from unlisted.edge.reverse import Names
from unlisted.edge.store import Store
from unlisted.edge.survey import Survey, survey
from unlisted.errors import UnlistedError
from unlisted.messages import Listing
from unlisted.notice import dnsbl, lists
from unlisted.notice.tally import Tally

ADDRESS = ip_address("192.0.2.7")
ZEN = lists.load().list["spamhaus-zen"]
SHOW = [lists.load().list[name] for name in ("spamcop", "barracuda", "psbl", "dronebl", "gbudb")]
TEST = ("2.0.0.127.", "1.0.0.127.")


def found(*told: tuple[str, str, float]) -> Survey:
    """A look with these states, scopes and weights."""
    made = [
        Listing(
            "192.0.2.7", f"list{n}", f"list{n}.example", state, scope=scope, weight=weight, meaning="CSS: x"
        )
        for n, (state, scope, weight) in enumerate(told)
    ]
    return Survey(tuple(made), (), seconds=0.25)


# ---- monitors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ([("clear", "", 1.0)], 0),
        ([("clear", "", 1.0), ("unknown", "", 0.5)], 0),
        ([("listed", "address", 1.0)], 2),
        ([("listed", "address", 0.2), ("clear", "", 1.0)], 1),
        ([("listed", "policy", 1.0)], 1),
        ([("listed", "network", 1.0)], 1),
        ([("unknown", "", 1.0), ("clear", "", 0.5)], 3),
        ([], 3),
    ],
)
def test_a_plugin_s_line(told: list[tuple[str, str, float]], code: int) -> None:
    given_code, line = standing.nagios(found(*told))
    assert given_code == code
    word = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}[code]
    states = [state for state, _, _ in told]
    assert re.fullmatch(rf"UNLISTED {word} - [^|\n]+ \| .*", line)
    assert line.endswith(
        f"| listed={states.count('listed')};;;0;{len(told)} unknown={states.count('unknown')};;;0;{len(told)}"
        f" clear={states.count('clear')};;;0;{len(told)} time=0.250s;;;0"
    )


def test_a_plugin_says_what_is_wrong_with_the_resolver_also_where_all_is_fine() -> None:
    """Spamhaus refuses a public resolver: "OK, 60 lists say" alone would be believed for years."""
    told = structs.replace(found(("clear", "", 1.0), ("unknown", "", 0.9)), trouble="refused by X | Y")
    code, line = standing.nagios(told)
    assert code == 0
    assert line.startswith("UNLISTED OK - not listed, 1 answers say; but refused by X / Y | listed=0;")


@given(st.text(max_size=200))
def test_nothing_hostile_reaches_a_plugin_s_line(text: str) -> None:
    one = Listing(text, text, text, "listed", meaning=text, reason=text, weight=1.0)
    _, line = standing.nagios(Survey((one,), ()))
    assert line.count("|") == 1
    assert show.clean(line, 10_000) == line


def test_gauges() -> None:
    text = standing.metrics(
        found(("listed", "policy", 1.0), ("clear", "", 0.5), ("unknown", "", 0.5)),
        {("192.0.2.7", "list0"): 1_700_000_000.0},
        1_800_000_000.0,
    )
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert samples == [
        'unlisted_listed{address="192.0.2.7",list="list0"} 1',
        'unlisted_listed{address="192.0.2.7",list="list1"} 0',
        'unlisted_severity{address="192.0.2.7",list="list0"} 0.4',
        'unlisted_listed_since_seconds{address="192.0.2.7",list="list0"} 1700000000',
        'unlisted_unknown{address="192.0.2.7",list="list2"} 1',
        'unlisted_answers{list="list0",state="listed"} 1',
        'unlisted_answers{list="list1",state="clear"} 1',
        'unlisted_answers{list="list2",state="unknown"} 1',
        "unlisted_check_timestamp_seconds 1800000000",
        "unlisted_check_duration_seconds 0.250",
    ]
    kinds = re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)
    assert {line.partition("{")[0].partition(" ")[0] for line in samples} == set(kinds)


@given(st.text(max_size=100))
def test_a_label_is_one_line(name: str) -> None:
    text = standing.metrics(Survey((Listing(name, name, name, "listed"),), ()), {}, 0.0)
    samples = [line for line in text.split("\n") if line.startswith("unlisted_listed{")]
    label = r'"(?:[^"\\\n]|\\[\\"n])*"'
    assert len(samples) == 1
    assert re.fullmatch(rf"unlisted_listed\{{address={label},list={label}\}} 1", samples[0])


def test_a_plugin_s_wrong_use_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "192.0.2.300", "--nagios"]) == 3
    told = capsys.readouterr()
    assert told.out.startswith("UNLISTED UNKNOWN - '192.0.2.300' is no address")


# ---- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "helo", "says"),
    [
        (Names(ADDRESS, ("mail.example.net",), ("mail.example.net",)), "", ["leads back"]),
        (
            Names(ADDRESS, ("dsl-192-0-2-7.example.net",), ("dsl-192-0-2-7.example.net",)),
            "",
            ["customer's line"],
        ),
        (
            Names(ADDRESS, ("mail.example.net",), ("mail.example.net",), helo=(ADDRESS,)),
            "mail.example.net",
            ["leads back", "HELO mail.example.net leads to it"],
        ),
        (Names(ADDRESS, helo=()), "mail.example.net", ["no PTR name", "resolves to nothing"]),
        (Names(ADDRESS, why="no answer"), "mail.example.net", ["PTR unknown", "could not be looked up"]),
    ],
)
def test_what_is_said_of_names(names: Names, helo: str, says: list[str]) -> None:
    lines = standing.reverse(names, helo)
    assert len(lines) == len(says)
    assert all(word in line for word, line in zip(says, lines, strict=True))


# ---- over time ------------------------------------------------------------------------------------


class World:
    """A list server whose answer about one address can be changed, and that counts what it is asked."""

    def __init__(self) -> None:
        self.listed = True
        self.lies = False
        self.asked: list[str] = []

    def __call__(self, query: dns.message.Message) -> bytes:
        name, kind = asked(query)
        self.asked.append(name)
        point = name.startswith(TEST[0]) or (self.lies and name.endswith(ZEN.zone))
        if kind == "A" and (point or (self.listed and name.startswith("7.2.0.192."))):
            return answer(query, "A 127.0.0.4" if name.endswith(ZEN.zone) else "A 127.0.0.2")
        return answer(query, rcode=3)

    @property
    def tests(self) -> int:
        return sum(name.startswith(TEST) for name in self.asked)


@pytest.fixture
def world() -> Iterator[tuple[World, Server]]:
    made = World()
    with serving(made) as port:
        yield made, Server("127.0.0.1", port)


def test_what_changed_since_the_last_look(world: tuple[World, Server], tmp_path: Path) -> None:
    lists_now, server = world
    with Store(str(tmp_path / "db")) as store:

        def look() -> recheck.Round:
            return recheck.Rounds([ADDRESS], [ZEN], [server], 2.0, store).once(lambda *_: None)

        first = look()
        assert first.changes == ()
        assert standing.changes(first.changes, {}, first.last) == []  # never looked: nothing is news
        second = look()
        assert (second.changes, second.last) == ((), first.found.listings[0].at)
        assert second.since == first.since
        lists_now.listed = False
        assert [one.what for one in look().changes] == ["gone"]
        lists_now.listed = True
        back = look()
        (line,) = standing.changes(back.changes, {ZEN.key: ZEN}, back.last)
        assert line.endswith("192.0.2.7 LISTED AGAIN on Spamhaus ZEN")
        assert ledger.since(store, [str(ADDRESS)])["192.0.2.7", ZEN.key] > first.at
        assert len(store.history("192.0.2.7", ZEN.key)) == 3


def test_good_test_points_are_asked_once_a_day(
    world: tuple[World, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists_now, server = world
    lists_now.listed = False
    entries = [ZEN, *(lists.stranger(f"own{n}.example") for n in range(4))]
    with Store(str(tmp_path / "db")) as store:

        def tests(*servers: Server) -> int:
            before = lists_now.tests
            found = recheck.Rounds([ADDRESS], entries, servers, 2.0, store).once(lambda *_: None).found
            assert {one.state for one in found.listings} == {"clear"}
            return lists_now.tests - before

        assert tests(server) == 10
        assert tests(server) == 2  # one list goes on showing that the resolver sees
        assert tests(server, server) == 10  # what one resolver is told says nothing of another
        monkeypatch.setattr(recheck, "TRUST", 0.0)
        assert tests(server) == 10


def test_a_resolver_that_has_gone_blind_is_not_believed(world: tuple[World, Server]) -> None:
    """Every name does not exist: the lists that were fine an hour ago would all be clear."""
    _, server = world
    entries = [ZEN, *SHOW, lists.stranger("own.example"), lists.load().list["mailspike-white"]]
    with serving(lambda query: answer(query, rcode=3)) as port:
        blind = Server("127.0.0.1", port)
        known: frozenset[tuple[str, lists.Kind]] = frozenset((one.zone, "ip4") for one in entries)
        for trusted in (known, frozenset[tuple[str, lists.Kind]]()):
            found = survey([ADDRESS], entries, [blind], 2.0, trusted=trusted)
            assert {one.state for one in found.listings} == {"unknown"}
            assert "finds no list's own test point" in found.trouble
            assert "finds no list's own test point" in found.names[0].why
    assert survey([ADDRESS], entries, [server], 2.0, trusted=known).trouble == ""


def test_the_silence_of_a_zone_that_shows_nothing_is_no_clear() -> None:
    """It may be mistyped: "not listed" would be told for ever."""
    with serving(lambda query: answer(query, rcode=3)) as port:
        server = Server("127.0.0.1", port)
        (one,) = survey([ADDRESS], [lists.stranger("own.example")], [server], 2.0).listings
    assert (one.state, one.why) == ("unknown", dnsbl.STRANGE)


def test_a_trusted_list_that_begins_to_list_the_world_is_not_believed(world: tuple[World, Server]) -> None:
    lists_now, server = world
    lists_now.lies = True
    entries = [*SHOW, ZEN]
    known: frozenset[tuple[str, lists.Kind]] = frozenset((one.zone, "ip4") for one in entries)
    one = survey([ADDRESS], entries, [server], 2.0, trusted=known).listings[-1]
    assert f"2.0.0.127.{ZEN.zone}" not in lists_now.asked
    assert one.state == "unknown"
    assert "whole world" in one.why


def test_a_trusted_list_waits_for_the_sign_that_the_resolver_sees() -> None:
    """The sign gets lost once and comes after 0.6 s: what is told before would be told as blind."""
    lost: list[str] = []

    def handler(query: dns.message.Message) -> bytes | None:
        name, _ = asked(query)
        if name.startswith(TEST) and name not in lost:
            lost.append(name)
            return None
        return answer(query, "A 127.0.0.2") if name.startswith(TEST[0]) else answer(query, rcode=3)

    entries = [*SHOW, ZEN]
    known: frozenset[tuple[str, lists.Kind]] = frozenset((one.zone, "ip4") for one in entries)
    with serving(handler) as port:
        found = survey([ADDRESS], entries, [Server("127.0.0.1", port)], 3.0, trusted=known)
    assert [one.state for one in found.listings] == ["clear"] * len(entries)
    assert len(lost) == 2 * belief.SHOWN


def test_a_list_without_a_test_point_does_not_blind_the_second_look(tmp_path: Path) -> None:
    """It is never remembered as good; it alone was tested then, and 65 lists were "could not tell"."""
    empty = lists.load().list["fabel"]

    def handler(query: dns.message.Message) -> bytes:
        name, kind = asked(query)
        shown = kind == "A" and name.startswith(TEST[0]) and not name.endswith(empty.zone)
        return answer(query, "A 127.0.0.2") if shown else answer(query, rcode=3)

    with serving(handler) as port, Store(str(tmp_path / "db")) as store:
        for _ in range(3):
            rounds = recheck.Rounds([ADDRESS], [empty, ZEN, *SHOW], [Server("127.0.0.1", port)], 2.0, store)
            found = rounds.once().found
            assert [one.state for one in found.listings] == ["unknown", *["clear"] * (1 + len(SHOW))]
            assert found.trouble == ""


def test_trust_ends_after_a_day_however_often_it_was_used(
    world: tuple[World, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists_now, server = world
    lists_now.listed = False
    tested, start = [], time.time()
    with Store(str(tmp_path / "db")) as store:
        for day in (0.0, 0.4, 0.8, 1.2):
            monkeypatch.setattr(time, "time", lambda at=start + day * 86_400: at)
            lists_now.asked.clear()
            recheck.Rounds([ADDRESS], [*SHOW, ZEN], [server], 2.0, store).once()
            tested.append(f"2.0.0.127.{ZEN.zone}" in lists_now.asked)
    assert tested == [True, False, False, True]


@pytest.mark.parametrize("seen", [SHOW[0], ZEN])
def test_a_list_that_shows_its_test_points_no_longer_ends_all_trust(
    world: tuple[World, Server], tmp_path: Path, seen: lists.Entry
) -> None:
    """Another network's resolver under the same address: it shows one list, and filters the others."""
    lists_now, server = world
    lists_now.listed = False
    entries = [*SHOW, ZEN, lists.load().list["blocklist-de"]]

    def filtering(query: dns.message.Message) -> bytes:
        if asked(query) == (f"2.0.0.127.{seen.zone}", "A"):
            return answer(query, "A 127.0.0.2")
        return answer(query, rcode=3)

    def look(resolver: Server) -> list[str]:
        rounds = recheck.Rounds([ADDRESS], entries, [resolver], 2.0, store)
        rounds.resolver = "127.0.0.53"
        return [one.list for one in rounds.once().found.listings if one.state == "clear"]

    with Store(str(tmp_path / "db")) as store, serving(filtering) as port:
        assert look(server) == look(server) == [entry.key for entry in entries]
        assert look(Server("127.0.0.1", port)) == [seen.key]


def test_who_named_us_shows_his_test_points_before_his_silence_is_believed(
    world: tuple[World, Server], tmp_path: Path
) -> None:
    """The same resolver, by its address; it filters the list now, and shows another one."""
    _, server = world
    shows = lists.load().list["sem-black"]
    with Store(str(tmp_path / "db")) as store:

        def look(resolver: Server) -> recheck.Round:
            rounds = recheck.Rounds([ADDRESS], [shows, ZEN], [resolver], 2.0, store)
            rounds.resolver = "127.0.0.53"
            return rounds.once()

        def filtering(query: dns.message.Message) -> bytes:
            seen = asked(query) == (f"2.0.0.127.{shows.zone}", "A")
            return answer(query, "A 127.0.0.2") if seen else answer(query, rcode=3)

        assert look(server).found.listings[1].state == "listed"
        with serving(filtering) as port:
            made = look(Server("127.0.0.1", port))
        assert [one.list for one in made.changes] == [shows.key]
        assert made.found.listings[1].why == dnsbl.EMPTY
        assert {one.list: one.state for one in store.listings()}[ZEN.key] == "listed"


def test_bad_test_points_are_not_remembered(world: tuple[World, Server], tmp_path: Path) -> None:
    lists_now, server = world
    lists_now.lies = True
    with Store(str(tmp_path / "db")) as store:
        recheck.Rounds([ADDRESS], [ZEN], [server], 2.0, store).once(lambda *_: None)
        assert ledger.trusted(store, str(server), 0.0, time.time()) == frozenset()


def test_a_clock_that_was_ahead_buys_no_trust(
    world: tuple[World, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists_now, server = world
    entries = [ZEN, lists.stranger("own.example")]
    with Store(str(tmp_path / "db")) as store:
        ahead = time.time() + 1e8
        monkeypatch.setattr(time, "time", lambda: ahead)
        recheck.Rounds([ADDRESS], entries, [server], 2.0, store).once()
        monkeypatch.undo()
        before = lists_now.tests
        recheck.Rounds([ADDRESS], entries, [server], 2.0, store).once()
        assert lists_now.tests - before == 4


def test_a_look_is_told_where_it_cannot_be_remembered(
    world: tuple[World, Server], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk, a damaged file: the monitor said UNKNOWN, and nobody learned of the listing."""
    _, server = world
    path = str(tmp_path / "db")
    with Store(path) as store, closing(sqlite3.connect(path)) as other:
        rounds = recheck.Rounds([ADDRESS], [ZEN], [server], 2.0, store)

        def again() -> recheck.Round:
            rounds.due = dict.fromkeys(rounds.due, 0.0)
            made = rounds.once()
            assert [one.state for one in made.found.listings] == ["listed"]
            return made

        other.execute("CREATE TRIGGER t BEFORE INSERT ON spans BEGIN SELECT RAISE(FAIL, 'disk full'); END")
        again()
        assert "not remembered: cannot use the store" in capsys.readouterr().err
        other.execute("DROP TABLE trusted")
        assert again().changes == ()  # it remembers by itself meanwhile
        assert "no such table" in capsys.readouterr().err


def test_one_address_does_not_pay_for_a_range_that_was_asked_before(tmp_path: Path) -> None:
    """A /20 on 65 lists was kept: 266,000 answers were read, one second, to ask about one address."""
    path = str(tmp_path / "db")
    with Store(path) as store, closing(sqlite3.connect(path)) as other:
        every = [f"203.0.113.{number}" for number in range(250)]
        store.add_many(Listing(one, f"l{n}", "x", "listed", at=1.0) for one in every for n in range(3))
        other.execute("UPDATE spans SET body = 'not to be read' WHERE address NOT IN (?, ?)", every[7:9])
        other.commit()
        mine = every[7:9]
        places = {(one, f"l{n}") for one in mine for n in range(3)}
        assert {(one.address, one.list) for one in store.listings(*mine)} == places
        assert set(ledger.since(store, mine)) == ledger.ever(store, mine) == places
        with pytest.raises(UnlistedError, match="cannot be read"):
            store.listings()


def test_a_list_that_is_named_twice_is_asked_once(world: tuple[World, Server]) -> None:
    """By key and by zone: a monitor would get two samples of one name, and refuse them all."""
    _, server = world
    catalogue = lists.load()
    named = [catalogue.find(name) for name in ("spamhaus-zen", "zen.spamhaus.org", "sbl.spamhaus.org")]
    entries = [entry for entry in named if entry is not None]
    rounds = recheck.Rounds([ADDRESS], entries, [server], 2.0, None, named=True)
    assert [one.list for one in rounds.once().found.listings] == ["spamhaus-zen", "sbl.spamhaus.org"]


def test_a_part_s_silence_is_not_the_whole_list_s(world: tuple[World, Server], tmp_path: Path) -> None:
    """Listed in ZEN for XBL; asked of SBL alone, it is clear: that ended the listing in ZEN."""
    _, server = world
    part = lists.load().find("sbl.spamhaus.org")
    assert part is not None

    def less(query: dns.message.Message) -> bytes:
        listed = asked(query) == (f"2.0.0.127.{part.zone}", "A")
        return answer(query, "A 127.0.0.2") if listed else answer(query, rcode=3)

    with Store(str(tmp_path / "db")) as store, serving(less) as port:
        recheck.Rounds([ADDRESS], [ZEN], [server], 2.0, store).once()
        made = recheck.Rounds([ADDRESS], [part], [Server("127.0.0.1", port)], 2.0, store).once()
        assert [one.state for one in made.found.listings] == ["clear"]
        assert made.changes == ()
        assert {one.list: one.state for one in store.listings()} == {ZEN.key: "listed", part.key: "clear"}


def test_a_name_that_begins_as_a_test_point_is_remembered(
    world: tuple[World, Server], tmp_path: Path
) -> None:
    other = structs.replace(lists.stranger("own.example"), test_listed="-")
    subjects = ["127.example.com", ip_address("127.0.0.9")]
    with Store(str(tmp_path / "db")) as store:
        recheck.Rounds(subjects, [other], [world[1]], 2.0, store).once()
        assert [one.address for one in store.listings()] == ["127.example.com"]


def test_who_told_nothing_is_asked_again_within_the_hour(world: tuple[World, Server]) -> None:
    silent = structs.replace(lists.load().list["psbl"], zone="refuses.example", refused={"127.*.*.*": "no"})
    rounds = recheck.Rounds([ADDRESS], [silent, ZEN], [world[1]], 2.0, None)
    begun = recheck.ticks()
    assert [one.state for one in rounds.once().found.listings] == ["unknown", "listed"]
    assert rounds.due["psbl"] - begun == pytest.approx(3600, abs=60)
    assert rounds.due[ZEN.key] - begun == pytest.approx(6 * 3600, abs=60)


def test_a_verdict_is_told_while_others_are_silent() -> None:
    silent = lists.stranger("silent.example")
    told: list[Listing] = []

    def handler(query: dns.message.Message) -> bytes | None:
        name, _ = asked(query)
        if name.endswith("silent.example"):
            return None
        return (
            answer(query, "A 127.0.0.2")
            if name.startswith(("2.0.0.127.", "7.2.0.192."))
            else answer(query, rcode=3)
        )

    with serving(handler) as port:
        server = Server("127.0.0.1", port)
        before: list[int] = []

        def heard(one: Listing, address: str) -> None:
            assert address == str(ADDRESS)
            told.append(one)
            before.append(len(told))

        result = survey([ADDRESS], [silent, ZEN], [server], 0.5, heard=heard)
    assert [one.list for one in told] == [ZEN.key, "silent.example"]  # the silent one at the deadline
    assert [one.list for one in result.listings] == ["silent.example", ZEN.key]  # by subject and list
    assert [one.state for one in result.listings] == ["unknown", "listed"]


def test_a_watch_asks_each_list_when_it_is_due(
    world: tuple[World, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, server = world
    clock, slept = [1_000_000.0], []  # the wall clock goes back by a year meanwhile

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds
        monkeypatch.setattr(time, "time", lambda: clock[0] - 3e7)

    monkeypatch.setattr(time, "time", lambda: clock[0])
    monkeypatch.setattr(recheck, "ticks", lambda: clock[0])
    monkeypatch.setattr(time, "sleep", sleep)
    daily = structs.replace(ZEN, every_hours=24.0)
    entries = [daily, structs.replace(lists.stranger("own.example"), every_hours=48.0)]
    rounds = recheck.Rounds([ADDRESS], entries, [server], 2.0, None)
    assert {one.list for one in rounds.once(lambda *_: None).found.listings} == {ZEN.key, "own.example"}
    rounds.wait()
    assert slept == [pytest.approx(24 * 3600)]
    assert {one.list for one in rounds.once(lambda *_: None).found.listings} == {ZEN.key}
    rounds.wait()
    assert {one.list for one in rounds.once(lambda *_: None).found.listings} == {ZEN.key, "own.example"}


def test_a_resolver_that_a_list_refuses_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    def handler(query: dns.message.Message) -> bytes:
        name, kind = asked(query)
        if kind == "A" and name.endswith(ZEN.zone):
            return answer(query, "A 127.255.255.254")
        return answer(query, rcode=3)

    with serving(handler) as port:
        code = main(
            ["check", "192.0.2.7", "--zone", ZEN.zone, "--resolver", f"127.0.0.1:{port}", "--no-save"]
        )
    told = capsys.readouterr()
    assert code == 3
    assert "is refused by Spamhaus ZEN" in told.err


def test_a_watch_without_a_store_remembers_its_own_looks(
    world: tuple[World, Server], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first look whole, then what has changed; `^C` ends it."""
    lists_now, server = world
    answers = iter([False, False, True])

    def wait(_: recheck.Rounds) -> None:
        if (listed := next(answers, None)) is None:
            raise KeyboardInterrupt
        lists_now.listed = listed
        _.due = dict.fromkeys(_.due, 0.0)

    monkeypatch.setattr(recheck.Rounds, "wait", wait)
    words = ["192.0.2.7", "--zone", ZEN.zone, "--resolver", str(server), "--watch", "--no-save"]
    assert main(["check", *words]) == 130
    lines = capsys.readouterr().out.splitlines()
    later = [line.partition("asked, ")[2] for line in lines if " asked, " in line]
    assert [re.sub(r"since .*?: ", "", line) for line in later] == [
        "192.0.2.7 no longer on Spamhaus ZEN",
        "nothing has changed",
        "192.0.2.7 LISTED AGAIN on Spamhaus ZEN",
    ]


@pytest.mark.parametrize("words", [["--watch", "--metrics"], ["--offline", "x", "--metrics"]])
def test_forms_that_do_not_go_together(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(["check", "192.0.2.7", *words]) == 2
    assert "do not go together" in capsys.readouterr().err


# ---- the screen -----------------------------------------------------------------------------------


def shown(capsys: pytest.CaptureFixture[str], told: Survey) -> str:
    standing.render(told, {}, show.console())
    return capsys.readouterr().out


def test_a_pipe_gets_a_line_for_each_fact(capsys: pytest.CaptureFixture[str]) -> None:
    url = "https://check.example/" + "x" * 90
    one = Listing("192.0.2.7", "a", "a", "listed", meaning="m", reason="t" * 4000, removal=f"ask: {url}")
    out = shown(capsys, Survey((one,), (), doubtful=1))
    lines = out.splitlines()
    assert lines[0] == "LISTED (1)"
    assert f"    way off: ask: {url}" in lines
    assert max(map(len, lines)) < 330
    assert all(line == line.rstrip() for line in lines)
    assert "1 packet that" in out


def test_of_a_range_the_kinds_of_names_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    names = tuple(Names(ip_address(f"192.0.2.{n}")) for n in range(200))
    out = shown(capsys, Survey((), names))
    assert out.count("no PTR name") == 1
    assert "200 addresses (192.0.2.0, …): no PTR name" in out


def test_what_could_not_be_told_says_of_whom_and_what_was_not_asked_is_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = [
        Listing("192.0.2.7", "a", "a", "unknown", why="no answer"),
        Listing("192.0.2.8", "a", "a", "clear"),
        Listing("192.0.2.8", "b", "b", "unknown", why="not asked: no key"),
    ]
    out = shown(capsys, Survey(tuple(made), ()))
    assert "a (for 192.0.2.7): no answer" in out
    assert "0 listed, 1 clear, 1 unknown of 2 answers in 0.0 s; 1 not asked" in out


def test_many_lists_with_one_reason_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    made = [Listing("192.0.2.7", f"l{n}", f"l{n}", "unknown", why="cannot reach it") for n in range(65)]
    out = shown(capsys, Survey(tuple(made), ()))
    assert "  65 lists: cannot reach it" in out.splitlines()


# ---- what nobody is clear without -----------------------------------------------------------------


def _tallies(*told: tuple[str, str, float]) -> list[Tally]:
    return [
        Tally(Listing("203.0.113.7", f"l{n}", f"l{n}", state, why=why, weight=weight), 1)
        for n, (state, why, weight) in enumerate(told)
    ]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ([("clear", "", 1.0), ("unknown", "refused", 0.5), ("clear", "", 0.8)], 0),
        ([("unknown", "refused", 1.0), ("clear", "", 0.8), ("clear", "", 0.8)], 3),
        ([("unknown", f"{dnsbl.MISFIT} domains only", 1.0), ("clear", "", 0.8)], 0),
        ([("clear", "", 1.0), ("unknown", f"{dnsbl.NO_KEY} `dqs` is not accepted", 0.4)], 3),
        ([("unknown", "refused", 1.0), ("listed", "", 0.1)], 1),
    ],
)
def test_nobody_is_clear_without_the_list_that_most_receivers_ask(
    told: list[tuple[str, str, float]], code: int
) -> None:
    assert standing.verdict(_tallies(*told)) == code


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ([("unknown", "not asked: dead", 1.0)], "leave --zone out"),
        ([("unknown", f"{dnsbl.NO_KEY} `dqs` is not accepted", 1.0)], "mend that key"),
        ([("unknown", dnsbl.STRANGE, 1.0)], "how the zone is spelled"),
        ([("unknown", "no answer", 1.0)], "your own resolver"),
        ([("clear", "", 1.0)], "unlisted explain"),
    ],
)
def test_the_next_step_fits_what_was_told(told: list[tuple[str, str, float]], says: str) -> None:
    assert says in standing.following([], _tallies(*told))


def test_a_name_on_a_list_of_domains_is_no_machine_to_look_for() -> None:
    named = Listing("example.com", "surbl", "multi.surbl.org", "listed", scope="domain", weight=0.8)
    assert "account or the site" in standing.following([named], [Tally(named, 1)])
    policy = structs.replace(named, address="203.0.113.7", scope="policy")
    assert "provider's relay" in standing.following([policy], [Tally(policy, 1)])
