"""DHCP in a capture: the server's ACK is a lease, the client's request before it says who asked.

Sources: RFC 2131 §2 (the packet), RFC 2132 (options 12, 50, 51, 53, 55, 60, 61), RFC 4702 (81, the full
name).
"""

import struct

from unlisted import net
from unlisted.evidence.flows._addresses import address, card
from unlisted.messages import Lease

ASKED = 4096  # requests whose answer is awaited
_COOKIE = b"\x63\x82\x53\x63"
_REQUEST, _ACK, _RELEASE = 3, 5, 7
_FOREVER = 0xFFFFFFFF  # RFC 2131 §3.3
_NAME = 255  # octets of a host's name that are read


class Dhcp:
    """The requests of one capture, until they are answered."""

    def __init__(self) -> None:
        self._asked: dict[bytes, dict[int, bytes]] = {}

    def read(self, at: float, body: bytes) -> Lease | None:
        """One DHCP message; a lease where it grants or ends one."""
        if len(body) < 240 or body[236:240] != _COOKIE or body[1] != 1 or body[2] != 6:
            return None
        found = options(body)
        kind = found.get(53, b"")
        mac = card(body[28:34])
        if len(kind) != 1 or not mac:
            return None
        key = body[4:8] + body[28:34]
        if body[0] == 1 and kind[0] == _RELEASE and (held := address(body[12:16])) and int(held):
            return Lease(held, mac, end=at)
        if body[0] == 1 and kind[0] in (1, _REQUEST, 8):
            if len(self._asked) >= ASKED:
                del self._asked[next(iter(self._asked))]
            self._asked[key] = found
            return None
        if body[0] != 2 or kind[0] != _ACK:
            return None
        return _granted(at, body, mac, found, self._asked.pop(key, {}))


def _granted(
    at: float, body: bytes, mac: str, told: dict[int, bytes], asked: dict[int, bytes]
) -> Lease | None:
    held = address(body[16:20])
    if held is None or not int(held):
        held = address(body[12:16])  # the answer to an INFORM: the client has its address already
    if held is None or not int(held):
        return None
    seconds = struct.unpack("!I", told[51])[0] if len(told.get(51, b"")) == 4 else _FOREVER
    return Lease(
        held,
        mac,
        hostname=_name(asked, told),
        client_id=asked.get(61, b"").hex(":"),
        start=at,
        end=None if seconds == _FOREVER else at + seconds,
        fingerprint=_fingerprint(asked),
    )


def _name(asked: dict[int, bytes], told: dict[int, bytes]) -> str:
    """The host's own name: option 12, or the first label of 81. A stranger's word."""
    for source in (asked, told):
        text = source.get(12, b"").rstrip(b"\0")[:_NAME].decode("utf-8", "replace")
        if text:
            return text
    full = asked.get(81, b"")
    if len(full) > 3 and not full[0] & 4:  # RFC 4702 §2.1: E clear, the name stands there as text
        name = full[3:].rstrip(b"\0")[:_NAME].decode("ascii", "replace").partition(".")[0]
        return name if net.label(name) else ""
    return ""


def _fingerprint(asked: dict[int, bytes]) -> str:
    """`1,3,6,15 MSFT 5.0`: the parameters asked for, in their order, and the vendor class."""
    wanted = ",".join(map(str, asked.get(55, b"")))
    vendor = asked.get(60, b"")[:_NAME].decode("utf-8", "replace").strip("\0 ")
    return f"{wanted} {vendor}".strip()


def options(body: bytes) -> dict[int, bytes]:
    """The options behind the cookie; what is cut off is left out. A repeated one continues (RFC 3396 §7)."""
    found: dict[int, bytes] = {}
    place = 240
    while place < len(body) and (code := body[place]) != 255:
        if code == 0:
            place += 1
            continue
        if place + 2 > len(body):
            break
        end = place + 2 + body[place + 1]
        if end > len(body):
            break
        found[code] = (found.get(code, b"") + body[place + 2 : end])[:1024]
        place = end
    return found
