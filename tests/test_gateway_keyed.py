"""SonicWall, Sophos, Stormshield, WatchGuard, Zyxel, Untangle: who spoke to a mail port, told once."""

import re
import time
from ipaddress import ip_address
from pathlib import Path

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from unlisted.edge.read import read
from unlisted.evidence import OTHER, Fact, Format, facts, formats
from unlisted.evidence.gateway import _pairs, _told
from unlisted.messages import Attempt, Contact, Lease, Translation

NEAR = 1795478400.0  # 2026-11-24 00:00:00Z
SAMPLES = Path(__file__).parent / "samples"
BOXES = (
    "sonicwall", "sophos_utm", "sophos_xg", "stormshield", "untangle", "watchguard", "watchguard_monitor",
    "zyxel", "sonicwall_cef", "watchguard_leef",
)  # fmt: skip

JUNK = st.text(st.characters(max_codepoint=0x17F), max_size=6)


def named(name: str) -> Format:
    return next(one for one in formats() if one.name == name)


def lines(name: str) -> list[str]:
    return [line for log in sorted((SAMPLES / name).glob("*.log")) for line in log.read_text().splitlines()]


def ends(fact: Fact) -> tuple[object, ...]:
    """What must never be wrong."""
    if isinstance(fact, Attempt | Contact):
        return (str(fact.src), str(fact.dst), fact.sport, fact.dport)
    if isinstance(fact, Lease):
        return (str(fact.address), fact.mac)
    assert isinstance(fact, Translation)
    return (str(fact.inside), str(fact.outside), fact.inside_port, fact.port)


@pytest.mark.parametrize("name", BOXES)
def test_a_cut_line_tells_the_truth_or_nothing(name: str) -> None:
    """Cut at whatever place: never another address, never another port."""
    form = named(name)
    for line in lines(name):
        true = [ends(fact) for fact in facts(form.parse(line, NEAR))]
        for cut in range(len(line)):
            made = facts(form.parse(line[:cut], NEAR))
            assert [ends(fact) for fact in made] in ([], true), line[:cut]


@pytest.mark.parametrize("name", BOXES)
def test_the_candidate_finds_every_attempt(name: str) -> None:
    form = named(name)
    scan, found = re2.compile(form.candidate), 0
    for line in lines(name):
        if any(isinstance(fact, Attempt) for fact in facts(form.parse(line, NEAR))):
            assert scan.search(line.encode() + b"\n")
            found += 1
    assert found


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize(
    "front",
    [
        "Nov 23 13:48:21 gw sshd[1]: Invalid user {} from 192.0.2.4",
        "Nov 23 13:48:21 gw uhttpd: GET /{} 404",
        'Nov 23 13:48:21 gw nginx: 192.0.2.9 "GET / HTTP/1.1" "x {}"',
        "<38>1 2026-11-23T13:48:21Z gw app 1 - - user said {}",
        'id=firewall sn=1 time="2026-11-23 13:48:21" fw=1.1.1.1 pri=6 m=99 msg="{}"',
    ],
)
def test_what_a_stranger_spells_in_another_line_is_no_attempt(name: str, front: str) -> None:
    form = named(name)
    for line in lines(name):
        said = line.partition("id=")[1] + line.partition("id=")[2] if "id=" in line else line
        made = form.parse(front.format(said.replace('"', "'")), NEAR)
        assert not facts(made)
        assert not [one for one in facts(form.parse(front.format(said), NEAR)) if isinstance(one, Attempt)]


@pytest.mark.parametrize("name", BOXES)
@given(data=st.data())
def test_no_damaged_line_raises(name: str, data: st.DataObject) -> None:
    parse = named(name).reader()
    for line in data.draw(st.lists(st.sampled_from(lines(name)), max_size=4)):
        place, gone = data.draw(st.integers(0, len(line))), data.draw(st.integers(0, 9))
        parse(line[:place] + data.draw(JUNK) + line[place + gone :], NEAR)


@pytest.mark.parametrize("name", BOXES)
def test_time_is_linear_on_whatever_comes(name: str) -> None:
    form, began = named(name), time.perf_counter()
    for piece in (
        '"',
        ' src="',
        " dst=",
        " a=",
        " ",
        "1.",
        ": ",
        'x" src=1.2.3.4 ',
        "Allow a ",
        " tcp ",
        "{",
        "-",
    ):
        for front in ("", lines(name)[0][:90], lines(name)[0], form.hint):
            form.parse(front + piece * 20_000, NEAR)
    assert time.perf_counter() - began < 5


def test_a_field_counts_outside_of_quotes_only_and_once() -> None:
    line = (
        'id=x msg="a src=10.0.0.1 b" src=192.0.2.5 url="/?x= src=10.0.0.2" src=10.0.0.3 user="open src=10.0'
    )
    assert _pairs.pairs(line, 0) == {
        "id": "x",
        "msg": "a src=10.0.0.1 b",
        "src": "192.0.2.5",
        "url": "/?x= src=10.0.0.2",
    }
    assert _pairs.pairs('msg="' + " src=1" * 1000, 0)["msg"] == ""
    assert _pairs.pairs(r'msg="a \" src=10.0.0.1 \" b" src=192.0.2.5', 0)["src"] == "192.0.2.5"
    assert _pairs.pairs("src=192.0.2.5 dst=198.51.10", 0, " ", ())["dst"] == ""


SONIC = (
    'id=firewall sn=1 time="2026-11-23 13:48:{:02}" fw=203.0.113.1 pri=6 c=1 m={} msg="x" n=1 '
    "src=192.168.50.129:{}:X0 dst=198.51.100.7:25:X1 proto=tcp/smtp{}"
)


def test_a_connection_counts_once_whatever_of_it_is_logged() -> None:
    parse = named("sonicwall").reader()
    opened, closed = (
        SONIC.format(20, 98, 40000, ""),
        SONIC.format(50, 537, 40000, " sent=9 rcvd=9 cdur=30000"),
    )
    assert isinstance(parse(opened, NEAR), Attempt)
    assert parse(closed, NEAR) is OTHER
    again = parse(closed, NEAR)  # the same end once more: nobody told its start
    assert isinstance(again, Attempt)
    assert again.at == 1795441700.0
    undated = SONIC.format(55, 537, 40001, " sent=9 rcvd=9")
    assert isinstance(parse(SONIC.format(51, 98, 40001, ""), NEAR), Attempt)
    assert parse(undated, NEAR) is OTHER
    # The ports are used again: another connection, told at both of its ends.
    assert isinstance(parse(SONIC.format(56, 98, 40001, ""), NEAR), Attempt)
    assert parse(undated, NEAR) is OTHER


def test_the_end_of_a_told_connection_tells_its_outside_port() -> None:
    parse = named("sonicwall").reader()
    nat = " natSrc=203.0.113.1:48245 sent=9 rcvd=9 cdur=30000"
    parse(SONIC.format(20, 98, 40000, ""), NEAR)
    made = parse(SONIC.format(50, 537, 40000, nat), NEAR)
    assert isinstance(made, Translation)
    assert ends(made) == ("192.168.50.129", "203.0.113.1", 40000, 48245)
    assert (made.start, made.end) == (1795441700.0, 1795441730.0)


def test_memory_is_bounded_and_other_connections_do_not_push_out_those_of_mail() -> None:
    told, src, dst = _told.Told(), ip_address("192.0.2.5"), ip_address("198.51.100.7")
    mail = Attempt(0.0, src, dst, 25, 40000)
    assert told.once(_told.Line(mail)) is mail
    for number in range(2 * _told.KEPT):
        web = Contact(0.0, src, dst, 1024 + number % 60000, 1 + number % 60001)
        assert told.once(_told.Line(web)) is web
    assert len(told._others) <= _told.KEPT
    assert told.once(_told.Line(mail)) is OTHER


@pytest.mark.parametrize(
    ("rest", "outcome"),
    [
        (" sent=52 spkt=1", "silent"),
        (" sent=52 rcvd=40 spkt=1 rpkt=1", ""),
        (" sent=900 rcvd=900 spkt=9 rpkt=8", "answered"),
        (" sent=900 rcvd=900", "answered"),
        ("", ""),
    ],
)
def test_sonicwall_tells_whether_somebody_answered(rest: str, outcome: str) -> None:
    made = named("sonicwall").parse(SONIC.format(50, 537, 40000, rest), NEAR)
    assert isinstance(made, Attempt)
    assert made.outcome == outcome


def test_sonicwall_takes_the_zone_where_it_stands() -> None:
    line = SONIC.format(50, 98, 40000, "")
    for front, inner, at in (
        ("", " UTC", 1795441730.0),
        ("<134>1 2026-11-23T14:48:51+01:00 gw sonic - - - ", "", 1795441731.0),
        ("Nov 23 14:48:51 gw ", "", 1795441730.0),
    ):
        made = named("sonicwall").parse(front + line.replace('50" fw', f'50{inner}" fw'), NEAR)
        assert isinstance(made, Attempt)
        assert made.at == at


def test_stormshield_tells_leases_and_mail_of_its_other_logs() -> None:
    front = 'time="2026-11-23 13:48:25" fw="utm" tz=+0100 startime="" '
    made = named("stormshield").parse(
        front
        + 'ipproto=tcp src=192.168.50.129 srcport=1 dst=198.51.100.7 dstport=25 action=Block logtype="smtp"',
        NEAR,
    )
    assert isinstance(made, Attempt)
    assert (made.at, made.action) == (1795438105.0, "block")
    said = 'service=dhcpd msg="DHCPACK on 192.168.50.129 to 3c:5a:b4:12:34:56 (pc) via eth1" logtype="system"'
    lease = named("stormshield").parse(front + said, NEAR)
    assert isinstance(lease, Lease)
    assert (lease.hostname, lease.start) == ("pc", 1795438105.0)


def test_watchguard_flags_tell_what_opens() -> None:
    line = lines("watchguard")[4]
    assert isinstance(named("watchguard").parse(line, NEAR), Attempt)
    for flags in ("A", "AS", "AF", "R", "SR"):
        assert named("watchguard").parse(line.replace("10 S ", f"10 {flags} "), NEAR) is OTHER


def test_a_refused_packet_that_comes_again_is_a_packet_again() -> None:
    """They are put together where all packet logs are: find/columns.py."""
    for name, number in (("watchguard", 4), ("sophos_xg", 3), ("zyxel", 3)):
        parse = named(name).reader()
        assert [type(parse(lines(name)[number], NEAR)) for _ in range(3)] == [Attempt] * 3
        assert named(name).packets


@pytest.mark.parametrize("name", BOXES)
def test_a_file_of_it_is_recognized_and_its_attempts_counted(name: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    path.write_text("\n".join(lines(name)) + "\n")
    reading = read(path, NEAR)
    assert (reading.kind, reading.format, reading.unknown) == ("gateway", name, 0)
    wanted = {"untangle": 1, "watchguard_monitor": 2, "sonicwall": 4, "sophos_xg": 4}.get(name, 3)
    assert reading.flows is not None
    assert reading.flows.size == wanted


@pytest.mark.parametrize("did", ["Denied", "Dropped"])
def test_sophos_names_what_it_stopped(did: str) -> None:
    line = next(one for one in lines("sophos_xg") if 'log_subtype="Denied"' in one)
    made = named("sophos_xg").parse(line.replace('"Denied"', f'"{did}"'), NEAR)
    assert isinstance(made, Attempt | Contact)
    assert made.action == "block"


def test_sophos_without_the_name_that_a_relay_took_off() -> None:
    line = next(one for one in lines("sophos_xg") if 'device_name="' in one and " timestamp=" in one)
    bare = line[line.index("timestamp=") :]
    assert facts(named("sophos_xg").parse(bare, NEAR)) == facts(named("sophos_xg").parse(line, NEAR)) != ()


def test_sophos_believes_no_address_in_a_mails_subject() -> None:
    line = next(one for one in lines("sophos_xg") if "Outbound Spam" in one)
    spelled = line.replace('"offer"', '"x" src_ip=192.0.2.66 dst_ip=192.0.2.67 src_port=1 dst_port=25 y"')
    assert ends(*facts(named("sophos_xg").parse(line, NEAR))) == (
        "192.168.50.132",
        "198.51.100.10",
        40005,
        25,
    )
    assert facts(named("sophos_xg").parse(spelled, NEAR)) == ()


def test_watchguard_leef_takes_its_own_time_where_it_tells_one() -> None:
    line = lines("watchguard_leef")[0].replace("serial=", "devTime=Nov 23 2026 14:00:00 +0100\tserial=")
    for front in ("", "<142>"):
        made = named("watchguard_leef").parse(front + line[line.index("LEEF") :], NEAR)
        assert isinstance(made, Attempt)
        assert made.at == 1795438800.0  # 13:00 UTC
    bare = lines("watchguard_leef")[0]
    assert named("watchguard_leef").parse(bare[bare.index("LEEF") :], NEAR) is None


KEYS = (
    "src", "dst", "srcip", "dstip", "src_ip", "dst_ip", "transip", "tran_src_ip", "src_trans_ip", "modsrc",
    "natSrc", "src_ip_nat", "sourceTranslatedAddress", "source-address", "nat-source-address",
)  # fmt: skip
CARDS = ("mac", "srcmac", "src_mac", "srcMac", "client_mac", "smac")
FORGED = " ".join([f"{key}=10.66.66.66" for key in KEYS] + [f"{key}=66:66:66:66:66:66" for key in CARDS])


def identity(one: Fact) -> tuple[str, ...]:
    names = ("src", "dst", "nat", "mac", "address", "inside", "outside")
    return tuple(str(getattr(one, name, "")) for name in names)


@pytest.mark.parametrize("form", formats("gateway"), ids=lambda form: form.name)
def test_a_quoted_value_names_no_address_whatever_its_quotes(form: Format) -> None:
    """A stranger chooses names, URLs, reasons; a quote among them is escaped, or doubled."""
    tried = 0
    logs = (SAMPLES / form.name).glob("*.log")
    for line in (line for log in logs for line in log.read_text().splitlines()):
        for value in re.finditer(r'="([^"\\]*)"', line):
            if re.fullmatch(r"[\d.:a-f]*|TCP", value[1]):
                continue  # an address, a number, a protocol, which no stranger writes
            for text in (f"x {FORGED} y", rf"x\" {FORGED} y", rf"x\" {FORGED} \"y", f"x\\n{FORGED} y"):
                made = facts(form.parse(line[: value.start(1)] + text + line[value.end(1) :], NEAR))
                told = [word for one in made for word in identity(one)]
                assert not {"10.66.66.66", "66:66:66:66:66:66"}.intersection(told), (value[0], text)
                tried += 1
    assert tried or form.name not in {
        "sonicwall",
        "sophos_utm",
        "sophos_xg",
        "stormshield",
        "zyxel",
        "fortigate",
    }
