"""Below IP: where in a captured frame the packet begins, and whose card sent it.

Sources: the link types of https://www.tcpdump.org/linktypes.html with the pages they lead to; IEEE 802.1Q
and 802.1ad, RFC 1042 (SNAP), RFC 2516 (PPPoE), RFC 1661 and 1662 (PPP), RFC 3032 (MPLS), IEEE 802.11-2020
§9.2, linux/netfilter/nfnetlink_log.h (NFLOG), net/if_pflog.h of OpenBSD 7 and FreeBSD 14 (PFLOG).

A link is a function of the bytes and two places in them; it gives the protocol (an EtherType), the place
where that begins, the sender's card and what a rule did with the packet. A protocol of 0 is none of ours.
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806
_IP = frozenset((IPV4, IPV6))
_VLAN = frozenset((0x8100, 0x88A8, 0x9100, 0x9200))
_PPPOE, _MPLS, _MPLS_GROUP = 0x8864, 0x8847, 0x8848
_PPP = {0x21: IPV4, 0x57: IPV6}
_TAGS = 4  # VLAN tags in a row that are read; labels of MPLS likewise
_SHORT = struct.Struct("!H")
_TLV_BIG, _TLV_LITTLE = struct.Struct(">HH"), struct.Struct("<HH")


class Frame(NamedTuple):
    """A frame freed of its link."""

    protocol: int
    place: int
    end: int
    mac: bytes = b""
    action: str = ""


NOTHING = Frame(0, 0, 0)
Link: TypeAlias = Callable[[bytes, int, int], Frame]


def bare(data: bytes, start: int, end: int) -> Frame:
    """No link at all: IP, told by its version."""
    if start >= end:
        return NOTHING
    version = data[start] >> 4
    return Frame(IPV4 if version == 4 else IPV6 if version == 6 else 0, start, end)


def typed(kind: int, data: bytes, place: int, end: int, mac: bytes, action: str = "") -> Frame:
    """What an EtherType leads to, behind VLAN tags, PPPoE and MPLS labels."""
    for _ in range(_TAGS):
        if kind not in _VLAN or place + 4 > end:
            break
        kind = _SHORT.unpack_from(data, place + 2)[0]
        place += 4
    if kind == _PPPOE and place + 8 <= end and not data[place + 1]:
        kind, place = _PPP.get(_SHORT.unpack_from(data, place + 6)[0], 0), place + 8
    elif kind in (_MPLS, _MPLS_GROUP):
        for _ in range(_TAGS):
            place += 4
            if place >= end or data[place - 2] & 1:
                break
        inner = bare(data, place, end)
        return Frame(inner.protocol, place, end, mac, action)
    elif kind <= 1500 and place + 8 <= end and data[place : place + 6] == b"\xaa\xaa\x03\0\0\0":
        kind, place = _SHORT.unpack_from(data, place + 6)[0], place + 8
    return Frame(kind, place, end, mac, action)


def ethernet(data: bytes, start: int, end: int) -> Frame:
    """Destination, source, type."""
    if start + 14 > end:
        return NOTHING
    kind = data[start + 12] << 8 | data[start + 13]
    mac = data[start + 6 : start + 12]
    if kind in _IP:
        return Frame(kind, start + 14, end, mac)
    return typed(kind, data, start + 14, end, mac)


def dull(data: bytes, start: int, end: int) -> bool:
    """A quick look at an Ethernet frame: TCP over IPv4 without SYN and RST, as nearly every packet is."""
    return (
        start + 48 <= end
        and data[start + 12] == 8
        and not data[start + 13]
        and data[start + 14] == 0x45
        and data[start + 23] == 6
        and not data[start + 47] & 6
    )


def loopback(data: bytes, start: int, end: int) -> Frame:
    """BSD's null and loop: a family as somebody's host order spells it; the IP version is surer."""
    return bare(data, start + 4, end)


def cooked(data: bytes, start: int, end: int) -> Frame:
    """Linux "any", first layout: the card is that of whoever sent the frame."""
    if start + 16 > end:
        return NOTHING
    length = _SHORT.unpack_from(data, start + 4)[0]
    mac = data[start + 6 : start + 12] if length == 6 else b""
    return typed(_SHORT.unpack_from(data, start + 14)[0], data, start + 16, end, mac)


def cooked2(data: bytes, start: int, end: int) -> Frame:
    """Linux "any", second layout."""
    if start + 20 > end:
        return NOTHING
    mac = data[start + 12 : start + 18] if data[start + 11] == 6 else b""
    return typed(_SHORT.unpack_from(data, start)[0], data, start + 20, end, mac)


def ppp(data: bytes, start: int, end: int) -> Frame:
    """PPP with or without its HDLC address, its protocol perhaps in one octet (RFC 1661 §6.5)."""
    if data[start : min(start + 2, end)] == b"\xff\x03":
        start += 2
    if start + 2 > end:
        return NOTHING
    if data[start] & 1:
        return Frame(_PPP.get(data[start], 0), start + 1, end)
    return Frame(_PPP.get(_SHORT.unpack_from(data, start)[0], 0), start + 2, end)


def pppoe(data: bytes, start: int, end: int) -> Frame:
    """A PPPoE session without its Ethernet."""
    return typed(_PPPOE, data, start, end, b"")


def cisco(data: bytes, start: int, end: int) -> Frame:
    """Cisco's HDLC: address, control, EtherType."""
    if start + 4 > end:
        return NOTHING
    return typed(_SHORT.unpack_from(data, start + 2)[0], data, start + 4, end, b"")


def wireless(data: bytes, start: int, end: int) -> Frame:
    """802.11: data frames that are not encrypted."""
    if start + 24 > end:
        return NOTHING
    first, flags = data[start], data[start + 1]
    if first & 0x0C != 0x08 or flags & 0x40 or first & 0x40:  # data; protected; without a body
        return NOTHING
    ways = flags & 3
    sender = (start + 10, start + 10, start + 16, start + 24)[ways]
    body = start + 24 + (6 if ways == 3 else 0) + (2 if first & 0x80 else 0)
    if body + 8 > end or data[body : body + 6] != b"\xaa\xaa\x03\0\0\0":
        return NOTHING
    mac = data[sender : sender + 6]
    return typed(_SHORT.unpack_from(data, body + 6)[0], data, body + 8, end, mac)


def radiotap(data: bytes, start: int, end: int) -> Frame:
    """802.11 behind what the radio said of it."""
    if start + 8 > end:
        return NOTHING
    return wireless(data, start + int.from_bytes(data[start + 2 : start + 4], "little"), end)


_PF = {
    2: IPV4,
    10: IPV6,
    24: IPV6,
    28: IPV6,
    30: IPV6,
}  # AF_INET; AF_INET6 of Linux, OpenBSD, FreeBSD, Darwin
_PF_ACTION = {0: "pass", 1: "block"}  # net/pfvar.h: PF_PASS, PF_DROP


def pflog(data: bytes, start: int, end: int) -> Frame:
    """pf's log interface (OpenBSD, pfSense, OPNsense): what the rule did stands in front."""
    if start + 4 > end:
        return NOTHING
    length = data[start] + 3 & ~3
    if length < 48:
        return NOTHING
    return Frame(_PF.get(data[start + 1], 0), start + length, end, b"", _PF_ACTION.get(data[start + 2], ""))


@lru_cache(maxsize=1024)
def _told(prefix: bytes) -> str:
    from unlisted.evidence.gateway._action import told

    return told(prefix.decode("utf-8", "replace"))


def nflog(data: bytes, start: int, end: int, tlv: struct.Struct = _TLV_LITTLE) -> Frame:
    """Linux's NFLOG: attributes in the host's byte order, their values in the network's."""
    if start + 4 > end:
        return NOTHING
    protocol = {2: IPV4, 10: IPV6}.get(data[start], 0)
    place, packet, mac, action = start + 4, 0, b"", ""
    stop = end
    while place + 4 <= end:
        length, kind = tlv.unpack_from(data, place)
        if length < 4:
            break
        body = place + 4
        kind &= 0x7FFF
        if kind == 9:
            packet, stop = body, min(place + length, end)
        elif kind == 8 and length >= 12 and data[body : body + 2] == b"\0\x06":
            mac = data[body + 4 : body + 10]
        elif kind == 10:
            action = _told(data[body : min(place + length, end)].rstrip(b"\0"))
        elif kind == 1 and not protocol:
            protocol = _SHORT.unpack_from(data, body)[0] if body + 2 <= end else 0
        place += length + 3 & ~3
    return Frame(protocol, packet, stop, mac, action) if packet else NOTHING


def nflog_big(data: bytes, start: int, end: int) -> Frame:
    """NFLOG of a big-endian machine."""
    return nflog(data, start, end, _TLV_BIG)


_LINKS: dict[int, Link] = {
    0: loopback, 1: ethernet, 9: ppp, 12: bare, 14: bare, 50: ppp, 51: pppoe, 101: bare, 104: cisco,
    105: wireless, 108: loopback, 113: cooked, 117: pflog, 127: radiotap, 228: bare, 229: bare, 239: nflog,
    276: cooked2,
}  # fmt: skip


def link(number: int, *, big: bool) -> Link | None:
    """The link of that number, in a file of that byte order; None for one that is not read."""
    return nflog_big if big and number == 239 else _LINKS.get(number)
