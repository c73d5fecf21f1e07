"""Who had an address: every lease server, neighbor table and access point in its own way of writing."""

import time
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted import evidence
from unlisted.edge import present
from unlisted.edge.follow import Files
from unlisted.edge.read import read
from unlisted.evidence import OTHER, Fact, Format, facts, formats, recognise
from unlisted.evidence.leases import _client, kea_csv
from unlisted.messages import Lease, Presence

NEAR = 1795478400.0  # 2026-11-24 00:00:00Z
SAMPLES = Path(__file__).parent / "samples"
MAC = "3c:5a:b4:12:34:56"


def named(name: str) -> Format:
    return next(one for one in formats() if one.name == name)


def told(name: str, text: str) -> list[Fact]:
    """What the lines of `text` tell, read in their order."""
    parse = named(name).reader()
    return [fact for line in text.splitlines() for fact in facts(parse(line, NEAR))]


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("file", "form", "client"),
    [
        ("dhcpd.leases", "dhcpd_leases", ("192.168.50.160", MAC, "PRINTER-2F")),
        ("dhcpd.log", "dhcpd_terminal", ("192.168.50.160", MAC, "PRINTER-2F")),
        ("dnsmasq-dhcp.log", "dnsmasq_log", ("192.168.50.129", MAC, "FRONTDESK-PC")),
        ("dnsmasq.leases", "dnsmasq", ("192.168.50.129", MAC, "FRONTDESK-PC")),
        ("ip-neigh.json", "ip_neigh_json", ("192.168.50.23", MAC, "")),
        ("kea-leases4.csv", "kea_csv", ("192.168.50.190", MAC, "camera-7")),
        ("kea.log", "kea_log", ("192.168.50.190", MAC, "")),
        ("proc-net-arp.txt", "arp", ("192.168.50.23", MAC, "")),
    ],
)
def test_the_clients_of_the_corpus(corpora: Path, file: str, form: str, client: tuple[str, str, str]) -> None:
    """One card went by three names at three servers; the tables know a second one, the uplink's."""
    reading = read(corpora / "leases" / file)
    assert (reading.format, reading.kind) == (form, "leases")
    leases = [one for one in reading.events if isinstance(one, Lease)]
    others = {("203.0.113.1", "36:a1:9c:a0:a9:aa", "")}
    assert {(str(one.address), one.mac, one.hostname) for one in leases} - others == {client}
    assert reading.unknown == 0


@pytest.mark.corpus
def test_the_corpus_tells_when_and_what(corpora: Path) -> None:
    def first(file: str) -> Lease:
        made = read(corpora / "leases" / file).events[0]
        assert isinstance(made, Lease)
        return made

    isc, kea, dnsmasq = first("dhcpd.leases"), first("kea-leases4.csv"), first("dnsmasq-dhcp.log")
    assert (isc.start, isc.end, isc.client_id) == (1795441708.0, 1795442308.0, f"01:{MAC}")
    assert isc.fingerprint == "udhcp 1.35.0"
    assert (kea.start, kea.end) == (1795441715.0, 1795445315.0)
    assert dnsmasq.fingerprint == "1,3,6,12,15,28,42 MSFT 5.0"
    log = first("kea.log")
    assert log.start is not None
    assert log.end == log.start + 3600


@pytest.mark.corpus
def test_hostapd_of_the_corpus_tells_presence(corpora: Path) -> None:
    made = read(corpora / "leases" / "hostapd.log").events
    assert {(type(one), getattr(one, "mac", "")) for one in made} == {(Presence, "3c:5a:b4:aa:bb:cc")}


def test_kea_reads_by_its_header_and_without() -> None:
    six = kea_csv.header(
        "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,"
        "fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id"
    )
    assert six is not None
    row = (
        "2001:db8::5,00:03:00:01:3c:5a:b4:12:34:56,4000,1795445315,1,3000,{},7,128,0,0,pc&#x2c1.,{},{},,1,1,0"
    )
    made = six(row.format(0, "", 0), NEAR)
    assert isinstance(made, Lease)
    assert (made.mac, made.hostname, made.start) == (MAC, "pc,1", 1795441315.0)
    assert six(row.format(2, "", 0), NEAR) is OTHER  # a prefix
    assert six(row.format(0, "", 1), NEAR) is OTHER  # declined: somebody else has it
    assert six("address,duid,valid_lifetime", NEAR) is OTHER
    four = "192.0.2.5,3c:5a:b4:12:34:56,,{},{},1,0,0,,{},"
    without = kea_csv.parse(four.format(4294967295, 6090412611, 0), NEAR)
    assert isinstance(without, Lease)
    assert (without.start, without.end) == (1795445316.0, None)  # for ever
    assert kea_csv.parse(four.format(0, 1795445315, 0), NEAR) is OTHER  # deleted, and nobody says when
    assert kea_csv.header("ts,src,dst,dport") is None


def test_of_a_lease_file_that_only_grows_each_block_is_a_fact() -> None:
    block = (
        "lease 192.0.2.5 {{\n  starts 1 2026/11/23 {}:00:00;\n  ends {};\n  binding state {};\n"
        "  hardware ethernet {};\n}}\n"
    )
    text = block.format("08", "1 2026/11/23 09:00:00", "active", MAC)
    text += block.format("10", "never", "active", "02:00:00:00:00:05")
    text += block.format("11", "1 2026/11/23 12:00:00", "backup", MAC)
    made = told("dhcpd_leases", text + "lease 192.0.2.6 {\n  starts 1 2026/11/23 08:00:00;\n")
    assert [(one.mac, one.end) for one in made if isinstance(one, Lease)] == [
        (MAC, 1795424400.0),
        ("02:00:00:00:00:05", None),
    ]


def test_a_block_that_was_cut_is_none_and_a_nested_one_tells_nothing() -> None:
    text = (
        "lease 192.0.2.5 {\n  hardware ethernet 3c:5a:b4:12:34:56;\n"
        "lease 192.0.2.6 {\n  starts 1 2026/11/23 08:00:00;\n  on commit {\n"
        "    hardware ethernet 3c:5a:b4:66:66:66;\n  }\n  hardware ethernet 3c:5a:b4:65:43:21;\n}\n"
    )
    assert [(str(one.address), one.mac) for one in told("dhcpd_leases", text) if isinstance(one, Lease)] == [
        ("192.0.2.6", "3c:5a:b4:65:43:21")
    ]
    assert named("dhcpd_leases").parse("}", NEAR) is None  # everybody's


def test_lease_files_are_read_block_by_block_wherever_they_are_named(tmp_path: Path) -> None:
    path = tmp_path / "dhcpd.leases"
    path.write_text((SAMPLES / "dhcpd_leases" / "isc-4.4.3.log").read_text())
    found = present.lease_file(str(path))
    assert [(str(one.address), one.mac, one.end) for one in found] == [
        ("192.0.2.21", "3c:5a:b4:65:43:21", None),
        ("192.0.2.20", MAC, 1795426200.0),  # given back at half past nine: the last word on that lease
        ("192.0.2.20", "02:42:ac:11:00:02", 1795431600.0),
        ("2001:db8::20", MAC, 1795431600.0),
    ]
    files = Files((str(path),), ())
    assert sum(isinstance(one, Lease) for one in files.poll()) == 5
    with path.open("a") as file:
        file.write(
            "lease 192.0.2.9 {\n  starts 1 2026/11/23 08:00:00;\n  hardware ethernet 3c:5a:b4:12:34:56;\n}\n"
        )
    assert [str(one.address) for one in files.poll() if isinstance(one, Lease)] == ["192.0.2.9"]
    files.close()


DNSMASQ = "Nov 23 13:48:25 gw dnsmasq-dhcp[1]: {}"


def test_dnsmasq_joins_what_belongs_to_one_transaction() -> None:
    said = [
        "77 vendor class: android-dhcp-14",
        "78 vendor class: MSFT 5.0",
        "77 client provides name: phone",
        f"77 DHCPACK(br0) 192.0.2.5 {MAC}",
        "77 requested options: 1:netmask, 3:router, 6:dns-server, ",
        "77 requested options: 15:domain-name, 108, 114",
        "78 requested options: 1:netmask",
        "77 next server: 192.0.2.1",
    ]
    made = told("dnsmasq_log", "\n".join(DNSMASQ.format(one) for one in said))
    assert [(one.hostname, one.fingerprint) for one in made if isinstance(one, Lease)] == [
        ("phone", "android-dhcp-14"),
        ("phone", "1,3,6,15,108,114 android-dhcp-14"),
    ]
    assert {one.start for one in made if isinstance(one, Lease)} == {1795441705.0}


def test_dnsmasq_knows_a_client_of_ipv6_by_the_mac_it_logs() -> None:
    said = ["5 client MAC address: 3c:5a:b4:12:34:56", "5 DHCPREPLY(br0) 2001:db8::5 00:04:aa:bb pc"]
    made = told("dnsmasq_log", "\n".join(DNSMASQ.format(one) for one in said))
    assert made == [Lease(ip_address("2001:db8::5"), MAC, "pc", "00:04:aa:bb", 1795441705.0)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dnsmasq_log", "dnsmasq-dhcp{}DHCPACK(igb1) 192.0.2.5 3c:5a:b4:12:34:56 pc"),
        ("dhcpd_log", "dhcpd{}DHCPACK on 192.0.2.5 to 3c:5a:b4:12:34:56 (pc) via igb1"),
        ("kea_log", "kea-dhcp4{}INFO  [kea-dhcp4.leases.0x2b1d8e012000] DHCP4_LEASE_ALLOC [hwtype=1 "
         "3c:5a:b4:12:34:56], cid=[no info], tid=0xa1: lease 192.0.2.5 has been allocated for 7200 seconds"),
        ("arpwatch_log", "arpwatch{}new station 192.0.2.5 3c:5a:b4:12:34:56"),
        ("hostapd", "hostapd{}wlan0: AP-STA-CONNECTED 3c:5a:b4:12:34:56"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("front", "tag"),
    [
        ("Nov 23 13:48:25 gw ", "[4711]: "),
        ("Nov 23 13:48:25 gw ", ": "),
        ("<30>Nov 23 13:48:25 gw ", ": "),
        ("2026-11-23T14:48:25+01:00 gw ", "[4711]: "),
        ("2026:11:23-13:48:25 utm ", "[4711]: "),
        ("<30>1 2026-11-23T14:48:25+01:00 gw.example.org ", " 4711 - - "),
        ("<30>1 2026-11-23T14:48:25+01:00 gw.example.org ", ' 4711 - [meta sequenceId="5"] '),
    ],
)
def test_every_framing_of_syslog(name: str, said: str, front: str, tag: str) -> None:
    (made,) = facts(named(name).reader()(front + said.format(tag), NEAR))
    assert isinstance(made, Lease | Presence)
    assert (made.mac, made.start) == (MAC, 1795441705.0)


@pytest.mark.parametrize(
    ("said", "account"),
    [
        ("bob/<via Auth-Type = eap>", "bob"),
        ("host/pc.example.org/<via Auth-Type = eap>", "host/pc.example.org"),
        ("bob/secret", "bob"),
        ("EXAMPLE\\\\bob", "EXAMPLE\\\\bob"),
    ],
)
def test_no_password_becomes_an_account(said: str, account: str) -> None:
    where = "(from client ap1 port 0 cli 3C-5A-B4-12-34-56)"
    line = f"Mon Nov 23 13:48:25 2026 : Auth: (1) Login OK: [{said}] {where}"
    assert told("radius_log", line) == [Presence(MAC, 1795441705.0, account=account, where="ap1")]


def test_hostapd_names_who_logged_on() -> None:
    line = "Nov 23 13:48:25 ap1 hostapd: wlan0: STA 3c:5a:b4:12:34:56 IEEE 802.1X: {}"
    made = told(
        "hostapd", "\n".join(map(line.format, ("STA identity 'bob'", "authenticated - EAP type: 25 (PEAP)")))
    )
    assert made == [Presence(MAC, 1795441705.0, account="bob", where="ap1 wlan0")]


@pytest.mark.parametrize(
    ("front", "day"),
    [
        ("Okt 15 08:01:02", "2026-10-15"),
        ("feb 18 08:01:02", "2027-02-18"),
        ("févr. 18 08:01:02", "2027-02-18"),
        ("touko 06 08:01:02", "2027-05-06"),
        ("1月 17 08:01:02", "2027-01-17"),
        ("12月 31 08:01:02", "2026-12-31"),
    ],
)
def test_a_journal_in_another_language_is_dated(front: str, day: str) -> None:
    said = f"{front} gw dnsmasq-dhcp[7]: DHCPACK(br0) 192.0.2.10 {MAC} pc"
    (made,) = facts(named("dnsmasq_log").reader()(said, NEAR))
    assert isinstance(made, Lease)
    assert made.start == datetime.fromisoformat(f"{day}T08:01:02+00:00").timestamp()
    assert named("dnsmasq_log").reader()(said.replace(front, "spam 15 08:01:02"), NEAR) is None


@pytest.mark.parametrize("rest", ["", " / 3c:5a:b4:12:34:56 / em2", ":guest", " via TLS tunnel"])
def test_radius_tells_the_card_whatever_stands_behind_it(rest: str) -> None:
    line = (
        f"Mon Nov 23 13:48:25 2026 : Auth: Login OK: [bob] (from client nas1 port 50 cli 3c5ab4123456{rest})"
    )
    (made,) = facts(named("radius_log").reader()(line, NEAR))
    assert made == Presence(MAC, 1795441705.0, account="bob", where="nas1")


@pytest.mark.parametrize(
    ("name", "line", "address", "mac"),
    [
        ("arp", "gateway (192.0.2.1) at 3c:5a:b4:12:34:56 [ether] PERM on lan0", "192.0.2.1", MAC),
        ("arp", "? (192.0.2.7) at 3c:5a:b4:12:34:56 on en0 ifscope permanent [bridge]", "192.0.2.7", MAC),
        ("arp", "fe80::1%en0                          3c:5a:b4:12:34:56     en0 permanent R", "fe80::1", MAC),
        ("arp_windows", "  192.0.2.8             3c-5a-b4-12-34-56     dynamique ", "192.0.2.8", MAC),
        ("cisco_tables", "Internet  192.0.2.9   -   3c5a.b412.3456  ARPA   Gi0/0/1", "192.0.2.9", MAC),
        ("odhcpd", "# lan 3c5ab4123456 ipv4 pc -1 a1 32 192.0.2.10/32", "192.0.2.10", MAC),
        ("dhcpd_terminal", "DHCPACK on 192.0.2.11 to 3c:5a:b4:12:34:56 (x) via y) via e0", "192.0.2.11", MAC),
        ("windows_dhcp", "10,11/23/2026,08:01:02,Assign,192.0.2.12,pc,3C5AB4123456,", "192.0.2.12", MAC),
        ("mikrotik_leases", " 0 D 192.0.2.13 3C:5A:B4:12:34:56 bound", "192.0.2.13", MAC),
        ("mikrotik_leases", " 3 DC 192.0.2.15      3C:5A:B4:12:34:56 bridge", "192.0.2.15", MAC),
        ("watchguard", '<142>May 10 15:19:05 box FVE6 (2026-05-10T09:49:05) dhcpd[10]: msg_id="1600-0065" '
         "DHCPACK on 192.0.2.16 to 3c:5a:b4:12:34:56 (pc) via eth1", "192.0.2.16", MAC),
        ("kea_log", "2018-04-13 11:33:02.083 INFO  [kea-dhcp4.leases/1] DHCP4_LEASE_ALLOC "
         "[hwtype=1 3c:5a:b4:12:34:56], cid=[no info], tid=0xf1: lease 192.0.2.17 has been allocated",
         "192.0.2.17", MAC),
        ("dnsmasq_log", "2026-10-26 11:12:43 router dnsmasq-dhcp[343]:  DHCPACK(br0) 192.0.2.18 "
         "3c:5a:b4:12:34:56 iPad", "192.0.2.18", MAC),
        ("arpwatch_log", "Nov  1 00:39:08 zul arpwatch: new station 192.0.2.14 0:50:ba:85:85:ca",
         "192.0.2.14", "00:50:ba:85:85:ca"),
    ],
)  # fmt: skip
def test_further_spellings(name: str, line: str, address: str, mac: str) -> None:
    (made,) = facts(named(name).reader()(line, NEAR))
    assert isinstance(made, Lease)
    assert (str(made.address), made.mac) == (address, mac)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("arp_windows", "  192.0.2.255           ff-ff-ff-ff-ff-ff     static"),
        ("arp_windows", "  239.255.255.250       02-00-5e-7f-ff-fa     static"),
        ("arp", "192.0.2.101      0x1         0x0         3c:5a:b4:12:34:56     *        lan0"),
        ("windows_dhcp", "13,11/23/26,08:01:02,Conflict,192.0.2.12,pc,3C5AB4123456,,"),
        ("windows_dhcp", "10,11/23/26,08:01:02,Assign,192.0.2.12,ras,52415320A0B1C2D3E4F5000000000000,,"),
        ("kea_log", "2026-11-23 13:48:35.7 INFO  [kea-dhcp4.leases/1.2] DHCP4_LEASE_ADVERT [hwtype=1 "
         "3c:5a:b4:12:34:56], cid=[], tid=0x5: lease 192.0.2.30 will be advertised"),
        ("ip_neigh_json", '{"dst":"192.0.2.5","dev":"lan0","lladdr":"3c:5a:b4:12:34:56","state":["FAILED"]}'),
    ],
)  # fmt: skip
def test_what_is_ours_but_nobodys_address(name: str, line: str) -> None:
    assert named(name).reader()(line, NEAR) is OTHER


SPELLED = [
    ("dhcpd_log", f"dhcpd: DHCPACK on 192.168.50.77 to {MAC} (boss) via lan0"),
    ("kea_log", f"[kea-dhcp4.leases/1.2] DHCP4_LEASE_ALLOC [hwtype=1 {MAC}], cid=[], tid=0x5: lease "
     "192.0.2.30 has been allocated for 3600 seconds"),
    ("mikrotik_dhcp", "dhcp,info dhcp1 assigned 192.168.88.10 to 3C:5A:B4:12:34:56"),
    ("arpwatch_log", f"arpwatch: new station 192.168.50.77 {MAC}"),
    ("hostapd", f"hostapd: wlan0: AP-STA-CONNECTED {MAC}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "said"), SPELLED)
@pytest.mark.parametrize(
    "line",
    [
        "Nov 23 13:48:21 gw sshd[1]: Invalid user {} from 192.0.2.4",
        "Nov 23 13:48:21 gw sshd[1]: {}",
        "Nov 23 13:48:21 gw uhttpd: GET /{} 404",
        'Nov 23 13:48:21 gw nginx: 192.0.2.9 "GET / HTTP/1.1" "x {}"',
        "Mon Nov 23 13:48:21 2026 daemon.info dropbear: x {}",
        "x {}",
    ],
)
def test_what_a_stranger_spells_in_another_programs_line_is_no_lease(name: str, said: str, line: str) -> None:
    assert not facts(named(name).reader()(line.format(said), NEAR))


LEASES = formats("leases")


@pytest.mark.parametrize("form", LEASES, ids=lambda form: form.name)
@given(lines=st.lists(st.text(st.characters(max_codepoint=0x17F), max_size=120), max_size=6))
def test_no_sequence_of_lines_raises(form: Format, lines: list[str]) -> None:
    parse = form.reader()
    for line in lines:
        parse(line, NEAR)
        parse(form.hint + line, NEAR)


def _logs() -> list[tuple[str, list[str]]]:
    known = {form.name for form in LEASES}
    return [
        (log.parent.name, log.read_text().splitlines())
        for log in sorted(SAMPLES.glob("*/*.log"))
        if log.parent.name in known
    ]


@given(data=st.data())
def test_damaged_files_tell_nothing_new(data: st.DataObject) -> None:
    """Lines lost, doubled, swapped and cut: no exception, and no address that the file does not hold."""
    name, lines = data.draw(st.sampled_from(_logs()))
    form = named(name)
    kept = data.draw(st.lists(st.sampled_from(lines), max_size=12))
    cut = data.draw(st.integers(0, 200))
    parse = form.reader()
    for line in kept:
        for fact in facts(parse(line[:cut] if data.draw(st.booleans()) else line, NEAR)):
            assert isinstance(fact, Lease | Presence)


@pytest.mark.parametrize("form", LEASES, ids=lambda form: form.name)
def test_time_is_linear_on_whatever_comes(form: Format) -> None:
    pieces = [
        form.hint or "lease ",
        " ",
        ":",
        "aa:",
        "00:01:",
        "1.",
        '"',
        "\\",
        "DHCPACK on ",
        "a=",
        "STA ",
        ",",
        "x ",
    ]
    fronts = ["", "Nov 23 13:48:21 gw ", "2026-11-23 13:48:21 "]
    parse = form.reader()
    began = time.perf_counter()
    for piece in pieces:
        for front in fronts:
            parse(front + form.hint + piece * 20_000, NEAR)
    assert time.perf_counter() - began < 5


def test_each_sample_is_recognized_as_what_it_is() -> None:
    for name, lines in _logs():
        found = recognise(lines, NEAR)
        assert found is not None
        assert found.name == name


def test_few_lines_of_leases_in_a_routers_syslog_are_found() -> None:
    """A month of packets, and among them who had which address."""
    packet = (
        "Nov 23 13:48:21 gw kernel: IN=lan0 OUT=wan0 SRC=192.168.50.129 DST=198.51.100.7 LEN=60 PROTO=TCP "
        "SPT=51512 DPT=443 WINDOW=64240 SYN URGP=0 "
    )
    few = [
        (SAMPLES / name / log).read_text().splitlines()[number]
        for name, log, number in (
            ("dhcpd_log", "isc-4.4.3.log", 4),
            ("kea_log", "kea-2.6.log", 4),
            ("mikrotik_dhcp", "routeros-6-7.log", 0),
            ("arpwatch_log", "arpwatch-2.1.log", 0),
            ("hostapd", "hostapd-2.10.log", 2),
        )
    ]
    found = {one.name for one in evidence.present([packet] * 500 + few, NEAR)}
    assert {"netfilter", "dhcpd_log", "kea_log", "mikrotik_dhcp", "arpwatch_log", "hostapd"} <= found


@pytest.mark.parametrize(
    ("name", "log", "said"),
    [
        ("windows_dhcp", "server-2019.log", ("no time zone in the times: taken as UTC",)),
        ("radius_detail", "freeradius-3.2.log", ()),  # the absolute time counts, not the one at the head
        ("dhcpd_leases", "isc-4.4.3.log", ()),
        ("arpwatch_log", "arpwatch-2.1.log", (
            "no year in the times: taken as 2026", "no time zone in the times: taken as UTC",
        )),
        ("stormshield", "sns-4.8.log", ()),
        ("watchguard", "fireware-12.log", ()),
        ("zyxel", "uos-1.3.log", (
            "no year in the times: taken as 2026", "no time zone in the times: taken as UTC",
        )),
    ],
)  # fmt: skip
def test_what_was_assumed_of_the_times_is_said(name: str, log: str, said: tuple[str, ...]) -> None:
    """Of the times that count, wherever they stand in a line."""
    assert read(SAMPLES / name / log, NEAR).assumed == said


def test_a_fingerprint_has_the_options_before_the_vendor() -> None:
    assert _client.fingerprint("1,3,6", "MSFT 5.0") == "1,3,6 MSFT 5.0"
    assert _client.fingerprint("", "MSFT 5.0") == "MSFT 5.0"
    assert _client.fingerprint("1,3,6", "") == "1,3,6"
