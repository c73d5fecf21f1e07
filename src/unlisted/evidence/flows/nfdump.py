"""nfdump's binary files (nfcapd.*), of nfdump 1.6 (layout 1) and 1.7 (layout 2).

Source: nfdump 1.6.25 bin/nffile.h, bin/nfx.h; 1.7.1 src/lib/nffileV2.h, nfxV3.h. Uncompressed, LZO, LZ4 and
bzip2 are read; for zstd, encryption and later layouts `nfdump -r FILE -o csv` writes text.

Surprises: Everything is in the byte order of the machine that wrote it, IPv4 addresses too; an IPv6 address
is two numbers of 64 bits. The length of an element counts its own head. A record's flags say that packets
were sampled. Layout 1 tells no translations here: they need its extension maps.
"""

import bz2
import struct
from collections.abc import Iterable, Iterator

from unlisted.evidence import OTHER, Feed, Parsed
from unlisted.evidence.contact import connection
from unlisted.evidence.flows import _packing
from unlisted.evidence.flows._addresses import address, card
from unlisted.evidence.flows._elements import forwarding
from unlisted.evidence.flows._sided import Sided
from unlisted.messages import Translation
from unlisted.net import Address

MAGIC = (b"\x0c\xa5", b"\xa5\x0c")

BLOCK = 16 << 20  # octets of an unpacked block; nfdump makes them of 1 to 5 MiB
_HEAD1, _HEAD2 = 140 + 136, 40  # the file's header; layout 1 with the statistics behind it
_NAMES = {1: "LZO", 2: "bzip2", 3: "LZ4", 4: "zstd"}
_READ = frozenset((0, 1, 2, 3))
_AS_TEXT = "(nfdump -r FILE -o csv writes it as text)"
_TCP = 6
_SAMPLED = 2  # V3_FLAG_SAMPLED
_FLOW1, _FLOW0, _FLOW3 = 10, 1, 11  # types of records


def refuse(first: bytes) -> str:
    """Why this file is not read."""
    if len(first) < _HEAD2:
        return "a file of nfdump, cut off in its header"
    order = _order(first)
    version = struct.unpack_from(order + "H", first, 2)[0]
    if version not in (1, 2):
        return f"a file of nfdump, layout {version}: not read {_AS_TEXT}"
    if version == 2 and first[17]:
        return f"a file of nfdump, encrypted: not read {_AS_TEXT}"
    packing = _packing_of(first, order, version)
    return (
        ""
        if packing in _READ
        else f"a file of nfdump, packed with {_NAMES.get(packing, '?')}: not read {_AS_TEXT}"
    )


def _order(first: bytes) -> str:
    return "<" if first[0] == 0x0C else ">"


def _packing_of(first: bytes, order: str, version: int) -> int:
    if version == 2:
        return first[16]
    flags = struct.unpack_from(order + "I", first, 4)[0]
    return 1 if flags & 1 else 2 if flags & 8 else 3 if flags & 16 else 0


def stream() -> Feed:
    """A reader of one file."""
    return _File().feed


class _File:
    def __init__(self) -> None:
        self._rest, self._started, self._broken = b"", False, False
        self._order, self._version, self._packing, self._number = "<", 2, 0, 0
        self._sided = Sided()

    def feed(self, data: bytes) -> Iterable[tuple[int, Parsed]]:
        """The next octets of the file; b"" at its end."""
        if self._broken:
            return
        if not data:
            if self._rest:
                yield self._number + 1, None  # cut off in the middle of a block
            return
        data = self._rest + data if self._rest else data
        start, end = 0, len(data)
        if not self._started:
            if end < _HEAD1:
                self._rest = data
                return
            start = self._begin(data)
        while start + 12 <= end:
            _, size, kind, flags = struct.unpack_from(self._order + "IIHH", data, start)
            stop = start + 12 + size
            if size > BLOCK:
                self._broken = True
                yield self._number + 1, None
                return
            if stop > end:
                break
            yield from self._block(kind, flags, data[start + 12 : stop])
            start = stop
        self._rest = data[start:]

    def _begin(self, data: bytes) -> int:
        self._started = True
        self._order = _order(data)
        self._version = struct.unpack_from(self._order + "H", data, 2)[0]
        self._packing = _packing_of(data, self._order, self._version)
        return _HEAD2 if self._version == 2 else _HEAD1

    def _block(self, kind: int, flags: int, data: bytes) -> Iterator[tuple[int, Parsed]]:
        if kind not in ((2, 3) if self._version == 1 else (3,)):
            return  # the catalog, an array, the appendix with its statistics
        plain = self._version == 2 and flags & 1
        body = data if plain else _unpacked(data, self._packing)
        if body is None:
            self._number += 1
            yield self._number, None
            return
        place, order = 0, self._order
        while place + 4 <= len(body):
            kind, size = struct.unpack_from(order + "HH", body, place)
            if size < 4 or place + size > len(body):
                break
            if kind in (_FLOW3, _FLOW1, _FLOW0):
                self._number += 1
                record = body[place : place + size]
                yield self._number, self._flow3(record) if kind == _FLOW3 else self._flow1(kind, record)
            place += size

    def _flow1(self, kind: int, data: bytes) -> Parsed:
        """A record of nfdump 1.6: the common part, then the addresses."""
        order, place = self._order, 32 if kind == _FLOW1 else 28
        if len(data) < place + 8:
            return None
        flags = struct.unpack_from(order + "H", data, 4)[0] if kind == _FLOW1 else data[4]
        msec, msec_end, first, last, status, tcp, protocol, _, sport, dport = struct.unpack_from(
            order + "HHIIBBBBHH", data, 8
        )
        wide = 16 if flags & 1 else 4
        if len(data) < place + 2 * wide:
            return None
        return self._sided.flow(
            first + msec / 1e3,
            address(self._raw(data[place : place + wide])),
            address(self._raw(data[place + wide : place + 2 * wide])),
            sport,
            dport,
            protocol,
            tcp,
            sampled=bool(flags & 0x80),
            action=forwarding(status),
            end=last + msec_end / 1e3,
        )

    def _raw(self, data: bytes) -> bytes:
        """An address as the network writes it: IPv4 is one number, IPv6 two."""
        if self._order == ">":
            return data
        return data[::-1] if len(data) == 4 else data[7::-1] + data[:7:-1]

    def _flow3(self, data: bytes) -> Parsed:
        """A record of nfdump 1.7: elements, each with its type and length."""
        order = self._order
        if len(data) < 12:
            return None
        count, flags = struct.unpack_from(order + "H", data, 4)[0], data[10]
        found: dict[int, bytes] = {}
        place = 12
        for _ in range(count):
            if place + 4 > len(data):
                break
            kind, size = struct.unpack_from(order + "HH", data, place)
            if size < 4 or place + size > len(data):
                return None
            found[kind] = data[place + 4 : place + size]
            place += size
        ends = found.get(2) or found.get(3) or b""
        generic = found.get(1, b"")
        if len(ends) not in (8, 32) or len(generic) < 48:
            return OTHER
        tcp = generic[44] == _TCP and 20 not in found and 26 not in found
        if tcp and generic[45] and not generic[45] & 2 and not flags & _SAMPLED:
            return OTHER  # a later part, as Sided would say
        half = len(ends) // 2
        return self._told(
            found, generic, self._raw(ends[:half]), self._raw(ends[half:]), bool(flags & _SAMPLED)
        )

    def _told(
        self, found: dict[int, bytes], generic: bytes, source: bytes, target: bytes, sampled: bool
    ) -> Parsed:
        order = self._order
        first, last, sport, dport, protocol, tcp, status = struct.unpack_from(order + "QQ24xHHBBB", generic)
        src, dst = address(source), address(target)
        macs = found.get(16, b"")
        mac = card(struct.pack(">Q", struct.unpack_from(order + "Q", macs)[0])[2:]) if len(macs) >= 8 else ""
        nat, nat_port = self._outside(found)
        user = found.get(25, b"").split(b"\0")[0].decode("utf-8", "replace")
        at, event = self._event(found)
        if src is None:
            return None
        if event and (20 in found or 26 in found):
            if event in (1, 3, 4, 6, 8) and dst is not None:
                denied = event == 3 and 20 in found
                action = "block" if denied else "pass" if 20 in found else ""
                return connection(
                    at, src, dst, dport, sport, str(protocol),
                    mac=mac, action=action, nat=nat, nat_port=nat_port, account=user,
                )  # fmt: skip
            if nat is None or event not in (2, 5, 7, 9):
                return OTHER
            name = {6: "tcp", 17: "udp"}.get(protocol, "")
            return Translation(
                src, nat, end=at, inside_port=sport, port=nat_port, protocol=name, dst=dst, dport=dport
            )
        return self._sided.flow(
            first / 1e3, src, dst, sport, dport, protocol, tcp, sampled=sampled, mac=mac,
            action=forwarding(status), nat=nat, nat_port=nat_port, account=user, end=last / 1e3,
        )  # fmt: skip

    def _outside(self, found: dict[int, bytes]) -> tuple[Address | None, int]:
        """The translated source."""
        made, port = None, 0
        if len(one := found.get(21, b"")) >= 4:
            made = address(self._raw(one[:4]))
        elif len(one := found.get(22, b"")) >= 16:
            made = address(self._raw(one[:16]))
        if len(one := found.get(23, b"")) >= 2:
            port = struct.unpack_from(self._order + "H", one)[0]
        return (made, port) if made is not None and int(made) else (None, 0)

    def _event(self, found: dict[int, bytes]) -> tuple[float, int]:
        """When a firewall (NSEL) or a translator (NEL) did something, and what."""
        if len(one := found.get(20, b"")) >= 15:
            ms, _, _, event = struct.unpack_from(self._order + "QIHB", one)
            return ms / 1e3, event
        if len(one := found.get(26, b"")) >= 21:
            ms, event = struct.unpack_from(self._order + "Q12xB", one)
            return ms / 1e3, event
        return 0.0, 0


def _unpacked(data: bytes, packing: int) -> bytes | None:
    if packing == 1:
        return _packing.lzo(data, BLOCK)
    if packing == 2:
        try:
            return bz2.BZ2Decompressor().decompress(data, BLOCK)
        except (OSError, EOFError, ValueError):
            return None
    if packing == 3:
        return _packing.lz4(data, BLOCK)
    return data
