"""Stormshield Network Security (and NETASQ): its logs by syslog, or as it keeps them (l_filter, …).

Source: Stormshield, "Description of audit logs", SNS 4.8. Sample: tests/samples/stormshield/. `id=firewall
time="2026-11-23 13:48:25" fw="utm" tz=+0100 startime="2026-11-23 13:48:20" … src=192.168.1.5 srcport=51512
srcmac=… dst=198.51.100.7 dstport=25 ipproto=tcp modsrc=203.0.113.1 modsrcport=40122 action=pass
logtype="filter"`.

Surprises: `startime` is when the connection began, `time` when the line was written, both in the firewall's
zone, which is `tz`. What its DHCP server says (`service=dhcpd`) is in dhcpd's words. `filter` is told at
the first packet, where the rule asks for it; `connection`, `plugin` and those of a protocol (`smtp`) at the
end: an attempt where no start was told. `alarm` is about a packet in the middle. `proto` is the service,
`ipproto` the protocol. In the files of the device `logtype` is missing: their names tell it.
"""

from unlisted import net
from unlisted.evidence import OTHER, Parse, Parsed
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import Stamp
from unlisted.evidence.gateway._pairs import field, front, moment, whole
from unlisted.evidence.gateway._told import Line, Told, alone
from unlisted.evidence.leases.dhcpd_log import said

HINT = " startime="
PACKETS = True  # what is dropped is told packet by packet
CANDIDATE = rb'dstport="?(?:25|465|587)[" \r\n]'

_ACTIONS = {"pass": "pass", "block": "block", "reset": "block", "decrypt": "pass", "nat": "pass"}
_TOLD = frozenset(("filter", "connection", "plugin", "smtp", "web", "pop3", "ftp", "ssl", ""))
_SERVERS = ("dhcpd", "dhcp", "dhcpserver")


def parse(line: str, near: float) -> Parsed:
    """Read one line by itself."""
    return alone(_read(line, near))


def session() -> Parse:
    """A reader of lines in their order: an end whose start was told is no second attempt."""
    return Told().of(_read)


def _read(line: str, near: float) -> Line | Parsed:
    begin = _begin(line)
    when = _when(line, begin, near)
    if when is None:
        return None
    if field(line, " service=", begin) in _SERVERS:
        return said(field(line, " msg=", begin), 0, when.at) or OTHER
    kind = field(line, " logtype=", begin)
    text, number = field(line, " dst=", begin), field(line, " dstport=", begin)
    if kind not in _TOLD or not text or (not number and not field(line, " ipproto=", begin)):
        return OTHER
    protocol = field(line, " ipproto=", begin)
    if not number and protocol in ("tcp", "udp", ""):
        return None  # cut off
    src, dst = net.ip(field(line, " src=", begin)), net.ip(text)
    if src is None or dst is None or not whole(line, " dstport=" if number else " dst=", begin):
        return None
    sport, dport = port(field(line, " srcport=", begin)), port(number)
    received = field(line, " rcvd=", begin)
    did = field(line, " action=", begin)
    made = connection(
        when.at, src, dst, dport, sport, protocol or "tcp",
        mac=card(field(line, " srcmac=", begin)), action=_ACTIONS.get(did.lower(), ""),
        outcome="answered" if received.isdigit() and received.strip("0") else "",
        nat=net.ip(field(line, " modsrc=", begin)), nat_port=port(field(line, " modsrcport=", begin)),
        account=field(line, " user=", begin)[:253],
    )  # fmt: skip
    end = _moment(line, begin, near)
    return Line(made, end=end.at if end else when.at)


def _begin(line: str) -> int:
    begin = line.find("id=firewall ")
    if begin < 0:
        begin = line.find('time="')
    return begin if begin < line.find(HINT) else -1


def dated(line: str, near: float) -> Stamp | None:
    """When the connection began; None when what stands before is not syslog's own."""
    return _when(line, _begin(line), near)


def _when(line: str, begin: int, near: float) -> Stamp | None:
    if begin < 0 or not front(line, begin, near)[0]:
        return None
    start = field(line, " startime=", begin) + field(line, " tz=", begin)
    return moment(start, near) or _moment(line, begin, near)


def _moment(line: str, begin: int, near: float) -> Stamp | None:
    """When the line was written."""
    first = line.startswith("time=", begin)  # without `id=` it is the first field
    text = line[begin + 6 :].partition('"')[0] if first else field(line, " time=", begin)
    return moment(text + field(line, " tz=", begin), near)
