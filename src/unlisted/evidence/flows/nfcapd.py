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

from unlisted import net
from unlisted.evidence import OTHER, Feed, Parsed
from unlisted.evidence.flows import _packing
from unlisted.evidence.flows._addresses import address, card
from unlisted.evidence.flows._elements import Values, forwarding, record
from unlisted.evidence.flows._sided import Sided

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
        for number, kind, octets in sorted(self._records(body), key=self._opens):
            yield number, self._flow3(octets) if kind == _FLOW3 else self._flow1(kind, octets)

    def _records(self, body: bytes) -> Iterator[tuple[int, int, bytes]]:
        """The flows of a block: number, type, octets."""
        place, order = 0, self._order
        while place + 4 <= len(body):
            kind, size = struct.unpack_from(order + "HH", body, place)
            if size < 4 or place + size > len(body):
                break
            if kind in (_FLOW3, _FLOW1, _FLOW0):
                self._number += 1
                yield self._number, kind, body[place : place + size]
            place += size

    def _opens(self, one: tuple[int, int, bytes]) -> bool:
        """False for a server's half, which tells how the other went and is read first."""
        _, kind, octets = one
        place = 24
        if kind == _FLOW3:
            place = 12
            while octets[place : place + 2] not in (b"\1\0", b"\0\1"):  # to the generic element
                if place + 4 > len(octets):
                    return True
                place += max(struct.unpack_from(self._order + "H", octets, place + 2)[0], 4)
            place += 44
        if len(octets) < place + 2:
            return True
        return struct.unpack_from(self._order + "H", octets, place)[0] not in net.MAIL_PORTS

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
        if tcp and generic[45] and not generic[45] & 6 and not flags & _SAMPLED:
            return OTHER  # a later part, as Sided would say
        half = len(ends) // 2
        return self._told(
            found, generic, self._raw(ends[:half]), self._raw(ends[half:]), bool(flags & _SAMPLED)
        )

    def _told(
        self, found: dict[int, bytes], generic: bytes, source: bytes, target: bytes, sampled: bool
    ) -> Parsed:
        """A flow, or the word of a firewall (NSEL) or a translator (NEL): as IPFIX would say it."""
        order = self._order
        first, last, sport, dport, protocol, tcp, status = struct.unpack_from(order + "QQ24xHHBBB", generic)
        nat, nat_port = self._outside(found)
        macs = found.get(16, b"")
        mac = struct.pack(">Q", struct.unpack_from(order + "Q", macs)[0])[2:] if len(macs) >= 8 else b""
        user = found.get(25, b"").split(b"\0")[0]
        if event := self._event(found):
            values = event | {
                8: source, 12: target, 7: struct.pack(">H", sport), 11: struct.pack(">H", dport),
                4: bytes((protocol,)), 56: mac, 225: nat, 227: struct.pack(">H", nat_port), 371: user,
            }  # fmt: skip
            return record(values, first / 1e3, None, self._sided, sampled=sampled)
        return self._sided.flow(
            first / 1e3, address(source), address(target), sport, dport, protocol, tcp, sampled=sampled,
            mac=card(mac), action=forwarding(status), nat=address(nat), nat_port=nat_port,
            account=user.decode("utf-8", "replace"), end=last / 1e3,
        )  # fmt: skip

    def _outside(self, found: dict[int, bytes]) -> tuple[bytes, int]:
        """The translated source; b"" for none."""
        made = self._raw(found[21][:4]) if 21 in found else self._raw(found.get(22, b"")[:16])
        ports = found.get(23, b"")
        port = struct.unpack_from(self._order + "H", ports)[0] if len(ports) >= 2 else 0
        return (made, port) if len(made) in (4, 16) and any(made) else (b"", 0)

    def _event(self, found: dict[int, bytes]) -> Values:
        """What was done, when and with which ports; {} for a plain flow."""
        if len(one := found.get(20, b"")) >= 15:
            ms, event = struct.unpack_from(self._order + "Q6xB", one)
            made: Values = {233: bytes((event,))}
        elif len(one := found.get(26, b"")) >= 21:
            ms, event = struct.unpack_from(self._order + "Q12xB", one)
            made = {230: bytes((event,))}
        else:
            return {}
        if len(ports := found.get(27, b"")) >= 8:
            numbers = struct.unpack_from(self._order + "HHHH", ports)
            made |= {361 + place: struct.pack(">H", number) for place, number in enumerate(numbers)}
        return made | {323: struct.pack(">Q", ms)} if event else {}


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
