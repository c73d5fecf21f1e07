"""Gateways of companies: what is told twice counts once, no stranger's text counts, a cut line is cut."""

import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
import re2

from unlisted import evidence, net
from unlisted.edge import read as reading
from unlisted.evidence import OTHER, Format, formats, framing, present
from unlisted.evidence.gateway import _cef
from unlisted.messages import Attempt, Contact, Translation

SAMPLES = Path(__file__).parent / "samples"
NEAR = 1795478400.0  # 2026-11-24 00:00:00Z
NAMES = (
    "fortigate", "cisco_asa", "cisco_ios", "meraki", "juniper_srx", "paloalto", "cef", "checkpoint",
)  # fmt: skip


def named(name: str) -> Format:
    return next(one for one in formats() if one.name == name)


def samples() -> Iterator[tuple[str, str]]:
    for name in NAMES:
        for log in sorted((SAMPLES / name).glob("*.log")):
            for line in log.read_text().splitlines():
                yield name, line


def attempt(name: str, line: str) -> Attempt:
    made = named(name).parse(line, NEAR)
    assert isinstance(made, Attempt)
    return made


def told(name: str, *lines: str) -> list[evidence.Parsed]:
    """What one file's lines are read as, in their order."""
    read = named(name).reader()
    return [read(line, NEAR) for line in lines]


def test_every_attempt_of_the_samples_is_a_candidate_for_skimming() -> None:
    scans = {name: re2.compile(named(name).candidate) for name in NAMES}
    for name, line in samples():
        if isinstance(named(name).parse(line, NEAR), Attempt):
            assert scans[name].search(line.encode() + b"\n"), line
            assert named(name).hint in line


def test_no_format_claims_anothers_lines() -> None:
    for name, line in samples():
        assert [one.name for one in present([line], NEAR)] == [name], line


@pytest.mark.parametrize("name", NAMES)
def test_a_cut_line_tells_nothing_or_the_same(name: str) -> None:
    """A cut in the middle of an address or a port may not make another of it; what is not there is none."""
    for form, line in samples():
        whole = named(form).parse(line, NEAR)
        if form != name or not isinstance(whole, (Attempt, Contact)):
            continue
        for cut in range(len(line) - 1):
            made = named(name).parse(line[:cut], NEAR)
            if not isinstance(made, (Attempt, Contact)) or _last(line, cut):
                continue
            assert (made.src, made.dst, made.dport) == (whole.src, whole.dst, whole.dport), line[:cut]
            assert made.sport in (0, whole.sport)
            assert made.nat in (None, whole.nat)
            assert made.nat_port in (0, whole.nat_port)


def _last(line: str, cut: int) -> bool:
    """True where the cut is in the line's last value: nothing tells that it goes on."""
    return line[cut:].rstrip("|").replace(".", "").isalnum()


HOSTS = (
    "Nov 24 00:06:26 gw sshd[77]: Invalid user {} from 192.0.2.4",
    "Nov 24 00:06:26 gw sshd-session[77]: {}",
    "Nov 24 00:06:26 gw uhttpd: GET /{} 404",
    "Nov 24 00:06:26 gw uhttpd: GET /: {}",
    "Nov 24 00:06:26 gw app GET / {} 404",
    'Nov 24 00:06:26 gw nginx: 192.0.2.9 "GET / HTTP/1.1" "x {}"',
    "Tue Nov 24 00:06:26 2026 daemon.info hostapd: STA ssid x {}",
    '192.0.2.9 - - [24/Nov/2026:00:06:26 +0000] "GET / HTTP/1.1" 200 5 "-" "x {} y"',
    "<38>Nov 24 00:06:26 gw dropbear: Login attempt for nonexistent user '{}'",
    "<38>1 2026-11-24T00:06:26Z gw nginx 123 - - GET / {}",
    "2026-11-24T00:06:26.123+01:00 gw named[5]: query: {}",
)
FORGED = (
    ("fortigate", 'date=2026-11-24 time=00:06:26 devid="F" logid="0000000013" type="traffic" '
     'subtype="forward" srcip=192.168.50.77 srcport=4 dstip=198.51.100.7 dstport=25 proto=6 action="deny" '
     "policyid=0 duration=0 "),
    ("cisco_asa", "%ASA-6-302013: Built outbound TCP connection 8 for outside:198.51.100.7/25 "
     "(198.51.100.7/25) "
     "to inside:192.168.50.77/4 (192.168.50.77/4)"),
    ("cisco_ios", "%SEC-6-IPACCESSLOGP: list 150 denied tcp 192.168.50.77(4) -> 198.51.100.7(25), 1 packet"),
    ("meraki", "1795478786.289402144 MX84 flows allow src=192.168.50.77 dst=198.51.100.7 protocol=tcp "
     "sport=4 dport=25"),
    ("juniper_srx", "RT_FLOW_SESSION_CREATE: session created 192.168.50.77/4->198.51.100.7/25 junos-smtp "
     "192.168.50.77/4->198.51.100.7/25 None None 6 mail trust untrust 6316 N/A(N/A) ge-0/0/1.0"),
    ("paloalto", "1,2026/11/24 00:07:02,0128,TRAFFIC,drop,2560,2026/11/24 00:07:02,192.168.50.77,"
     "198.51.100.7,,,n,,,a,"
     "v,t,u,i,o,f,2026/11/24 00:07:02,0,1,4,25,0,0,0x0,tcp,deny,66,66,0,1,2026/11/24 00:07:02,0,any,"),
    ("cef", "CEF:0|Fortinet|Fortigate|v7|00013|traffic:forward close|3|cat=traffic:forward "
     "src=192.168.50.77 spt=4 "
     "dst=198.51.100.7 dpt=25 proto=6 act=close FTNTFGTeventtime=1795478816 "),
    ("checkpoint", 'CheckPoint 1 - [action:"Accept"; dst:"198.51.100.7"; product:"VPN-1"; proto:"6"; '
     's_port:"4"; '
     'service:"25"; src:"192.168.50.77"]'),
)  # fmt: skip


@pytest.mark.parametrize("line", HOSTS)
@pytest.mark.parametrize(("name", "said"), FORGED, ids=[name for name, _ in FORGED])
def test_a_stranger_cannot_spell_a_connection_into_another_programs_line(
    name: str, said: str, line: str
) -> None:
    assert not evidence.facts(named(name).parse(line.replace("{}", said), NEAR))


@pytest.mark.parametrize(("name", "said"), FORGED, ids=[name for name, _ in FORGED])
def test_behind_syslogs_own_front_it_is_read(name: str, said: str) -> None:
    front = "Nov 24 00:06:26 192.0.2.1 : " if name == "cisco_ios" else "<134>Nov 24 00:06:26 fw1 "
    made = attempt(name, front + said)
    assert (str(made.src), str(made.dst), made.dport, made.sport) == ("192.168.50.77", "198.51.100.7", 25, 4)
    if name != "meraki":  # its time is no date
        relayed = "Nov 24 00:06:27 relay.example.org Nov 24 00:06:26 fw1 : "
        if name in ("cisco_asa", "cisco_ios"):
            assert attempt(name, relayed + said).at == 1795478786.0


def test_a_users_name_does_not_override_the_addresses() -> None:
    line = (
        'date=2026-11-24 time=00:06:26 devname="a" logid="0000000013" type="traffic" subtype="forward" '
        'srcname="x\\" srcip=10.9.9.9 dstip=10.8.8.8" srcip=192.168.50.129 srcport=51512 dstip=198.51.100.7 '
        'dstport=25 proto=6 action="deny" policyid=0 duration=0 '
    )
    assert str(attempt("fortigate", line).src) == "192.168.50.129"
    made = attempt("cef", (
        "CEF:0|Palo Alto Networks|PAN-OS|10|end|TRAFFIC|1|rt=Nov 24 2026 00:07:00 GMT src=192.168.50.129 "
        "dst=198.51.100.7 suser=x src=10.9.9.9 spt=1 dpt=25 proto=tcp act=allow cs1=a"
    ))  # fmt: skip
    assert str(made.src) == "192.168.50.129"


def test_a_sessions_start_and_end_are_one_attempt() -> None:
    pan = [line for name, line in samples() if name == "paloalto"]
    started = next(line for line in pan if ",TRAFFIC,start," in line)
    ended = (
        started.replace(",start,", ",end,")
        .replace("00:07:03", "00:07:40")
        .replace("start,2026/11/24 00:07:02,0", "")
    ).replace("2026/11/24 00:07:02,0,any", "2026/11/24 00:07:03,30,any")
    first, second = told("paloalto", started, ended)
    assert isinstance(first, Attempt)
    assert second is OTHER
    alone = told("paloalto", ended)[0]
    assert isinstance(alone, Attempt)
    assert alone.at == first.at == 1795478823.0


def test_a_later_start_of_the_same_ports_is_another_attempt() -> None:
    line = "Nov 24 2026 00:06:{} fw1 : " + FORGED[1][1]
    first, again, later = told("cisco_asa", line.format("00"), line.format("03"), line.format("40"))
    assert isinstance(first, Attempt)
    assert again is OTHER
    assert isinstance(later, Attempt)


def test_what_a_later_line_adds_is_the_translation() -> None:
    listed = (
        "Nov 24 2026 00:06:26 fw1 : %ASA-6-106100: access-list in permitted tcp "
        "inside/192.168.50.129(51512) -> outside/198.51.100.7(25) hit-cnt 1 first hit [0x71a87d94, 0x0]"
    )
    built = (
        "Nov 24 2026 00:06:26 fw1 : %ASA-6-302013: Built outbound TCP connection 9 for "
        "outside:198.51.100.7/25 (198.51.100.7/25) to inside:192.168.50.129/51512 (203.0.113.5/40122)"
    )
    first, second = told("cisco_asa", listed, built)
    assert isinstance(first, Attempt)
    assert isinstance(second, Translation)
    assert (second.inside, second.outside, second.port) == (first.src, ip_address("203.0.113.5"), 40122)


def test_a_flows_further_packets_are_no_further_attempts() -> None:
    line = (
        "Nov 24 2026 00:0{}:26 UTC: %SEC-6-IPACCESSLOGP: list 150 denied tcp 192.168.50.129(51512) -> "
        "198.51.100.7(25), {}"
    )
    first, later = told("cisco_ios", line.format(1, "1 packet"), line.format(6, "9 packets"))
    assert isinstance(first, Attempt)
    assert later is OTHER
    interval = (
        "Nov 24 2026 00:0{}:26: %ASA-6-106100: access-list in denied tcp inside/192.168.50.129(51512) -> "
        "outside/198.51.100.7(25) hit-cnt {} [0x71a87d94, 0x0]"
    )
    first, later = told(
        "cisco_asa", interval.format(1, "1 first hit"), interval.format(6, "12 300-second interval")
    )
    assert isinstance(first, Attempt)
    assert later is OTHER


def test_a_session_that_the_router_ends_was_told_when_it_began() -> None:
    line = "*Nov 24 2026 00:{}: %FW-6-SESS_AUDIT_TRAIL{} tcp session: initiator (192.168.50.129:5) {}"
    begun = line.format("06:26", "_START: Start", "-- responder (198.51.100.7:25)")
    ended = line.format("16:26", ": Stop", "sent 48 bytes -- responder (198.51.100.7:25) sent 99 bytes")
    first, last = told("cisco_ios", begun, ended)
    assert isinstance(first, Attempt)
    assert last is OTHER
    alone = told("cisco_ios", ended)[0]
    assert isinstance(alone, Attempt)
    assert alone.outcome == "answered"


def test_fortigate_counts_a_long_session_once(tmp_path: Path) -> None:
    line = (
        'date=2026-11-24 time=00:06:26 devid="F" eventtime={} logid="{}" type="traffic" subtype="forward" '
        "srcip=192.168.50.129 srcport=51512 dstip=198.51.100.7 dstport=25 sessionid=7 proto=6 "
        'action="{}" policyid=1 trandisp="snat" transip=203.0.113.5 transport=40122 duration={} rcvdpkt=9'
    )
    log = tmp_path / "fw.log"
    log.write_text(
        "\n".join(
            [
                line.format(1795478786, "0000000015", "start", 0),
                line.format(1795478906, "0000000020", "accept", 120),
                line.format(1795479026, "0000000020", "accept", 240),
                line.format(1795479086, "0000000013", "close", 300),
            ]
        )
        + "\n"
    )
    made = reading.read(log, NEAR)
    assert made.flows is not None
    assert made.flows.size == 1
    assert made.unknown == 0


@pytest.mark.parametrize(
    ("flags", "opens"), [("SYN ", True), ("SYN ACK", False), ("RST", False), ("FIN ACK", False)]
)
def test_asa_only_a_syn_opens(flags: str, opens: bool) -> None:
    line = (
        f"Nov 24 2026 00:07:03 fw1 : %ASA-2-106001: Inbound TCP connection denied from "
        f"192.168.50.129/40000 to 198.51.100.7/25 flags {flags} on interface outside"
    )
    assert isinstance(named("cisco_asa").parse(line, NEAR), Attempt) is opens


def test_asa_who_opened_it_stands_first_or_last() -> None:
    line = (
        "Nov 24 2026 00:06:26 fw1 : %ASA-6-302013: Built {} TCP connection 9 for {}:198.51.100.7/{} "
        "(198.51.100.7/25) to inside:192.168.50.129/51512 (203.0.113.5/40122)"
    )
    out = attempt("cisco_asa", line.format("outbound", "outside", 25))
    assert (str(out.src), out.sport, out.nat_port) == ("192.168.50.129", 51512, 40122)
    back = named("cisco_asa").parse(line.format("inbound", "outside", 25), NEAR)
    assert isinstance(back, Contact)
    assert (str(back.src), back.dport) == ("198.51.100.7", 51512)


@pytest.mark.parametrize(
    ("name", "line", "mac"),
    [
        (
            "cisco_asa",
            "Nov 24 10:00:00 fw1 %ASA-2-106001: message repeated 2 times: [ Inbound TCP connection denied "
            "from 192.0.2.1/64585 to 198.51.100.2/25 flags SYN on interface outside]",
            "",
        ),
        (
            "cisco_asa",
            "<165>fw1.example.com : Nov 24 05:00:00 EST: %ASA-2-106001: Inbound TCP connection denied "
            "from 192.0.2.1/64585 to 198.51.100.2/25 flags SYN on interface outside",
            "",
        ),
        (
            "cisco_ios",
            "Nov 24 10:00:00 r1 123: Nov 24 10:00:00: %FMANFP-6-IPACCESSLOGP:  SIP0: fman_fp_image:  "
            "list out denied tcp 00-00-5E-00-53-23 192.0.2.1(64585) TenGigabitEthernet0/1/1-> "
            "198.51.100.2(25), 1 packet",
            "00:00:5e:00:53:23",
        ),
    ],
)
def test_cisco_forms_of_relays_and_of_ios_xe(name: str, line: str, mac: str) -> None:
    made = attempt(name, line)
    assert (str(made.src), made.sport, str(made.dst), made.dport) == ("192.0.2.1", 64585, "198.51.100.2", 25)
    assert (made.at, made.mac, made.action) == (NEAR + 36_000, mac, "block")
    scan = re2.compile(named(name).candidate)
    assert scan.search(line.encode() + b"\n")


def test_asa_what_icmp_writes_in_a_ports_place_is_none() -> None:
    line = (
        "Nov 24 10:00:00 fw1 %ASA-3-305006: portmap translation creation failed for icmp "
        "src inside:192.0.2.1/8 dst outside:198.51.100.2/25"
    )
    made = named("cisco_asa").parse(line, NEAR)
    assert isinstance(made, Contact)
    assert (made.sport, made.dport) == (0, 0)


def test_asa_names_in_place_of_addresses_are_understood_and_tell_nothing() -> None:
    line = (
        "Nov 24 2026 00:06:26 fw1 : %ASA-4-106023: Deny tcp src inside:copier/64593 dst "
        'outside:198.51.100.7/25 by access-group "x" [0x0, 0x0]'
    )
    assert named("cisco_asa").parse(line, NEAR) is OTHER


def test_times_without_a_zone_take_it_from_the_header_beside_them() -> None:
    """The device's wall clock and syslog's absolute time differ by a zone: whole quarters of an hour."""
    pan = FORGED[5][1]
    for header, at in (
        ("<14>1 2026-11-24T00:07:03+02:00 PA - - - - ", 1795471622.0),
        ("<14>1 2026-11-23T22:07:03Z PA - - - - ", 1795471622.0),
        ("<14>1 2026-11-23T18:37:03Z PA - - - - ", 1795459022.0),
        ("<14>1 2026-11-24T00:09:59Z PA - - - - ", 1795478822.0),  # a slow relay is no zone
        ("<14>Nov 24 00:07:03 PA ", 1795478822.0),
    ):
        assert attempt("paloalto", header + pan).at == at
    exact = pan + "0,1,x,y,z,0,1,0,policy-deny,0,0,0,0,,PA,2026-11-24T00:07:02.123+05:30,,0"
    assert attempt("paloalto", exact).at == 1795478822.0 - 5.5 * 3600
    line = FORGED[0][1].replace("logid=", 'tz="-0500" logid=')
    assert attempt("fortigate", line).at == 1795478786.0 + 5 * 3600


@pytest.mark.parametrize(("zone", "ahead"), [("EDT", -4), ("PST", -8), ("CET", 1), ("CEST", 2), ("UTC", 0)])
def test_framing_zones_by_name(zone: str, ahead: int) -> None:
    for text in (f"Nov 24 2026 00:06:26 {zone}: %x", f"Nov 24 00:06:26 {zone}: %x"):
        made = framing.stamp(text, NEAR)
        assert made is not None
        assert made.at == 1795478786.0 - ahead * 3600
    host = framing.stamp("Nov 24 00:06:26 CET-gw kernel", NEAR)
    assert host is not None
    assert not host.zone


def test_framing_a_host_that_begins_like_a_zone_is_a_host() -> None:
    made = framing.stamp("Nov 24 00:06:26 ESTHER kernel", NEAR)
    assert made is not None
    assert (made.at, made.zone, made.end) == (1795478786.0, False, 15)


def test_cef_values_hold_blanks_and_escaped_signs() -> None:
    made = _cef.event(r"x CEF:0|A\|B|C \\ D|1|id|name|3|src=192.0.2.1 cs1=a b\=c src=9.9.9.9 msg=d e")
    assert made is not None
    assert (made.begin, made.vendor, made.id) == (2, r"A\|B", "id")
    assert made.text("cs1") == "a b=c"
    assert made.values["src"] == "192.0.2.1"
    assert _cef.event("CEF:0|a|b|c|d|e") is None


@pytest.mark.parametrize(
    "line",
    [
        "LEEF:1.0|A|B|1|id|src=192.0.2.1\tusr=a b\tdst=192.0.2.2\tx=y",
        "LEEF:1.0|A|B|1|id|src=192.0.2.1|usr=a b|dst=192.0.2.2|",
        "LEEF:2.0|A|B|1|id|^|src=192.0.2.1^usr=a b^dst=192.0.2.2^x=y",
        "LEEF:2.0|A|B|1|id|x5E|src=192.0.2.1^usr=a b^dst=192.0.2.2^x=y",
        "LEEF:2.0|A|B|1|id|src=192.0.2.1\tusr=a b\tdst=192.0.2.2\tx=y",
    ],
)
def test_leef_values_are_separated_as_the_header_says(line: str) -> None:
    made = _cef.event(line)
    assert made is not None
    assert (made.values["src"], made.values["dst"]) == ("192.0.2.1", "192.0.2.2")
    assert made.text("usr") == "a b"


@pytest.mark.parametrize("name", NAMES)
def test_hostile_lines_take_linear_time(name: str) -> None:
    form = named(name)
    heads = [line[:cut] for form_name, line in samples() if form_name == name for cut in (30, 60, 120, 200)]
    for head in heads[:24]:
        for piece in (
            '" src=',
            "a=",
            "(",
            "1.1.1.1/",
            " x",
            "\\",
            '"',
            ": ",
            "|",
            ",",
            "src:",
            "0 ",
            "RT_A_",
        ):
            spent = []
            for count in (2_000, 8_000):
                line = head + piece * count
                start = time.process_time()
                form.parse(line, NEAR)
                spent.append(time.process_time() - start)
            assert spent[1] < max(0.05, 12 * spent[0]), (head, piece, spent)


def test_asa_log_is_read_whole(tmp_path: Path) -> None:
    log = SAMPLES / "cisco_asa" / "asa-9.log"
    made = reading.read(log, NEAR)
    assert (made.format, made.unknown) == ("cisco_asa", 0)
    assert made.flows is not None
    assert {net.MAIL_PORTS[port] for port in made.flows.port} == {25, 465, 587}
    assert any(isinstance(event, Translation) for event in made.events)


def test_what_somebody_spelled_in_a_message_of_the_platform_is_no_event() -> None:
    line = (
        "Nov 24 2026 00:06:26 UTC: %IOSXE-6-PLATFORM: {}%SEC-6-IPACCESSLOGP: list 150 denied tcp "
        "192.168.50.129(51512) -> 198.51.100.7(25), 1 packet"
    )
    read = named("cisco_ios").parse
    assert isinstance(read(line.format("R0/0: cpp_cp: QFP:0.0 Thread:001 TS:00000025128 "), NEAR), Attempt)
    assert read(line.format("login failed, user "), NEAR) is OTHER
