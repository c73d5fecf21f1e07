"""Every format reads its samples, says what it cannot read, and survives whatever it is given."""

from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from unlisted import codec, evidence
from unlisted.diagnose import investigate
from unlisted.edge import read as reading
from unlisted.evidence import OTHER, Format, formats, framing, present, recognise
from unlisted.evidence.flows import columns
from unlisted.messages import Attempt, Contact, Delivery, Lease, Submission

SAMPLES = Path(__file__).parent / "samples"
_FACT = msgspec.json.Decoder(evidence.Fact, dec_hook=codec.read_spelled)
NEAR = 1795478400.0  # 2026-11-24 00:00:00Z


def named(name: str) -> Format:
    return next(one for one in formats() if one.name == name)


def read(name: str, line: str) -> evidence.Parsed:
    return named(name).parse(line, NEAR)


def test_formats_are_found_by_walking() -> None:
    found = {(one.kind, one.name) for one in formats()}
    assert {
        ("gateway", "netfilter"), ("flows", "argus"), ("leases", "dnsmasq"), ("leases", "dnsmasq_log"),
        ("leases", "ip_neigh"), ("maillogs", "postfix"),
    } <= found  # fmt: skip
    assert formats("gateway") == tuple(one for one in formats() if one.kind == "gateway")


@pytest.mark.parametrize(
    "log", sorted(SAMPLES.glob("*/*.log")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_sample(log: Path) -> None:
    """A sample folder is a format; FILE.jsonl beside FILE.log holds the events in order."""
    wanted = log.with_suffix(".jsonl")
    form = named(log.parent.name)
    parse = form.reader()
    made = [parse(line, NEAR) for line in log.read_text().splitlines()]
    assert None not in made
    events = [fact for one in made for fact in evidence.facts(one)]
    # What stands in the .jsonl may leave out what is absent.
    assert events == [_FACT.decode(line) for line in wanted.read_text().splitlines()]
    assert recognise(log.read_text().splitlines(), NEAR) == form
    assert (log.parent / "SOURCE").read_text().startswith("SOURCE: ")


@pytest.mark.parametrize("form", formats(), ids=lambda form: form.name)
@given(line=st.text(max_size=300), near=st.floats(0, 4e9))
def test_no_line_raises(form: Format, line: str, near: float) -> None:
    form.parse(line, near)
    form.parse(form.hint + line, near)
    if form.header:
        form.header(line)


def _whole() -> list[tuple[Format, str]]:
    return [
        (named(log.parent.name), line)
        for log in sorted(SAMPLES.glob("*/*.log"))
        for line in log.read_text().splitlines()
    ]


@given(data=st.data())
def test_no_damaged_line_raises(data: st.DataObject) -> None:
    form, line = data.draw(st.sampled_from(_whole()))
    cut = data.draw(st.integers(0, len(line)))
    junk = data.draw(st.text(max_size=5))
    form.parse(line[:cut], NEAR)
    form.parse(line[:cut] + junk + line[cut:], NEAR)


PACKET = (
    "Nov 24 00:06:26 gw kernel: [ 123.456789] {prefix}IN=lan0 OUT=wan0 "
    "MAC=b6:0d:b6:d7:14:58:3c:5a:b4:12:34:56:08:00 SRC=192.168.50.129 "
    "DST=198.51.100.7 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=60274 DF PROTO=TCP SPT=51512 DPT=25 "
    "WINDOW=64240 RES=0x00 {flags} URGP=0 "
)


@pytest.mark.parametrize(
    ("prefix", "action"),
    [
        ("", ""),
        ("[UFW BLOCK] ", "block"),
        ("[UFW AUDIT] ", ""),
        ("[UFW ALLOW] ", "pass"),
        ("DROP(src wan)", "block"),
        ("reject wan forward: ", "block"),
        ("FINAL_REJECT: ", "block"),
        ("IPTABLES-DROP: ", "block"),
        ("unlisted-block: ", "block"),
        ("unlisted-pass: ", "pass"),
        ("unlisted-held: ", "held"),
        ('[LAN_OUT-A-2001] DESCR="[LAN_OUT]Mail" ', "pass"),
        ('[LAN_OUT-D-2001] DESCR="[LAN_OUT]Allow not" ', "block"),
        ("Shorewall:net-fw:DROP:", "block"),
        ("passenger wifi ", ""),
    ],
)
def test_netfilter_action_is_told_by_the_prefix(prefix: str, action: str) -> None:
    made = read("netfilter", PACKET.format(prefix=prefix, flags="SYN"))
    assert isinstance(made, Attempt)
    assert made == Attempt(
        1795478786.0,
        ip_address("192.168.50.129"),
        ip_address("198.51.100.7"),
        25,
        51512,
        "3c:5a:b4:12:34:56",
        action,
    )


@pytest.mark.parametrize("flags", ["ACK", "ACK SYN", "ACK PSH", "RST", "ACK FIN"])
def test_netfilter_only_a_syn_is_an_attempt(flags: str) -> None:
    assert read("netfilter", PACKET.format(prefix="", flags=flags)) is OTHER


def test_netfilter_ecn_syn_and_numbered_ack_are_attempts() -> None:
    assert isinstance(read("netfilter", PACKET.format(prefix="", flags="CWR ECE SYN")), Attempt)
    line = PACKET.format(prefix="", flags="SYN").replace("DPT=25 ", "DPT=25 SEQ=7 ACK=0 ")
    assert isinstance(read("netfilter", line), Attempt)


@pytest.mark.parametrize(
    "line",
    [
        "Nov 24 00:06:26 gw kernel: IN=lan0 OUT=wan0 MAC=b6:0d:b6:d7:14:58:3c:5a:b4:12:34:56:08:00 "
        "SRC=192.168.50.1 DST=192.168.50.129 LEN=88 TOS=0x00 PREC=0xC0 TTL=64 ID=1 PROTO=ICMP TYPE=3 "
        "CODE=13 [SRC=192.168.50.129 DST=198.51.100.7 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=60274 DF "
        "PROTO=TCP SPT=51512 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0 ] ",
        "Nov 24 00:06:26 gw kernel: IN=lan0 OUT=wan0 SRC=192.168.50.129 DST=198.51.100.7 LEN=60 PROTO=UDP "
        "SPT=25 DPT=25 LEN=9",
        PACKET.format(prefix="", flags="SYN").replace("DPT=25", "DPT=2525"),
    ],
    ids=["icmp-embeds-the-packet", "udp", "port-2525"],
)
def test_netfilter_lines_that_are_no_attempt(line: str) -> None:
    made = read("netfilter", line)
    assert made is OTHER or isinstance(made, Contact)


def test_netfilter_odd_layouts() -> None:
    line = PACKET.format(prefix="", flags="SYN")
    decoded = line.replace(
        "MAC=b6:0d:b6:d7:14:58:3c:5a:b4:12:34:56:08:00",
        "MACSRC=3c:5a:b4:12:34:56 MACDST=b6:0d:b6:d7:14:58 MACPROTO=0800",
    )
    for one, mac in [
        (decoded, "3c:5a:b4:12:34:56"),
        (line.replace("OUT=wan0 ", ""), "3c:5a:b4:12:34:56"),
        (line.replace("MAC=b6:0d:b6:d7:14:58:3c:5a:b4:12:34:56:08:00", "MAC="), ""),
    ]:
        made = read("netfilter", one)
        assert isinstance(made, Attempt)
        assert made.mac == mac
    proxmox = (
        "101 1 tap101i0-OUT 20/Jun/2026:13:15:19 +0200 REJECT: IN=fwbr101i0 OUT=fwbr101i0 PHYSIN=tap101i0 "
        "PHYSOUT=fwln101i0 MAC=22:6c:1e:a0:78:c8:a2:1b:bb:df:61:a5:08:00 SRC=10.3.95.200 DST=198.51.100.9 "
        "LEN=60 TOS=0x10 PREC=0x00 TTL=64 ID=15974 DF PROTO=TCP SPT=51348 DPT=587 SEQ=1 ACK=0 "
        "WINDOW=64240 SYN "
    )
    made = read("netfilter", proxmox)
    assert isinstance(made, Attempt)
    assert (made.at, made.dport, made.action, made.mac) == (1781954119.0, 587, "block", "a2:1b:bb:df:61:a5")


def test_netfilter_line_cut_in_its_port_is_not_understood() -> None:
    line = PACKET.format(prefix="", flags="SYN")
    assert read("netfilter", line[: line.index("DPT=25") + 6]) is None
    assert isinstance(read("netfilter", line[: line.index("DPT=25") + 7]), Attempt)


@pytest.mark.parametrize(
    ("text", "at", "year", "zone"),
    [
        ("Nov 24 00:06:26 gw", "2026-11-24T00:06:26", False, False),
        ("Dec 31 23:59:59 gw", "2026-12-31T23:59:59", False, False),
        ("Jan  1 00:00:01 gw", "2027-01-01T00:00:01", False, False),
        ("Nov 24 00:06:26.250 gw", "2026-11-24T00:06:26.250", False, False),
        ("Nov 24 2024 00:06:26 gw", "2024-11-24T00:06:26", True, False),
        ("<134>Nov 24 00:06:26 gw", "2026-11-24T00:06:26", False, False),
        ("<134>1 2026-11-24T00:06:26.5+01:00 gw", "2026-11-23T23:06:26.5", True, True),
        ("2026-11-24T00:06:26Z gw", "2026-11-24T00:06:26", True, True),
        ("2026-11-24 00:06:26 gw", "2026-11-24T00:06:26", True, False),
        ("Tue Nov 24 00:06:26 2026 kern.warn", "2026-11-24T00:06:26", True, False),
        ("Tue 2026-11-24 00:06:26 UTC gw", "2026-11-24T00:06:26", True, True),
        ("[Tue Nov 24 00:06:26 2026] x", "2026-11-24T00:06:26", True, False),
        ("1795478786.5 gw", "2026-11-24T00:06:26.5", True, True),
        ("0 1 X 24/Nov/2026:02:06:26 +0200 policy", "2026-11-24T00:06:26", True, True),
    ],
)  # fmt: skip
def test_framing(text: str, at: str, year: bool, zone: bool) -> None:
    made = framing.stamp(text, NEAR)
    assert made is not None
    assert datetime.fromtimestamp(made.at, UTC) == datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert (made.year, made.zone) == (year, zone)


def test_framing_says_what_it_assumed() -> None:
    made = framing.stamp("Nov 24 00:06:26 gw", NEAR)
    boot = framing.stamp("[  203.842973] DROP IN=", NEAR)
    assert made is not None
    assert boot is not None
    assert boot.at == 203.842973
    said = " ".join(framing.assumptions([made, boot]))
    assert "2026" in said
    assert "UTC" in said
    assert "start" in said


@pytest.mark.parametrize(
    "text", ["Feb 30 00:00:00 x", "Nov 24 25:00:00 x", "Foo 24 00:06:26 x", "2026-13-01 00:00:00", ""]
)
def test_framing_refuses_what_is_no_time(text: str) -> None:
    assert framing.stamp(text, NEAR) is None


def test_framing_leap_day_without_year_finds_a_leap_year() -> None:
    made = framing.stamp("Feb 29 12:00:00 gw", NEAR)
    assert made is not None
    assert datetime.fromtimestamp(made.at, UTC).year == 2028


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("S_", "silent"),
        ("S_RA", "refused"),
        ("FSPA_FSPA", "answered"),
        ("_FSPA", "answered"),
        ("S_SA", "answered"),
        ("A_", ""),
        ("CON", "answered"),
        ("REQ", "silent"),
        ("", ""),
        ("FA_RA", ""),
    ],
)
def test_argus_outcome(state: str, outcome: str) -> None:
    assert columns.outcome(state) == outcome


def test_argus_reads_by_its_header_and_without() -> None:
    line = "2011/08/16 10:10:00.385281,3.0,tcp,192.0.2.5,1044,   ->,198.51.100.22,25,S_,0,,2,124,124,x"
    made = read("argus", line)
    assert isinstance(made, Attempt)
    assert (made.sport, made.outcome, made.at) == (1044, "silent", 1313489400.385281)
    head = named("argus").header
    assert head is not None
    other = head("ts;saddr;daddr;dport;proto")
    assert other is not None
    again = other("2011-08-16T10:10:00Z;192.0.2.5;198.51.100.22;smtp;tcp", NEAR)
    assert isinstance(again, Attempt)
    assert again.dport == 25
    assert isinstance(other("2011-08-16T10:10:00Z;192.0.2.5;198.51.100.22;443;tcp", NEAR), Contact)
    assert other("2011-08-16T10:10:00Z;192.0.2.5", NEAR) is None
    assert head("to, from, and so on") is None


def test_argus_leaves_the_server_side_alone() -> None:
    line = "2011/08/16 10:10:00.385281,3.0,tcp,198.51.100.22,25,   <-,192.0.2.5,25,S_,0,,2,124,124,x"
    assert read("argus", line) is OTHER


def test_dnsmasq_lines() -> None:
    assert read("dnsmasq", "0 3c:5a:b4:12:34:56 192.168.50.9 * *") == Lease(
        ip_address("192.168.50.9"), "3c:5a:b4:12:34:56"
    )
    six = "1795521955 1234567 2001:db8::10 pc 00:01:00:01:2d:aa:bb:cc:3c:5a:b4:12:34:56"
    made = read("dnsmasq", six)
    assert isinstance(made, Lease)
    assert (made.mac, made.end) == ("3c:5a:b4:12:34:56", 1795521955.0)
    assert read("dnsmasq", "duid 00:01:00:01:2d:aa:bb:cc:3c:5a:b4:12:34:56") is OTHER
    assert read("dnsmasq", "1795521955 not-a-mac 192.168.50.9 * *") is None


def test_dnsmasq_log_release_ends_a_lease() -> None:
    made = read(
        "dnsmasq_log",
        "Nov 24 00:06:26 gw dnsmasq-dhcp[1]: 77 DHCPRELEASE(lan0) 192.168.50.9 3c:5a:b4:12:34:56",
    )
    assert made == Lease(ip_address("192.168.50.9"), "3c:5a:b4:12:34:56", end=1795478786.0)


POSTFIX = "Nov 24 00:06:26 mail postfix/{}[77]: 4E74613FE76: {}"


def test_postfix_delivery_and_submission() -> None:
    text = (
        "host mx.example.net[198.51.100.9] said: 550 5.7.1 no (see https://l.example/) (in reply to RCPT TO)"
    )
    made = read(
        "postfix",
        POSTFIX.format(
            "smtp",
            "to=<a@example.net>, orig_to=<b>, relay=mx.example.net[198.51.100.9]:25, delay=1.9, "
            f"delays=0.05/0/1.1/0.71, dsn=5.7.1, status=bounced ({text})",
        ),
    )
    assert isinstance(made, Delivery)
    assert (made.recipient, made.relay, made.status) == (
        "a@example.net",
        "mx.example.net[198.51.100.9]:25",
        "bounced",
    )
    assert made.text == text
    made = read(
        "postfix",
        POSTFIX.format("local", "to=x@localhost, relay=local, delay=0, dsn=2.0.0, status=sent (ok)"),
    )
    assert isinstance(made, Delivery)
    sub = read(
        "postfix",
        POSTFIX.format(
            "submission/smtpd", "client=pc[192.168.50.9], sasl_method=PLAIN, sasl_username=bob@example.org"
        ),
    )
    assert isinstance(sub, Submission)
    assert (sub.client, sub.account) == (ip_address("192.168.50.9"), "bob@example.org")
    sub = read("postfix", POSTFIX.format("pickup", "uid=33 from=<www-data>"))
    assert isinstance(sub, Submission)
    assert (sub.script, sub.account, sub.sender) == ("uid 33", "", "www-data")
    for written, sender in (("", "<>"), ("bob@example.org", "bob@example.org")):
        sub = read("postfix", POSTFIX.format("qmgr", f"from=<{written}>, size=4, nrcpt=1 (queue active)"))
        assert isinstance(sub, Submission)
        assert sub.sender == sender
    assert (
        read("postfix", "Nov 24 00:06:26 mail postfix/smtpd[7]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 554")
        is OTHER
    )


def test_a_mixed_log_is_read_by_all_its_formats() -> None:
    lines = [
        PACKET.format(prefix="", flags="SYN"),
        "Nov 24 00:06:26 gw dnsmasq-dhcp[1]: DHCPACK(lan0) 192.168.50.9 3c:5a:b4:12:34:56 pc",
        PACKET.format(prefix="", flags="SYN"),
    ]
    assert [one.name for one in present(lines, NEAR)] == ["netfilter", "dnsmasq_log"]
    assert recognise(["Dear all,", "please see below", ""], NEAR) is None


@pytest.mark.corpus
def test_postfix_lines_of_the_corpus_are_all_ours(corpora: Path) -> None:
    lines = [
        line
        for log in sorted((corpora / "mta-logs" / "crowdsec-hub").glob("postfix-*/*.log"))
        for line in log.read_text().splitlines()
        if line
    ]
    assert len(lines) > 10
    assert None not in [read("postfix", line) for line in lines]


@pytest.mark.corpus
def test_dhcp_of_the_corpus(corpora: Path) -> None:
    names = {"dnsmasq.leases": "dnsmasq", "dnsmasq-dhcp.log": "dnsmasq_log"}
    for file, form in names.items():
        lines = (corpora / "leases" / file).read_text().splitlines()
        made = recognise(lines, NEAR)
        assert made is not None
        assert made.name == form
        leases = [one for line in lines if isinstance(one := made.parse(line, NEAR), Lease)]
        assert {(str(one.address), one.mac, one.hostname) for one in leases} == {
            ("192.168.50.129", "3c:5a:b4:12:34:56", "FRONTDESK-PC")
        }


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "netfilter",
            "Nov 24 00:06:26 gw sshd[77]: Invalid user a IN=lan0 OUT=wan0 SRC=192.168.50.20 DST=198.18.1.25 "
            "LEN=60 PROTO=TCP SPT=40000 DPT=25 WINDOW=64240 SYN URGP=0",
        ),
        (
            "dnsmasq_log",
            "Nov 24 00:06:26 gw sshd[77]: Invalid user dnsmasq-dhcp[1]: DHCPACK(lan0) 192.168.50.20 "
            "3c:5a:b4:12:34:56 x",
        ),
    ],
)
def test_a_stranger_cannot_spell_a_packet_into_another_programs_line(name: str, line: str) -> None:
    assert named(name).parse(line, NEAR) is None


def test_a_mail_log_believes_no_stranger() -> None:
    """A sender's message id, subject or HELO, and a receiver's reply, may look like a field."""
    front = "2026-11-25 01:31:54 1xW1rW-0006un-37 "
    arrival = front + '<= a@x.example H=(evil) [192.0.2.9]:4 P=esmtp S=1 id=x A=plain:boss U=root T="P=local"'
    made = read("exim", arrival)
    assert isinstance(made, Submission)
    assert (str(made.client), made.account, made.script) == ("192.0.2.9", "", "")
    named = read("exim", front + "<= a@x.example H=([10.0.0.1]) [192.0.2.9] P=esmtpsa A=login:info S=1")
    assert isinstance(named, Submission)
    assert (str(named.client), named.account) == ("192.0.2.9", "info")
    front = "Nov 25 01:34:32 mail sendmail[9]: 6AP1YV5X029875: "
    forged = "from=<a@x.example>, size=83, nrcpts=1, msgid=<x, relay=[10.0.0.1], size=2@x>, relay=[192.0.2.9]"
    made = read("sendmail", front + forged)
    assert isinstance(made, Submission)
    assert str(made.client) == "192.0.2.9"
    said = "to=<b@y.example>, relay=y [192.0.2.7], dsn=5.0.0, reply=550 no, relay=z [10.0.0.1], stat=Sent"
    refused = read("sendmail", front + said)
    assert isinstance(refused, Delivery)
    assert (refused.status, refused.relay) == ("bounced", "y[192.0.2.7]")
    assert refused.text.startswith("550 no, relay=z")


TOLD = "Nov 25 01:34:32 mail sm-mta[9]: 6AP1YV5X029875: to={}, delay=00:00:01, relay=y [192.0.2.7], dsn={}, "


def test_a_line_of_sendmail_is_a_delivery_to_each_recipient(tmp_path: Path) -> None:
    three = (
        TOLD.format("<a@x.example>,<o'b@x.example>,c", "5.7.1")
        + "reply=554 5.7.1 no, stat=Service unavailable"
    )
    one = TOLD.format("<d@x.example>", "5.1.1") + "stat=User unknown"
    log = tmp_path / "maillog"
    log.write_text(f"{three}\n{one}\n")
    made = reading.read(log, NEAR).events
    assert [(event.recipient, event.text) for event in made if isinstance(event, Delivery)] == [
        ("a@x.example", "554 5.7.1 no"),
        ("o'b@x.example", "554 5.7.1 no"),
        ("c", "554 5.7.1 no"),
        ("d@x.example", "5.1.1 User unknown"),
    ]
    assert [event.seen.line for event in made if event.seen] == [1, 1, 1, 2]
    last = investigate.from_log([event for event in made if isinstance(event, Delivery)], ())[-1]
    assert (last.status, last.verdict) == ("5.1.1", "recipient")
    later = [
        structs.replace(event, text="450 4.1.1 User unknown, RCPT TO", status=status)
        for event in made[:1]
        if isinstance(event, Delivery)
        for status in ("bounced", "deferred")
    ]
    assert [one.hard for one in investigate.from_log(later, ())] == [True, False]
    assert evidence.facts(read("sendmail", TOLD.format("<a>," * 300, "2.0.0") + "stat=Sent"))


@pytest.mark.parametrize(
    ("name", "line", "client", "account", "sender"),
    [
        (
            "sendmail",
            "Nov 25 01:34:32 m sm-mta[9]: 6AP1YV5X029875: AUTH=server, relay=p.example [192.0.2.9] "
            "(may be forged), authid=joe, mech=LOGIN, bits=0",
            "192.0.2.9", "joe", "",
        ),
        (
            "exim",
            "Nov 25 01:34:32 m exim[9]: 2026-11-25 01:34:32 1xW1rW-00000006unZ-37ab <= <> "
            "H=mx [192.0.2.9] P=esmtp S=9",
            "192.0.2.9", "", "<>",
        ),
        (
            "opensmtpd",
            "Nov 25 01:34:32 m smtpd[9]: 6c8b3e7b6cb6e139 smtp event=message address=192.0.2.9 host=x "
            "msgid=55204ad0 from=<a@x.example> to=<b@y.example> size=1 ndest=1 proto=ESMTP",
            "192.0.2.9", "", "a@x.example",
        ),
    ],
)  # fmt: skip
def test_other_spellings_of_mail_logs(name: str, line: str, client: str, account: str, sender: str) -> None:
    made = read(name, line)
    assert isinstance(made, Submission)
    assert (str(made.client), made.account, made.sender) == (client, account, sender)


FORGED = (
    "IN=br0 OUT=eth0 MAC=00:11:22:33:44:55:3c:5a:b4:99:99:99:08:00 SRC=192.168.50.77 DST=198.18.5.7 LEN=60 "
    "PROTO=TCP SPT=4444 DPT=25 WINDOW=1 SYN URGP=0"
)
LEASED = "dnsmasq-dhcp[1]: DHCPACK(br0) 192.168.50.77 3c:5a:b4:99:99:99 boss"
TAKEN = "postfix/smtpd[1]: 4E74A1: client=x[192.168.50.77], sasl_username=boss"
PASSED = "postfix/smtp[1]: 4E74A1: to=<a@b.example>, relay=mx[198.18.0.1]:25, dsn=2.0.0, status=sent (250 ok)"
SENT = "sendmail[9]: 6AP1YV5X029875: to=<a@b.example>, relay=mx [198.18.0.1], dsn=2.0.0, stat=Sent (ok)"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("netfilter", FORGED),
        ("dnsmasq_log", LEASED),
        ("postfix", TAKEN),
        ("postfix", PASSED),
        ("sendmail", SENT),
    ],
)
@pytest.mark.parametrize(
    "line",
    [
        "Nov 23 13:48:21 gw sshd[1]: Invalid user {} from 192.0.2.4",
        "Nov 23 13:48:21 gw sshd-session[1]: Invalid user {} from 192.0.2.4",
        "Nov 23 13:48:21 gw uhttpd: GET /{} 404",
        "Nov 23 13:48:21 gw app GET /{} 404",
        'Nov 23 13:48:21 gw nginx: 192.0.2.9 "GET / HTTP/1.1" "x {}"',
        "Mon Nov 23 13:48:21 2026 daemon.info hostapd: STA ssid x {}",
        '192.0.2.9 - - [23/Nov/2026:13:48:21 +0000] "GET / HTTP/1.1" 200 5 "-" "x {} y"',
        "<38>Nov 23 13:48:21 gw dropbear: Login attempt for nonexistent user 'unlisted-held {}'",
    ],
)
def test_what_a_stranger_spells_in_another_programs_line_is_not_believed(
    name: str, said: str, line: str
) -> None:
    assert not isinstance(read(name, line.format(said)), (Attempt, Lease, Delivery, Submission))


@pytest.mark.parametrize(
    "line",
    [
        "Nov 23 13:48:21 gw kernel: {}",
        "Nov 23 13:48:21 gw kernel: [ 12.345678] DROP it: now: {}",
        "Nov 23 13:48:21 gw kernel: [ 12.345678][UFW BLOCK] {}",
        "Nov 23 13:48:21 gw MAIL-OUT {}",
        "Nov 23 13:48:21 gw unlisted-block:  {}",
        "Nov 23 13:48:21 MAIL OUT DROP: {}",
        "Mon Nov 23 13:48:21 2026 kern.warn kernel: [ 12.345678] reject wan out: {}",
        'Nov 23 13:48:21 gw [WAN_OUT-D-2147483647] DESCR="[WAN_OUT]Block: mail" {}',
        "0 3 PVEFW-HOST-IN 23/Nov/2026:13:48:21 +0200 policy DROP: {}",
        "2026-11-23T13:48:21+00:00 gw kernel: {}",
        "Nov 23 13:48:21 gw ulogd[12]: mail: {}",
    ],
)
def test_what_the_kernel_says_is_read_in_every_framing(line: str) -> None:
    assert isinstance(read("netfilter", line.format(FORGED)), Attempt)


@pytest.mark.parametrize(
    "front",
    ["openvpn(srv)[12]: 198.51.100.7 CN kernel: ", "nginx 123 - - GET / "],
)
def test_a_packet_that_a_stranger_spelled_in_another_programs_line_is_none(front: str) -> None:
    from unlisted.evidence.gateway import netfilter

    packet = "IN=lan0 OUT=wan0 SRC=192.168.1.5 DST=198.51.100.1 LEN=60 PROTO=TCP SPT=4000 DPT=25 SYN URGP=0 "
    near = 1_795_000_000.0
    assert netfilter.parse(f"Nov 25 03:00:00 gw kernel: {packet}", near)
    assert netfilter.parse(f"Nov 25 03:00:00 gw {front}{packet}", near) is None


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        ("defer (110): Connection timed out H=mx.example [198.51.100.7]", "Connection timed out"),
        ("defer (-44) H=mx.example [198.51.100.7]: 451 4.7.1 Greylisted", "451 4.7.1 Greylisted"),
    ],
)
def test_exim_says_why_before_the_host_or_behind_it(rest: str, text: str) -> None:
    """Exim 4.96, deliver.c deferral_log(): errno's words, then the host, then what the host said."""
    from unlisted.evidence.maillogs import exim

    made = exim.parse(f"2026-11-25 10:00:00 1abcde-000001-AB == b@example.org R=out T=remote {rest}", 0.0)
    assert isinstance(made, Delivery)
    assert (made.text, made.relay) == (text, "mx.example[198.51.100.7]")
