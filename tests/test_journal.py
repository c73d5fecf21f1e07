"""`journalctl -o json`: its lines are read as the syslog lines that they stand for."""

import json
from pathlib import Path
from zoneinfo import ZoneInfo

from unlisted.edge import journal, lines, read
from unlisted.evidence import Fact
from unlisted.messages import Lease

PACKET = (
    "IN=lan OUT=wan MAC=00:00:5e:00:53:ff:00:00:5e:00:53:01:08:00 SRC=192.168.50.9 DST=198.51.100.7 LEN=60"
    " PROTO=TCP SPT=40000 DPT=25 WINDOW=64240 RES=0x00 SYN URGP=0"
)


def entry(second: int, message: object = PACKET, program: str = "kernel") -> str:
    told = {"_HOSTNAME": "gw", "SYSLOG_IDENTIFIER": program, "MESSAGE": message, "PRIORITY": "4"}
    return json.dumps(told | {"__REALTIME_TIMESTAMP": f"{1795200600 + second}000000"}) + "\n"


def test_it_is_read_whatever_its_size(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    path.write_text("".join(entry(second) for second in range(30)))
    reading = read.read(path)
    assert (reading.format, reading.understood, reading.unknown) == ("netfilter", 30, 0)
    assert reading.flows is not None
    assert int(reading.flows.at[0]) == 1795200600_000000
    dull = entry(0, "a session was opened for the user of this machine", "sshd") * 40_000
    path.write_text(entry(1) + dull + "".join(entry(second) for second in range(2, 9)))
    assert path.stat().st_size > lines.SMALL
    assert read.read(path).understood == 8


def test_octets_are_a_message_too() -> None:
    assert journal.plain(entry(1, list(PACKET.encode())).strip()).endswith(f"kernel: {PACKET}")


def test_what_is_no_journal_stays_what_it_is() -> None:
    for line in ('{"a": 1}', '{"__REALTIME_TIMESTAMP": []}', '{"__REALTIME_TIMESTAMP"', "{", ""):
        assert journal.plain(line) == line


def test_lines_of_another_kind_take_nothing_from_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    path.write_text("-- Logs begin\n" * 10 + "".join(entry(second) for second in range(30)))
    assert read.read(path).understood == 30


def test_a_gateway_amid_another_programs_lines_is_found(tmp_path: Path) -> None:
    lease = "DHCPACK(lan) 192.168.50.9 00:00:5e:00:53:01 laptop"
    dull = entry(0, lease, "dnsmasq-dhcp") + entry(0, "a job was started", "cron") * 6000
    path = tmp_path / "journal.json"
    path.write_text(dull + "".join(entry(second) for second in range(30)) + dull)
    assert read.read(path).kinds == ("leases", "gateway")


def test_a_zone_moves_no_time_that_is_utc_and_stops_at_no_date(tmp_path: Path) -> None:
    vienna = ZoneInfo("Europe/Vienna")
    path = tmp_path / "dhcpd.leases"
    path.write_text(
        "lease 192.168.50.9 {\n  starts 3 2026/11/18 10:00:00;\n  ends 3 2026/11/18 12:00:00;\n"
        "  binding state active;\n  hardware ethernet 00:00:5e:00:53:01;\n}\n"
    )
    kept: list[Fact] = []
    read.read(path, take=kept.append)
    read.read(path, take=kept.append, zone=vienna)
    plain, moved = kept
    assert isinstance(plain, Lease)
    assert isinstance(moved, Lease)
    assert (moved.start, moved.end) == (plain.start, plain.end)
    late = tmp_path / "gateway.log"
    late.write_text(f"9999-12-31 23:59:60 gw kernel: {PACKET}\n")
    assert read.read(late, zone=vienna).lines == 1
