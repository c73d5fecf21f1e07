"""The gateways' own words: netfilter and ulogd, pf, RouterOS, UniFi and Windows, as they really write."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from unlisted.evidence import OTHER, Format, Parsed, facts, formats, present, recognise
from unlisted.messages import Attempt, Contact, Lease, Translation

NEAR = 1795478400.0  # 2026-11-24 00:00:00Z
SAMPLES = Path(__file__).parent / "samples"
HERE = ("netfilter", "ulogd_json", "filterlog", "mikrotik", "unifi_cef", "windows_firewall")


def named(name: str) -> Format:
    return next(one for one in formats() if one.name == name)


def read(name: str, line: str) -> Parsed:
    return named(name).parse(line, NEAR)


# ---- the corpus, against the assertions that came with it --------------------------------------------

ASSERTED = re.compile(
    r'results\["s01-parse"\]\["([^"]+)"\]\[(\d+)\]\.Evt\.(Parsed|Meta|Unmarshaled\["\w+"\])\["([^"]+)"\]'
    r' == "((?:[^"\\]|\\.)*)"'
)
READERS = {
    "crowdsecurity/iptables-logs": "netfilter",
    "aderumier/proxmox-iptables-logs": "netfilter",
    "firewallservices/pf-logs": "filterlog",
    "a1ad/mikrotik-logs": "mikrotik",
    "crowdsecurity/unifi-cef": "unifi_cef",
}
SAID = {
    "src": ("src_ip", "source_ip", "SRC"),
    "dst": ("dst_ip", "destination_ip", "DST"),
    "sport": ("src_port", "source_port", "SPT"),
    "dport": ("dst_port", "destination_port", "DPT"),
    "action": ("action", "tag"),
    "protocol": ("proto", "ip4_proto", "ip6_proto", "PROTO"),
}
MIDDLE = re.compile(r",\d+,\d+,\d+,[FSRPAUEW]*[AR][FSRPAUEW]*,")  # ports, length and flags of filterlog
DONE = {
    "drop": "block", "D": "block", "DROP": "block", "REJECT": "block", "PVEFW-reject": "block", "A": "pass",
    "block": "block", "blocked": "block", "pass": "pass", "drop-in": "block", "drop-tcp": "block",
}  # fmt: skip


def asserted(folder: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Each line that the assertions speak of: our reader's name, the line, what it was parsed as."""
    said: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for parser, number, _, key, value in ASSERTED.findall((folder / "parser.assert").read_text()):
        said[parser, int(number)].setdefault(key, re.sub(r"\\(.)", r"\1", value))
    lines = [line for log in folder.glob("*.log") for line in log.read_text().splitlines()]
    for (parser, _), fields in sorted(said.items()):
        if parser not in READERS or "message" not in fields:
            continue
        # The parser may have taken a prefix off; the same packet may stand there twice.
        line = next(line for line in lines if line.rstrip().endswith(fields["message"].rstrip()))
        lines.remove(line)
        yield READERS[parser], line, fields


@pytest.mark.corpus
def test_the_corpus_is_read_as_its_assertions_say(corpora: Path) -> None:
    seen: dict[str, int] = defaultdict(int)
    for folder in sorted((corpora / "firewall" / "crowdsec-hub").iterdir()):
        if not (folder / "parser.assert").exists():
            continue
        for name, line, fields in asserted(folder):
            wanted = {what: fields[key] for what, keys in SAID.items() for key in keys if key in fields}
            made = read(name, line)
            if not {"src", "dst"} <= wanted.keys():
                assert made is None or made is OTHER, line  # somebody logged in; an alias without an address
                continue
            if MIDDLE.search(fields["message"]):
                assert made is OTHER, line
                continue
            assert isinstance(made, Attempt | Contact), line
            assert (str(made.src), str(made.dst)) == (wanted["src"], wanted["dst"]), line
            assert (str(made.sport), str(made.dport)) == (wanted["sport"], wanted["dport"]), line
            if isinstance(made, Contact):
                assert made.protocol == wanted["protocol"].lower(), line
            else:
                assert wanted["protocol"].lower() == "tcp"
            assert made.action == DONE.get(wanted.get("action", ""), made.action), line
            card = fields.get("src_mac") or fields.get("MAC", "")[18:35]
            assert made.mac == ("" if card == "00:00:00:00:00:00" else card or made.mac), line
            seen[name] += 1
    assert seen == {"netfilter": 11, "filterlog": 7, "mikrotik": 6, "unifi_cef": 1}


@pytest.mark.corpus
def test_every_file_of_the_corpus_is_recognized(corpora: Path) -> None:
    wanted = {
        "iptables-logs": "netfilter", "iptables-scan-multi-port": "netfilter", "unifi-logs": "netfilter",
        "proxmox-iptables-logs": "netfilter", "pf-logs": "filterlog", "pf-scan-multi-port": "filterlog",
        "pfsense-rfc5424-filterlog": "filterlog", "mikrotik-logs": "mikrotik",
        "mikrotik-scan-multi_ports": "mikrotik", "unifi-cef": "unifi_cef",
    }  # fmt: skip
    for folder, name in wanted.items():
        (log,) = (corpora / "firewall" / "crowdsec-hub" / folder).glob("*.log")
        lines = log.read_text().splitlines()
        assert [one.name for one in present(lines, NEAR)] == [name]
        one = named(name)
        left = [line for line in lines if line and (one.hint not in line or one.parse(line, NEAR) is None)]
        assert all("ssh" in line or "login failure" in line for line in left), left


@pytest.mark.corpus
def test_ulogd_json_of_the_corpus(corpora: Path) -> None:
    lines = (corpora / "firewall" / "ulogd-json.sample").read_text().splitlines()
    assert [one.name for one in present(lines, NEAR)] == ["ulogd_json"]
    made = [read("ulogd_json", line) for line in lines]
    attempts = [one for one in made if isinstance(one, Attempt)]
    assert len(attempts) == len(lines) == 50
    assert {(str(one.src), one.mac, one.dport, one.action) for one in attempts} == {
        ("192.168.50.23", "3c:5a:b4:12:34:56", 25, "")
    }
    assert attempts[0].at == 1795440937.799672
    assert len({one.dst for one in attempts}) == 50


# ---- what is hostile, cut or spoken by another ---------------------------------------------------------


@pytest.mark.parametrize("name", HERE)
def test_a_cut_line_tells_nothing_wrong(name: str) -> None:
    """Cut anywhere, a line tells what the whole one does, less of it, or nothing; never another address."""
    for log in (SAMPLES / name).glob("*.log"):
        for line in log.read_text().splitlines():
            whole = read(name, line)
            for end in range(len(line)):
                made = read(name, line[:end])
                for fact in facts(made):
                    assert any(fact_is_part(fact, one) for one in facts(whole)), (line[:end], fact)


def fact_is_part(part: object, whole: object) -> bool:
    """The same addresses and ports; what stood in the part that is missing may be absent."""
    names = ("src", "dst", "sport", "dport", "inside", "outside", "inside_port", "port", "address")
    if isinstance(part, Attempt | Contact) and isinstance(whole, Translation):
        return False
    return all(getattr(part, name, None) == getattr(whole, name, None) for name in names) and (
        getattr(part, "mac", "") in ("", getattr(whole, "mac", ""))
    )


SPELLED = {
    "netfilter": "IN=lan0 OUT=wan0 MAC=00:11:22:33:44:55:3c:5a:b4:99:99:99:08:00 SRC=192.168.50.77 "
    "DST=198.18.5.7 LEN=60 PROTO=TCP SPT=4444 DPT=25 WINDOW=1 SYN URGP=0 ",
    "filterlog": "filterlog[77]: 146,,,1535324496,igb1,match,block,in,4,0x0,,63,7,0,DF,6,tcp,60,"
    "192.168.50.77,198.18.5.7,4444,25,0,S,1,,64240,,",
    "mikrotik": "forward: in:lan out:wan, proto TCP (SYN), 192.168.50.77:4444->198.18.5.7:25, len 60",
    "ulogd_json": '{"oob.time.sec": 1795514401, "ip.protocol": 6, "src_port": 4444, "dest_port": 25, '
    '"tcp.syn": 1, "src_ip": "192.168.50.77", "dest_ip": "198.18.5.7"}',
    "unifi_cef": "CEF:0|Ubiquiti|UniFi Network|10.6.106|203|Blocked by Firewall|4|proto=TCP spt=4444 dpt=25 "
    "act=blocked dst=198.18.5.7 UNIFIsrcClientIp=192.168.50.77 msg=x",
    "windows_firewall": "2026-11-24 11:00:01 DROP TCP 192.168.50.77 198.18.5.7 4444 25 0 - 0 0 0 - - - SEND",
}  # fmt: skip


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize(
    "line",
    [
        "Nov 23 13:48:21 gw sshd[1]: Invalid user {} from 192.0.2.4",
        "Nov 23 13:48:21 gw sshd-session[1]: Invalid user {} from 192.0.2.4",
        "Nov 23 13:48:21 gw uhttpd: GET /{} 404",
        'Nov 23 13:48:21 gw nginx: 192.0.2.9 "GET / HTTP/1.1" "x {}"',
        "2026-03-19T12:34:09+01:00 gw system,error,critical login failure for user {} from 10.0.0.9 via ssh",
        "<30>Sep 25 01:37:18 MikroTik login failure for user {} from 192.0.2.4 via winbox",
        "<30>Sep 25 01:37:20 MikroTik local query: #335407 {}",
        '192.0.2.9 - - [23/Nov/2026:13:48:21 +0000] "GET / HTTP/1.1" 200 5 "-" "x {} y"',
        "<38>Nov 23 13:48:21 gw dropbear: Login attempt for nonexistent user '{}'",
        "<134>1 2026-11-24T11:00:01+01:00 fw audit 24409 - - error for '{}'",
        "[    8.978773] systemd[1]: Started {}",
        "[Tue Nov 24 00:06:26 2026] [core:error] [pid 1] AH1: not found: {}",
    ],
)
def test_what_a_stranger_spells_in_another_programs_line_is_not_believed(name: str, line: str) -> None:
    for one in formats():
        assert not facts(one.parse(line.format(SPELLED[name]), NEAR)), one.name


def test_the_same_words_are_believed_of_the_device_itself() -> None:
    front = {"netfilter": "Nov 23 13:48:21 gw kernel: ", "mikrotik": "Nov 23 13:48:21 gw firewall,info ",
             "filterlog": "Nov 23 13:48:21 gw ", "unifi_cef": "Nov 23 13:48:21 gw "}  # fmt: skip
    for name in HERE:
        made = read(name, front.get(name, "") + SPELLED[name])
        assert isinstance(made, Attempt), name
        assert (str(made.src), str(made.dst), made.sport, made.dport) == (
            "192.168.50.77", "198.18.5.7", 4444, 25
        )  # fmt: skip


@pytest.mark.parametrize("name", HERE)
def test_no_line_of_one_is_claimed_by_another(name: str) -> None:
    for log in (SAMPLES / name).glob("*.log"):
        lines = log.read_text().splitlines()
        assert recognise(lines, NEAR) == named(name)
        for line in lines:
            claimed = {
                one.name for one in formats() if one.hint in line and one.parse(line, NEAR) is not None
            }
            assert claimed == {name}, line


@pytest.mark.parametrize("name", HERE)
def test_large_files_are_searched_for_every_attempt(name: str) -> None:
    """What CANDIDATE passes over holds no attempt."""
    one = named(name)
    for log in (SAMPLES / name).glob("*.log"):
        for line in log.read_text().splitlines():
            made = one.parse(line, NEAR)
            if isinstance(made, Attempt):
                assert re.search(one.candidate, line.encode()), line


# ---- netfilter ---------------------------------------------------------------------------------------

PACKET = (
    "Nov 24 00:06:26 gw kernel: {}IN=lan0 OUT=wan0 MAC=b6:0d:b6:d7:14:58:3c:5a:b4:12:34:56:08:00 "
    "SRC=192.168.50.129 DST=198.51.100.7 LEN=60 PROTO=TCP SPT=51512 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 "
)


@pytest.mark.parametrize(
    ("prefix", "action"),
    [
        ("[ipv4-FWD-filter-10-D]", "block"),
        ("[ipv6-NAM-Z-LAN-TO-WAN-20-A]", "pass"),
        ("[ipv4-INP-filter-default-R]", "block"),
        ("[WAN_OUT-2000-A]", "pass"),
        ("[source-dest-default-D]", "block"),
        ('[LAN_WAN-RET-2147483647] DESCR="no rule description" ', "pass"),
        ('[WAN_IN-DROP-4000] DESCR="Bl" ', "block"),
        ('[GUEST_WAN-30004] DESCR="[GUEST_WAN]Block Unauthorized Traffic" ', "block"),
        ("[STATE-POLICY-INV-D]", "block"),
        ("[NAT-SRC-100-MASQ] ", ""),
        ("[VLAN-A]", ""),
        ("[UFW LIMIT BLOCK] ", "block"),
        ("[UFW AUDIT INVALID] ", ""),
        ("REJECT(src wan)", "block"),
        ("ACCEPT(dest wan)", "pass"),
        ("filter_FWDI_work_DROP: ", "block"),
        ("SFW2-INext-ACC-TCP ", "pass"),
        ("LOGDROP ", "block"),
        ("TCPDROP: ", "block"),
        ("[BLOCKED - INBOUND] ", "block"),
        ("[FW_ADT]D=O CD=O ", "block"),
        ("[FW_ADT]A=A D=O CD=O ", "pass"),
        ("[FW_ADT]A=C D=O ", ""),
        ("Illegal port 25 > ", ""),
        ("[12.345678] Firewall: *TCP_OUT Blocked* ", "block"),
        ("accessories: ", ""),
    ],
)
def test_the_prefix_tells_what_was_done(prefix: str, action: str) -> None:
    made = read("netfilter", PACKET.format(prefix))
    assert isinstance(made, Attempt)
    assert made.action == action


@pytest.mark.parametrize(
    "front",
    [
        "Nov 24 00:06:26 gw iptables: DROP ",
        "2026-11-24T00:06:26.123456+00:00 gw nf_tables: FORWARD_DROP ",
        "Nov 24 00:06:26 kernel: DROP ",
        "<4>Nov 24 00:06:26 gw user.warn kernel: DROP ",
        "<4>1 2026-11-24T00:06:26Z gw kernel - - - [12.345678] DROP ",
        "[ 8626.978773] [UFW BLOCK] ",
        "[ 8626.978773] TRACE: filter:drop:rule:2 ",
        "[ 8626.978773] [BLOCKED - INBOUND] ",
        "[Tue Nov 24 00:06:26 2026] [UFW BLOCK] ",
        "Nov 24 00:06:26 gw ulogd[77]: DROP ",
        "Nov 24 00:06:26 DROP: ",
        "Nov 24 00:06:26 2001:db8::1 kernel: DROP ",
        "Nov 24 00:06:26 gw kernel: message repeated 2 times: [ [UFW BLOCK] ",
    ],
)
def test_what_netfilter_says_is_read_in_every_framing(front: str) -> None:
    made = read("netfilter", front + PACKET.partition("{}")[2])
    assert isinstance(made, Attempt)
    assert made.action == "block"


def test_a_connection_of_ulogd_is_no_packet() -> None:
    line = (
        "Aug 26 22:00:00 gw ulogd[17]: [DESTROY] ORIG: SRC=192.168.50.129 DST=198.51.100.7 PROTO=TCP "
        "SPT=52957 DPT=25 PKTS=5 BYTES=1 , REPLY: SRC=198.51.100.7 DST=203.0.113.2 PROTO=TCP SPT=25 "
    )
    assert read("netfilter", line) is None


@pytest.mark.parametrize("flags", ["ACK", "ACK PSH", "ACK SYN", "RST", "ACK FIN"])
def test_flags_at_the_very_end_are_seen(flags: str) -> None:
    """ulogd writes no URGP= without an urgent packet, and editors cut the space behind a line."""
    line = PACKET.format("").replace("RES=0x00 SYN URGP=0 ", flags)
    assert read("netfilter", line) is OTHER
    assert isinstance(read("netfilter", PACKET.format("").replace("RES=0x00 SYN URGP=0 ", "SYN")), Attempt)


def test_an_asus_router_repeats_the_level() -> None:
    line = re.sub(" (SRC|LEN|SPT)=", r" <1>\1=", PACKET.format("DROP "))
    assert read("netfilter", line) == read("netfilter", PACKET.format("DROP "))
    assert named("netfilter").hint in line


def test_a_tunnels_first_bytes_are_no_card() -> None:
    header = "MAC=45:00:00:3c:ae:33:40:00:3f:06:c0:45:c0:a8:32:81:c6:33:64:0b"
    made = read("netfilter", re.sub(r"MAC=\S+", header, PACKET.format("")))
    assert isinstance(made, Attempt)
    assert made.mac == ""


def test_a_packet_without_interfaces_or_in_another_order_is_read() -> None:
    bare = PACKET.replace("IN=lan0 OUT=wan0 ", "").format("[WAN_IN-D-1] ")
    bridged = PACKET.replace("OUT=wan0", "PHYSIN=eth0 OUT=br0 PHYSOUT=eth1").format("")
    for line in (bare, bridged):
        made = read("netfilter", line)
        assert isinstance(made, Attempt)
        assert made.mac == "3c:5a:b4:12:34:56"


@pytest.mark.parametrize(
    ("rest", "protocol"),
    [
        ("PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1 ", "icmp"),
        ("PROTO=ICMPv6 TYPE=128 CODE=0 ID=1 SEQ=1 ", "icmp6"),
        ("PROTO=ESP SPI=0xcb886522 ", "esp"),
        ("PROTO=47 ", "gre"),
        ("PROTO=ICMP TYPE=0 CODE=0 ID=1 SEQ=1 ", ""),
        ("PROTO=ICMPv6 TYPE=135 CODE=0 ", ""),
        ("PROTO=2 ", ""),
        ("FRAG:185 PROTO=UDP ", ""),
        ("PROTO=TCP INCOMPLETE [8 bytes] ", ""),
    ],
)
def test_what_has_no_ports_is_a_contact_or_nothing(rest: str, protocol: str) -> None:
    made = read("netfilter", re.sub(r"PROTO=.*", rest, PACKET.format("")))
    if protocol:
        assert isinstance(made, Contact)
        assert (made.protocol, made.dport, made.sport) == (protocol, 0, 0)
    else:
        assert made is OTHER


# ---- filterlog ---------------------------------------------------------------------------------------

STAMP = "Nov 24 10:00:01"
ROW = (
    "Nov 24 10:00:01 fw filterlog[7]: 81,,,1535324496,{face},match,{action},{way},4,0x0,,64,{id},0,DF,"
    "6,tcp,60,{src},198.51.100.7,{sport},25,0,{flags},{seq},,64240,,mss"
)
IN = {"face": "igb1", "action": "pass", "way": "in", "id": 9, "src": "192.168.50.129", "sport": 49724,
      "flags": "S", "seq": 1891286705}  # fmt: skip
OUT = IN | {"face": "igb0", "way": "out", "src": "203.0.113.2", "sport": 14682}


def test_a_packet_that_goes_out_again_is_one_attempt_and_a_translation() -> None:
    parse = named("filterlog").reader()
    first, second = (parse(ROW.format(**row), NEAR) for row in (IN, OUT))
    assert isinstance(first, Attempt)
    assert isinstance(second, Translation)
    assert (str(second.inside), second.inside_port, str(second.outside), second.port) == (
        "192.168.50.129", 49724, "203.0.113.2", 14682
    )  # fmt: skip
    assert (str(second.dst), second.dport, second.protocol) == ("198.51.100.7", 25, "tcp")
    assert isinstance(parse(ROW.format(**OUT | {"seq": 7}), NEAR), Attempt)  # the firewall's own
    assert isinstance(parse(ROW.format(**OUT), NEAR), Translation)


def test_a_packet_that_is_routed_and_not_translated_is_told_once() -> None:
    parse = named("filterlog").reader()
    parse(ROW.format(**IN), NEAR)
    assert parse(ROW.format(**OUT | {"src": IN["src"], "sport": IN["sport"]}), NEAR) is OTHER


def test_a_packet_that_is_stopped_on_its_way_out_is_its_senders() -> None:
    parse = named("filterlog").reader()
    parse(ROW.format(**IN), NEAR)
    made = parse(ROW.format(**OUT | {"action": "block"}), NEAR)
    assert isinstance(made, Attempt)
    assert (str(made.src), made.sport, made.action) == ("192.168.50.129", 49724, "block")
    assert (str(made.nat), made.nat_port) == ("203.0.113.2", 14682)


def test_what_is_remembered_of_a_file_is_bounded() -> None:
    from unlisted.evidence.gateway import filterlog

    parse = named("filterlog").reader()
    parse(ROW.format(**IN | {"seq": 1}), NEAR)
    for seq in range(2, filterlog._KEPT + 3):
        parse(ROW.format(**IN | {"seq": seq}), NEAR)
    assert isinstance(parse(ROW.format(**OUT | {"seq": 1}), NEAR), Attempt)  # forgotten
    assert isinstance(parse(ROW.format(**OUT | {"seq": filterlog._KEPT}), NEAR), Translation)


@pytest.mark.parametrize("flags", ["A", "PA", "FA", "SA", "R", "RA", ""])
def test_filterlog_only_a_syn_opens(flags: str) -> None:
    assert read("filterlog", ROW.format(**IN | {"flags": flags})) is OTHER


@pytest.mark.parametrize(
    "tag",
    [
        "filterlog: ", "filterlog[72237]: ", "filterlog[72237]\t", "filterlog[-]: ",
        "filterlog 72237 - - ", "filterlog\t ",
        'filterlog 69805 - [meta sequenceId="2633353"] ', "filterlog - - - ",
    ],
)  # fmt: skip
def test_filterlog_in_every_framing(tag: str) -> None:
    row = ROW.format(**IN).replace("filterlog[7]: ", tag)
    assert isinstance(read("filterlog", row), Attempt)
    assert isinstance(read("filterlog", "1 2026-11-24T10:00:01.25+04:00" + row.removeprefix(STAMP)), Attempt)
    assert isinstance(read("filterlog", row.replace(" fw ", " 2001:db8::1 ")), Attempt)
    assert isinstance(read("filterlog", row.replace(" fw ", "\tfw\tlocal0\tinfo\t")), Attempt)
    assert read("filterlog", row.replace(" fw ", " fw sshd[7]: ")) is None
    assert isinstance(read("filterlog", row.replace("6,tcp,", "6,6,")), Attempt)
    assert isinstance(read("filterlog", row.replace("6,tcp,", "tcp,TCP,")), Attempt)


# ---- RouterOS ----------------------------------------------------------------------------------------

ROUTED = "in:bridge out:ether1, connection-state:new src-mac 3C:5A:B4:12:34:56, proto TCP (SYN), "
ENDS = "192.168.88.7:40000->198.51.100.7:25, len 60"


@pytest.mark.parametrize(
    ("front", "action"),
    [
        ("Nov 24 10:00:01 gw firewall,info forward: ", ""),
        ("Nov 24 10:00:01 gw firewall,info drop-mail forward: ", "block"),
        ("Nov 24 10:00:01 gw firewall,info [drop-input] input: ", "block"),
        ("Nov 24 10:00:01 firewall,warning: input: ", ""),
        ("<30>Nov 24 10:00:01 edge : firewall,info accept mail forward: ", "pass"),
        ("<134>Nov 24 10:00:01 MikroTik drop !LAN input: ", "block"),
        ("<134>Nov 24 10:00:01 MikroTik FW_DROP: FW_DROP input: ", "block"),
        ("Nov 24 10:00:01 hotspot.example.org srcnat: ", ""),
        ("<30>Nov 24 10:00:01 MikroTik LOGDROP LogDrop: ", "block"),
        ("10:00:01 firewall,info BAN 25 forward: ", "block"),
        ("nov/24 10:00:01 firewall,info forward: ", ""),
        ("Nov/24/2026 10:00:01 memory firewall, info drop mail forward: ", "block"),
        (" 11-24 10:00:01 firewall,info forward: ", ""),
    ],
)
def test_routeros_in_every_framing(front: str, action: str) -> None:
    made = read("mikrotik", front + ROUTED + ENDS)
    assert isinstance(made, Attempt)
    assert (str(made.src), made.sport, str(made.dst), made.dport, made.mac, made.action) == (
        "192.168.88.7", 40000, "198.51.100.7", 25, "3c:5a:b4:12:34:56", action
    )  # fmt: skip


def test_routeros_without_a_day_says_so() -> None:
    from unlisted.evidence.framing import assumptions, stamp

    made = stamp("14:33:48 firewall,info x", NEAR)
    assert made is not None
    assert made.at == 14 * 3600 + 33 * 60 + 48
    assert "day" in " ".join(assumptions([made]))
    for text in ("nov/24/2026 14:33:48 x", "nov/24 14:33:48 x", "11-24 14:33:48 x"):
        dated = stamp(text, NEAR)
        assert dated is not None
        assert dated.at == 1795478400 + made.at
        assert dated.year is ("2026" in text)
    assert stamp("foo/24 14:33:48 x", NEAR) is None
    assert stamp("13-24 14:33:48 x", NEAR) is None


@pytest.mark.parametrize(
    ("state", "flags", "ends", "nat", "inside", "outside"),
    [
        ("new,snat", "SYN", "10.0.0.7:40000->198.51.100.7:25",
         "(10.0.0.7:40000->203.0.113.5:1030)->198.51.100.7:25",
         "10.0.0.7", "203.0.113.5:1030"),
        ("established,snat", "ACK,PSH", "10.0.0.7:40000->198.51.100.7:25",
         "(10.0.0.7:40000->203.0.113.5:1030)->198.51.100.7:25", "10.0.0.7:40000", "203.0.113.5:1030"),
        ("established,snat", "ACK", "198.51.100.7:25->10.0.0.7:40000",
         "198.51.100.7:25->(203.0.113.5:1030->10.0.0.7:40000)", "10.0.0.7:40000", "203.0.113.5:1030"),
        ("new,dnat", "SYN", "198.51.100.7:9->10.0.0.7:25", "198.51.100.7:9->(203.0.113.5:25->10.0.0.7:25)",
         "198.51.100.7", ""),
        ("established,dnat", "ACK", "198.51.100.7:9->10.0.0.7:25",
         "198.51.100.7:9->(203.0.113.5:25->10.0.0.7:25)", "", ""),
    ],
)  # fmt: skip
def test_routeros_translations(
    state: str, flags: str, ends: str, nat: str, inside: str, outside: str
) -> None:
    made = read(
        "mikrotik",
        f"Nov 24 10:00:01 gw firewall,info forward: in:a out:b, connection-state:{state} "
        f"proto TCP ({flags}), {ends}, NAT {nat}, len 60",
    )
    if isinstance(made, Attempt):
        assert (str(made.src), f"{made.nat}:{made.nat_port}" if made.nat else "") == (inside, outside)
    elif isinstance(made, Translation):
        assert f"{made.inside}:{made.inside_port}" == inside
        assert f"{made.outside}:{made.port}" == outside
        assert (str(made.dst), made.dport) == ("198.51.100.7", 25)
    else:
        assert made is OTHER
        assert not inside


def test_routeros_names_the_account_of_a_tunnel() -> None:
    line = (
        "Nov 24 10:00:01 gw firewall,info forward: " + ROUTED.replace("in:bridge", "in:<pppoe-anna b>") + ENDS
    )
    made = read("mikrotik", line)
    assert isinstance(made, Attempt)
    assert made.account == "anna b"
    forged = "in:<pppoe-x out:y, proto TCP (SYN), 10.0.0.9:1->198.51.100.9:25, len 6>"
    assert read("mikrotik", line.replace("in:<pppoe-anna b>", forged)) is None


@pytest.mark.parametrize(
    ("state", "told", "opens"),
    [
        ("new", "UDP", True), ("established", "UDP", False), ("new", "ICMP (type 8, code 0)", True),
        ("new", "ICMP (type 3, code 1)", False), ("established", "ICMP (type 8, code 0)", False),
        ("new", "TCP", True), ("established", "TCP", False), ("invalid", "TCP (SYN,ACK)", False),
        ("new", "47", True), ("new", "2", False),
    ],
)  # fmt: skip
def test_routeros_only_the_first_packet_opens(state: str, told: str, opens: bool) -> None:
    ends = "10.0.0.7:40000->198.51.100.7:443" if told[:3] in ("UDP", "TCP") else "10.0.0.7->198.51.100.7"
    made = read(
        "mikrotik",
        f"Nov 24 10:00:01 gw firewall,info forward: in:a out:b, connection-state:{state} "
        f"proto {told}, {ends}, len 6",
    )
    assert isinstance(made, Contact) if opens else made is OTHER


# ---- UniFi's CEF -------------------------------------------------------------------------------------


def test_unifi_believes_no_client_that_calls_itself_another() -> None:
    """A host name is the client's own choice, and stands unescaped among the fields."""
    line = (
        "Nov 24 11:00:02 udm CEF:0|Ubiquiti|UniFi Network|10.6.106|203|Blocked by Firewall|4|proto=TCP "
        "spt=48742 dpt=25 act=blocked dst=198.51.100.7 UNIFIsrcClientHostname={} "
        "UNIFIsrcClientIp=192.168.50.129 UNIFIsrcClientMac=3c:5a:b4:12:34:56 msg=x was blocked, dpt=26"
    )
    made = read("unifi_cef", line.format("pc"))
    assert isinstance(made, Attempt)
    assert str(made.src) == "192.168.50.129"
    for forged in (
        "pc UNIFIsrcClientIp=192.168.50.9",
        "pc src=192.168.50.9",
        "pc UNIFIsrcClientMac=00:00:5e:00:53:01",
        "pc dpt=26",
        "pc dst=198.51.100.8",
    ):
        assert read("unifi_cef", line.format(forged)) is None


@pytest.mark.parametrize(
    "front",
    [
        "", "0|", "CEF: 0|", "<13>Nov 24 11:00:02 udm CEF:0|", "Nov 24 11:00:02 udm CEF: 0|",
        "<134>1 2026-11-24T11:00:02Z udm - - - CEF:0|",
    ],
)  # fmt: skip
def test_unifi_in_every_framing(front: str) -> None:
    line = (SAMPLES / "unifi_cef" / "network-10.log").read_text().splitlines()[0]
    bare = line.partition("CEF:")[2]
    made = read("unifi_cef", front + bare.removeprefix("0|") if front else bare)
    assert isinstance(made, Attempt)
    assert (made.at, made.action) == (1795514401.25, "block")


def test_unifi_tells_who_joined() -> None:
    made = facts(read("unifi_cef", (SAMPLES / "unifi_cef" / "network-10.log").read_text().splitlines()[3]))
    assert isinstance(made[0], Lease)
    assert (str(made[0].address), made[0].mac, made[0].hostname) == (
        "192.168.50.77", "d4:8a:fc:c6:4c:18", "annas-phone"
    )  # fmt: skip


# ---- Windows -----------------------------------------------------------------------------------------


def test_windows_columns_are_those_that_the_file_names() -> None:
    parse = named("windows_firewall").reader()
    head = "#Fields: date time action protocol src-ip src-port dst-ip dst-port size tcpflags path"
    assert parse(head, NEAR) is OTHER
    made = parse("2026-11-24 11:00:01 DROP TCP 192.168.50.9 40000 198.51.100.7 25 0 S SEND", NEAR)
    assert isinstance(made, Attempt)
    assert (str(made.dst), made.dport, made.sport) == ("198.51.100.7", 25, 40000)


def test_windows_is_not_taken_for_another_table() -> None:
    assert read("windows_firewall", "#Fields: date-time,connector-id,session-id") is None
    assert (
        read("windows_firewall", "2026-11-24 11:00:01 10.0.0.1 GET / - 80 - 192.0.2.1 curl 200 0 0 1") is None
    )
