"""Who had which outside port: connection tracking, state tables, carrier-grade NAT, rules and tables."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from unlisted.edge.read import read
from unlisted.edge.reading import NO_TIMES
from unlisted.evidence import OTHER, Fact, Format, Holding, facts, formats, present
from unlisted.evidence.translations import _tracked
from unlisted.messages import Attempt, Contact, Translation

NEAR = 1795478400.0  # 2026-11-24 00:00:00Z
AT = 1795478786.0
KINDS = [one.name for one in formats("translations")]


def named(name: str) -> Format:
    return next(one for one in formats() if one.name == name)


def told(name: str, *lines: str) -> list[Fact]:
    parse = named(name).reader()
    made = [fact for line in lines for fact in facts(parse(line, NEAR))]
    if isinstance(parse, Holding):
        made += [fact for _, one in parse.end() for fact in facts(one)]
    return made


TUPLE = "src=192.168.50.9 dst=198.51.100.7 sport=51512 dport=25"
REPLY = "src=198.51.100.7 dst=203.0.113.5 sport=25 dport=40312"
NEW = f"[{AT}00000]\t    [NEW] tcp      6 120 SYN_SENT {TUPLE} [UNREPLIED] {REPLY}"


def event(kind: str, state: str, after: float, flags: str = "", counters: str = "") -> str:
    return f"[{AT + after:.6f}]\t[{kind}] tcp      6 60 {state} {TUPLE} {REPLY}{counters}{flags}"


def test_a_connection_is_told_once_when_its_outcome_is_known() -> None:
    (made,) = told(
        "conntrack",
        NEW,
        event("UPDATE", "SYN_RECV", 0.1),
        event("UPDATE", "ESTABLISHED", 0.2, " [ASSURED]"),
        event("UPDATE", "TIME_WAIT", 9, " [ASSURED]"),
    )
    assert made == Attempt(
        AT, ip_address("192.168.50.9"), ip_address("198.51.100.7"), 25, 51512,
        action="pass", outcome="answered", nat=ip_address("203.0.113.5"), nat_port=40312,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (event("DESTROY", "CLOSE", 0.3, " [UNREPLIED]"), "refused"),
        (event("DESTROY", "SYN_SENT", 120, " [UNREPLIED]"), "silent"),
        (event("DESTROY", "TIME_WAIT", 130, " [ASSURED]"), "answered"),
        ("", ""),
    ],
)
def test_how_a_connection_went(end: str, outcome: str) -> None:
    made = told("conntrack", NEW, *([end] if end else []))
    assert [one.outcome for one in made if isinstance(one, Attempt)] == [outcome]
    ended = [one for one in made if isinstance(one, Translation)]
    assert [(str(one.outside), one.port, one.end is not None) for one in ended] == (
        [("203.0.113.5", 40312, True)] if end else []
    )


def test_where_only_ends_are_logged_an_end_is_the_connection() -> None:
    (made,) = told("conntrack", event("DESTROY", "TIME_WAIT", 130, " [ASSURED]", " packets=9 delta-time=130"))
    assert isinstance(made, Attempt)
    assert (made.at, made.outcome) == (AT, "answered")


def test_a_line_alone_tells_what_it_can() -> None:
    parse = named("conntrack").parse
    made = parse(NEW, NEAR)
    assert isinstance(made, Attempt)
    assert made.outcome == ""
    assert parse(event("UPDATE", "SYN_RECV", 1), NEAR) is OTHER


def test_what_is_let_in_goes_to_the_machine_inside() -> None:
    line = (
        "tcp 6 431999 ESTABLISHED src=198.51.100.99 dst=203.0.113.5 sport=40001 dport=25 "
        "src=192.168.50.25 dst=198.51.100.99 sport=25 dport=40001 [ASSURED] mark=0 use=1"
    )
    (made,) = told("conntrack", line)
    assert isinstance(made, Attempt)
    assert (str(made.src), str(made.dst), made.nat) == ("198.51.100.99", "192.168.50.25", None)


@pytest.mark.parametrize("end", range(60, len(NEW), 7))
def test_a_cut_line_gives_no_wrong_number(end: int) -> None:
    made = named("conntrack").parse(NEW[:end], NEAR)
    assert made in (None, OTHER) or (isinstance(made, Attempt) and end > NEW.rindex("dport="))


def test_a_stranger_inside_another_programs_message_opens_nothing() -> None:
    bare = NEW.partition("\t")[2]
    for front in (
        "Nov 24 00:06:26 gw sshd[7]: Invalid user ",
        'Nov 24 00:06:26 gw nginx: "GET /',
        "Nov 24 00:06:26 gw postfix/smtpd[9]: warning: x: ",
        "hello ",
    ):
        assert named("conntrack").parse(front + bare, NEAR) is None
    assert isinstance(named("conntrack").parse("Nov 24 00:06:26 gw conntrack[7]: " + bare, NEAR), Attempt)


def test_connections_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tracked, "HELD", 20)
    lines = [NEW.replace("51512", str(2000 + number)) for number in range(200)]
    assert sorted(one.sport for one in told("conntrack", *lines) if isinstance(one, Attempt)) == [
        *range(2000, 2200)
    ]


def test_a_table_without_times_accuses_by_no_pace(tmp_path: Path) -> None:
    path = tmp_path / "conntrack"
    line = "tcp      6 118 SYN_SENT {} [UNREPLIED] {} mark=0 use=1\n"
    path.write_text("".join(line.format(TUPLE, REPLY).replace("51512", str(2000 + n)) for n in range(5)))
    made = read(path, NEAR)
    assert made.assumed == (NO_TIMES,)
    assert made.flows is not None
    assert set(made.flows.at[1:] - made.flows.at[:-1]) == {60_000_000}
    assert {one.outcome for one in made.flows.attempts()} == {"silent"}


def test_what_is_held_back_is_told_at_the_end_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text("\n\n" + NEW + "\n")
    made = read(path, NEAR)
    assert (made.lines, made.understood, made.other, made.unknown) == (3, 1, 2, 0)
    assert made.flows is not None
    assert made.flows.line.tolist() == [3]


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("file", "name"), [("conntrack-E.txt", "conntrack"), ("conntrack-E.xml", "conntrack_xml")]
)
def test_the_corpus(corpora: Path, file: str, name: str) -> None:
    lines = (corpora / "firewall" / file).read_text().splitlines()
    assert [one.name for one in present(lines, NEAR)] == [name]
    assert None not in [named(name).parse(line, NEAR) for line in lines]
    (made,) = told(name, *lines)
    assert isinstance(made, Contact)
    assert (str(made.src), made.sport, str(made.dst), made.dport, made.outcome) == (
        "192.168.50.23", 35002, "203.0.113.1", 2525, "answered",
    )  # fmt: skip
    assert (str(made.nat), made.nat_port) == ("203.0.113.5", 35002)


def test_two_states_of_pf_are_one_connection() -> None:
    inner = "igb1 tcp 198.51.100.7:25 <- 192.168.1.9:51515       ESTABLISHED:ESTABLISHED"
    outer = "igb0 tcp 203.0.113.1:62312 (192.168.1.9:51515) -> 198.51.100.7:25       ESTABLISHED:ESTABLISHED"
    one, two = told("pf_states", inner, outer)
    assert isinstance(one, Attempt)
    assert isinstance(two, Translation)
    assert (str(two.inside), two.inside_port, str(two.outside), two.port) == (
        "192.168.1.9", 51515, "203.0.113.1", 62312,
    )  # fmt: skip
    (alone,) = told("pf_states", outer)
    assert isinstance(alone, Attempt)
    assert (str(alone.src), str(alone.nat), alone.nat_port) == ("192.168.1.9", "203.0.113.1", 62312)


@pytest.mark.parametrize(
    ("states", "outcome"),
    [("SYN_SENT:CLOSED", "silent"), ("ESTABLISHED:ESTABLISHED", "answered"), ("CLOSED:CLOSED", "")],
)
def test_pf_tells_how_it_went(states: str, outcome: str) -> None:
    (made,) = told("pf_states", f"all tcp 192.168.1.9:51515 -> 198.51.100.7:25       {states}")
    assert isinstance(made, Attempt)
    assert made.outcome == outcome
    one, two = states.split(":")
    (turned,) = told("pf_states", f"all tcp 198.51.100.7:25 <- 192.168.1.9:51515       {two}:{one}")
    assert turned == made


def test_a_rule_of_rfc_7422_gives_every_inside_address_its_ports() -> None:
    line = "inside=100.64.0.0/22 outside=203.0.113.0/28 ports=1024-65535"
    made = [one for one in told("deterministic", line) if isinstance(one, Translation)]
    assert len(made) == 1024
    assert {one.ports for one in made} == {64512 // 64}
    assert str(made[64].outside) == "203.0.113.1"
    taken = {(one.outside, port) for one in made for port in (one.port, one.port + one.ports - 1)}
    assert len(taken) == 2 * 1024, "no port is given twice"


def test_reserved_ports_and_the_order_of_a_rule() -> None:
    made = told(
        "deterministic",
        "inside=10.0.0.1-10.0.0.4 outside=203.0.113.0/31 ports=1024-1033 size=4 reserved=1025,1028-1029",
    )
    assert not made, "six ports are left on each: two blocks of four are not"
    made = told(
        "deterministic",
        "inside=10.0.0.1-10.0.0.2 outside=203.0.113.0/31 ports=1024-1033 size=4 order=staggered",
    )
    assert [str(one.outside) for one in made if isinstance(one, Translation)] == [
        "203.0.113.0",
        "203.0.113.1",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "inside=10.0.0.0/8 outside=203.0.113.0/28",
        "inside=10.0.0.0/24 outside=203.0.113.1 size=1000",
        "inside=10.0.0.0/24 outside=nowhere",
        "inside=10.0.0.0/24 outside=203.0.113.1 ports=70000-80000",
        "inside=10.0.0.0/24 outside=203.0.113.1 size=0",
        "inside=10.0.0.0/24 outside=203.0.113.1 ports=5-1",
        "inside=10.0.0.0/24 outside=203.0.113.1 because=I say so",
        "outside=203.0.113.1 inside=",
    ],
)
def test_a_rule_that_does_not_work_out_is_not_guessed(line: str) -> None:
    assert named("deterministic").parse(line, NEAR) is None


def test_many_rules_do_not_fill_the_memory() -> None:
    line = "inside=10.0.0.0/16 outside=203.0.0.0/16"
    made = told("deterministic", *[line] * 12)
    assert 0 < len(made) <= 600_000


@pytest.mark.parametrize(
    ("header", "row", "wanted"),
    [
        (
            "inside,outside,port start,port end,from,to",
            "10.0.0.9,203.0.113.1,1024,1535,2026-11-24T00:06:26Z,2026-11-24T01:06:26Z",
            (0, 1024, 512, AT, AT + 3600),
        ),
        (
            "Start Time;Private IP;Public IP;Port Range",
            "2026-11-24 00:06:26;10.0.0.9;203.0.113.1;5000-5999",
            (0, 5000, 1000, AT, None),
        ),
        (
            "timestamp\tinside_ip\tinside_port\toutside_ip\toutside_port",
            "1795478786\t10.0.0.9\t40000\t203.0.113.1\t3000",
            (40000, 3000, 1, AT, None),
        ),
        (
            '"subscriber ip","public ip","user"',
            '"10.0.0.9","203.0.113.1","maria, 2nd floor"',
            (0, 0, 1, None, None),
        ),
    ],
)
def test_tables_by_the_names_of_their_columns(
    header: str, row: str, wanted: tuple[int, int, int, float | None, float | None]
) -> None:
    (form,) = present([header, row], NEAR)
    assert form.name == "nat_table"
    (made,) = facts(form.parse(row, NEAR))
    assert isinstance(made, Translation)
    assert (str(made.inside), str(made.outside)) == ("10.0.0.9", "203.0.113.1")
    assert (made.inside_port, made.port, made.ports, made.start, made.end) == wanted
    assert form.parse("10.0.0.9,nowhere", NEAR) is None


QUOTED = {
    "a10_cgn": "NAT-TCP-C: 10.0.0.9:40000<->198.51.100.7:25, 198.51.100.7:25<-->203.0.113.1:3000",
    "a10_cef": "CEF:0|A10|CFW|6.0.0-P1|CGN 102|Nat Session Created|5|proto=TCP src=10.0.0.9 spt=1 "
    "dst=198.51.100.7 dpt=25 sourceTranslatedAddress=203.0.113.1 sourceTranslatedPort=2",
    "cisco_cgn": "[SessionbasedAD 6 10.1.32.47 V - 203.0.113.28 40001 12701 - 198.51.100.7 25]",
    "nat_syslog": 'SADD [nsess ISADDR="10.0.0.9" ISPORT="1" XSADDR="203.0.113.3" XSPORT="2" '
    'XDADDR="198.51.100.7" XDPORT="25" PROTO="6"]',
    "nfware": "A VRF 0 6 INT 10.0.0.9:57938 EXT 203.0.113.1:28475 DST 198.51.100.7:25 DIR OUT",
    "sixwind": "fp-cgnat[1]: NEW CONN: fwd proto 6 10.0.0.9:1 -> 198.51.100.7:25, "
    "back proto 6 198.51.100.7:25 -> 203.0.113.1:2",
    "f5_lsn": 'lsn_event="LSN_ADD",cli="10.0.0.9:33950",nat="203.0.113.1:10000"',
    "ulogd_flow": "[NEW] ORIG: SRC=10.0.0.9 DST=198.51.100.7 PROTO=TCP SPT=1 DPT=25 PKTS=0 BYTES=0 , REPLY: "
    "SRC=198.51.100.7 DST=203.0.113.1 PROTO=TCP SPT=25 DPT=2 PKTS=0 BYTES=0",
}


@pytest.mark.parametrize("name", QUOTED)
def test_a_translators_line_inside_another_programs_message_is_not_its_own(name: str) -> None:
    form = named(name)
    assert facts(form.parse(f"Nov 24 00:06:26 cgn {QUOTED[name]}", NEAR))
    for front in (
        'Nov 24 00:06:26 gw nginx[3]: "GET /?',
        "Nov 24 00:06:26 gw sshd[7]: Invalid user x from y: ",
    ):
        assert not facts(form.parse(front + QUOTED[name], NEAR))


@pytest.mark.parametrize("name", QUOTED)
def test_a_cut_line_of_a_translator_gives_no_wrong_port(name: str) -> None:
    whole = f"Nov 24 00:06:26 cgn {QUOTED[name]}"
    right = {(type(one), getattr(one, "dport", 0)) for one in facts(named(name).parse(whole, NEAR))}
    for end in range(30, len(whole)):
        for one in facts(named(name).parse(whole[:end], NEAR)):
            assert (type(one), getattr(one, "dport", 0)) in right or getattr(one, "dport", 0) == 0


@pytest.mark.parametrize("name", KINDS)
def test_long_hostile_lines_take_linear_time(name: str) -> None:
    form = named(name)
    for piece in ("|", " ", "a=", "[", "src=1 ", "NAT-", "a=b ", "(1003)=x;", '"', "x:", "10.0.0.1:1 "):
        form.parse("Nov 24 00:06:26 " + piece * 20_000 + form.hint, NEAR)
        form.parse(form.hint + piece * 20_000, NEAR)
