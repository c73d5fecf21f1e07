"""Who had a translated port, who spoke to an address, who was here: answered from logs, never guessed."""

import json
import os
import re
import shlex
from ipaddress import ip_address
from pathlib import Path

import pytest

from unlisted.cli import _when, main
from unlisted.edge import lines
from unlisted.find import presence, seen, translated
from unlisted.find.columns import Gatherer
from unlisted.find.who import Who
from unlisted.messages import Attempt, Contact, Device, Evidence, Lease, Presence, Translation
from unlisted.net import INSIDE, Address

OURS, TARGET, OTHER = (ip_address(text) for text in ("203.0.113.5", "198.51.100.7", "198.51.100.99"))
ANNA, BERT = ip_address("192.168.50.21"), ip_address("192.168.50.22")
A, B = "3c:5a:b4:12:34:56", "00:1b:63:00:00:01"
NOW = 1_795_000_000.0


def who(*leases: Lease) -> Who:
    made = Who()
    for lease in leases:
        made.add(lease)
    return made


def people() -> Who:
    return who(Lease(ANNA, A, "anna-pc", start=NOW - 9000), Lease(BERT, B, "bert-pc", start=NOW - 9000))


def contact(
    src: object, at: float, port: int, nat_port: int = 0, dst: object = TARGET, **more: object
) -> Contact:
    nat = OURS if nat_port else None
    return Contact(at, src, dst, 443, port, nat=nat, nat_port=nat_port, **more)  # type: ignore[arg-type]


def ask(
    facts: list[Attempt | Contact],
    told: list[Translation] | None = None,
    *,
    port: int = 40222,
    at: float = NOW,
    skew: float = 30.0,
    contacted: bool = False,
    known: Who | None = None,
    address: Address | None = None,
) -> seen.Answer:
    asked = seen.Question(
        address or (TARGET if contacted else OURS),
        port,
        at,
        skew,
        contacted=contacted,
    )
    table = translated.Translations()
    kept = seen.Nearest(at)
    for fact in facts:
        if asked.concerns(fact):
            kept.add(fact)
    for fact in kept:
        if (made := translated.of(fact)) is not None:
            table.add(made)
    for one in told or []:
        table.add(one)
    return seen.answer(asked, kept, table, people() if known is None else known)


def keys(answer: seen.Answer) -> list[str]:
    return [one.device.key for one in answer.candidates]


# ---- who had this port ----------------------------------------------------------------------------


def test_a_translated_connection_names_the_device() -> None:
    found = ask([contact(ANNA, NOW - 3, 51000, 40222), contact(BERT, NOW - 3, 51000, 40223)])
    assert keys(found) == [A]
    assert found.unique
    one = found.candidates[0]
    assert (one.device.hostname, one.start, one.end) == ("anna-pc", NOW - 3, None)
    assert one.via == "translation; device by lease"


def test_the_clock_error_is_a_number() -> None:
    facts: list[Attempt | Contact] = [contact(ANNA, NOW + 20, 51000, 40222)]
    assert keys(ask(facts, skew=30)) == [A]
    assert keys(ask(facts, skew=10)) == []


def test_a_port_used_by_two_towards_two_servers_at_once_leaves_both() -> None:
    found = ask([contact(ANNA, NOW - 3, 1, 40222), contact(BERT, NOW - 2, 2, 40222, OTHER)])
    assert sorted(keys(found)) == sorted([A, B])
    assert not found.unique


def test_a_session_that_ended_before_had_it_no_more() -> None:
    found = ask(
        [contact(ANNA, NOW - 600, 1, 40222, end=NOW - 500), contact(BERT, NOW - 40, 2, 40222, end=NOW + 9)]
    )
    assert keys(found) == [B]


def test_the_next_session_on_the_same_port_ends_one_whose_end_nobody_told() -> None:
    start = Translation(ANNA, OURS, start=NOW - 900, port=40222, inside_port=7)
    again = Translation(BERT, OURS, start=NOW - 100, port=40222, inside_port=8)
    assert keys(ask([], [start, again])) == [B]
    assert keys(ask([], [again, start], at=NOW - 500)) == [A]


def test_an_end_told_on_a_line_of_its_own_ends_it() -> None:
    told = [
        Translation(ANNA, OURS, start=NOW - 900, port=40222, inside_port=7),
        Translation(ANNA, OURS, end=NOW - 300, port=40222, inside_port=7),
    ]
    assert keys(ask([], told)) == []
    assert keys(ask([], told, at=NOW - 400)) == [A]


def test_a_block_of_ports_is_its_holders() -> None:
    blocks = [
        Translation(ANNA, OURS, start=NOW - 90_000, port=40000, ports=512),
        Translation(BERT, OURS, start=NOW - 90_000, port=40512, ports=512),
    ]
    assert keys(ask([], blocks)) == [A]
    assert keys(ask([], blocks, port=40512)) == [B]
    assert sorted(keys(ask([], blocks, port=0))) == sorted([A, B])
    assert not ask([], blocks[:1], port=0).unique  # without a port it is everybody, however few are known


def test_without_a_translation_the_same_port_inside_is_likely_and_not_certain() -> None:
    found = ask([contact(ANNA, NOW - 1, 40222), contact(BERT, NOW - 1, 40223)])
    assert keys(found) == [A]
    assert not found.unique
    assert "likely, not certain" in found.candidates[0].via


def test_a_log_of_the_outer_side_names_nobody() -> None:
    found = ask([contact(OURS, NOW, 40222)])
    assert found.candidates == ()
    assert "outer side" in found.because[0]


def test_the_account_goes_with_it() -> None:
    known = who(Lease(ANNA, A, start=NOW - 9000, account="anna"))
    assert ask([contact(ANNA, NOW, 40222)], known=known).candidates[0].account == "anna"
    assert ask([contact(ANNA, NOW, 1, 40222, account="anna")]).candidates[0].account == "anna"


def test_two_leases_at_once_are_two_candidates() -> None:
    known = who(Lease(ANNA, A, start=NOW - 900), Lease(ANNA, B, end=NOW + 900))
    found = ask([contact(ANNA, NOW - 3, 51000, 40222)], known=known)
    assert sorted(keys(found)) == sorted([A, B])
    assert not found.unique


def test_a_public_address_of_a_device_itself() -> None:
    host = ip_address("2001:db8::21")
    found = ask([contact(host, NOW, 40222)], address=host, known=who(Lease(host, A, start=NOW - 900)))
    assert keys(found) == [A]


def test_a_ping_has_no_port_and_says_nothing_of_any() -> None:
    ping = Contact(NOW - 3, ANNA, TARGET, protocol="icmp", nat=OURS)
    assert keys(ask(list[Attempt | Contact]([ping]))) == []


def test_a_session_that_does_not_say_its_port_is_no_proof() -> None:
    found = ask([Contact(NOW - 3, ANNA, TARGET, 25, 51000, nat=OURS)])
    assert keys(found) == [A]
    assert not found.unique
    assert "port is not told" in found.candidates[0].via
    assert keys(ask([], [Translation(ANNA, OURS, start=NOW - 9e5, dst=TARGET)])) == [], "silent for days"


def test_what_was_blocked_had_no_port_outside_and_is_over_at_once() -> None:
    assert keys(ask([contact(ANNA, NOW - 3, 51000, 40222, action="block")])) == []
    spoke = [contact(ANNA, NOW - 600, 1, action="block"), contact(BERT, NOW - 3, 2)]
    assert keys(ask(list(spoke), contacted=True, port=0)) == [B]


def test_an_address_of_the_outer_side_is_nobody() -> None:
    for port in (40222, 0):
        found = ask([contact(OURS, NOW - 3, port)], contacted=True, port=0)
        assert not found.unique
        assert "not inside" in found.candidates[0].via


def test_an_end_that_says_less_than_its_start_ends_it() -> None:
    told = [
        Translation(ANNA, OURS, start=NOW - 900, port=40222, inside_port=7, dst=TARGET, dport=25),
        Translation(ANNA, OURS, end=NOW - 300, port=40222, inside_port=7),
    ]
    assert keys(ask([], told)) == []
    assert keys(ask([], told[::-1], at=NOW - 400)) == [A]


def test_a_port_that_is_one_holders_for_all_servers_is_taken_by_the_next() -> None:
    told = [
        Translation(ANNA, OURS, start=NOW - 900, port=40222, inside_port=7),
        Translation(BERT, OURS, start=NOW - 100, port=40222, inside_port=8, dst=TARGET),
    ]
    assert keys(ask([], told)) == [B]
    assert keys(ask([], told, at=NOW - 500)) == [A]


def test_a_port_that_was_used_thousands_of_times_is_known_at_every_moment() -> None:
    told = [
        Translation((ANNA, BERT)[n % 2], OURS, start=NOW - 10 * n, port=40222, inside_port=n)
        for n in range(5000)
    ]
    assert keys(ask([], told, at=NOW - 45_000 + 5, skew=1)) == [str(ANNA)]


def test_an_open_session_and_the_one_that_just_began_are_both_named_and_told_apart() -> None:
    found = ask([contact(ANNA, NOW - 3600, 1), contact(BERT, NOW - 2, 2)], contacted=True, port=0)
    assert keys(found) == [B, A]
    assert not found.unique
    assert "1 of these 2 began within 30 s" in found.because[0]


def test_a_card_with_several_addresses_may_be_a_routers() -> None:
    facts = [contact(ANNA, NOW, 1, mac=B), contact(BERT, NOW, 2, mac=B)]
    found = ask(list(facts), contacted=True, port=0, known=Who())
    assert sorted(keys(found)) == [str(ANNA), str(BERT)]
    alone = ask(list(facts), contacted=True, port=0)
    assert sorted(keys(alone)) == sorted([A, B]), "the lease knows better"
    assert not alone.unique


def test_the_end_is_open_where_one_line_tells_none() -> None:
    facts = [contact(ANNA, NOW, 1, end=NOW + 5), contact(ANNA, NOW + 1, 2)]
    assert ask(list(facts), contacted=True, port=0).candidates[0].end is None


def test_translations_that_were_too_many_leave_nobody_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translated, "MOST", 1)
    told = [Translation(one, OURS, start=NOW - 5, port=40222, inside_port=7) for one in (ANNA, BERT)]
    assert not ask([], told).unique


def test_of_a_busy_server_the_nearest_lines_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "SOURCES", 2)
    kept = seen.Nearest(NOW)
    for n in range(5000):
        kept.add(contact(ANNA, NOW - 5000 + n, 1))
    assert [fact.at for fact in kept][:2] == [NOW - 1, NOW - 2]
    assert len(list(kept)) == seen.NEAREST
    for n in range(3):
        kept.add(contact(ip_address(f"10.0.0.{n}"), NOW, 1))
    assert kept.left == 2


def test_only_translations_that_may_answer_are_kept() -> None:
    asked = seen.Question(OURS, 40222, NOW, 30.0)
    assert asked.about(Translation(ANNA, OURS, start=NOW - 9e6, port=40222))
    assert asked.about(Translation(ANNA, OURS, port=40000, ports=512))
    assert asked.about(Translation(ANNA, OURS))
    assert not asked.about(Translation(ANNA, OURS, start=NOW, port=40223))
    assert not asked.about(Translation(ANNA, OTHER, start=NOW, port=40222))
    everybody = seen.Question(OURS, 0, NOW, 30.0)
    assert everybody.about(Translation(ANNA, OURS, start=NOW - 60, port=1))
    assert not everybody.about(Translation(ANNA, OURS, start=NOW - 9000, port=1))
    assert not translated.for_mail(Translation(ANNA, OURS, port=1, dst=TARGET, dport=443))


def test_an_account_is_logged_on_only_while_it_is() -> None:
    stays = [Lease(ANNA, A, start=NOW + d * 100, end=NOW + d * 100 + 9, account="anna") for d in (0, 5)]
    known = who(Lease(ANNA, A, start=NOW - 9000, end=NOW + 9000), *stays)
    assert [known.account(ANNA, NOW + at, A) for at in (1, 250, 505)] == ["anna", "", "anna"]
    told = Translation(ANNA, OURS, start=NOW - 2, port=40222, inside_port=7)
    assert ask([], [told], known=known).candidates[0].account == "anna"


def test_an_attempt_goes_back_only_to_whose_session_it_opened() -> None:
    made = Gatherer("outer.log")
    made.add(Attempt(NOW, OURS, TARGET, 25, 40222), 1)
    flows = made.flows()
    for told, count in [
        (Translation(ANNA, OURS, start=NOW - 3000, port=40222, dst=TARGET, dport=25), 0),
        (Translation(ANNA, OURS, start=NOW - 3000, port=40222), 1),
        (Translation(ANNA, OURS, start=NOW - 1, port=40222, dst=TARGET, dport=443), 0),
        (Translation(ANNA, OURS, start=NOW - 9e6, port=40000, ports=1000), 1),
        (Translation(ANNA, OURS, start=NOW - 1, dst=TARGET, dport=25), 0),
    ]:
        table = translated.Translations()
        table.add(told)
        assert translated.inward(flows, table, INSIDE)[1:] == (count, 1 - count), told


# ---- who spoke to it ------------------------------------------------------------------------------


def test_who_spoke_to_an_address() -> None:
    facts = [contact(ANNA, NOW - 3, 1), contact(BERT, NOW - 3, 2, dst=OTHER), contact(BERT, NOW - 20_000, 3)]
    found = ask(list(facts), contacted=True, port=0)
    assert keys(found) == [A]
    assert found.unique
    assert keys(ask(list(facts), contacted=True, port=25)) == []


def test_an_outer_log_and_the_translations_name_him() -> None:
    told = [Translation(ANNA, OURS, start=NOW - 5, port=40222, inside_port=7, dst=TARGET)]
    assert keys(ask([contact(OURS, NOW - 3, 40222)], told, contacted=True, port=0)) == [A]
    alone = ask([contact(OURS, NOW - 3, 40222)], contacted=True, port=0)
    assert [one.via.partition(";")[0] for one in alone.candidates] == [
        "an address that is not inside: behind a translation, or another's"
    ]


def test_several_lines_of_one_device_are_one_candidate_with_its_evidence() -> None:
    facts = [contact(ANNA, NOW + i, 100 + i, seen=Evidence("log", i, "")) for i in range(20)]
    found = ask(list(facts), contacted=True, port=0)
    assert len(found.candidates) == 1
    assert (found.candidates[0].start, len(found.candidates[0].evidence)) == (NOW, seen.QUOTED)


def test_attempts_behind_the_translation_go_back_to_their_senders() -> None:
    made = Gatherer("outer.log")
    for i in range(4):
        made.add(Attempt(NOW + i, OURS, TARGET, 25, 40222 + i, mac=B), i + 1)
    table = translated.Translations()
    for i in range(3):
        table.add(Translation(ANNA, OURS, start=NOW + i, port=40222 + i, inside_port=9, dst=TARGET))
    table.add(Translation(BERT, OURS, start=NOW + 2, port=40224, inside_port=9))  # two for the third
    flows, given, left = translated.inward(made.flows(), table, INSIDE)
    assert (given, left) == (2, 2)
    assert [str(flows.addresses[n]) for n in flows.src] == [str(ANNA), str(ANNA), str(OURS), str(OURS)]
    assert [flows.macs[n] for n in flows.mac] == ["", "", B, B]


# ---- the command line -----------------------------------------------------------------------------

CONNTRACK = (
    "[1795000000.5] [NEW] ipv4 2 tcp 6 120 SYN_SENT src=192.168.50.21 dst=198.51.100.7 sport=51000 dport=443"
)


def packet(second: int, source: str, port: int, target: str = "198.51.100.7") -> str:
    return (
        f"2026-11-18T12:00:{second:02}Z gw kernel: IN=lan0 OUT=wan0 MAC=b6:0d:b6:d7:14:58:{A}:08:00 "
        f"SRC={source} DST={target} "
        f"LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT={port} DPT=443 WINDOW=64240 "
        "RES=0x00 SYN URGP=0\n"
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.log"
    path.write_text("".join(packet(i, "192.168.50.21", 40220 + i) for i in range(5)))
    return path


def test_contacted_from_the_command_line(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["find", "--contacted", "198.51.100.7", "--at", "2026-11-18 12:00:02Z", str(log), "--json"]) == 1
    )
    out = json.loads(capsys.readouterr().out)
    assert out["unique"] is True
    assert set(out["candidates"][0]) >= {"device", "account", "from", "to", "via"}
    assert out["candidates"][0]["device"]["mac"] == A
    assert out["candidates"][0]["evidence"][0]["source"] == str(log)


def test_a_large_log_is_searched_for_the_address_alone(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = packet(7, "192.168.50.22", 50000, "198.51.100.8")
    log.write_text(log.read_text() + other * 5000 + packet(8, "192.168.50.22", 50001))
    words = ["find", "--contacted", "198.51.100.7", "--at", "2026-11-18T12:00:05Z", str(log), "--json"]
    assert main(words) == 1
    whole = capsys.readouterr().out
    monkeypatch.setattr(lines, "SMALL", 0)
    monkeypatch.setattr(lines, "DENSE", 0)
    assert main(words) == 1
    assert capsys.readouterr().out == whole


def test_seen_says_what_it_rests_on(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["find", "--seen", "203.0.113.5:40222", "--at", "2026-11-18T12:00:02Z", "--skew", "5s", str(log)]
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert A in out
    assert "likely, not certain" in out
    assert "DPT=443" in out
    assert "1 candidate, and not for certain" in err
    assert err.splitlines()[-1].startswith("next: ")


def test_the_next_step_is_a_command_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "the logs"
    folder.mkdir()
    path = folder / "gateway.log"
    path.write_text(packet(1, "192.168.50.21", 40221).replace("DPT=443", "DPT=25"))
    words = ["find", "--contacted", "198.51.100.7", "--at", "2026-11-18T12:00:02Z", str(folder)]
    assert main(words) == 1
    told = capsys.readouterr().err.splitlines()[-1].partition("next: unlisted ")[2]
    assert shlex.split(told) == ["find", str(folder), "--explain", A]
    assert main(shlex.split(told)) != 2
    path.write_text(packet(1, "192.168.50.21", 40221))
    capsys.readouterr()
    assert main(words) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"one candidate. next: sudo unlisted hold {A}"


def test_an_empty_question_is_wrong_use(log: Path) -> None:
    assert main(["find", "--seen", "", "--at", "2026-11-18T12:00:02Z", str(log)]) == 2


def test_a_minute_is_all_of_its_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gateway.log"
    path.write_text(packet(59, "192.168.50.21", 40221).replace("12:00", "12:04"))
    words = ["find", "--contacted", "198.51.100.7", "--skew", "0", str(path)]
    assert main([*words, "--at", "2026-11-18T12:04Z"]) == 1
    assert main([*words, "--at", "2026-11-18T12:03Z"]) == 3
    capsys.readouterr()


def test_an_address_in_hexadecimal_is_searched_for_as_well() -> None:
    scan = re.compile(seen.Question(TARGET, 0, NOW, 30, contacted=True).needle)
    for text in (b"198.51.100.7", b"::ffff:198.51.100.7", b"::FFFF:C633:6407", b"0:0:0:0:0:ffff:c633:6407"):
        assert scan.search(b"dst=" + text), text
    assert not scan.search(b"198.51.100.6")


def test_a_parquet_table_answers_on_any_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pl = pytest.importorskip("polars")
    columns = {"ts": [NOW], "src": [str(ANNA)], "dst": [str(TARGET)], "dport": [8080], "proto": ["tcp"]}
    pl.DataFrame(columns).write_parquet(tmp_path / "flows.parquet")
    words = ["find", "--contacted", str(TARGET), "--at", str(int(NOW)), str(tmp_path), "--json"]
    assert main(words) == 1
    found = json.loads(capsys.readouterr().out)
    assert [one["device"]["address"] for one in found["candidates"]] == [str(ANNA)]
    assert str(TARGET) in found["candidates"][0]["evidence"][0]["text"]


def test_a_table_without_times_is_of_when_it_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "conntrack"
    path.write_text(
        f"tcp      6 117 SYN_SENT src={BERT} dst={TARGET} sport=35003 dport=25 [UNREPLIED] src={TARGET} "
        f"dst={OURS} sport=25 dport=1025 mark=0 use=1\n"
    )
    os.utime(path, (NOW, NOW))
    words = ["find", "--seen", f"{OURS}:1025", str(path), "--json", "--at"]
    assert main([*words, str(int(NOW + 5))]) == 1
    out, err = capsys.readouterr()
    assert [one["device"]["address"] for one in json.loads(out)["candidates"]] == [str(BERT)]
    assert "no times: taken as of when it was written" in err
    assert main([*words, str(int(NOW - 86_400))]) == 3


def test_nobody_is_could_not_tell(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["find", "--contacted", "198.51.100.8", "--at", "2026-11-18T12:00:02Z", str(log), "--json"]
    assert main(words) == 3
    assert json.loads(capsys.readouterr().out) == {"candidates": [], "unique": False, "because": []}


@pytest.mark.parametrize(
    "words",
    [
        ["--seen", "203.0.113.5:99999", "--at", "2026-11-18T12:00:02Z"],
        ["--seen", "nowhere", "--at", "2026-11-18T12:00:02Z"],
        ["--seen", "203.0.113.5:25"],
        ["--seen", "203.0.113.5:25", "--at", "yesterday"],
        ["--seen", "203.0.113.5:25", "--contacted", "198.51.100.7", "--at", "2026-11-18T12:00:02Z"],
        ["--seen", "203.0.113.5:25", "--at", "2026-11-18T12:00:02Z", "--skew", "soon"],
    ],
)
def test_wrong_use_is_said(words: list[str], log: Path) -> None:
    try:
        code = main(["find", *words, str(log)])
    except SystemExit as end:
        code = int(str(end.code))
    assert code == 2


def test_without_a_source_the_mend_is_the_whole_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", "--seen", "203.0.113.5:40222", "--at", "2026-11-18T12:00:02Z"]) == 2
    assert "--seen 203.0.113.5:40222 --at TIME FOLDER" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "at", "exact", "zone"),
    [
        ("2026-11-20 19:04:11Z", 1795201451.0, 1, True),
        ("2026-11-20T20:04:11+01:00", 1795201451.0, 1, True),
        ("2026-11-20T19:04Z", 1795201440.0, 60, True),
        ("2026-11-20 19:04", 1795201440.0, 60, False),
        ("2026-11-20 20:04:11+01", 1795201451.0, 1, True),
        ("Fri, 20 Nov 2026 19:04 +0000", 1795201440.0, 60, True),
        ("2026-11-20T20:04+01:00", 1795201440.0, 60, True),
        ("1795201451", 1795201451.0, 1, True),
        ("20.11.2026 19:04:11", 1795201451.0, 1, False),
        ("20.11.2026, 19:04", 1795201440.0, 60, False),
        ("Fri, 20 Nov 2026 19:04:11 +0000", 1795201451.0, 1, True),
        ("20.11.2026, 20:04 CET", 1795201440.0, 60, True),
        ("2026-11-20 20:04:11 CET", 1795201451.0, 1, True),
        ("2026-11-20 14:04:11 EST", 1795201451.0, 1, True),
        ("2026-11-20 19:04:11 UTC", 1795201451.0, 1, True),
    ],
)
def test_moments_as_people_write_them(text: str, at: float, exact: float, zone: bool) -> None:
    assert _when.moment(text) == (at, exact, zone)


# ---- who was here ---------------------------------------------------------------------------------

HOUR = 3600.0


def evening(days: range, mac: str = A) -> list[Presence]:
    """From six to nine in the evening."""
    return [Presence(mac, NOW + day * 24 * HOUR, NOW + (day * 24 + 3) * HOUR) for day in days]


DAY = 24 * HOUR
TEN_DAYS = (NOW, NOW + 10 * DAY)
BOTH = {A: Device(None, A), B: Device(None, B)}


def rank(
    stays: list[Presence], *days: float, off: float = 60.0, covered: tuple[float, float] = TEN_DAYS
) -> tuple[list[presence.Odds], float]:
    spam = [presence.Seen(NOW + day * DAY, off) for day in days]
    return presence.rank(presence.stays(Who(), (), stays), spam, BOTH, covered)


def test_who_comes_and_goes_with_the_spam_stands_out() -> None:
    always = Presence(B, NOW, NOW + 10 * DAY)
    odds, nobody = rank([*evening(range(10)), always], *(day + 1 / 24 for day in (1, 4, 5, 8)))
    assert odds[0].device.mac == A
    assert odds[0].share > 0.9 > 0.1 > odds[1].share
    assert sum(one.share for one in odds) + nobody == pytest.approx(1.0)
    assert presence.stands_out(odds)


def test_one_moment_names_nobody_and_always_here_is_neither_accused_nor_cleared() -> None:
    odds, _ = rank(evening(range(10)), 1 + 1 / 24)
    assert not presence.stands_out(odds)
    always = [Presence(A, NOW, NOW + 99 * DAY), Presence(B, NOW, NOW + 99 * DAY)]
    odds, nobody = rank(always, *(i / 3 for i in range(9)))
    assert odds[0].share == pytest.approx(odds[1].share)
    assert nobody == pytest.approx(presence.NOBODY, abs=0.1)


def test_who_was_away_is_cleared() -> None:
    odds, _ = rank([*evening(range(10)), Presence(B, NOW, NOW + 10 * DAY)], *(d + 0.5 for d in (1, 4, 5, 8)))
    assert odds[-1].device.mac == A
    assert odds[-1].share < 0.001


def test_one_visit_is_one_coincidence_however_often_it_was_seen() -> None:
    once, often = ([Presence(A, NOW + 4 * DAY, NOW + 5 * DAY)], [4.1, 4.3, 4.5, 4.7, 4.9])
    odds, _ = rank(once, *often)
    assert (odds[0].here, odds[0].visits) == (5, 1)
    assert odds[0].share == pytest.approx(rank(once, 4.5)[0][0].share)
    assert not presence.stands_out(odds)


def test_a_moment_that_may_be_off_by_a_day_speaks_against_nobody_who_comes_daily() -> None:
    odds, nobody = rank(evening(range(10)), 1, 4, 5, 8, off=DAY)
    assert odds[0].here == 4
    assert odds[0].usual == pytest.approx(0.125, abs=0.02)
    assert odds[0].share == pytest.approx(1 - presence.NOBODY, abs=0.05)
    assert nobody == pytest.approx(presence.NOBODY, abs=0.05)


def test_the_end_of_a_lease_is_no_observation() -> None:
    file = [Lease(ANNA, A, end=NOW + 9 * HOUR), Lease(BERT, B, end=NOW + 3 * HOUR)]
    covered = presence.coverage(file, ())
    assert presence.within([presence.Seen(NOW + 4 * HOUR), presence.Seen(NOW + 6 * HOUR)], covered) == []
    assert presence.rank({A: []}, [], BOTH, covered) == ([], 1.0)
    log = [Lease(ANNA, A, start=NOW, end=NOW + 9 * HOUR), Lease(BERT, B, start=NOW + HOUR)]
    assert presence.coverage(log, ()) == (NOW, NOW + HOUR)


def test_a_burst_within_an_hour_is_one_episode() -> None:
    many = [presence.Seen(NOW + i, 60.0 if i else 600.0) for i in range(100)]
    assert presence.episodes(many) == [many[1]]


def test_moments_and_leases_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for day in range(10, 20):
        told += [
            f"Nov {day} 18:00:00 gw dnsmasq-dhcp[9]: DHCPACK(lan0) 192.168.50.21 {A} laptop\n",
            f"Nov {day} 21:00:00 gw dnsmasq-dhcp[9]: DHCPRELEASE(lan0) 192.168.50.21 {A}\n",
        ]
    told.insert(0, f"Nov 10 00:00:00 gw dnsmasq-dhcp[9]: DHCPACK(lan0) 192.168.50.22 {B} desktop\n")
    (tmp_path / "leases.log").write_text("".join(told))
    times = [word for day in (11, 14, 17) for word in ("--at", f"2026-11-{day} 19:30:00Z")]
    assert main(["find", *times, str(tmp_path), "--json"]) == 1
    out, err = capsys.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    assert (found[0]["device"]["mac"], found[0]["verdict"]) == (A, "suspect")
    assert "proves nothing" in err
    assert main(["find", "--at", "2026-11-14 19:30:00Z", str(tmp_path), "--json"]) == 3
    capsys.readouterr()
    assert main(["find", *times, "--at", "2026-11-30 19:30:00Z", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "here at 3 of 3 times" in out
    assert "1 time left out: who was here is known 2026-11-10 00:00" in err


def test_a_lease_without_an_end_counts_for_its_usual_length_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [f"Nov 10 00:00:00 gw dnsmasq-dhcp[9]: DHCPACK(lan0) 192.168.50.22 {B} desktop\n"]
    for day in range(10, 20):  # renewed after three hours, and away at night
        told += [
            f"Nov {day} {hour}:00:00 gw dnsmasq-dhcp[9]: DHCPACK(lan0) 192.168.50.21 {A} laptop\n"
            for hour in (12, 15)
        ]
    (tmp_path / "leases.log").write_text("".join(told))

    def asked(*times: str) -> dict[str, dict[str, object]]:
        words = [word for time in times for word in ("--at", time)]
        main(["find", *words, str(tmp_path), "--json"])
        return {
            (one := json.loads(line))["device"]["mac"]: one for line in capsys.readouterr().out.splitlines()
        }

    day_after = asked("2026-11-11 03:00:00Z")
    assert "not here when the spam was seen" in str(day_after[A]["because"])
    assert "not here when the spam was seen" in str(day_after[B]["because"])
    assert "neither accuses nor clears" in str(day_after[B]["because"])
    many = asked("2026-11-11 13:00:00Z", "2026-11-14 13:00:00Z", "2026-11-17 13:00:00Z")
    assert "here at 3 of 3 times" in str(many[A]["because"])
    assert "here at 0 of 3 times" in str(many[B]["because"])
    assert many[A]["verdict"] == "suspect"

    assert float(str(many[A]["likelihood"])) > 0.5
    main(["find", "--at", "2026-11-11 03:00:00Z", str(tmp_path)])
    assert "leases that tell no end are taken to last 6 to 24 h" in capsys.readouterr().err


def test_what_was_told_late_is_quoted_from_its_own_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of starts alone: that nobody answered is known after two minutes, twenty lines later."""
    (tmp_path / "conntrack.txt").write_text(
        "".join(
            f"[{1795200600 + 10 * n}.5]\t    [NEW] tcp      6 120 SYN_SENT"
            f" src=192.168.1.{n} dst=198.51.100.{n} sport=5{n:03} dport=25 [UNREPLIED]"
            f" src=198.51.100.{n} dst=203.0.113.5 sport=25 dport={40000 + n}\n"
            for n in range(1, 60)
        )
    )
    for n in (4, 40, 58):
        at = ["--at", str(1795200600 + 10 * n)]
        words = ["find", "--seen", f"203.0.113.5:{40000 + n}", *at, "--json", str(tmp_path)]
        assert main(words) == 1
        [candidate] = json.loads(capsys.readouterr().out)["candidates"]
        assert candidate["device"]["address"] == f"192.168.1.{n}"
        assert [line["line"] for line in candidate["evidence"]] == [n]
        assert f"dport={40000 + n}" in candidate["evidence"][0]["text"]


@pytest.mark.parametrize("text", ["18:50:20", "Nov 20 18:50:20", "2026-11-20", "20.11.2026"])
def test_a_moment_without_day_or_year_or_time_is_no_moment(text: str, log: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["find", "--seen", "203.0.113.5:25", "--at", text, str(log)])
    assert stopped.value.code == 2
