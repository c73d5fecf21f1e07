"""Asks this machine, the router and, where it was named, a STUN server for our public address; by a deadline.

All at once. Nothing leaves the local network unless a STUN server was named, and nothing on the router is
changed. What fails is told as a reason, never raised.
"""

import os
import re
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from unlisted import net
from unlisted.edge import surroundings
from unlisted.net import Address
from unlisted.notice import wan
from unlisted.notice.wan import Told

TIMEOUT = 2.0  # seconds for all of it
NATPMP_PORT = 5351  # RFC 6886 §3
SSDP = ("239.255.255.250", 1900)
STUN_PORT = 3478  # RFC 8489 §18.6
_LARGEST = 100_000  # octets of a router's page
_LENGTH = re.compile(
    rb"(?:[^\r\n]{1,1000}\r\n)*?content-length:[ \t]*([0-9]{1,9})[ \t]*\r\n(?:[^\r\n]{1,1000}\r\n)*\r\n",
    re.IGNORECASE,
)
_ACTION = 'Content-Type: text/xml; charset="utf-8"\r\nSOAPAction: "{}#GetExternalIPAddress"\r\n'
PAGE = 1.0  # seconds for the router's pages; the other ways are to be heard too
_REPEAT = 0.25  # seconds until a question is sent again, then doubled (RFC 6886 §3.1)


class _Asked(Struct, eq=False):
    """One question under way."""

    way: str
    socket: socket.socket
    question: bytes
    place: tuple[str, int]
    read: Callable[[bytes, str], Told]
    said: Told


def discover(
    stun: tuple[str, int] | None = None, timeout: float = TIMEOUT, gateways: Sequence[str] | None = None
) -> list[Told]:
    """What each way gave. `gateways`: of this machine's routing table where nobody says."""
    until = time.monotonic() + timeout
    found = [Told("interface", address) for address in _own() if wan.public(address)]
    if gateways is None:
        gateways = [route.gateway for route in surroundings.default_routes()]
    asked = [_natpmp(gateway) for gateway in gateways if _four(gateway)]
    if gateways:
        asked.append(_upnp(gateways, until))
    if stun:
        asked.append(_stun(stun))
    try:
        _wait(asked, until)
    finally:
        for one in asked:
            one.socket.close()
    return found + [one.said for one in asked]


def _own() -> list[Address]:
    return surroundings.addresses()


def _four(text: str) -> bool:
    address = net.ip(text)
    return address is not None and address.version == 4


def _udp(way: str, question: bytes, place: tuple[str, int], read: Callable[[bytes, str], Told]) -> _Asked:
    made = socket.socket(socket.AF_INET6 if ":" in place[0] else socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    return _Asked(way, made, question, place, read, Told(way, why="no answer"))


def _natpmp(gateway: str) -> _Asked:
    asked = _udp("NAT-PMP", wan.NATPMP_QUESTION, (gateway, NATPMP_PORT), lambda data, _: wan.natpmp(data))
    _connect(asked)
    return asked


def _connect(asked: _Asked) -> None:
    """Only who was asked is heard."""
    try:
        asked.socket.connect(asked.place)
    except OSError as error:
        asked.said = Told(asked.way, why=error.strerror or str(error))


def _upnp(gateways: Sequence[str], until: float) -> _Asked:
    """Only the router's own word counts: any device of the network may answer this question."""

    def read(packet: bytes, sender: str) -> Told:
        if sender not in gateways:
            return Told("UPnP", why=f"{sender} answered, which is not the router")
        url = wan.location(packet, sender)
        if not url:
            return Told("UPnP", why="the router describes itself elsewhere")
        return _described(url, min(until, time.monotonic() + PAGE))

    return _udp("UPnP", wan.search(), SSDP, read)


def _stun(place: tuple[str, int]) -> _Asked:
    number = os.urandom(12)
    try:
        told = socket.getaddrinfo(*place, type=socket.SOCK_DGRAM)[0][4]
        asked = _udp(
            "STUN", wan.binding(number), (str(told[0]), place[1]), lambda data, _: wan.bound(data, number)
        )
    except OSError as error:
        asked = _udp("STUN", b"", ("127.0.0.1", 9), lambda data, _: wan.bound(data, number))
        asked.said = Told("STUN", why=f"{place[0]}: {error.strerror or error}")
        return asked
    _connect(asked)
    return asked


def _wait(asked: list[_Asked], until: float) -> None:
    """Send, repeat, hear; each way ends with its first answer that fits."""
    open_ = [one for one in asked if one.question and one.said.why == "no answer"]
    pause = _REPEAT
    with selectors.DefaultSelector() as selector:
        for one in open_:
            selector.register(one.socket, selectors.EVENT_READ, one)
        again = 0.0
        while open_ and (now := time.monotonic()) < until:
            if now >= again:
                again, pause = now + pause, pause * 2
                for one in list(open_):
                    _send(one)
            ready = [key.data for key, _ in selector.select(max(0.0, min(again, until) - now))]
            for one in sorted(ready, key=lambda one: one.way == "UPnP"):  # its pages take long
                if _hear(one):
                    selector.unregister(one.socket)
                    open_.remove(one)


def _send(one: _Asked) -> None:
    try:
        if one.place == SSDP:
            one.socket.sendto(one.question, one.place)
        else:
            one.socket.send(one.question)
    except OSError as error:
        one.said = Told(one.way, why=error.strerror or str(error))


def _hear(one: _Asked) -> bool:
    """Take one packet; True when this way has ended."""
    try:
        packet, sender = one.socket.recvfrom(4096)
    except OSError as error:
        one.said = Told(one.way, why=error.strerror or str(error))
        return not isinstance(error, BlockingIOError)
    one.said = one.read(packet, str(sender[0]))
    return one.said.address is not None or one.way == "NAT-PMP"


def _described(url: str, until: float) -> Told:
    """Read the router's description, then ask its WAN service."""
    try:
        service, place = wan.control(_fetch(url, until), url)
        if not service:
            return Told("UPnP", why="it describes no WAN connection")
        action = (
            f'Content-Type: text/xml; charset="utf-8"\r\nSOAPAction: "{service}#GetExternalIPAddress"\r\n'
        )
        return wan.external(_fetch(place, until, wan.question(service), action))
    except (OSError, ValueError) as error:
        return Told("UPnP", why=f"its page could not be read ({error})")


def _fetch(url: str, until: float, body: bytes = b"", headers: str = "") -> str:
    """One page of the router's by HTTP/1.0, bounded in size and in time, whatever it drips."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.0\r\nHost: {host}:{port}\r\n{headers}"
    head += f"Content-Length: {len(body)}\r\n" if body else ""
    data, whole = b"", _LARGEST
    with socket.create_connection((host, port), timeout=_left(until)) as stream:
        stream.sendall(f"{head}\r\n".encode() + body)
        while len(data) < whole:
            stream.settimeout(_left(until))
            if not (part := stream.recv(8192)):
                break
            data += part
            told, end, _ = data.partition(b"\r\n\r\n")
            if end and (found := _LENGTH.search(told)):
                whole = min(_LARGEST, len(told) + 4 + int(found[1]))
    first, _, page = data.partition(b"\r\n\r\n")
    if first[:12] not in (b"HTTP/1.0 200", b"HTTP/1.1 200"):
        raise ValueError(f"it said {first[:40].decode('ascii', 'replace')!r}")
    return page.decode("utf-8", "replace")


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("it took too long")
    return left
