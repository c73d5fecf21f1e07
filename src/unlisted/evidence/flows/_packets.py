"""What one captured packet tells: a SYN, an answer, the first packet of a pair, a lease, an export.

Sources: RFC 791, RFC 8200 §4, RFC 9293, RFC 792, RFC 4443, RFC 826 with RFC 5227, RFC 4861. Nothing is made
of a packet that is not wanted, and of one cut by the capture's snap length nothing is guessed. Of fragments
only the first has ports. Mirrored traffic in a tunnel (VXLAN, TZSP of RouterOS, GRE with ERSPAN) is read as
what it carries.
"""

import struct
from collections.abc import Iterator
from typing import Literal

from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.contact import connection
from unlisted.evidence.flows import _links
from unlisted.evidence.flows._addresses import address, card
from unlisted.evidence.flows._dhcp import Dhcp
from unlisted.evidence.flows._handshakes import Handshakes
from unlisted.evidence.flows._links import ARP, IPV4, IPV6, Frame, Link
from unlisted.evidence.flows.netflow import Exports, exported
from unlisted.messages import Lease

PAIRS = 65_536  # pairs that spoke without connections, remembered
NEIGHBORS = 16_384  # pairs of address and card, remembered
QUIET = 300.0  # seconds; a pair heard again after that is told again (RFC 4787 REQ-5: what NATs keep UDP for)
_NESTED = 3  # tunnels in each other
_TCP, _UDP, _ICMP, _ICMP6, _GRE = 6, 17, 1, 58, 47
_NAMES = {_UDP: "udp", _ICMP: "icmp", _ICMP6: "icmp6", _GRE: "gre", 50: "esp", 132: "sctp"}
_VXLAN, _TZSP = 4789, 37008  # RFC 7348 §5; RouterOS's sniffer
_EXTENSIONS = frozenset((0, 43, 44, 51, 60, 135, 139, 140))
# "Destination unreachable" by somebody's decision; a host that is away is merely silent.
_REFUSING = {_ICMP: frozenset((3, 9, 10, 13)), _ICMP6: frozenset((1, 4, 5, 6))}
_LONG = struct.Struct("!I")


class Packets:
    """The packets of one capture, in their order."""

    def __init__(self) -> None:
        self._handshakes = Handshakes()
        self._dhcp = Dhcp()
        self._exports = Exports()
        self._pairs: dict[bytes, float] = {}
        self._neighbors: dict[bytes, float] = {}

    def done(self) -> Iterator[tuple[int, Parsed]]:
        """Packets held back whose meaning is known by now."""
        return self._handshakes.take()

    def end(self) -> Iterator[tuple[int, Parsed]]:
        """The capture is over."""
        self._handshakes.end()
        return self._handshakes.take()

    def read(
        self, link: Link, number: int, at: float, data: bytes, start: int, end: int
    ) -> Parsed | Literal[False]:
        """One frame; False when it is held back."""
        return self._frame(link(data, start, end), number, at, data, 0)

    def _frame(
        self, frame: Frame, number: int, at: float, data: bytes, depth: int
    ) -> Parsed | Literal[False]:
        protocol, place, end, mac, action = frame
        if protocol == IPV4:
            if place + 20 > end or data[place] >> 4 != 4:
                return OTHER
            body = place + (data[place] & 15) * 4
            if data[place + 6] & 0x1F or data[place + 7] or body < place + 20:
                return OTHER  # a later fragment
            total = data[place + 2] << 8 | data[place + 3]
            if total and place + total < end:  # 0: left to the card (segmentation offload)
                end = place + total
            kind, ends = data[place + 9], data[place + 12 : place + 20]
        elif protocol == IPV6:
            if place + 40 > end or data[place] >> 4 != 6:
                return OTHER
            total = data[place + 4] << 8 | data[place + 5]
            if total and place + 40 + total < end:
                end = place + 40 + total
            kind, body = _behind(data, place, end)
            ends = data[place + 8 : place + 40]
        elif protocol == ARP:
            return self._arp(at, data, place, end)
        else:
            return OTHER
        if kind == _TCP:
            return self._tcp(number, at, data, body, end, ends, mac, action)
        if kind == _UDP and body + 8 <= end:
            return self._udp(number, at, data, body, end, ends, mac, action, depth)
        if kind in (_ICMP, _ICMP6) and body + 8 <= end:
            return self._icmp(kind, at, data, body, end, ends, mac, action)
        if kind == _GRE and depth < _NESTED and (inner := _gre(data, body, end)) is not None:
            return self._frame(inner, number, at, data, depth + 1)
        if kind in _NAMES and body <= end:
            return self._pair(kind, at, ends, b"\0\0\0\0", mac, action)
        return OTHER

    def _tcp(
        self, number: int, at: float, data: bytes, body: int, end: int, ends: bytes, mac: bytes, action: str
    ) -> Parsed | Literal[False]:
        if body + 14 > end:
            return OTHER
        flags = data[body + 13]
        if not flags & 0x06:  # nearly every packet: neither SYN nor RST
            return OTHER
        if flags & 0x17 == 0x02:  # RFC 9293 §3.1: SYN without FIN, RST, ACK
            sequence = _LONG.unpack_from(data, body + 4)[0]
            return self._handshakes.opened(number, at, ends + data[body : body + 4], sequence, mac, action)
        if flags & 0x10:
            wide = len(ends) // 2
            key = ends[wide:] + ends[:wide] + data[body + 2 : body + 4] + data[body : body + 2]
            outcome = "answered" if flags & 0x02 else "refused"
            self._handshakes.answered(at, key, _LONG.unpack_from(data, body + 8)[0], outcome)
        return OTHER

    def _udp(
        self,
        number: int,
        at: float,
        data: bytes,
        body: int,
        end: int,
        ends: bytes,
        mac: bytes,
        action: str,
        depth: int,
    ) -> Parsed | Literal[False]:
        dport = data[body + 2] << 8 | data[body + 3]
        inside = body + 8
        if dport in (67, 68):
            lease = self._dhcp.read(at, data[inside:end])
            if lease is not None:
                return lease
        elif dport == _VXLAN and depth < _NESTED and inside + 8 < end:
            return self._frame(_links.ethernet(data, inside + 8, end), number, at, data, depth + 1)
        elif dport == _TZSP and depth < _NESTED and (mirrored := _tzsp(data, inside, end)):
            return self._frame(_links.ethernet(data, mirrored, end), number, at, data, depth + 1)
        elif exported(data, inside, end, dport):
            told = self._exports.datagram(data[inside:end], ends[: len(ends) // 2], at)
            if told is not None:
                return tuple(told) or OTHER
        return self._pair(_UDP, at, ends, data[body : body + 4], mac, action)

    def _pair(self, kind: int, at: float, ends: bytes, ports: bytes, mac: bytes, action: str) -> Parsed:
        """The first packet between two is a contact; what follows in either direction belongs to it."""
        wide = len(ends) // 2
        key = ends + ports + bytes((kind,))
        known = self._pairs.get(key)
        if known is None:
            back = ends[wide:] + ends[:wide] + ports[2:] + ports[:2] + bytes((kind,))
            if back in self._pairs:
                key, known = back, self._pairs[back]
        if known is not None:
            self._pairs[key] = at
            if abs(at - known) <= QUIET:
                return OTHER
        elif len(self._pairs) >= PAIRS:
            del self._pairs[next(iter(self._pairs))]
        self._pairs[key] = at
        return connection(
            at,
            address(ends[:wide]),
            address(ends[wide:]),
            ports[2] << 8 | ports[3],
            ports[0] << 8 | ports[1],
            _NAMES[kind],
            mac=card(mac),
            action=action,
        )

    def _icmp(
        self, kind: int, at: float, data: bytes, body: int, end: int, ends: bytes, mac: bytes, action: str
    ) -> Parsed:
        what, code = data[body], data[body + 1]
        if what == (3 if kind == _ICMP else 1):
            if code in _REFUSING[kind]:
                self._unreachable(at, data, body + 8, end)
            return OTHER
        if what == (8 if kind == _ICMP else 128):
            return self._pair(kind, at, ends, b"\0\0\0\0", mac, action)
        if kind == _ICMP6 and what in (135, 136) and body + 24 <= end:
            return self._discovered(what, at, data, body, end, ends)
        return OTHER

    def _unreachable(self, at: float, data: bytes, place: int, end: int) -> None:
        """The packet that could not be delivered stands in the error, its ports and number at least."""
        if place + 20 > end:
            return
        if data[place] >> 4 == 4:
            kind, body, ends = (
                data[place + 9],
                place + (data[place] & 15) * 4,
                data[place + 12 : place + 20],
            )
        elif place + 40 <= end:
            (kind, body), ends = _behind(data, place, end), data[place + 8 : place + 40]
        else:
            return
        if kind == _TCP and body + 8 <= end:
            sequence = _LONG.unpack_from(data, body + 4)[0]
            key = ends + data[body : body + 4]
            self._handshakes.answered(at, key, (sequence + 1) & 0xFFFFFFFF, "refused")

    def _arp(self, at: float, data: bytes, place: int, end: int) -> Parsed:
        """Who speaks ARP says his own address; a probe (RFC 5227 §2.1.1) says none."""
        if place + 28 > end or data[place : place + 6] != b"\0\x01\x08\0\x06\x04":
            return OTHER
        return self._neighbor(at, data[place + 14 : place + 18], data[place + 8 : place + 14])

    def _discovered(self, what: int, at: float, data: bytes, body: int, end: int, ends: bytes) -> Parsed:
        """RFC 4861 §4.3, §4.4: a solicitation says its source's card, an advertisement its target's."""
        held, wanted = (ends[:16], 1) if what == 135 else (data[body + 8 : body + 24], 2)
        place = body + 24
        while place + 8 <= end and data[place + 1]:
            if data[place] == wanted and data[place + 1] == 1:
                return self._neighbor(at, held, data[place + 2 : place + 8])
            place += data[place + 1] * 8
        return OTHER

    def _neighbor(self, at: float, held: bytes, sender: bytes) -> Parsed:
        owner, mac = address(held), card(sender)
        if owner is None or not mac or not int(owner) or owner.is_multicast:
            return OTHER
        key = held + sender
        known = self._neighbors.get(key)
        if known is not None and abs(at - known) <= QUIET:
            return OTHER
        if known is None and len(self._neighbors) >= NEIGHBORS:
            del self._neighbors[next(iter(self._neighbors))]
        self._neighbors[key] = at
        return Lease(owner, mac, start=at)


def _behind(data: bytes, place: int, end: int) -> tuple[int, int]:
    """Protocol and place behind IPv6's extension headers; protocol 59 (nothing) for a later fragment."""
    kind, body = data[place + 6], place + 40
    while kind in _EXTENSIONS:
        if body + 8 > end:
            return 59, end
        if kind == 44:
            if (data[body + 2] << 8 | data[body + 3]) & 0xFFF8:
                return 59, end
            length = 8
        else:  # RFC 4302 §2.2 counts in words, the others in eights
            length = (data[body + 1] + 2) * 4 if kind == 51 else (data[body + 1] + 1) * 8
        kind, body = data[body], body + length
    return kind, body


def _gre(data: bytes, body: int, end: int) -> Frame | None:
    """RFC 2784, RFC 2890: what a tunnel carries, that of ERSPAN included; None for what is not read."""
    if body + 4 > end or data[body + 1] & 7:
        return None
    flags, kind = data[body], data[body + 2] << 8 | data[body + 3]
    place = body + 4 + sum(4 for bit in (0x80, 0x20, 0x10) if flags & bit)
    if kind == 0x6558:
        return _links.ethernet(data, place, end)
    if kind == 0x88BE:  # ERSPAN: with a sequence number it has a header of 8 octets
        return _links.ethernet(data, place + (8 if flags & 0x10 else 0), end)
    return _links.bare(data, place, end) if kind in (IPV4, IPV6) else None


def _tzsp(data: bytes, place: int, end: int) -> int:
    """Where the mirrored Ethernet frame begins, behind TZSP's tags; 0 for none."""
    if place + 5 > end or data[place] != 1 or data[place + 1] > 1 or data[place + 2 : place + 4] != b"\0\x01":
        return 0
    place += 4
    while place < end:
        tag = data[place]
        if tag == 1:
            return place + 1
        if tag and place + 1 >= end:
            return 0
        place += 2 + data[place + 1] if tag else 1
    return 0
