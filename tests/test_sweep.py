"""Asking at speed: octets without names, the memory of shapes, and servers that are lossy, silent or lie."""

import random
import re
import socket
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

import dns_fuzz
from dns_server import answer, asked, serving
from unlisted.edge.asker import MOST_OPEN, WINDOW
from unlisted.edge.server import Server
from unlisted.edge.survey import survey
from unlisted.edge.sweep import MUTE, Sweep
from unlisted.net import Address
from unlisted.notice import dnsbl, lists, packets, shapes
from unlisted.notice.lists import Entry, stranger
from unlisted.notice.packets import Answer
from unlisted.notice.shapes import Zone

LIST = stranger("bl.example")
LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=63)


def at(port: int) -> list[Server]:
    """Loopback."""
    return [Server("127.0.0.1", port)]


def addresses(count: int) -> list[Address | str]:
    """So many of a documentation range and what follows it."""
    return [IPv4Address("198.51.100.0") + n for n in range(count)]


def told(sweep: Sweep) -> dict[tuple[str, str], Answer]:
    """Every pair once, by subject and zone."""
    found: dict[tuple[str, str], Answer] = {}
    for (subject, entry), said in sweep:
        assert (str(subject), entry.zone) not in found
        found[str(subject), entry.zone] = said
    return found


def honest(query: dns.message.Message) -> bytes:
    """Lists every third address, with one of two codes."""
    name, _ = asked(query)
    last = int(name.split(".")[0])
    return answer(query, rcode=3) if last % 3 else answer(query, f"A 127.0.0.{2 + last % 2}")


def right(subject: str, said: Answer) -> bool:
    """True when the answer is that of `honest`."""
    last = int(subject.split(".")[-1])
    return (said.rcode, said.addresses) == ((3, ()) if last % 3 else (0, (f"127.0.0.{2 + last % 2}",)))


# ---- octets ---------------------------------------------------------------------------------------


@given(
    st.one_of(st.ip_addresses(), st.lists(LABEL, min_size=1, max_size=5).map(".".join)),
    st.lists(LABEL, min_size=1, max_size=5).map(".".join),
)
def test_octets_are_those_of_the_name(subject: Address | str, zone: str) -> None:
    start, whole = shapes.start(subject), packets.question(dnsbl.query_name(subject, zone), packets.A)
    made = Zone(zone)
    assert (made.about(len(start)) is not None) == bool(whole)
    if whole:
        assert start + made.tail == whole
        assert packets.asked(whole) == (dnsbl.query_name(subject, zone), packets.A)


# ---- two readers, and a memory --------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_dnspython_agrees_or_the_difference_has_a_name_and_the_memory_forgets_nothing(seed: int) -> None:
    found = dns_fuzz.study(10_000, seed)
    assert found.nameless == []
    assert found.forgotten == []
    assert sum(count for kind, count in found.read.items() if kind != "fault") > 2000
    assert found.read["fault"] > 2000


def test_what_is_remembered_is_the_list_s_own_answer_and_no_more_than_it() -> None:
    zone, start = Zone("bl.example"), shapes.start(IPv4Address("192.0.2.7"))
    other = shapes.start(IPv4Address("192.0.2.8")) + zone.tail
    query = dns.message.make_query("7.2.0.192.bl.example", "A", id=9, use_edns=False)
    known, packet = zone.about(len(start)), answer(query, rcode=3)
    assert known is not None
    assert known.recall(packet, start + zone.tail) is None
    assert known.read(packet, 9, start + zone.tail).rcode == 3
    assert known.recall(packet, start + zone.tail) is known.recall(packet.replace(b"7", b"8"), other)
    assert known.recall(packet, other) is None
    assert known.read(packet, 9, other).fault == "another question"
    assert known.read(packet, 8, start + zone.tail).fault == "another id"
    assert len(known.answers) == 1


def test_the_memory_is_bounded() -> None:
    zone, start = Zone("bl.example"), shapes.start(IPv4Address("192.0.2.7"))
    query = dns.message.make_query("7.2.0.192.bl.example", "A", id=9, use_edns=False)
    known = zone.about(len(start))
    assert known is not None
    for n in range(3 * shapes.MOST):
        packet = answer(query, f"A 127.0.{n // 250}.{n % 250}")
        said = known.read(packet, 9, start + zone.tail)
        assert said.addresses == (f"127.0.{n // 250}.{n % 250}",)
    assert zone.about(len(start)) is known
    assert len(known.answers) <= shapes.MOST


# ---- verdicts, from the packet to the state -------------------------------------------------------


def _hits(pattern: str, code: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[0-9]+"), code) is not None


def _state(entry: dict[str, Any], rcode: int, codes: Sequence[str]) -> str:
    """RFC 5782 §2.1 and the list's own table, read again: an oracle that shares no line with `judge`."""
    if rcode == 3 or (rcode == 0 and not codes):
        return "clear"  # §2.1: an address that is not listed has no record
    if rcode:
        return "unknown"
    if not all(code.split(".")[0] == "127" for code in codes):
        return "unknown"  # §2.1: the records lie in 127/8, so this is somebody else's
    tables = {name: entry.get(name, {}) for name in ("refused", "neutral", "codes", "bits")}

    def within(table: str, code: str) -> bool:
        return any(_hits(pattern, code) for pattern in tables[table])

    def accuses(code: str) -> bool:
        if within("neutral", code):
            return False
        octets = [int(octet) for octet in code.split(".")]
        known = sum(int(bit) for bit in tables["bits"])
        masked = bool(known) and octets[:3] == [127, 0, 0] and octets[3] != 0 and octets[3] & ~known == 0
        return within("codes", code) or masked

    if any(within("refused", code) for code in codes):
        return "unknown"
    if any(accuses(code) for code in codes):
        return "listed"
    return "clear" if all(within("neutral", code) for code in codes) else "unknown"


def _code(rng: random.Random, entry: dict[str, Any]) -> str:
    patterns = [*entry.get("codes", {}), *entry.get("refused", {}), *entry.get("neutral", {})]
    patterns += ["127.0.0.*", "127.0.*.*"] + ["*.*.*.*"] * (rng.random() < 0.3)
    octets = rng.choice(patterns).split(".")
    return ".".join(str(rng.randrange(256)) if octet == "*" else octet for octet in octets)


def test_ten_thousand_generated_answers_are_the_states_that_the_specification_says() -> None:
    text = resources.files("unlisted").joinpath("data/lists.toml").read_text(encoding="utf-8")
    raw, catalogue = tomllib.loads(text)["list"], lists.load().list
    asked_of = [key for key, entry in catalogue.items() if entry.asked and "ip4" in entry.kind]
    rng, seen, confused = random.Random(5782), dict.fromkeys(("listed", "clear", "unknown"), 0), []
    for _ in range(10_000):
        key, subject = rng.choice(asked_of), IPv4Address(rng.getrandbits(32))
        rcode = rng.choice((0, 0, 0, 0, 0, 3, 1, 2, 4, 5, 9))
        codes = list(
            dict.fromkeys(_code(rng, raw[key]) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)) * (rcode == 0)))
        )
        name = dnsbl.query_name(subject, catalogue[key].zone)
        query = dns.message.make_query(name, "A", id=7)
        said = packets.read_answer(answer(query, *(f"A {code}" for code in codes), rcode=rcode), 7, name, 1)
        state = dnsbl.judge(catalogue[key], subject, said).state
        seen[state] += 1
        if state != _state(raw[key], rcode, codes):
            confused.append((key, rcode, codes, state))
    assert confused == []
    assert min(seen.values()) > 1000


# ---- servers --------------------------------------------------------------------------------------


def test_each_pair_gets_its_own_answer_once() -> None:
    entries = [LIST, stranger("other.example")]
    with serving(honest) as port:
        sweep = Sweep(addresses(600), entries, at(port))
        found = told(sweep)
    assert len(found) == 1200
    assert all(right(subject, said) for (subject, _), said in found.items())
    assert sweep.asker.doubtful == 0


def test_a_real_server_of_lists_loses_none_and_every_verdict_is_its_own(
    program: Callable[[str], str], tmp_path: Path
) -> None:
    rng, subjects, zones = random.Random(16), addresses(4000), [f"l{n}.example" for n in range(5)]
    held = {zone: {str(one) for one in rng.sample(subjects, 700)} for zone in zones}
    tmp_path.chmod(0o755)
    for zone, some in held.items():
        (tmp_path / zone).write_text(
            ":127.0.0.2:listed\n127.0.0.2\n" + "".join(f"{one}\n" for one in sorted(some))
        )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program("rbldnsd"), "-n", "-q", "-b", f"127.0.0.1/{port}", "-w", str(tmp_path)]
    command += [f"{zone}:ip4set:{zone}" for zone in zones]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            assert any("started" in line for line in server.stdout)
            found = survey(subjects, [stranger(zone) for zone in zones], at(port), 60.0).listings
        finally:
            server.terminate()
    assert len(found) == len({(one.address, one.zone) for one in found}) == 20_000
    for one in found:
        assert one.state == ("listed" if one.address in held[one.zone] else "clear")
        assert one.reason == ("listed" if one.state == "listed" else "")
        assert one.codes == (("127.0.0.2",) if one.state == "listed" else ())


def test_junk_around_the_answer_is_counted_and_never_believed() -> None:
    rng = random.Random(3)

    def handler(query: dns.message.Message) -> list[bytes]:
        good = honest(query)
        name = str(query.question[0].name)
        sample = dns_fuzz.Sample(answer(query, "A 127.0.0.66"), query.id, name, packets.A)
        lies = (dns_fuzz.harmed(rng, sample).packet for _ in range(6))
        junk = [lie for lie in lies if packets.read_answer(lie, query.id, name, packets.A).fault]
        return [*junk, query.to_wire(), good + rng.randbytes(20_000), good[:-1], good]

    with serving(handler) as port:
        sweep = Sweep(addresses(200), [LIST], at(port))
        found = told(sweep)
    assert len(found) == 200
    assert all(right(subject, said) for (subject, _), said in found.items())
    assert sweep.asker.doubtful > 600


def test_duplicates_are_no_second_answer() -> None:
    def handler(query: dns.message.Message) -> list[bytes]:
        return [honest(query), answer(query, "A 127.0.0.66")]

    with serving(handler) as port:
        sweep = Sweep(addresses(200), [LIST], at(port))
        found = told(sweep)
    assert all(right(subject, said) for (subject, _), said in found.items())
    assert sweep.asker.doubtful > 100  # the last few may come after the end


def test_what_is_lost_is_asked_again_with_less_at_once() -> None:
    seen = 0

    def handler(query: dns.message.Message) -> bytes | None:
        nonlocal seen
        seen += 1
        return None if seen <= 60 else honest(query)

    with serving(handler) as port:
        sweep = Sweep(addresses(150), [LIST], at(port))
        found = told(sweep)
    assert all(right(subject, said) for (subject, _), said in found.items())
    assert len(found) == 150
    assert sweep.asker.repeated >= 60
    assert sweep.asker.window < WINDOW


def test_a_silent_list_costs_a_moment_and_its_pairs_say_why() -> None:
    def handler(query: dns.message.Message) -> bytes | None:
        return None if asked(query)[0].endswith("silent.example") else honest(query)

    began = time.monotonic()
    with serving(handler) as port:
        found = told(Sweep(addresses(800), [LIST, stranger("silent.example")], at(port), wait=1.0))
    assert time.monotonic() - began < 10
    assert len(found) == 1600
    for (subject, zone), said in found.items():
        if zone == LIST.zone:
            assert right(subject, said)
        else:
            assert said.rcode is None
            assert said.why.startswith(("no answer within 1 s", "not asked: "))
    assert sum(said.why.startswith("not asked") for said in found.values()) > 100


def test_a_silent_server_ends_it_and_the_unasked_say_why_too() -> None:
    taken = 0

    def subjects() -> Iterator[Address | str]:
        nonlocal taken
        for address in addresses(50_000):
            taken += 1
            yield address

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        sweep = Sweep(subjects(), [LIST], at(silent.getsockname()[1]), wait=0.3)
        kinds: dict[str, int] = {}
        most = 0
        for count, (_, said) in enumerate(sweep):
            assert said.rcode is None
            kinds[said.why] = kinds.get(said.why, 0) + 1
            most = max(most, taken - count)
    assert sum(kinds.values()) == 50_000
    assert sweep.seconds < 5
    assert sweep.asker.sent <= 4 * WINDOW
    assert most <= MOST_OPEN


def test_the_deadline_of_the_whole_is_kept_and_none_is_lost() -> None:
    def handler(query: dns.message.Message) -> bytes:
        time.sleep(0.01)
        return honest(query)

    with serving(handler) as port:
        sweep = Sweep(addresses(2000), [LIST], at(port), timeout=0.5)
        found = told(sweep)
    assert len(found) == 2000
    assert sweep.seconds < 1
    answered = {pair: said for pair, said in found.items() if said.rcode is not None}
    assert 0 < len(answered) < 100
    assert {said.why for pair, said in found.items() if pair not in answered} == {"no answer within 0.5 s"}


def test_nobody_there_is_said_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    sweep = Sweep(addresses(1000), [LIST], at(port))
    found = told(sweep)
    assert sweep.seconds < 2
    assert len(found) == 1000
    assert all(said.why.startswith("nobody answers DNS at 127.0.0.1") for said in found.values())


def test_no_server_is_no_answer() -> None:
    assert [said.why for said in told(Sweep(addresses(2), [LIST], [])).values()] == [
        "there is no resolver"
    ] * 2


def test_lists_are_asked_what_they_can_know() -> None:
    entry = Entry(
        key="4", zone="four.example", name="", operator="", lists="", kind=("ip4",), source="", checked=""
    )
    long = ".".join(["a" * 60] * 4)
    subjects: list[Address | str] = [
        IPv4Address("192.0.2.1"),
        IPv6Address("2001:db8::1"),
        "spam.example",
        long,
    ]
    with serving(lambda query: answer(query, rcode=3)) as port:
        found = told(Sweep(subjects, [entry, LIST], at(port)))
    assert set(found) == {
        ("192.0.2.1", "four.example"),
        *((str(subject), "bl.example") for subject in subjects),
    }
    assert found.pop((long, "bl.example")).why == "no name that DNS can carry"
    assert {said.rcode for said in found.values()} == {3}


def test_what_is_cut_off_comes_whole_over_tcp() -> None:
    codes = [f"A 127.0.0.{n}" for n in range(2, 60)]
    tc = int(dns.flags.TC)
    with serving(lambda query: answer(query, flags=tc), lambda query: answer(query, *codes)) as port:
        found = told(Sweep(addresses(20), [LIST], at(port)))
    assert len(found) == 20
    assert all(len(said.addresses) == 58 for said in found.values())


def test_tcp_that_says_nothing_ends_with_the_question_s_time() -> None:
    tc = int(dns.flags.TC)

    def slow(query: dns.message.Message) -> list[bytes]:
        time.sleep(1)
        return []

    with serving(lambda query: answer(query, flags=tc), slow) as port:
        found = told(Sweep(addresses(12), [LIST], at(port), wait=0.5))
    assert len(found) == 12
    assert all("cut off over UDP" in said.why for said in found.values())


@pytest.mark.parametrize("rcode", [1, 2, 4, 5])
def test_a_refusal_is_an_answer(rcode: int) -> None:
    with serving(lambda query: answer(query, rcode=rcode)) as port:
        found = told(Sweep(addresses(50), [LIST], at(port)))
    assert {said.rcode for said in found.values()} == {rcode}
    assert len(found) == 50


def test_a_second_server_takes_over() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, serving(honest) as port:
        silent.bind(("127.0.0.1", 0))
        sweep = Sweep(addresses(1000), [LIST], [*at(silent.getsockname()[1]), *at(port)])
        found = told(sweep)
    assert len(found) == 1000
    assert sweep.seconds < 4  # it is found out once, not for each window
    assert all(right(subject, said) for (subject, _), said in found.items())


def test_a_server_that_is_gone_is_passed_over() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        closed = gone.getsockname()[1]
    with serving(honest) as port:
        sweep = Sweep(addresses(500), [LIST], [*at(closed), *at(port)])
        found = told(sweep)
    assert len(found) == 500
    assert all(right(subject, said) for (subject, _), said in found.items())
    assert sweep.seconds < 3


def test_who_takes_the_answers_may_take_long() -> None:
    with serving(honest) as port:
        sweep = Sweep(addresses(150), [LIST], at(port), wait=0.5)
        found: dict[str, Answer] = {}
        for (subject, _), said in sweep:
            if len(found) in (0, 40):
                time.sleep(0.8)
            found[str(subject)] = said
    assert len(found) == 150
    assert all(right(subject, said) for subject, said in found.items())


def test_an_operator_s_pace_is_kept_and_the_rest_say_so() -> None:
    slow = structs.replace(stranger("slow.example"), per_second=40.0)
    times: list[float] = []

    def handler(query: dns.message.Message) -> bytes:
        if asked(query)[0].endswith("slow.example"):
            times.append(time.monotonic())
        return honest(query)

    with serving(handler) as port:
        found = told(Sweep(addresses(300), [LIST, slow], at(port), timeout=1.0))
    assert len(found) == 600
    unasked = [pair for pair, said in found.items() if said.rcode is None]
    assert {found[pair].why for pair in unasked} <= {
        "not asked: its operator bears 40 questions a second",
        "no answer within 1 s",
    }
    assert {zone for _, zone in unasked} == {"slow.example"}
    assert 20 <= len(times) <= 41
    assert len(times) + len(unasked) >= 300


def test_dead_lists_are_left_out() -> None:
    dead = Entry(
        key="d", zone="d.example", name="", operator="", lists="", kind=("ip4",), source="", checked="",
        status="dead",
    )  # fmt: skip
    assert told(Sweep(addresses(1), [dead], at(9))) == {}
    assert MUTE < WINDOW
