"""One's own public address without a third party: what to ask the router, and what its answers mean.

NAT-PMP (RFC 6886 §3.2: the one request that changes nothing), UPnP's Internet gateway (UPnP Forum,
WANIPConnection:1 §2.4.18 GetExternalIPAddress), STUN (RFC 8489) where the person named a server.
Routers are strangers too: whatever does not fit is a reason, not an address. Pure; nothing raises.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from unlisted import net
from unlisted.net import Address

NATPMP_QUESTION = b"\x00\x00"  # version 0, opcode 0: what is your external address?
_NATPMP_RESULTS = {
    1: "it speaks another version",
    2: "it refuses (switched off)",
    3: "it has no address itself",
    4: "out of room",
    5: "it does not know this question",
}
_COOKIE = b"\x21\x12\xa4\x42"  # RFC 8489 §5
_MAPPED, _XOR_MAPPED = 0x0001, 0x0020
SHARED = IPv4Network("100.64.0.0/10")  # RFC 6598
_DS_LITE = IPv4Network("192.0.0.0/29")  # RFC 6333 §5.7
_LARGEST = 100_000  # characters of a router's XML that are read
_LOCATION = re.compile(rb"^location:[ \t]*(http://[!-~]{1,400})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_SERVICE = re.compile(r"<service>(.{0,4000}?)</service>", re.DOTALL)
_TYPE = re.compile(r"<serviceType>\s*(urn:schemas-upnp-org:service:WAN(?:IP|PPP)Connection:[12])\s*<")
_CONTROL = re.compile(r"<controlURL>\s*([!-;=?-~]{1,400})\s*<")
_BASE = re.compile(r"<URLBase>\s*([!-;=?-~]{1,400})\s*<")
_EXTERNAL = re.compile(r"<NewExternalIPAddress>\s*([0-9A-Fa-f.:]{2,45})\s*<")


class Told(Struct, frozen=True):
    """What one way of asking gave: an address, or why it gave none."""

    way: str  # interface, NAT-PMP, UPnP, STUN
    address: Address | None = None
    why: str = ""


class Verdict(Struct, frozen=True):
    """Our addresses as the world sees them, none where that cannot be told. `says` is for a person.

    `kind` is of IPv4; of IPv6 there is one address for each /64, for lists name the /64.
    """

    addresses: tuple[Address, ...]
    kind: str  # public, nat, double-nat, cgnat, unknown
    says: str


# ---- NAT-PMP --------------------------------------------------------------------------------------


def natpmp(packet: bytes) -> Told:
    """A router's answer to `NATPMP_QUESTION` (RFC 6886 §3.2): 12 octets, the address last."""
    way = "NAT-PMP"
    if len(packet) < 4 or packet[0] != 0 or packet[1] != 128:
        return Told(way, why="what came is no answer to it")
    result = int.from_bytes(packet[2:4])
    if result:
        return Told(way, why=_NATPMP_RESULTS.get(result, f"result {result}"))
    if len(packet) != 12:
        return Told(way, why="what came is no answer to it")
    return _told(way, IPv4Address(packet[8:12]))


# ---- UPnP -----------------------------------------------------------------------------------------


def search(kind: str = "urn:schemas-upnp-org:device:InternetGatewayDevice:1") -> bytes:
    """The SSDP question (UPnP Device Architecture 1.1 §1.3.2)."""
    lines = ("M-SEARCH * HTTP/1.1", "HOST: 239.255.255.250:1900", 'MAN: "ssdp:discover"', "MX: 1")
    return "\r\n".join([*lines, f"ST: {kind}", "", ""]).encode()


def location(packet: bytes, sender: str) -> str:
    """Where the answering router describes itself; "" unless that is the very address that answered."""
    found = _LOCATION.search(packet[:4096])
    url = found[1].decode("ascii") if found else ""
    return url if _at(url) == sender else ""


def _at(url: str) -> str:
    """The address in a URL; "" for a name, which might lead anywhere."""
    try:
        parts = urlsplit(url)
        return str(net.ip(parts.hostname or "") or "") if parts.scheme == "http" and parts.port != 0 else ""
    except ValueError:
        return ""


def control(description: str, url: str) -> tuple[str, str]:
    """Type of the WAN service in a router's description, and the URL that controls it; "" for none."""
    text = description[:_LARGEST]
    base = found[1] if (found := _BASE.search(text)) else url
    for service in _SERVICE.finditer(text):
        kind, place = _TYPE.search(service[1]), _CONTROL.search(service[1])
        if kind and place:
            try:
                whole = urljoin(base, place[1])
            except ValueError:
                continue
            if _at(whole) == _at(url):
                return kind[1], whole
    return "", ""


def question(service: str) -> bytes:
    """The SOAP body that asks for the external address."""
    return (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:GetExternalIPAddress xmlns:u="{service}"/></s:Body></s:Envelope>'
    ).encode()


def external(answer: str) -> Told:
    """The address in the router's SOAP answer."""
    found = _EXTERNAL.search(answer[:_LARGEST])
    address = net.ip(found[1]) if found else None
    return _told("UPnP", address) if address else Told("UPnP", why="it told no address")


# ---- STUN -----------------------------------------------------------------------------------------


def binding(number: bytes) -> bytes:
    """A STUN binding request (RFC 8489 §5); `number` is 12 random octets."""
    return b"\x00\x01\x00\x00" + _COOKIE + number


def bound(packet: bytes, number: bytes) -> Told:
    """Our address as the server saw it, from its answer to this very request (RFC 8489 §14.1, §14.2)."""
    way = "STUN"
    if len(packet) < 20 or packet[:2] != b"\x01\x01" or packet[4:20] != _COOKIE + number:
        return Told(way, why="what came is no answer to it")
    end = min(len(packet), 20 + int.from_bytes(packet[2:4]))
    at, plain = 20, None
    while at + 4 <= end:
        kind, size = int.from_bytes(packet[at : at + 2]), int.from_bytes(packet[at + 2 : at + 4])
        value = packet[at + 4 : min(end, at + 4 + size)]
        if kind == _XOR_MAPPED and (address := _mapped(value, _COOKIE + number)):
            return _told(way, address)
        if kind == _MAPPED:
            plain = plain or _mapped(value, bytes(16))
        at += 4 + size + (-size) % 4
    return _told(way, plain) if plain else Told(way, why="it told no address")


def _mapped(value: bytes, mask: bytes) -> Address | None:
    octets = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
    if len(value) == 8 and value[1] == 1:
        return IPv4Address(octets)
    return IPv6Address(octets) if len(value) == 20 and value[1] == 2 else None


def _told(way: str, address: Address) -> Told:
    if address.is_unspecified or address.is_loopback or address.is_multicast:
        return Told(way, why=f"it told {address}, which is nobody's")
    return Told(way, address)


# ---- what it all means ----------------------------------------------------------------------------


def shared(address: Address) -> bool:
    """True where a provider's NAT stands between it and the world: carrier-grade NAT or DS-Lite."""
    return isinstance(address, IPv4Address) and (address in SHARED or address in _DS_LITE)


def public(address: Address) -> bool:
    """True for an address that the world may see us by."""
    return not net.inside(address) and not shared(address) and not address.is_multicast


def verdict(found: list[Told]) -> Verdict:
    """What is ours. Where ways disagree, what the world saw (STUN) goes before the router's word."""
    four = _four([one for one in found if isinstance(one.address, IPv4Address)])
    six = {
        int(one.address) >> 64: one.address
        for one in reversed(found)
        if isinstance(one.address, IPv6Address) and public(one.address)
    }
    mine = tuple(sorted(six.values(), key=int))
    if four is None and not mine:
        tried = "; ".join(f"{one.way}: {one.why}" for one in found if one.why)
        return Verdict((), "unknown", f"nobody here knows it ({tried or 'there is no router'})")
    four = four or Verdict((), "unknown", "no IPv4 address is known")
    says = [four.says, *(f"{address} on this machine (lists name its /64)" for address in mine)]
    return Verdict((*four.addresses, *mine), four.kind, "; ".join(says))


def _four(found: list[Told]) -> Verdict | None:
    order = ("STUN", "interface", "NAT-PMP", "UPnP")
    told = sorted(found, key=lambda one: order.index(one.way))
    outside = [(one.way, one.address) for one in told if one.address and public(one.address)]
    router = [one for one in told if one.way in ("NAT-PMP", "UPnP")]
    hidden = next((one for one in router if one.address and not public(one.address)), None)
    if hidden and not (outside and outside[0][0] in ("STUN", "interface")):
        return Verdict((), _kind(hidden), _behind(hidden))
    if not outside:
        return None
    way, mine = outside[0]
    others = sorted({str(address) for _, address in outside if address != mine})
    doubt = f"; not all agree: {', '.join(others)}" if others else ""
    if hidden and way == "STUN":
        return Verdict((mine,), _kind(hidden), f"{mine}, by STUN; {_behind(hidden)}{doubt}")
    kind = "public" if way == "interface" else "nat"
    how = "on this machine itself" if kind == "public" else f"the router's, by {way}"
    return Verdict((mine,), kind, f"{mine}, {how}{doubt}")


def _kind(told: Told) -> str:
    return "cgnat" if told.address is not None and shared(told.address) else "double-nat"


def _behind(told: Told) -> str:
    if _kind(told) == "cgnat":
        return (
            f"the router's own address is {told.address} (shared space, RFC 6598): your provider's NAT "
            "stands before you, and strangers share your public address"
        )
    return f"the router's own address is {told.address}, a private one: another router stands before it"
