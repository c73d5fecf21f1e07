"""UniFi Network's events in CEF: what its firewall and its intrusion prevention did, and who joined.

Source: Ubiquiti's "UniFi System Logs & SIEM Integration"; lines of UniFi Network 9.3 to 10.6.
Samples: tests/samples/unifi_cef/.

Surprises: the CEF header may be cut in front (`0|Ubiquiti|`). Addresses stand in `src` and `dst` only where
the controller knows no client of that name; else in `UNIFIsrcClientIp`, `UNIFIdstDeviceIp` and the like, or
nowhere. Values hold spaces and are not escaped, and a client chooses its host name: where a field that names
an address or a card stands twice with two values, nobody knows which is true and the line is not understood.
`UNIFIutcTime` is exact, the time in front of the line local.
"""

import re
from itertools import pairwise

from unlisted import net
from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import stamp
from unlisted.evidence.gateway._action import told
from unlisted.messages import Lease, Presence
from unlisted.net import Address

HINT = "|Ubiquiti|"
CANDIDATE = rb"dpt=(?:25|465|587) "

_HEAD = re.compile(
    r"[\s|]*(?:[\w.@+:%-]{1,255}[ \t]+){0,2}(?:-[ \t]+){0,3}(?:CEF: ?)?\d\|Ubiquiti"
    r"\|[^|]{0,64}\|[^|]{0,32}\|[^|]{0,16}\|([^|]{0,128})\|[^|]{0,16}\|"
)
_KEY = re.compile(r"(?:^| )([A-Za-z]\w{0,40})=")
_SRC = ("src", "UNIFIsrcClientIp", "UNIFIsrcDeviceIp")
_DST = ("dst", "UNIFIdstClientIp", "UNIFIdstDeviceIp")
_TELLING = (
    *_SRC,
    *_DST,
    "proto",
    "spt",
    "dpt",
    "act",
    "UNIFIsrcClientMac",
    "UNIFIclientMac",
    "UNIFIclientIp",
)


def parse(line: str, near: float) -> Parsed:
    """Read one line; Other for what tells of no connection and no client, None when it is not ours."""
    when = stamp(line, near)
    head = _HEAD.match(line, when.end if when else 0)
    if head is None:
        return None
    fields = _fields(line[head.end() :])
    if fields is None:
        return None
    at = stamp(fields.get("UNIFIutcTime", "") + " ", near) or when
    if at is None:
        return None
    if "proto" in fields:
        return _flow(fields, at.at, told(fields.get("act", "")) or told(head[1]))
    if "UNIFIclientMac" in fields:
        return _client(fields, at.at, head[1])
    return OTHER


def _fields(text: str) -> dict[str, str] | None:
    """Keys and values up to `msg`; None where one that matters has two values.

    The last one may be cut off, and is left out.
    """
    found: dict[str, str] = {}
    for place, following in pairwise(_KEY.finditer(text)):
        key, value = place[1], text[place.end() : following.start()].strip()
        if key == "msg":
            break
        if found.setdefault(key, value) != value and key in _TELLING:
            return None
    return found


def _address(fields: dict[str, str], names: tuple[str, ...]) -> tuple[Address | None, bool]:
    """The one address that is told, and False when several are."""
    told_as = {address for name in names if (address := net.ip(fields.get(name, ""))) is not None}
    return next(iter(told_as), None), len(told_as) < 2


def _flow(fields: dict[str, str], at: float, action: str) -> Parsed:
    src, one_src = _address(fields, _SRC)
    dst, one_dst = _address(fields, _DST)
    if not (one_src and one_dst):
        return None
    if src is None or dst is None:
        return OTHER  # the controller told only what it calls them
    protocol = fields["proto"].lower()
    dport = port(fields.get("dpt", ""))
    return connection(
        at,
        src,
        dst,
        dport,
        port(fields.get("spt", "")),
        protocol,
        opens=bool(dport) or protocol not in ("tcp", "udp"),
        mac=net.mac(fields.get("UNIFIsrcClientMac", "")),
        action=action,
    )


def _client(fields: dict[str, str], at: float, event: str) -> Parsed:
    """Somebody joined, went from one access point to another, or left."""
    mac = net.mac(fields["UNIFIclientMac"])
    if not mac:
        return None
    left = "Disconnected" in event
    start, end = (None, at) if left else (at, None)
    name = fields.get("UNIFIclientHostname") or fields.get("UNIFIclientAlias", "")
    where = fields.get("UNIFIconnectedToDeviceName") or fields.get("UNIFIlastConnectedToDeviceName", "")
    here = Presence(mac, start, end, name, where=where)
    address = net.ip(fields.get("UNIFIclientIp", ""))
    return here if address is None else (Lease(address, mac, name, start=start, end=end), here)
