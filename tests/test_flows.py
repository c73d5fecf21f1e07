"""Flow records: what each recorder tells of one connection, and that it counts once."""

import io
import json
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from unlisted import net
from unlisted.edge import lines as reading
from unlisted.edge import tables
from unlisted.edge.blocks import Block
from unlisted.edge.quoted import quote
from unlisted.edge.read import read
from unlisted.edge.reading import About, Reading
from unlisted.evidence import OTHER, Format, Parsed, facts, formats
from unlisted.evidence.flows import argus, columns, halves
from unlisted.messages import Attempt, Contact, Evidence

NEAR = 1795478400.0  # 2026-11-24 00:00:00Z
SAMPLES = Path(__file__).parent / "samples"


def named(name: str) -> Format:
    return next(one for one in formats("flows") if one.name == name)


def several(name: str, lines: Sequence[str]) -> list[Parsed]:
    parse = named(name).reader()
    return [parse(line, NEAR) for line in lines]


def attempts(made: Reading) -> list[Attempt]:
    return list(made.flows.attempts()) if made.flows else []


def told(made: Reading) -> list[tuple[str, int, int, str]]:
    return [(str(one.dst), one.dport, one.sport, one.outcome) for one in attempts(made)]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1795478786", 1795478786.0),
        ("1795478786.25", 1795478786.25),
        ("1795478786250", 1795478786.25),
        ("1795478786250000", 1795478786.25),
        ("1795478786250000499", 1795478786.25),
        ("2026-11-24T00:06:26.250Z", 1795478786.25),
        ("2026-11-24T01:06:26.250+0100", 1795478786.25),
        ("2026/11/24 00:06:26.250", 1795478786.25),
        ("12.5", None),
        ("9" * 30, None),
        ("0000-00-00 00:00:00.000000", None),
        ("17:40:13.252839", None),
        ("", None),
        ("-", None),
    ],
)
def test_times_of_every_unit(text: str, at: float | None) -> None:
    assert columns.moment(text, NEAR) == at


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("......S.", "S"), ("...AP.SF", "SAFP"), (".AP.SF", "SAFP"), ("0x1b", "SAFP"), ("27", "SAFP"),
        ("27.0", "SAFP"), ("2", "S"), ("SYN|ACK", "SA"), ("S", "S"), ("........", None), ("0", None),
        ("", None), ("e s", None), ("0xzz", None), ("RA", "AR"),
    ],
)  # fmt: skip
def test_tcp_flags_in_every_spelling(text: str, shown: str | None) -> None:
    assert columns.flags(text) == shown


HEADERS = {
    "nfdump": "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,dtos,dir,nh",
    "pmacct": "SRC_IP,DST_IP,SRC_PORT,DST_PORT,TCP_FLAGS,PROTOCOL,TIMESTAMP_START,TIMESTAMP_END,PACKETS",
    "ipfix": "flowStartMilliseconds;sourceIPv4Address;destinationIPv4Address;destinationTransportPort",
    "netflow": "IPV4_SRC_ADDR\tIPV4_DST_ADDR\tL4_DST_PORT\tPROTOCOL\tFIRST_SWITCHED",
    "apart": "Date,Time,Source IP,Destination IP,Destination Port",
    "bigquery": "jsonPayload.connection.src_ip,timestamp,jsonPayload.connection.dest_ip"
    ",jsonPayload.connection.dest_port",
    "ra": "StartTime,LastTime,SrcAddr,Sport,DstAddr,Dport,Proto,State,SrcMac",
    "quoted": '"ts","src_ip","dst_ip","dst_port","proto"',
    "ecs": "@timestamp,source.ip,source.port,destination.ip,destination.port,network.transport",
    "bars": "ts|src|dst|dport",
    "rwcut": "sIP|dIP|sPort|dPort|pro|   packets|bytes|   flags|                  sTime| duration|",
    "nfdump 1.7.2": "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows",
}


@pytest.mark.parametrize("name", HEADERS)
def test_tables_of_every_recorder_are_recognized(name: str) -> None:
    assert argus.header(HEADERS[name]) is not None


def test_no_sentence_is_a_header() -> None:
    for line in (
        "time, source, destination",
        "From, to, date and port",
        "#fields\tts\tuid",
        "start,src,src,dport",
    ):
        assert argus.header(line) is None


def test_date_and_time_apart(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text(HEADERS["apart"] + "\n2026-11-24,00:06:26,192.168.50.9,198.51.100.7,25\n")
    assert [one.at for one in attempts(read(path, NEAR))] == [1795478786.0]


NFDUMP = HEADERS["nfdump"] + "\n"
ROW = (
    "2026-11-24 00:06:26,2026-11-24 00:06:26,{td},{sa},{da},{sp},{dp},TCP,{flg},0,0,{pkts},208"
    ",0,0,0,0,0,0,0,0,0,0,0.0.0.0\n"
)
SUMMARY = "Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n16,1392,34,1856,5,40\n"


def flow(there: bool, flg: str, sp: int = 40001, pkts: int = 1) -> str:
    ends = ("192.168.50.9", "198.51.100.7", sp, 25) if there else ("198.51.100.7", "192.168.50.9", 25, sp)
    return ROW.format(td="0.000", sa=ends[0], da=ends[1], sp=ends[2], dp=ends[3], flg=flg, pkts=pkts)


@pytest.mark.parametrize(
    ("rows", "outcomes"),
    [
        (flow(True, "...AP.SF", pkts=5) + flow(False, "...AP.SF", pkts=3), ["answered"]),
        (flow(True, "......S.") + flow(False, "...A.R.."), [""]),
        (flow(False, "...A.R..") + flow(True, "......S."), ["refused"]),
        (flow(False, "...A..S.") + flow(True, "......S."), ["answered"]),
        (flow(True, "......S.", pkts=3), ["silent"]),
        (flow(True, "...AP..."), []),  # the middle of a connection
        (flow(True, "........"), [""]),  # an exporter that tells no flags
        (flow(True, "........") + flow(True, "........"), [""]),  # and goes on
        (flow(True, "......S.") + flow(True, "......S.", sp=40002), ["", ""]),
        (flow(True, "......S.").replace("192.168.50.9", "0.0.0.0"), []),  # a sum over all sources
        (flow(False, "...A.R..", sp=40009) + flow(True, "......S."), [""]),
    ],
)
def test_nfdump_csv_and_its_halves(tmp_path: Path, rows: str, outcomes: list[str]) -> None:
    path = tmp_path / "x.csv"
    path.write_text(NFDUMP + rows + SUMMARY)
    made = read(path, NEAR)
    assert [one.outcome for one in attempts(made)] == outcomes
    assert made.unknown == 0


def test_flow_tables_tell_the_middle_by_both_ways() -> None:
    where = columns.layout(HEADERS["ra"].split(","))
    assert where is not None
    assert where.both_ways
    values = ["2026-11-24 00:06:26.25", "", "198.51.100.7", "25", "192.168.50.9", "40001", "tcp", "CON", ""]
    assert isinstance(columns.row(values, where, NEAR), Contact), "Argus says who began"


def test_a_flow_of_a_mail_port_to_a_mail_port_is_an_attempt() -> None:
    assert not columns.answer(25, 25)
    assert columns.answer(25, 40001)
    assert columns.answer(443, 50000)
    assert not columns.answer(40001, 25)


TSV = (
    "#separator \\x09\n#set_separator\t,\n#path\tconn\n#open\t2026-11-24-00-00-00\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\tconn_state\thistory"
    "\torig_l2_addr\n#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tinterval\tstring\tstring\tstring\n"
)
CONN = (
    "1795478786.250000\tC{n}\t192.168.50.9\t{sp}\t198.51.100.7\t25\ttcp\t{d}\t{state}\t{history}"
    "\t3c:5a:b4:12:34:56\n"
)
SMTP = (
    "#separator \\x09\n#path\tsmtp\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\ttrans_depth\thelo\n"
)


@pytest.mark.parametrize(
    ("state", "history", "outcomes"),
    [
        ("S0", "S", ["silent"]), ("REJ", "Sr", ["refused"]), ("SF", "ShADadFf", ["answered"]),
        ("RSTO", "ShR", ["answered"]), ("RSTR", "ShAr", ["answered"]), ("S1", "ShAD", ["answered"]),
        ("RSTOS0", "SR", ["silent"]), ("SHR", "^hCcdafA", ["answered"]), ("RSTRH", "^hr", [""]),
        ("SH", "SF", ["silent"]), ("OTH", "DadA", []), ("OTH", "C", []), ("OTH", "S", [""]),
    ],
)  # fmt: skip
def test_zeek_states(tmp_path: Path, state: str, history: str, outcomes: list[str]) -> None:
    path = tmp_path / "conn.log"
    path.write_text(TSV + CONN.format(n=1, sp=40001, d="-", state=state, history=history))
    made = read(path, NEAR)
    assert made.format == "zeek_conn"
    assert [(one.outcome, one.mac) for one in attempts(made)] == [
        (one, "3c:5a:b4:12:34:56") for one in outcomes
    ]
    assert made.unknown == 0


def test_zeek_logs_put_one_behind_the_other_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    other = TSV.replace("ts\tuid", "uid\tts")
    line = CONN.format(n=1, sp=40001, d="1.0", state="SF", history="Sh")
    swapped = "\t".join(["Cx", "1795478790.5", *line.split("\t")[2:]])
    path.write_text(TSV + line + "#close\t2026-11-24-01-00-00\n" + other + swapped + line[:40])
    made = read(path, NEAR)
    assert [one.at for one in attempts(made)] == [1795478786.25, 1795478790.5]
    assert made.unknown == 1


def test_zeeks_two_logs_of_one_session_count_once(tmp_path: Path) -> None:
    from unlisted.find.columns import join
    from unlisted.find.outgoing import outgoing

    (tmp_path / "conn.log").write_text(TSV + CONN.format(n=1, sp=40001, d="9.0", state="SF", history="Sh"))
    rows = [
        f"17954787{86 + 4 * n}.5\tC1\t192.168.50.9\t40001\t198.51.100.7\t25\t{n + 1}\tpc" for n in range(3)
    ]
    (tmp_path / "smtp.log").write_text(SMTP + "\n".join(rows) + "\n")
    made = [read(tmp_path / name, NEAR) for name in ("conn.log", "smtp.log")]
    assert [one.format for one in made] == ["zeek_conn", "zeek_smtp"]
    assert [len(attempts(one)) for one in made] == [1, 1]
    whole = outgoing(join([one.flows for one in made if one.flows]), net.INSIDE)
    assert (whole.flows.size, whole.repeats) == (1, 1)


@pytest.mark.corpus
def test_every_record_of_the_monitor_is_read(corpora: Path) -> None:
    made = read(corpora / "flows" / "wrccdc2018_zeek_smtp.log.gz", NEAR)
    assert (made.format, len(attempts(made)), made.unknown) == ("zeek_smtp", 1188, 0)


@pytest.mark.corpus
@pytest.mark.parametrize(
    "name", ["ctu13_sc6_donbot_capture20110816.parquet", "ctu13_sc6_outbound_smtp_4878.csv"]
)
def test_every_spam_flow_of_donbot_is_read(corpora: Path, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("polars")
    made = attempts(read(corpora / "flows" / name, NEAR))
    bot = [one for one in made if str(one.src) == "147.32.84.165" and one.dport == 25]
    assert len(bot) == 4398
    assert len({(one.at, one.sport, one.dst) for one in bot}) == 4398


def test_zeek_in_kafkas_wrapping_and_nested() -> None:
    inner = json.loads((SAMPLES / "zeek_conn" / "json.log").read_text().splitlines()[0])
    whole = named("zeek_conn").parse(json.dumps({"conn": inner}), NEAR)
    ends = {name[3:]: inner.pop(name) for name in list(inner) if name.startswith("id.")}
    nested = named("zeek_conn").parse(json.dumps({**inner, "id": ends}), NEAR)
    assert isinstance(whole, Attempt)
    assert whole == nested


@pytest.mark.parametrize("name", ["zeek_conn", "zeek_smtp", "suricata", "json_rows", "gcp_vpc", "azure_flow"])
def test_a_stranger_cannot_spell_a_record_into_another_programs_line(name: str) -> None:
    for log in (SAMPLES / name).glob("*.log"):
        for line in log.read_text().splitlines():
            for front in (
                "Nov 24 00:06:26 gw sshd[77]: Invalid user ",
                "Nov 24 00:06:26 gw nginx: GET / suricata[1]: ",
                '192.0.2.9 - - [23/Nov/2026:13:48:21 +0000] "GET / HTTP/1.1" 200 5 "-" "x ',
                "x ",
            ):
                assert named(name).parse(front + line, NEAR) is None
            assert named(name).parse(line[:-1], NEAR) is None, "cut off"
            assert named(name).parse(json.dumps({"message": line}), NEAR) is None
            framed = named(name).parse("Nov 24 00:06:26 gw suricata[77]: @cee: " + line, NEAR)
            assert framed == named(name).parse(line, NEAR)


def test_suricata_alert_on_the_answer_and_half_flows() -> None:
    line = (SAMPLES / "suricata" / "eve.log").read_text().splitlines()[1]
    made = named("suricata").parse(line, NEAR)
    assert isinstance(made, Attempt)
    assert (str(made.src), made.dport, made.sport, made.at) == ("192.168.50.9", 25, 40001, 1795478786.25)
    record = json.loads(line)
    record["flow"] |= {
        "src_ip": "192.168.50.9",
        "src_port": 40001,
        "dest_ip": "198.51.100.7",
        "dest_port": 25,
    }
    assert named("suricata").parse(json.dumps(record), NEAR) == made
    netflow = {
        "timestamp": "2026-11-24T00:07:00+0000", "flow_id": 5, "event_type": "netflow", "proto": "TCP",
        "src_ip": "192.168.50.9", "src_port": 40001, "dest_ip": "198.51.100.7", "dest_port": 25,
        "netflow": {"pkts": 5, "start": "2026-11-24T00:06:26.25+0000", "age": 1}, "tcp": {"tcp_flags": "1b"},
    }  # fmt: skip
    back = netflow | {"src_ip": "198.51.100.7", "src_port": 25, "dest_ip": "192.168.50.9", "dest_port": 40001}
    made_two = several("suricata", [json.dumps(netflow), json.dumps(back)])
    assert isinstance(made_two[0], Attempt)
    assert made_two[0].outcome == "answered"
    assert made_two[1] is OTHER
    midway = netflow | {"tcp": {"tcp_flags": "18"}}
    assert named("suricata").parse(json.dumps(midway), NEAR) is OTHER


AWS = (
    "version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport dstport "
    "pkt-srcaddr pkt-dstaddr protocol bytes packets start end action tcp-flags log-status\n"
)
AWS_ROW = (
    "3 vpc-a subnet-a {i} eni-{e} 1234 IPv4 {s} {d} {sp} {dp} {ps} {pd} 6 568 {n} "
    "1795478786 1795478846 ACCEPT {f} OK\n"
)


def aws(s: str, d: str, ps: str, pd: str, f: int, sp: int = 40001, dp: int = 25, n: int = 8) -> str:
    return AWS_ROW.format(i="i-1", e="1", s=s, d=d, ps=ps, pd=pd, f=f, sp=sp, dp=dp, n=n)


def test_aws_behind_a_nat_gateway_names_the_machine_once(tmp_path: Path) -> None:
    inside, gateway, mx = "10.0.1.5", "10.0.0.220", "198.51.100.7"
    rows = [
        aws(inside, mx, inside, mx, 3),
        aws(inside, gateway, inside, mx, 3),  # at the gateway's interface, coming in
        aws(gateway, mx, gateway, mx, 3, sp=1024),  # and going out
        aws(mx, gateway, mx, gateway, 19, sp=25, dp=1024),
        aws(gateway, inside, mx, inside, 19, sp=25, dp=40001),
        aws(inside, mx, inside, mx, 0),  # the next minute
    ]
    path = tmp_path / "vpc.log"
    path.write_text(AWS + "".join(rows) + AWS)
    made = read(path, NEAR)
    assert made.format == "aws_vpc"
    assert [(str(one.src), str(one.dst), one.outcome) for one in attempts(made)] == [(inside, mx, "answered")]
    assert made.unknown == 0


def test_aws_of_a_transit_gateway() -> None:
    line = (
        "6 TransitGateway 1234 tgw-a tgw-attach-b 1234 1234 vpc-a vpc-b subnet-a subnet-b eni-a eni-b "
        "usw2-az3 usw2-az1 tgw-attach-c 10.0.1.5 198.51.100.7 40001 25 6 10 1040 1795478786 1795478846 OK "
        "IPv4 0 0 0 0 {} us-west-2 ingress - -"
    )
    (made,) = facts(named("aws_vpc").reader()(line.format(2), NEAR))
    assert isinstance(made, Attempt)
    assert (made.at, str(made.src), str(made.dst)) == (1795478786.0, "10.0.1.5", "198.51.100.7")
    assert (made.sport, made.dport) == (40001, 25)
    assert named("aws_vpc").reader()(line.format(0), NEAR) is OTHER  # in the middle
    assert named("aws_vpc").reader()(line.format(18).replace(" OK ", " NODATA "), NEAR) is OTHER


def test_aws_as_a_table_of_athena(tmp_path: Path) -> None:
    names = AWS.strip().replace("-", "_").split()
    row = aws("10.0.1.5", "198.51.100.7", "10.0.1.5", "198.51.100.7", 3).split()
    path = tmp_path / "athena.csv"
    path.write_text(",".join(f'"{one}"' for one in names) + "\n" + ",".join(f'"{one}"' for one in row) + "\n")
    made = read(path, NEAR)
    assert (made.format, told(made)) == ("aws_vpc", [("198.51.100.7", 25, 40001, "answered")])


@pytest.mark.parametrize("log", sorted(SAMPLES.glob("*/*.log")), ids=lambda path: path.parent.name)
def test_what_tells_of_a_mail_port_is_a_candidate(log: Path) -> None:
    form = next((one for one in formats("flows") if one.name == log.parent.name), None)
    for line in log.read_text().splitlines() if form else ():
        assert form is not None
        for whole in (line, json.dumps({"result": {"_raw": line}}) if "zeek" in form.name else line):
            told_of = any(isinstance(one, Attempt) for one in facts(form.parse(whole, NEAR)))
            assert not told_of or re2.search(form.candidate, (whole + "\n").encode())


def test_a_large_table_of_athena_is_skimmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = AWS.strip().replace("-", "_").split()
    row = aws("10.0.1.5", "198.51.100.7", "10.0.1.5", "198.51.100.7", 3).split()
    path = tmp_path / "athena.csv"
    path.write_text(",".join(names) + "\n" + ",".join(row) + "\n")
    monkeypatch.setattr(reading, "SMALL", 0)
    monkeypatch.setattr(reading, "DENSE", 0)
    assert told(read(path, NEAR)) == [("198.51.100.7", 25, 40001, "answered")]


def test_rwcut(tmp_path: Path) -> None:
    front = "   192.168.50.9|   198.51.100.{n}|400{n:02}|   25|  6|         {p}|  240|{f}|"
    row = front + "2026/11/24T00:06:26.250|   3.000|"
    shown = [(7, 3, " S      "), (8, 9, "FS PA   "), (9, 9, "   PA   ")]
    rows = [row.format(n=n, p=p, f=f) for n, p, f in shown]
    path = tmp_path / "x.txt"
    path.write_text(HEADERS["rwcut"] + "\n" + "\n".join(rows) + "\n")
    made = read(path, NEAR)
    assert told(made) == [("198.51.100.7", 25, 40007, "silent"), ("198.51.100.8", 25, 40008, "answered")]
    assert {one.at for one in attempts(made)} == {1795478786.25}


def test_splunks_export_and_older_goflow() -> None:
    line = (SAMPLES / "zeek_conn" / "json.log").read_text().splitlines()[0]
    whole = json.dumps({"preview": False, "offset": 0, "result": {"_raw": line, "host": "x"}})
    assert named("zeek_conn").parse(whole, NEAR) == named("zeek_conn").parse(line, NEAR)
    flow = {
        "Type": "NETFLOW_V9", "TimeReceived": 1795478846, "TimeFlowStart": 1795478786,
        "DstAddr": "198.51.100.7", "SrcAddr": "192.168.50.9", "Proto": 6,
        "SrcPort": 40001, "DstPort": 25, "TCPFlags": 27,
    }  # fmt: skip
    made = named("json_rows").parse(json.dumps(flow), NEAR)
    assert isinstance(made, Attempt)
    assert (made.at, made.outcome) == (1795478786.0, "answered")


OLD = (
    "Date flow start          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Flags Tos",
    "2026-11-24 00:06:26.250     0.000 TCP      192.168.50.9:41257 ->   198.51.100.7:25    ....S.   0     8",
    "2026-11-24 00:06:26.250     2.011 6        198.51.100.7:25    ->   192.168.50.9:1217  .A.R..   0     3",
    "2026-11-24 00:06:26.250 40562.491 UDP           0.0.0.0:0     ->        0.0.0.0:53    ......   0  4406",
    "2026-11-24 00:06:26.250     0.419 ICMP6 fe80::c..79:de19.0     ->         ff02::16.0.0    2   152",
    "2026-11-24 00:06:26.250   250.498 TCP    2001:db8::9.40001  -> 2001:db8:1::7.25    .AP.SF   0  1.2 M 3",
    "2026-11-24 00:06:26.250 88377.304 any       198.51.100.115    4.2 M(33.1)    4.7 M( 1.0)",
)


def test_nfdump_of_older_versions() -> None:
    made = several("nfdump", OLD)
    assert isinstance(made[1], Attempt)
    assert (made[1].outcome, made[1].sport) == ("silent", 41257)
    assert isinstance(made[5], Attempt)
    assert (str(made[5].dst), made[5].dport) == ("2001:db8:1::7", 25)
    assert (made[5].sport, made[5].outcome) == (40001, "answered")
    assert [made[n] for n in (0, 2, 4, 6)] == [OTHER] * 4
    line = OLD[1]
    for cut in range(len(line)):
        one = named("nfdump").parse(line[:cut], NEAR)
        if one is not None and one is not OTHER:
            assert isinstance(one, Attempt)
            assert (one.dport, one.sport, str(one.dst)) == (25, 41257, "198.51.100.7")


def test_aws_pod_on_a_node(tmp_path: Path) -> None:
    rows = aws("10.0.1.5", "198.51.100.7", "10.0.1.77", "198.51.100.7", 2) + aws(
        "10.0.1.5", "198.51.100.8", "10.0.1.5", "198.51.100.8", 2, sp=40002
    )
    path = tmp_path / "vpc.log"
    path.write_text(AWS + rows)
    assert [str(one.src) for one in attempts(read(path, NEAR))] == ["10.0.1.77", "10.0.1.5"]


def test_azures_document_is_read_record_by_record(tmp_path: Path) -> None:
    lines = (SAMPLES / "azure_flow" / "records.log").read_text().splitlines()
    for indent in (None, 2):
        path = tmp_path / "PT1H.json"
        path.write_text(json.dumps({"records": [json.loads(line) for line in lines]}, indent=indent))
        made = read(path, NEAR)
        assert (made.format, made.lines, made.unknown, made.trouble) == ("azure_flow", 3, 0, "")
        assert len(attempts(made)) == 6
        seen = quote([Evidence(str(path), 2, "")])[0].text
        assert json.loads(seen) == json.loads(lines[1])


def test_gclouds_array_is_read_record_by_record(tmp_path: Path) -> None:
    lines = (SAMPLES / "gcp_vpc" / "entries.log").read_text().splitlines()
    path = tmp_path / "logs.json"
    path.write_text(json.dumps([json.loads(line) for line in lines], indent=2))
    made = read(path, NEAR)
    assert (made.format, made.lines, len(attempts(made))) == ("gcp_vpc", 5, 3)
    path.write_bytes(path.read_bytes()[:-300])
    made = read(path, NEAR)
    assert "cut off" in made.trouble
    assert len(attempts(made)) == 2


def test_ulogds_json_is_left_to_its_reader() -> None:
    line = (
        '{"timestamp": "2026-11-24T00:06:26", "dvc": "x", "oob.prefix": "x", "src_ip": "192.168.50.9", '
        '"dest_ip": "198.51.100.7", "src_port": 4, "dest_port": 25, "ip.protocol": 6}'
    )
    assert named("json_rows").parse(line, NEAR) is None


@given(data=st.data())
def test_no_json_raises(data: st.DataObject) -> None:
    value = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one, max_size=3),
        max_leaves=5,
    )
    log = data.draw(st.sampled_from(sorted(SAMPLES.glob("*/*.log"))))
    line = data.draw(st.sampled_from(log.read_text().splitlines()))
    if not line.startswith("{"):
        return
    record = json.loads(line)
    name = data.draw(st.sampled_from(sorted(record)))
    record[name] = data.draw(value)
    for form in formats("flows"):
        form.parse(json.dumps(record), NEAR)
        if isinstance(inner := json.loads(line).get(name), dict) and inner:
            spoiled = json.loads(line)
            spoiled[name][data.draw(st.sampled_from(sorted(inner)))] = record[name]
            form.parse(json.dumps(spoiled), NEAR)


# ---- tables through Polars ------------------------------------------------------------------------


def table(rng: random.Random, kind: str, rows: int) -> str:
    """A text table as different recorders write it, with rows of every sort."""
    times: dict[str, Callable[[int], str]] = {
        "iso": lambda t: f"2026-11-24 00:{t // 60 % 60:02}:{t % 60:02}.{t % 1000:03}",
        "zulu": lambda t: f"2026-11-24T00:{t // 60 % 60:02}:{t % 60:02}.{t % 1000:03}Z",
        "s": lambda t: f"{1795478400 + t}.{t % 1000:03}",
        "ms": lambda t: str((1795478400 + t) * 1000 + t % 1000),
        "us": lambda t: str((1795478400 + t) * 1000_000 + t % 1000),
        "ns": lambda t: str((1795478400 + t) * 1000_000_000 + t % 1000_000),
    }
    unit = times[rng.choice(sorted(times))]
    names = {
        "plain": "ts,src,dst,sport,dport,proto",
        "argus": "StartTime,SrcAddr,Sport,Dir,DstAddr,Dport,Proto,State",
        "netflow": "first,src4_addr,dst4_addr,src6_addr,dst6_addr,src_port,dst_port,proto,tcp_flags"
        ",in_packets,out_packets",
        "bare": "time;source;destination;dest_port;action;mac",
        "end": "start,end,src_ip,dst_ip,src_port,dst_port,protocol",
    }[kind]
    out = [names]
    hosts = [f"192.168.50.{n}" for n in range(9)] + ["2001:db8::5", "not one", ""]
    for t in range(rows):
        one, other = rng.choice(hosts), f"198.51.100.{rng.randrange(20)}"
        sport, dport = (
            str(rng.randrange(40000, 40010)),
            rng.choice(["25", "587", "465", "443", "smtp", "25.0", "53"]),
        )
        if rng.random() < 0.3:
            one, other, sport, dport = other, one, dport, sport
        proto = rng.choice(["tcp", "TCP", "6", "17", "udp", ""])
        values = {
            "plain": [unit(t), one, other, sport, dport, proto],
            "argus": [unit(t), one, sport, rng.choice(["  ->", "<->", "  <-", " ?>"]), other, dport, "tcp",
                      rng.choice(["FSPA_FSPA", "S_", "S_RA", "CON", "REQ"])],
            "netflow": [unit(t), one, other, "", "", sport, dport, proto,
                        rng.choice(["2", "27", "0", "16", "20", "18"]), str(rng.randrange(5)),
                        str(rng.randrange(3))],
            "bare": [unit(t), one, other, dport, rng.choice(["ACCEPT", "drop", ""]), "3c:5a:b4:12:34:56"],
            "end": [unit(t), unit(t + 1), one, other, sport, dport, proto],
        }[kind]  # fmt: skip
        out.append((";" if kind == "bare" else ",").join(values))
    return "\n".join(out) + "\n"


@pytest.mark.parametrize("kind", ["plain", "argus", "netflow", "bare", "end"])
@pytest.mark.parametrize("seed", range(6))
def test_polars_and_the_reader_of_lines_find_the_same(
    tmp_path: Path, kind: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pl = pytest.importorskip("polars")
    text = table(random.Random(seed), kind, 3000)
    path, other = tmp_path / "flows.csv", tmp_path / "flows.parquet"
    path.write_text(text)
    by_line = read(path, NEAR)
    assert by_line.flows is not None
    monkeypatch.setattr(reading, "SMALL", 0)
    used: list[bool] = []
    block = tables.Lines.block

    def watched(self: tables.Lines, one: Block) -> bool:
        used.append(block(self, one))
        return used[-1]

    monkeypatch.setattr(tables.Lines, "block", watched)
    in_bulk = read(path, NEAR)
    assert used == [True] or pl.__version__.startswith("1.")  # which reads short rows of a table one by one
    separator = ";" if kind == "bare" else ","
    frame = pl.read_csv(io.BytesIO(text.encode()), separator=separator, infer_schema=False)
    frame.write_parquet(other)
    in_parquet = read(other, NEAR)
    wanted = [(one, one.seen.line) for one in attempts(by_line) if one.seen]
    for made, shift in ((in_bulk, 0), (in_parquet, 1)):
        found = [(one, one.seen.line) for one in attempts(made) if one.seen]
        assert [line + shift for _, line in found] == [line for _, line in wanted]
        plain = [replace(one, seen=None) for one, _ in found]
        assert plain == [replace(one, seen=None) for one, _ in wanted]
    assert in_bulk.lines == by_line.lines


def test_a_block_that_is_not_plain_goes_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("polars")
    text = table(random.Random(1), "plain", 2000)
    for spoiled in (
        text.replace(",25,", ',"25",', 5),
        text + "1795478786,192.168.50.9,198.51.1",
        text + "1795478786,192.168.50.9,198.51.100.7,40000,25,tcp,more,and more\n",
        text + "\n\n" + text,
        text.replace("tcp\n", "tcp\r\n"),
    ):
        path = tmp_path / "flows.csv"
        path.write_text(spoiled)
        by_line = read(path, NEAR)
        with monkeypatch.context() as patch:
            patch.setattr(reading, "SMALL", 0)
            in_bulk = read(path, NEAR)
        assert attempts(in_bulk) == attempts(by_line)
        assert (in_bulk.lines, in_bulk.understood) == (by_line.lines, by_line.understood)


def test_parquet_of_zeek_aws_and_google_is_read_by_their_rules(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    path = tmp_path / "x"
    conn = [json.loads(line) for line in (SAMPLES / "zeek_conn" / "json.log").read_text().splitlines()]
    for row in conn:
        row["ts"] = float(row["ts"]) if not isinstance(row["ts"], str) else 1795478788.25
    pl.DataFrame([{**row, "_path": "conn"} for row in conn], infer_schema_length=None).write_parquet(path)
    assert told(read(path)) == [
        ("198.51.100.7", 25, 40001, "answered"), ("198.51.100.8", 25, 40002, "refused"),
        ("198.51.100.9", 587, 40003, "silent"),
    ]  # fmt: skip
    names = AWS.strip().replace("-", "_").split()
    rows = [aws("10.0.1.5", "198.51.100.7", "10.0.1.5", "198.51.100.7", flag).split() for flag in (3, 0)]
    pl.DataFrame([dict(zip(names, row, strict=True)) for row in rows]).write_parquet(path)
    assert told(read(path)) == [("198.51.100.7", 25, 40001, "answered")]
    entries = [json.loads(line) for line in (SAMPLES / "gcp_vpc" / "entries.log").read_text().splitlines()][
        :3
    ]
    pl.DataFrame(entries, infer_schema_length=None).write_parquet(path)
    assert [row[:3] for row in told(read(path))] == [("198.51.100.7", 25, 40001)]
    assert "198.51.100.7" in quote([Evidence(str(path), 1, "")])[0].text


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_parquet_times(tmp_path: Path, unit: str, zone: str | None) -> None:
    pl = pytest.importorskip("polars")
    path = tmp_path / "x"
    at = pl.Series([1795478786250], dtype=pl.Int64).cast(pl.Datetime("ms")).cast(pl.Datetime(unit))
    at = at.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else at
    pl.DataFrame({"ts": at, "src": ["192.168.50.9"], "dst": ["198.51.100.7"], "dport": [25]}).write_parquet(
        path
    )
    made = read(path)
    assert [one.at for one in attempts(made)] == [1795478786.25]
    assert bool(made.assumed) == (zone is None)


@pytest.mark.parametrize("times", [1, 1000, 1000_000, 1000_000_000])
def test_parquet_whole_numbers_as_times(tmp_path: Path, times: int) -> None:
    pl = pytest.importorskip("polars")
    path = tmp_path / "x"
    ends = {"src": ["192.168.50.9"] * 2, "dst": ["198.51.100.7"] * 2, "dport": [25, 587]}
    pl.DataFrame({"ts": [1795478786 * times, 1795478787 * times], **ends}).write_parquet(path)
    assert [one.at for one in attempts(read(path))] == [1795478786.0, 1795478787.0]


def test_contacts_about_an_address_in_parquet(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    path = tmp_path / "x"
    rows = {
        "ts": [1795478786.25] * 4,
        "src": ["192.168.50.9", "192.168.50.8", "192.168.50.9", "2001:0DB8::9"],
        "dst": ["198.51.100.7", "198.51.100.9", "198.51.100.8", "2001:db8::1"],
        "sport": [1025, 1026, 1027, 1028],
        "dport": [8080, 8080, 25, 443],
    }
    pl.DataFrame(rows).write_parquet(path)
    for asked, found in (
        ("198.51.100.7", ["192.168.50.9"]),
        ("198.51.100.8", ["192.168.50.9"]),
        ("192.168.50.8", ["192.168.50.8"]),
    ):
        address = net.ip(asked)
        assert address is not None
        asks = partial(_ends, address)
        made = read(path, about=About(asks, addresses=frozenset({address})))
        assert [str(one.src) for one in made.events if isinstance(one, (Attempt, Contact))] == found
        assert len(attempts(made)) == 1


def _ends(address: net.Address, one: Attempt | Contact) -> bool:
    return address in (one.src, one.dst)


def test_a_damaged_parquet_file_is_said(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    path = tmp_path / "x"
    many = 50_000
    pl.DataFrame(
        {"ts": [1795478786.25] * many, "src": [f"192.168.{n >> 8}.{n & 255}" for n in range(many)],
         "dst": ["198.51.100.7"] * many, "dport": [25] * many}
    ).write_parquet(path)  # fmt: skip
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in read(path).trouble
    path.write_bytes(whole[:2000] + bytes(3000) + whole[5000:])
    made = read(path)
    assert "cannot be read" in made.trouble
    assert made.flows is None or made.flows.size < many


def test_what_is_remembered_is_bounded() -> None:
    seen, pairs = halves.Seen(), halves.Halves()
    address = net.ip("192.0.2.1")
    assert address is not None
    for number in range(3 * halves.KEPT):
        seen.again(number, 1.0, 10.0)
        pairs.answers((address, number, address, 25), 1.0, "SA", 1)
    assert len(seen._kept) <= halves.KEPT
    assert len(pairs._kept) <= halves.KEPT
    assert facts(None) == ()
