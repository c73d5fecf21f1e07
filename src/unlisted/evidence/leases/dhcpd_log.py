"""ISC dhcpd's log lines by syslog: who got which address, and when.

Source: ISC DHCP 4.4.3, server/dhcp.c (ack_lease, dhcprelease, dhcpinform), server/dhcpv6.c; pfSense,
OPNsense, EdgeRouter and VyOS write the same. Sample: tests/samples/dhcpd_log/.
`DHCPACK on 192.0.2.5 to 3c:5a:b4:12:34:56 (PC) via lan0`; what answers DHCPINFORM is `DHCPACK to 192.0.2.5
(3c:5a:b4:12:34:56) via lan0`. A name is the client's own choice and may hold anything, brackets too.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.framing import stamp, tagged
from unlisted.evidence.leases._client import duid_mac, named, tag
from unlisted.messages import Lease

HINT = "dhcpd"

_TAG = re.compile(tag("dhcpd6?"))
_MAC = r"((?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2})"
_ACK = re.compile(
    rf"DHCPACK on ([0-9.]{{7,15}}) to {_MAC}(?: \((.{{0,255}}?)\))? via \S+(?: relay \S+)?"
    r"(?: lease-duration (\d{1,10}))?"
)
_INFORM = re.compile(rf"DHCPACK to ([0-9.]{{7,15}}) \({_MAC}\) via ")
_RELEASE = re.compile(
    rf"DHCPRELEASE of ([0-9.]{{7,15}}) from {_MAC}(?: \((.{{0,255}}?)\))? via \S+(?: \((not )?found\))?"
)
_REPLY = re.compile(
    r"Reply [NT]A: address ([0-9a-fA-F:.]{2,45}) to client with duid "
    r"((?:[0-9a-fA-F]{2}:){3,130}[0-9a-fA-F]{2}) iaid = \S+ valid for (\d{1,10}) seconds"
)
_GIVEN_BACK = re.compile(
    r"Client ((?:[0-9a-fA-F]{2}:){3,130}[0-9a-fA-F]{2}) releases address ([0-9a-fA-F:.]{2,45})\s*$"
)
_FOREVER = 0xFFFFFFFF


def parse(line: str, near: float) -> Lease | Other | None:
    """Read one line; what dhcpd says besides is Other."""
    when = stamp(line, near)
    if when is None:
        return None
    begin = _TAG.search(line, when.end, when.end + 300)
    if begin is None or not tagged(line, when, begin.start()):
        return None
    return said(line, begin.end(), when.at) or OTHER


def said(line: str, start: int, at: float | None) -> Lease | Other | None:
    """What stands from `start` on; None for what tells no lease."""
    if found := _ACK.match(line, start):
        length = int(found[4]) if found[4] else 0
        end = at + length if at is not None and 0 < length < _FOREVER else None
        return _lease(found[1], found[2], named(found[3]), at, end)
    if found := _INFORM.match(line, start):
        return _lease(found[1], found[2], "", at, None)
    if found := _RELEASE.match(line, start):
        return OTHER if found[4] or at is None else _lease(found[1], found[2], named(found[3]), None, at)
    if found := _REPLY.match(line, start):
        length = int(found[3])
        end = at + length if at is not None and 0 < length < _FOREVER else None
        return _six(found[1], found[2], at, end) if length else OTHER
    if (found := _GIVEN_BACK.match(line, start)) and at is not None:
        return _six(found[2], found[1], None, at)
    return None


def _lease(text: str, mac: str, name: str, start: float | None, end: float | None) -> Lease | None:
    address, mac = net.ip(text), card(mac)
    return Lease(address, mac, name, start=start, end=end) if address and mac else None


def _six(text: str, duid: str, start: float | None, end: float | None) -> Lease | Other | None:
    address, mac = net.ip(text), duid_mac(duid)
    if address is None:
        return None
    return Lease(address, mac, client_id=duid.lower(), start=start, end=end) if mac else OTHER
