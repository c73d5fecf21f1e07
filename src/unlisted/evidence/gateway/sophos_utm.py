"""Sophos UTM (Astaro): what its packet filter logs, one line a packet.

Source: Sophos UTM 9, /var/log/packetfilter.log (ulogd). Sample: tests/samples/sophos_utm/.
`2026:11:23-13:48:25 utm ulogd[4711]: id="2002" severity="info" sys="SecureNet" sub="packetfilter"
name="Packet accepted" action="accept" fwrule="3" initf="eth0" outitf="eth1" srcmac="3c:5a:b4:12:34:56" …
srcip="192.168.1.5" dstip="198.51.100.7" proto="6" … srcport="51512" dstport="25" tcpflags="SYN"`.

Surprises: the date has colons; by way of another syslog it is torn (`2026: 11:23-13:48:25`). The MAC may
lack leading zeros. Local time, no zone. The source port is that before the translation, nothing tells the
other.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import remembered
from unlisted.evidence.gateway._pairs import LONGEST, field, front
from unlisted.messages import Attempt, Contact

HINT = ' sys="SecureNet"'
PACKETS = True
CANDIDATE = rb'dstport="(?:25|465|587)"'

_TAG = re.compile(r"ulogd(?:\[\d{1,7}\])?: ")
_TORN = re.compile(
    r"(?:<\d{1,3}>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [\w.-]{1,255} "
    r"(\d{4}): ?(\d\d):(\d\d)-(\d\d:\d\d:\d\d) "
)
_ACTIONS = {"drop": "block", "reject": "block", "accept": "pass", "log": ""}


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line; Other for what opens nothing."""
    begin = line.find('id="')
    if not 0 < begin <= LONGEST or (at := _at(line[:begin], near)) is None:
        return None
    if field(line, " sub=", begin) != "packetfilter":
        return OTHER
    src, dst = net.ip(field(line, " srcip=", begin)), net.ip(field(line, " dstip=", begin))
    if src is None or dst is None:
        return None
    flags, number = field(line, " tcpflags=", begin).split(), field(line, " dstport=", begin)
    protocol = field(line, " proto=", begin)
    if not protocol or (protocol in ("6", "17") and not number) or (protocol == "6" and not flags):
        return None  # cut off
    return connection(
        at, src, dst, port(number), port(field(line, " srcport=", begin)),
        protocol, opens=not flags or ("SYN" in flags and not {"ACK", "RST"} & set(flags)),
        mac=card(field(line, " srcmac=", begin)), action=_ACTIONS.get(field(line, " action=", begin), ""),
    )  # fmt: skip


@remembered(4096)  # the lines of one second begin alike
def _at(ahead: str, near: float) -> float | None:
    """When the line was written; None where what stands before its fields is not ulogd's own."""
    start = ahead.rfind(" ", 0, -2) + 1
    if not _TAG.fullmatch(ahead, start):
        return None
    if torn := _TORN.match(ahead):
        ahead = f"{torn[1]}-{torn[2]}-{torn[3]} {torn[4]} {ahead[torn.end() : start]}"
        start = len(ahead)
    ours, when = front(ahead[:start], start, near)
    return when.at if ours and when else None
