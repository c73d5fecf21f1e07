"""STUN: the address from which a server on the internet sees us come (RFC 8489). Packets only."""

import re
from ipaddress import IPv4Address, IPv6Address

from unlisted import net
from unlisted.net import Address

PORT = 3478  # RFC 8489 §18.6
COOKIE = b"\x21\x12\xa4\x42"  # §5
_MAPPED, _XOR_MAPPED = 0x0001, 0x0020  # §14.1, §14.2
_ERROR = 0x0009  # §14.8
_PLACE = re.compile(r"\[([0-9A-Fa-f:.]{2,45})\](?::([0-9]{1,5}))?|([A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?")


def place(text: str) -> tuple[str, int] | None:
    """`HOST`, `HOST:PORT`, `ADDR6`, `[ADDR6]:PORT` as host and port; None for anything else."""
    text = text.strip()
    if (address := net.ip(text)) is not None and ":" in text:
        return str(address), PORT
    if (found := _PLACE.fullmatch(text)) is None:
        return None
    host, port = found[1] or found[3], int(found[2] or found[4] or PORT)
    return (host, port) if 0 < port < 65536 and (not found[1] or net.ip(host)) else None


def build(number: bytes) -> bytes:
    """A binding request; `number` is the transaction's, 12 random octets (§5)."""
    return b"\x00\x01\x00\x00" + COOKIE + number


def read(packet: bytes, number: bytes) -> Address | str:
    """Our address in the answer to exactly this request, or why there is none. Never raises.

    The plain attribute is of RFC 3489, and some NATs rewrite it (RFC 8489 §14.2): it counts only alone.
    """
    if len(packet) < 20 or packet[4:20] != COOKIE + number or len(packet) != 20 + int.from_bytes(packet[2:4]):
        return "what came is no answer to it"
    if packet[:2] not in (b"\x01\x01", b"\x01\x11"):  # success and error of a binding
        return "what came is no answer to it"
    at, found = 20, dict[int, bytes]()
    while at + 4 <= len(packet):
        kind, size = int.from_bytes(packet[at : at + 2]), int.from_bytes(packet[at + 2 : at + 4])
        at += 4
        if at + size > len(packet):
            return "what came is cut off"
        found.setdefault(kind, packet[at : at + size])  # §14: the first of a kind counts
        at += size + -size % 4
    if packet[1] == 0x11:
        code = found.get(_ERROR, b"")
        return f"it refuses (error {(code[2] & 7) * 100 + code[3]})" if len(code) >= 4 else "it refuses"
    told = _address(found.get(_XOR_MAPPED, b""), COOKIE + number) or _address(
        found.get(_MAPPED, b""), bytes(16)
    )
    return told or "it tells no address"


def _address(value: bytes, mask: bytes) -> Address | None:
    """One address attribute: zero, family, port, address."""
    octets = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    if len(value) == 8 and value[1] == 1:
        return IPv4Address(octets)
    if len(value) == 20 and value[1] == 2:
        return net.ip(str(IPv6Address(octets)))
    return None
