"""sFlow version 5: samples of packets, as switches send them.

Source: sflow.org "sFlow Version 5" (2004). A sample holds the front of a packet; one that is a SYN is an
attempt.

Surprises: One packet of many is seen: what is told happened, and much more than that happened. No answer of
a connection is ever joined to its SYN.
"""

import struct

from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.contact import connection
from unlisted.evidence.flows import _links
from unlisted.evidence.flows._addresses import address, card
from unlisted.evidence.flows._links import IPV4, IPV6

_LONG = struct.Struct("!I")
_PAIR = struct.Struct("!II")
_FLOW, _EXPANDED = 1, 3
_HEADER = 1  # a sampled header
_PROTOCOLS = {1: _links.ethernet, 11: _links.bare, 12: _links.bare}


def sampled(data: bytes, received: float) -> list[Parsed]:
    """The packets of one datagram; the time is that of its arrival, for it tells none."""
    if len(data) < 28:
        return [None]
    place = {1: 12, 2: 24}.get(_LONG.unpack_from(data, 4)[0], 0)
    if not place or place + 16 > len(data):
        return [None]
    place += 16
    made: list[Parsed] = []
    while place + 8 <= len(data):
        kind, size = _PAIR.unpack_from(data, place)
        place += 8
        if place + size > len(data):
            break
        head = {_FLOW: 32, _EXPANDED: 44}.get(kind, 0)
        made += _records(data, place + head, place + size, received) if head else [OTHER]
        place += size
    return made


def _records(data: bytes, place: int, end: int, at: float) -> list[Parsed]:
    made: list[Parsed] = []
    while place + 8 <= end:
        kind, size = _PAIR.unpack_from(data, place)
        place += 8
        if place + size > end:
            break
        if kind == _HEADER and size >= 16:
            protocol, _, _, length = struct.unpack_from("!IIII", data, place)
            link = _PROTOCOLS.get(protocol)
            if link and 16 + length <= size:
                made.append(packet(link(data, place + 16, place + 16 + length), data, at))
        place += size
    return made


def packet(frame: _links.Frame, data: bytes, at: float) -> Parsed:
    """A packet that was picked out: an attempt or a contact where it is a SYN."""
    protocol, place, end, mac, _ = frame
    if protocol == IPV4 and place + 20 <= end and not (data[place + 6] & 0x1F or data[place + 7]):
        kind, body, ends = data[place + 9], place + (data[place] & 15) * 4, data[place + 12 : place + 20]
    elif protocol == IPV6 and place + 40 <= end:
        kind, body, ends = data[place + 6], place + 40, data[place + 8 : place + 40]
    else:
        return OTHER
    if kind != 6 or body + 14 > end or data[body + 13] & 0x17 != 0x02:
        return OTHER
    wide = len(ends) // 2
    sport, dport = struct.unpack_from("!HH", data, body)
    return connection(at, address(ends[:wide]), address(ends[wide:]), dport, sport, mac=card(mac))
