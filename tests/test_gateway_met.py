"""Kinds of lines that gateways were seen to write, beside those that their samples hold."""

from ipaddress import ip_address

import pytest
import re2

from unlisted.evidence import OTHER, Format, Parsed, formats
from unlisted.messages import Attempt, Contact

NEAR = 1795478400.0  # 2026-11-24 00:00:00Z


def named(name: str) -> Format:
    return next(one for one in formats() if one.name == name)


def told(name: str, *lines: str) -> list[Parsed]:
    """What one file's lines are read as, in their order."""
    read = named(name).reader()
    return [read(line, NEAR) for line in lines]


def attempt(name: str, line: str) -> Attempt:
    made = named(name).parse(line, NEAR)
    assert isinstance(made, Attempt)
    return made


FROM_TO = "from inside:192.168.50.129/51512 to outside:198.51.100.7/25"
NATTED = "from inside:192.168.50.129/51512 (203.0.113.5/40122) to outside:198.51.100.7/25 (198.51.100.7/25)"


@pytest.mark.parametrize(
    ("said", "action"),
    [
        (f"4-108004: ESMTP Classification: Dropped connection for ESMTP Request {FROM_TO}; matched", "block"),
        (f"2-108003: Terminating ESMTP/SMTP connection; malicious pattern {FROM_TO}. Data:x", "block"),
        (f"4-338008: Dynamic Filter dropped blacklisted TCP traffic {NATTED}, destination", "block"),
        (f"4-338004: Dynamic Filter monitored blacklisted TCP traffic {NATTED}, destination", "pass"),
        (f"4-434002: SFR requested to drop TCP packet {FROM_TO}", "block"),
        (f"4-507003: tcp flow {FROM_TO} terminated by inspection engine, reason - disconnected", "block"),
        (f"3-202010: PAT pool exhausted. Unable to create TCP connection {FROM_TO}", "block"),
        (
            "3-201013: Per-client connection limit exceeded 20/20 for input packet from 192.168.50.129/51512 "
            "to 198.51.100.7/25 on interface inside",
            "block",
        ),
        (f"4-419002: Duplicate TCP SYN {FROM_TO} with different initial sequence number", ""),
        (f"6-110003: Routing failed to locate next hop for TCP {FROM_TO}", "block"),
    ],
)
def test_asa_tells_mail_connections_at_severities_that_do_not_tell_built(said: str, action: str) -> None:
    made = attempt("cisco_asa", f"Nov 24 2026 00:06:26 fw1 : %ASA-{said}")
    assert (made.src, made.sport) == (ip_address("192.168.50.129"), 51512)
    assert (made.dst, made.dport, made.action) == (ip_address("198.51.100.7"), 25, action)
    assert (made.nat, made.nat_port) == ((ip_address("203.0.113.5"), 40122) if "(" in said else (None, 0))


def test_asa_what_an_inspection_tells_of_a_built_connection_counts_once() -> None:
    made = told(
        "cisco_asa",
        "Nov 24 2026 00:06:26 fw1 : %ASA-6-302013: Built outbound TCP connection 7 for "
        "outside:198.51.100.7/25 (198.51.100.7/25) to inside:192.168.50.129/51512 (203.0.113.5/40122)",
        f"Nov 24 2026 00:07:40 fw1 : %ASA-4-108004: ESMTP Classification: Reset connection {FROM_TO}; x",
    )
    assert isinstance(made[0], Attempt)
    assert made[1] is OTHER


@pytest.mark.parametrize("said", ["to inside:198.51.100.7/2", "to inside:198.51.10"])
def test_asa_an_inspections_line_that_was_cut_tells_nothing(said: str) -> None:
    line = f"Nov 24 2026 00:06:26 fw1 : %ASA-4-338008: Dynamic Filter dropped TCP from x:192.0.2.1/7 {said}"
    assert named("cisco_asa").parse(line, NEAR) in (None, OTHER)


def test_asa_of_an_ips_module_and_of_a_pix_itself() -> None:
    made = attempt(
        "cisco_asa",
        "<113>2026-11-24T00:06:27Z fp %NGIPS-1-430003: FirstPacketSecond: 2026-11-24T00:06:26Z, "
        "AccessControlRuleAction: Block with reset, SrcIP: 192.0.2.9, DstIP: 198.51.100.7, SrcPort: 7, "
        "DstPort: 25, Protocol: tcp, ConnectionDuration: 0, InitiatorPackets: 1, ResponderPackets: 0, ",
    )
    assert (made.src, made.action) == (ip_address("192.0.2.9"), "block")
    itself = named("cisco_asa").parse(
        "Nov 24 2026 00:06:26 pix %PIX-6-302013: Built inbound TCP connection 1 for db:192.0.2.1/60749 "
        "(192.0.2.1/60749) to NP Identity Ifc: 192.0.2.2/22 (192.0.2.2/22)",
        NEAR,
    )
    assert isinstance(itself, Contact)
    assert (itself.dst, itself.dport) == (ip_address("192.0.2.2"), 22)


def test_ios_counter_with_the_number_of_a_process() -> None:
    made = attempt(
        "cisco_ios",
        "<190>Nov 24 08:35:17 192.0.2.254 30128311[4]: Nov 24 08:35:16.844 UTC: %SEC-6-IPACCESSLOGP: list "
        "in110 denied tcp 192.0.2.9(63923) -> 198.51.100.7(25), 1 packet",
    )
    assert (made.sport, made.action) == (63923, "block")


@pytest.mark.parametrize("prefix", ["FTNTFGT", "FortinetFortiGate"])
def test_cef_fortigates_own_keys_have_two_spellings(prefix: str) -> None:
    made = attempt(
        "cef",
        f"CEF:0|Fortinet|Fortigate|v6.0.4|00013|traffic:forward timeout|3|cat=traffic:forward "
        f"{prefix}eventtime=1795478800 src=192.0.2.9 spt=7 dst=198.51.100.7 dpt=25 proto=6 "
        f"{prefix}action=timeout {prefix}trandisp=noop sourceTranslatedAddress=203.0.113.9 "
        f"sourceTranslatedPort=8 {prefix}duration=20 {prefix}rcvdpkt=0 {prefix}unauthuser=ada "
        f"{prefix}srcmac=00:00:5e:00:53:07 {prefix}srcserver=0",
    )
    assert (made.at, made.action, made.outcome) == (1795478780.0, "pass", "silent")
    assert (made.mac, made.account, made.nat) == ("00:00:5e:00:53:07", "ada", None)


@pytest.mark.parametrize("ahead", ["12: ", "192.0.2.254 ", "<189>192.0.2.254 "])
def test_fortigate_on_its_console_and_behind_a_receivers_address(ahead: str) -> None:
    made = attempt(
        "fortigate",
        f"{ahead}date=2026-11-24 time=00:06:26 eventtime=1795478786 logid=0000000013 type=traffic "
        "subtype=forward level=notice srcip=192.0.2.9 srcport=7 dstip=198.51.100.7 dstport=25 proto=6 "
        "action=deny policyid=0 sentbyte=0",
    )
    assert (made.at, made.action) == (1795478786.0, "block")


@pytest.mark.parametrize(
    ("who", "account"),
    [("N/A(N/A)", ""), ("unknown(unknown)", ""), ("ada(staff)", "ada")],
)
def test_srx_a_global_policy_is_no_user(who: str, account: str) -> None:
    made = attempt(
        "juniper_srx",
        "Nov 24 00:06:26 fw RT_FLOW: RT_FLOW_SESSION_DENY: session denied 192.0.2.9/7->198.51.100.7/25 "
        f"junos-smtp 6(0) default-deny(global) trust untrust UNKNOWN UNKNOWN {who} ge-0/0/0.0 UNKNOWN",
    )
    assert (made.account, made.action) == (account, "block")
    made = attempt(
        "juniper_srx",
        "Nov 24 00:06:26 fw RT_FLOW: RT_FLOW_SESSION_CREATE: session created 192.0.2.9/7->198.51.100.7/25 "
        "0x0 junos-smtp 192.0.2.9/7->198.51.100.7/25 0x0 N/A N/A N/A N/A 6 out(global) trust untrust 5 "
        f"{who} ge-0/0/0.0 UNKNOWN",
    )
    assert made.account == account


@pytest.mark.parametrize("priority", ["%-", "%USER-6-"])
def test_srx_priority_written_ahead_of_the_name(priority: str) -> None:
    line = (
        f"Nov 24 00:06:26 fw RT_FLOW: {priority}RT_FLOW_SESSION_DENY: session denied "
        "192.0.2.9/7->198.51.100.7/25 junos-smtp 6(0) deny-all trust untrust UNKNOWN UNKNOWN N/A(N/A) st0.0"
    )
    assert attempt("juniper_srx", line).sport == 7
    assert named("cisco_ios").parse(line, NEAR) is None


def test_paloalto_as_strata_logging_service_forwards_it() -> None:
    fields = (
        "1,2026-11-24T00:06:40.000000Z,no-serial,TRAFFIC,end,10.0,2026-11-24T00:06:38.000000Z,192.0.2.8,"
        "198.51.100.7,203.0.113.5,198.51.100.7,out,,,smtp,vsys1,trust,untrust,,,logs,,371791,1,26367,25,5556,"
        "25,2048,tcp,allow,1230,526,704,22,2026-11-24T00:06:26.000000Z,12,any,,5637,-92,BR,AU,,12,10,tcp-fin,0"
    )
    for ahead in (
        "<142>1 2026-11-24T00:06:42.110Z stream-logfwd logforwarder - panwlogs - ",
        "Nov 24 00:06:43 192.0.2.9 953 <142>1 2026-11-24T00:06:42.110Z stream-1 logforwarder - panwlogs - ",
    ):
        made = attempt("paloalto", ahead + fields)
        assert (made.at, made.sport, made.dport) == (1795478786.0, 26367, 25)
        assert (made.nat, made.nat_port, made.outcome) == (ip_address("203.0.113.5"), 5556, "answered")
        assert re2.search(named("paloalto").candidate, fields.encode())


@pytest.mark.parametrize("tag", ["CiscoASA[999]: ", "ASA[7]: "])
def test_asa_as_a_program_with_a_number(tag: str) -> None:
    said = (
        "%ASA-6-302013: Built outbound TCP connection 7 for outside:198.51.100.7/25 (198.51.100.7/25) "
        "to inside:192.0.2.9/1772 (203.0.113.5/8256)"
    )
    made = attempt("cisco_asa", f"Nov 24 2026 00:06:26 localhost {tag}{said}")
    assert (made.src, made.nat_port) == (ip_address("192.0.2.9"), 8256)
    assert named("cisco_asa").parse(f"Nov 24 2026 00:06:26 host sshd[7]: user {tag}{said}", NEAR) is None


def test_asa_a_name_in_place_of_the_translated_address_is_no_translation() -> None:
    made = attempt(
        "cisco_asa",
        "Nov 24 2026 00:06:26 fw : %ASA-4-338204: Dynamic filter dropped greylisted TCP traffic from "
        "eth0:192.0.2.9/1234 (source.example/11234) to wan:198.51.100.7/25 (www.example/25), destination",
    )
    assert (made.nat, made.nat_port) == (None, 0)


@pytest.mark.parametrize(
    "said",
    [
        "[action:Drop; flags:393216; time:1795478786; dst:198.51.100.7; product:VPN-1 & FireWall-1; proto:6; "
        "s_port:54903; service:25; src:192.0.2.9; src_country:USA]",
        "[action:Drop; time:1795478786; dst:198.51.100.7; product:VPN-1 & FireWall-1; proto:6; s_port:54903; "
        "service:25; src:192.0.2.9]",
        '{"action":"Drop","time":"1795478786","dst":"198.51.100.7","product":"VPN-1 & FireWall-1","proto":'
        '"6","s_port":"54903","service":"25","src":"192.0.2.9"}',
        '{"action": "Drop", "time": 1795478786, "dst": "198.51.100.7", "product": "VPN-1 & FireWall-1", '
        '"proto": 6, "s_port": 54903, "service": 25, "src": "192.0.2.9"}',
    ],
)
def test_checkpoint_without_quotes_and_as_json(said: str) -> None:
    line = f"Nov 24 00:06:30 192.0.2.1 1 2026-11-24T00:06:27Z gw CheckPoint 52042 - {said}"
    made = attempt("checkpoint", line)
    assert (made.at, made.src, made.sport) == (1795478786.0, ip_address("192.0.2.9"), 54903)
    assert (made.dst, made.dport, made.action) == (ip_address("198.51.100.7"), 25, "block")
    assert re2.search(named("checkpoint").candidate, line.encode())
    assert named("checkpoint").parse(line[:-30], NEAR) is None  # cut
    assert named("checkpoint").parse(line.replace("CheckPoint", "Checked"), NEAR) is None


def test_checkpoint_without_quotes_told_in_two_ways_is_not_read() -> None:
    line = (
        "Nov 24 00:06:30 192.0.2.1 1 2026-11-24T00:06:27Z gw CheckPoint 52042 - [action:Drop; "
        "time:1795478786; dst:198.51.100.7; product:URL Filtering; proto:6; resource:http://x/; "
        "src:192.0.2.66; s_port:54903; service:25; src:192.0.2.9]"
    )
    assert named("checkpoint").parse(line, NEAR) is None


@pytest.mark.parametrize("elapsed", ["18", "1", ""])
def test_paloalto_a_line_that_ends_at_the_elapsed_time_tells_its_start(elapsed: str) -> None:
    made = attempt(
        "paloalto",
        "716 <14>1 2026-11-24T00:07:08+00:00 fw.example - - - -  1,2026/11/24 00:07:03,SERIAL,TRAFFIC,end,"
        "2818,2026/11/24 00:07:03,192.0.2.8,198.51.100.7,192.0.2.8,198.51.100.7,out,,,smtp,vsys1,trust,wan,"
        "eth1,eth2,FWD,2026/11/24 00:07:08,617,1,50761,25,50761,25,0x40001c,tcp,allow,372,246,126,7,"
        f"2026/11/24 00:06:26,{elapsed}",
    )
    assert (made.at, made.sport) == (1795478786.0, 50761)
