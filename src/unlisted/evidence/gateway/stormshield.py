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
from unlisted.evidence.gateway._front import front
from unlisted.evidence.gateway._pairs import Pairs, moment, pairs
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
    if begin < 0:
        return None
    of = pairs(line, begin, last=())
    if (when := _when(line, begin, of, near)) is None:
        return None
    if of["service"] in _SERVERS:
        return said(of["msg"], 0, when.at) or OTHER
    kind = of["logtype"]
    text, number = of["dst"], of["dstport"]
    if kind not in _TOLD or not text or (not number and not of["ipproto"]):
        return OTHER
    protocol = of["ipproto"]
    if not number and protocol in ("tcp", "udp", ""):
        return None  # cut off
    src, dst = net.ip(of["src"]), net.ip(text)
    if src is None or dst is None:
        return None
    sport, dport = port(of["srcport"]), port(number)
    received = of["rcvd"]
    did = of["action"]
    made = connection(
        when.at, src, dst, dport, sport, protocol or "tcp",
        mac=card(of["srcmac"]), action=_ACTIONS.get(did.lower(), ""),
        outcome="answered" if received.isdigit() and received.strip("0") else "",
        nat=net.ip(of["modsrc"]), nat_port=port(of["modsrcport"]),
        account=of["user"][:253],
    )  # fmt: skip
    end = _moment(of, near)
    return Line(made, end=end.at if end else when.at)


def _begin(line: str) -> int:
    begin = line.find("id=firewall ")
    if begin < 0:
        begin = line.find('time="')
    return begin if begin < line.find(HINT) else -1


def dated(line: str, near: float) -> Stamp | None:
    """When the connection began; None when what stands before is not syslog's own."""
    begin = _begin(line)
    return _when(line, begin, pairs(line, begin, last=()), near) if begin >= 0 else None


def _when(line: str, begin: int, of: Pairs, near: float) -> Stamp | None:
    if front(line, begin, near) is None:
        return None
    return moment(of["startime"] + of["tz"], near) or _moment(of, near)


def _moment(of: Pairs, near: float) -> Stamp | None:
    """When the line was written."""
    return moment(of["time"] + of["tz"], near)
