"""Packet captures in the newer layout (pcapng): Wireshark, dumpcap, tshark, Windows' etl2pcapng.

Source: draft-ietf-opsawg-pcapng-03. Sections of either byte order, several interfaces each with its link
and its clock's resolution, the enhanced, the simple and the obsolete packet block; other blocks are passed
over.

Surprises: Several files may stand one after another, each with its own byte order and interfaces. A simple
packet block has no time: nothing is told of it. A block's length stands at its end as well, and must be the
same.
"""

import struct
from collections.abc import Iterable, Iterator

from msgspec import Struct

from unlisted.evidence import OTHER, Feed, Parsed
from unlisted.evidence.flows._links import Link, dull, ethernet, link
from unlisted.evidence.flows._packets import Packets

MAGIC = (b"\x0a\x0d\x0d\x0a",)
PACKETS = True

LONGEST = 16 << 20  # octets of a block; the draft lets readers refuse more
INTERFACES = 65_536
_SECTION, _INTERFACE, _OLD, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_BIG, _LITTLE = b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"
_RESOLUTION, _OFFSET = 9, 14  # if_tsresol, if_tsoffset


class Interface(Struct, frozen=True, gc=False):
    """Where packets of a section were taken."""

    link: Link | None
    units: int = 1_000_000  # in a second
    offset: int = 0  # seconds


def stream() -> Feed:
    """A reader of one capture."""
    return _Capture().feed


class _Capture:
    def __init__(self) -> None:
        self._packets = Packets()
        self._rest = b""
        self._order = "<"
        self._interfaces: list[Interface] = []
        self._wired = False  # all interfaces of this section are Ethernet
        self._number = 0
        self._broken = False

    def feed(self, data: bytes) -> Iterable[tuple[int, Parsed]]:
        """The next octets of the file; b"" at its end."""
        if not data:
            if self._rest and not self._broken:
                yield self._number + 1, None  # cut off in the middle of a block
            yield from self._packets.end()
            return
        if self._broken:
            return
        data = self._rest + data if self._rest else data
        start, end = 0, len(data)
        while start + 12 <= end:
            if data[start : start + 4] == MAGIC[0] and not self._section(data[start + 8 : start + 12]):
                size = 0
            else:
                kind, size = struct.unpack_from(self._order + "II", data, start)
            stop = start + size
            if size < 12 or size % 4 or size > LONGEST:
                self._broken = True
                yield self._number + 1, None
                break
            if stop > end:
                break
            if kind == _ENHANCED and self._wired and size > 36 and dull(data, start + 28, stop - 4):
                self._number += 1
                yield self._number, OTHER
            else:
                yield from self._block(kind, data, start + 8, stop - 4)
            start = stop
        yield from self._packets.done()
        self._rest = data[start:]

    def _section(self, magic: bytes) -> bool:
        """A new section begins; False when its byte order cannot be told."""
        if magic not in (_BIG, _LITTLE):
            return False
        self._order = ">" if magic == _BIG else "<"
        self._interfaces, self._wired = [], False
        return True

    def _block(self, kind: int, data: bytes, start: int, end: int) -> Iterator[tuple[int, Parsed]]:
        order = self._order
        if kind == _ENHANCED and start + 20 <= end:
            where, high, low, size = struct.unpack_from(order + "IIII", data, start)
            yield from self._packet(where, high << 32 | low, data, start + 20, size, end)
        elif kind == _OLD and start + 20 <= end:
            where, _, high, low, size = struct.unpack_from(order + "HHIII", data, start)
            yield from self._packet(where, high << 32 | low, data, start + 20, size, end)
        elif kind == _SIMPLE:
            self._number += 1
            yield self._number, OTHER  # without a time
        elif kind == _INTERFACE and start + 8 <= end and len(self._interfaces) < INTERFACES:
            number = struct.unpack_from(order + "H", data, start)[0]
            self._interfaces.append(self._interface(number, data, start + 8, end))
            self._wired = all(one.link is ethernet for one in self._interfaces)

    def _packet(
        self, where: int, ticks: int, data: bytes, start: int, size: int, end: int
    ) -> Iterator[tuple[int, Parsed]]:
        self._number += 1
        if where >= len(self._interfaces) or start + size > end or self._interfaces[where].link is None:
            yield self._number, None
            return
        one = self._interfaces[where]
        assert one.link is not None  # noqa: S101 - just asked
        at = one.offset + ticks / one.units
        made = self._packets.read(one.link, self._number, at, data, start, start + size)
        if made is not False:
            yield self._number, made

    def _interface(self, number: int, data: bytes, place: int, end: int) -> Interface:
        units, offset = 1_000_000, 0
        while place + 4 <= end:
            code, size = struct.unpack_from(self._order + "HH", data, place)
            value = data[place + 4 : place + 4 + size]
            if not code or place + 4 + size > end:
                break
            if code == _RESOLUTION and size == 1:
                power = value[0] & 0x7F
                # Finer than a picosecond nothing is measured: the octet is broken.
                units = 2 ** min(power, 63) if value[0] & 0x80 else 10 ** min(power, 18)
            elif code == _OFFSET and size == 8:
                offset = struct.unpack(self._order + "q", value)[0]
            place += 4 + (size + 3 & ~3)
        return Interface(link(number, big=self._order == ">"), units, offset)
