"""Logs that a relay, a Windows editor or a packer went through: the same facts as without."""

import gzip
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from unlisted.edge.read import read
from unlisted.evidence import Format, formats, present
from unlisted.evidence.framing import relayed

NEAR = 1_795_564_800.0  # 2026-11-25
SAMPLES = Path(__file__).parent / "samples"
RELAY = b"<134>Nov 24 00:06:26 relay "
RELAY_5424 = b"<134>1 2026-11-24T00:06:26.123Z relay fwd - - - "

# What a gateway or a server sends by syslog, with a time of its own in front.
SENT = [
    "cisco_asa/asa-9", "cisco_ios/ios-15", "dhcpd_log/isc-4.4.3", "dnsmasq_log/dnsmasq-2.90",
    "exim/exim-4.96", "filterlog/opnsense-26.1", "filterlog/pfsense-2.8", "fortigate/fortios-7",
    "hostapd/hostapd-2.10", "juniper_srx/junos-21", "kea_log/kea-2.6", "meraki/mx-18",
    "netfilter/ulogd-2.0.8", "paloalto/panos-10", "postfix/postfix-3.7.11", "sendmail/sendmail-8.17.1.9",
    "sixwind/vsr", "suricata/eve", "ulogd_json/ulogd-2.0.8", "unifi_cef/network-10", "untangle/ng-16",
    "watchguard/fireware-12", "zyxel/uos-1.3",
]  # fmt: skip


def told(path: Path) -> tuple[str, list[str]]:
    reading = read(path, NEAR)
    attempts = reading.flows.attempts() if reading.flows is not None else ()
    return reading.format, [repr(replace(one, seen=None)) for one in (*attempts, *reading.events)]


@pytest.mark.parametrize("header", [RELAY, RELAY_5424], ids=["rfc3164", "rfc5424"])
@pytest.mark.parametrize("name", SENT)
def test_a_line_that_stands_whole_behind_a_relays_header(name: str, header: bytes, tmp_path: Path) -> None:
    plain = SAMPLES / f"{name}.log"
    put = tmp_path / "relayed.log"
    put.write_bytes(b"".join(header + line for line in plain.read_bytes().splitlines(keepends=True)))
    assert told(plain)[1]
    assert told(put) == told(plain)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*/*.log")), ids=lambda path: path.parent.name)
def test_line_ends_marks_and_packing_change_nothing(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    known = told(path)
    for name, changed in (
        ("ends.log", data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")),
        ("mark.log", b"\xef\xbb\xbf" + data),
        ("packed.log.gz", gzip.compress(data)),
    ):
        put = tmp_path / name
        put.write_bytes(changed)
        assert told(put) == known, name


@pytest.mark.parametrize(
    "text",
    [
        "sshd[77]: Invalid user Nov 23 13:48:25 gw kernel: IN=a SRC=1",
        "Nov 23 13:48:25 host sshd: Nov 23 13:48:25 gw kernel: x",
        "<13>1 2026-11-24T00:06:26Z host sshd 77 - - Nov 23 13:48:25 gw kernel: x",
        'Nov 23 13:48:25 host app: {"a": 1}',
    ],
)
def test_behind_a_programs_tag_no_line_of_another_begins(text: str) -> None:
    assert relayed(text, NEAR) == ""


def test_the_first_line_of_any_xml_file_is_nobodys() -> None:
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<mime-type>", "</mime-type>"]
    assert present(lines, NEAR) == []


PADS = (
    "\0",
    "a",
    " ",
    '"',
    '\\"',
    " a=b",
    ' a="',
    "1.",
    "(a) ",
    "[x ",
    ": ",
    '{"a":',
    "|",
    "\t",
    "-> ",
    "\r",
)


@pytest.mark.parametrize("form", [one for one in formats() if not one.stream], ids=lambda form: form.name)
def test_a_line_as_long_as_any_that_is_read_takes_no_time(form: Format) -> None:
    """Twice as long is no more than twice the time: a pattern that tries each place anew takes seconds."""
    logs = sorted((SAMPLES / form.name).glob("*.log"))
    lines = logs[0].read_text().splitlines() if logs else [""]
    parse = next((made for line in lines if form.header and (made := form.header(line))), form.parse)
    began = time.process_time()
    for line in (lines[0], lines[-1]):
        for place in (len(line) // 2, len(line)):
            for pad in PADS:
                parse(line[:place] + pad * (64_000 // len(pad)) + line[place:], NEAR)
    assert time.process_time() - began < 4.0
