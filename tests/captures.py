"""Packets and captures, written octet by octet for the tests that read them."""

import struct
from ipaddress import ip_address

CARD, ROUTER = "3c:5a:b4:12:34:56", "02:00:00:00:00:01"
START = 1795478786.0  # 2026-11-24 00:06:26Z


def ethernet(body: bytes, kind: int = 0x0800, src: str = CARD, dst: str = ROUTER) -> bytes:
    """A frame."""
    return bytes.fromhex((dst + src).replace(":", "")) + struct.pack("!H", kind) + body


def ipv4(src: str, dst: str, protocol: int, body: bytes, *, fragment: int = 0, options: bytes = b"") -> bytes:
    """A packet; `fragment` is the field with the flags."""
    words = 5 + len(options) // 4
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(body), 7, fragment, 64, protocol, 0,
        ip_address(src).packed, ip_address(dst).packed,
    )  # fmt: skip
    return head + options + body


def ipv6(src: str, dst: str, kind: int, body: bytes) -> bytes:
    """A packet."""
    return (
        struct.pack("!IHBB", 0x60000000, len(body), kind, 64)
        + ip_address(src).packed
        + ip_address(dst).packed
        + body
    )


SYN, SYNACK, RST, ACK = 0x02, 0x12, 0x14, 0x10


def tcp(sport: int, dport: int, flags: int, sequence: int = 1000, acknowledged: int = 0) -> bytes:
    """A segment without data."""
    return struct.pack("!HHIIBBHHH", sport, dport, sequence, acknowledged, 0x50, flags, 64240, 0, 0)


def udp(sport: int, dport: int, body: bytes = b"x") -> bytes:
    """A datagram."""
    return struct.pack("!HHHH", sport, dport, 8 + len(body), 0) + body


def syn(dst: str = "198.51.100.7", dport: int = 25, sport: int = 51512, sequence: int = 1000) -> bytes:
    """A frame in which 192.168.50.9 asks for a connection."""
    return ethernet(ipv4("192.168.50.9", dst, 6, tcp(sport, dport, SYN, sequence)))


def reply(
    flags: int, dst: str = "198.51.100.7", dport: int = 25, sport: int = 51512, sequence: int = 1000
) -> bytes:
    """What comes back for `syn`."""
    segment = tcp(dport, sport, flags, 77, sequence + 1)
    return ethernet(ipv4(dst, "192.168.50.9", 6, segment), src=ROUTER, dst=CARD)


Timed = tuple[float, bytes]


def pcap(
    packets: list[Timed],
    link: int = 1,
    *,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    snap: int = 262_144,
) -> bytes:
    """A capture of tcpdump."""
    unit = 1e9 if magic == 0xA1B23C4D else 1e6
    made = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    for at, data in packets:
        kept = data[:snap]
        more = bytes(8) if magic == 0xA1B2CD34 else b""
        made.append(
            struct.pack(order + "IIII", int(at), round(at % 1 * unit), len(kept), len(data)) + more + kept
        )
    return b"".join(made)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A block of pcapng."""
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    """The block that begins a section."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = 1, resolution: int | None = None, order: str = "<", offset: int = 0) -> bytes:
    """The block of an interface; `resolution` as if_tsresol spells it."""
    options = b""
    if resolution is not None:
        options += struct.pack(order + "HHB3x", 9, 1, resolution)
    if offset:
        options += struct.pack(order + "HHq", 14, 8, offset)
    if options:
        options += bytes(4)
    return block(1, struct.pack(order + "HHI", link, 0, 0) + options, order)


def enhanced(ticks: int, data: bytes, where: int = 0, order: str = "<") -> bytes:
    """The block of a packet."""
    head = struct.pack(order + "IIIII", where, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(6, head + data, order)
