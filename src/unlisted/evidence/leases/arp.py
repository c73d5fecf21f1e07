"""Neighbor tables of Unix: /proc/net/arp, `arp -a`, `arp -n`, `ndp -a`. Snapshots without a time.

Source: net/ipv4/arp.c (Linux 6.12); arp(8) and ndp(8) of net-tools, FreeBSD 14, OpenBSD 7 and macOS.
Sample: tests/samples/arp/.

Surprises: BSD and macOS leave out leading zeros of a MAC. Flags 0x0 are an address that did not answer;
it keeps its old MAC. `PERM`, `permanent` and `S` entries are somebody's configuration, or the machine's own
address.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.leases._client import named
from unlisted.messages import Lease

HINT = " "

_V4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_V6 = r"[0-9a-fA-F:]{2,39}(?:%\S{1,32})?"
_MAC = r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}"
_LINES = tuple(
    re.compile(pattern)
    for pattern in (
        # /proc/net/arp
        rf"(?P<address>{_V4}) +0x[0-9a-f]+ +(?P<flags>0x[0-9a-f]+) +(?P<mac>{_MAC}) +\S+ +\S+\s*",
        # arp -a: Linux, FreeBSD, NetBSD, macOS
        rf"(?P<name>\S{{1,255}}) \((?P<address>{_V4})\) at (?P<mac>{_MAC}|<incomplete>|\(incomplete\))"
        r"(?: \[\w+\])?(?: [A-Z]{1,4})?(?: on \S{1,32}| \[\w+\]| expires in \d+ seconds| permanent| ifscope"
        r"| published| expired){0,6}\s*",
        # arp -n, arp -e
        rf"(?P<address>{_V4}) +(?:ether +(?P<mac>{_MAC}) +[A-Z]{{1,4}}|\(incomplete\)) +(?:\* +)?"
        r"\S{1,32}\s*",
        # arp -a and ndp -a of OpenBSD, ndp -a of FreeBSD and macOS
        rf"(?P<address>{_V4}|{_V6}) +(?P<mac>{_MAC}|\(incomplete\)) +\S{{1,32}}(?: +\S{{1,12}})?"
        r"(?: +[RSDIPN?]{1,2}){0,2}(?: +[RlLps]{1,3})?(?: +\d+)?\s*",
    )
)
_BESIDE = re.compile(
    r"IP address +HW type +Flags|Address +HWtype +HWaddress|(?:Host|Neighbor) +(?:Ethernet|Linklayer) Address"
    r"|Entries: \d+"
)


def parse(line: str, near: float) -> Lease | Other | None:  # noqa: ARG001 - the tables have no times
    """Read one line."""
    for pattern in _LINES:
        if found := pattern.fullmatch(line):
            break
    else:
        return OTHER if _BESIDE.match(line) else None
    told = found.groupdict()
    address, mac = net.ip(told["address"]), card(told["mac"] or "")
    if address is None:
        return None
    if not mac or told.get("flags") == "0x0" or address.is_multicast:
        return OTHER
    return Lease(address, mac, named(told.get("name")))
