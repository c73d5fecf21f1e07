"""Asks this machine, its router and whom the person named for our public address: all at once, by a deadline.

Nothing leaves the local network unless a STUN server or a DNS name was given, and nothing on the router is
changed. What fails is a reason beside the way that failed, never an exception.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct, structs

from unlisted import net
from unlisted.edge import addresses, resolver
from unlisted.edge.addresses import Own
from unlisted.edge.resolver import Server
from unlisted.net import Address
from unlisted.notice import packets, wan
from unlisted.notice.dnsbl import Question
from unlisted.notice.wan import Exit, Told, natpmp, stun, upnp
from unlisted.notice.wan.routes import Route

TIMEOUT = 2.0  # seconds for all of it
REPEAT = 0.25  # seconds until a question is sent again, then doubled (RFC 6886 §3.1)
STUN_REPEAT = 0.5  # the same (RFC 8489 §6.2.1)
DATAGRAM = 4096  # octets of an answer; no honest one has more than 1,500
MOST_PACKETS = 64  # answers that one way listens to
MOST_PAGES = 4  # devices whose descriptions are read
MOST_NAMED = 8  # addresses of a DNS name


class Named(Struct, frozen=True):
    """What the person named: only for these something leaves the local network."""

    stun: tuple[str, int] | None = None
    name: str = ""
    servers: tuple[Server, ...] = ()  # resolvers, for the name and for the STUN server's
    alone: bool = False  # nobody else is asked, neither router nor this machine


class Here(Struct, frozen=True, kw_only=True):
    """Where this machine stands."""

    own: tuple[Own, ...] = ()
    routes: tuple[Route, ...] = ()
    source: Address | None = None
    router: bool = True  # ask it
    natpmp: int = natpmp.PORT
    ssdp: tuple[str, int] = upnp.SSDP

    @property
    def route(self) -> Route | None:
        """The IPv4 default route by a router."""
        return next((one for one in self.routes if isinstance(one.gateway, IPv4Address)), None)

    @property
    def out(self) -> Exit:
        """How IPv4 leaves: the source address's interface, which a VPN may have taken from the router's."""
        by = next((addresses.name(one.interface) for one in self.own if one.address == self.source), "")
        route = self.route
        elsewhere = bool(route and by and by != route.interface)
        return Exit(by, self.source, route.gateway if route else None, elsewhere)

    @property
    def near(self) -> tuple[IPv4Network, ...]:
        """The networks of this machine's links: who may answer a question to all."""
        return tuple(
            IPv4Interface((int(one.address), one.prefix)).network
            for one in self.own
            if isinstance(one.address, IPv4Address) and one.prefix < 32
        )


class _Way(Struct, eq=False):
    """One way under way: what it has told so far."""

    told: Told
    found: list[Told] = []

    def fails(self, why: str) -> None:
        """Remember why; it may yet succeed."""
        self.told = structs.replace(self.told, why=why)

    def takes(self, said: Address | str, **more: bool | str) -> bool:
        """An address, or why there is none; True for an address."""
        if isinstance(said, str):
            self.fails(said)
            return False
        if said.is_unspecified and self.told.way in ("NAT-PMP", "UPnP"):
            self.fails(wan.WITHOUT)
            return False
        if said.is_unspecified or said.is_loopback or said.is_multicast:
            self.fails(f"it tells {said}, which is nobody's")
            return False
        told = structs.replace(self.told, address=said, why="")
        self.found.append(structs.replace(told, **more))
        return True


_Job: TypeAlias = tuple[_Way, Callable[[_Way], Awaitable[None]]]


def look() -> Here:
    """Where this machine stands now."""
    return Here(
        own=tuple(addresses.own()), routes=tuple(addresses.default_routes()), source=addresses.source()
    )


def discover(named: Named, timeout: float = TIMEOUT, here: Here | None = None) -> wan.Verdict:
    """What every way gave, weighed."""
    here = here or look()
    told = [] if named.alone else _interfaces(here)
    jobs: list[_Job] = []
    if named.stun:
        six = any(one.address.version == 6 and wan.public(one.address) for one in here.own)
        jobs.append(
            (_Way(Told("STUN", where=named.stun[0])), lambda way: _stun(way, named, timeout, six=six))
        )
    if named.name:
        jobs.append((_Way(Told("DNS", where=named.name)), lambda way: _name(way, named, timeout)))
    # A machine that goes out with a public address stands behind no NAT: there is nothing to ask a router.
    if not named.alone and here.router and not (here.source and wan.public(here.source)):
        if here.route is None:
            told.append(Told("NAT-PMP", why=_no_router(here)))
        else:
            where = str(here.route.gateway)
            jobs.append((_Way(Told("NAT-PMP", where=where)), lambda way: _natpmp(way, here)))
            jobs.append((_Way(Told("UPnP", where=where)), lambda way: _upnp(way, here)))
    told += asyncio.run(_all(jobs, timeout)) if jobs else []
    return wan.verdict(told, here.out)


def _no_router(here: Here) -> str:
    line = next((one for one in here.routes if one.version == 4), None)
    return (
        f"the default route leaves by {line.interface} without a router"
        if line
        else "no default route is known"
    )


def _interfaces(here: Here) -> list[Told]:
    """This machine's public addresses; those of IPv6 only where a route leads out."""
    six = any(route.version == 6 for route in here.routes)
    told = []
    for one in here.own:
        if wan.public(one.address):
            where = addresses.name(one.interface)
            if one.address.version == 4 or six:
                told.append(Told("interface", one.address, where, temporary=one.temporary))
            else:
                told.append(Told("interface", None, where, f"{one.address} has no route to the internet"))
    if here.source and wan.public(here.source) and all(one.address != here.source for one in here.own):
        told.append(Told("interface", here.source))  # a system that shows its interfaces otherwise
    return told


async def _all(jobs: Sequence[_Job], timeout: float) -> list[Told]:
    """Every way at once; what the deadline cuts off has what it told until then."""
    tasks = [asyncio.create_task(_one(way, job)) for way, job in jobs]
    _, late = await asyncio.wait(tasks, timeout=timeout)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()):
            raise error  # ours: what the network does is a reason
    told = []
    for way, _ in jobs:
        silent = structs.replace(way.told, why=way.told.why or f"no answer within {timeout:g} s")
        told += way.found or [silent]
    return told


async def _one(way: _Way, job: Callable[[_Way], Awaitable[None]]) -> None:
    try:
        await job(way)
    except* OSError as group:  # of one of its tasks, or its own
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        way.fails((getattr(error, "strerror", "") or str(error) or type(error).__name__).lower())


def _udp(family: int, place: tuple[str, int] | None = None) -> socket.socket:
    """A socket; connected, so that the kernel drops what others send."""
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        if place:
            made.connect(place)
    except OSError:
        made.close()
        raise
    return made


async def _exchange(
    link: socket.socket, question: bytes, read: Callable[[bytes], bool], pause: float = REPEAT
) -> None:
    """Send, repeat, hear, until an answer settles it."""
    loop = asyncio.get_running_loop()
    heard = 0
    while heard < MOST_PACKETS:
        await loop.sock_sendall(link, question)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                while heard < MOST_PACKETS:
                    packet = await loop.sock_recv(link, DATAGRAM)
                    heard += 1
                    if read(packet):
                        return
        pause *= 2


# ---- the router -----------------------------------------------------------------------------------


async def _natpmp(way: _Way, here: Here) -> None:
    def read(packet: bytes) -> bool:
        way.takes(natpmp.read(packet))
        return packet[1:2] == b"\x80"  # the router's answer, whatever it says

    with _udp(socket.AF_INET, (way.told.where, here.natpmp)) as link:
        await _exchange(link, natpmp.QUESTION, read)


async def _upnp(way: _Way, here: Here) -> None:
    """Ask all on the link and the router by itself; ends when the router said what it knows."""
    router, done = way.told.where, asyncio.Event()
    with _udp(socket.AF_INET) as link:
        _toward(link, here, router)
        async with asyncio.TaskGroup() as group:

            async def page(url: str, sender: str) -> None:
                if await _described(way, url, sender, aside=sender != router) and sender == router:
                    done.set()

            def read(url: str, sender: str) -> None:
                if len(tasks) < MOST_PAGES + 2:
                    tasks.append(group.create_task(page(url, sender)))

            tasks = [
                group.create_task(_search(way, link, here, router)),
                group.create_task(_listen(link, here, router, read)),
            ]
            await done.wait()
            for task in tasks:
                task.cancel()


def _toward(link: socket.socket, here: Here, router: str) -> None:
    """Out by the router's link and no further: a TTL of 1 ends at the next router."""
    gateway = IPv4Address(router)
    for one in here.own:
        if isinstance(one.address, IPv4Address):
            network = IPv4Interface((int(one.address), one.prefix)).network
            if gateway in network and one.address != gateway:
                link.bind((str(one.address), 0))
                link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, one.address.packed)
                break
    link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)


async def _search(way: _Way, link: socket.socket, here: Here, router: str) -> None:
    """To all, and to the router alone where multicast does not come through; datagrams get lost, so again."""
    loop = asyncio.get_running_loop()
    pause = REPEAT
    while True:
        for target in upnp.SEARCHED:
            for place in (here.ssdp, (router, here.ssdp[1])):
                try:
                    await loop.sock_sendto(link, upnp.search(target), place)
                except OSError as error:
                    way.fails((error.strerror or str(error)).lower())
        await asyncio.sleep(pause)
        pause *= 2


async def _listen(link: socket.socket, here: Here, router: str, read: Callable[[str, str], None]) -> None:
    """Take answers from the router and the link; each place is read once."""
    loop, seen = asyncio.get_running_loop(), set[str]()
    for _ in range(MOST_PACKETS):
        packet, (sender, _) = await loop.sock_recvfrom(link, DATAGRAM)
        url = upnp.location(packet, sender)
        if url and url not in seen and (sender == router or net.within(IPv4Address(sender), here.near)):
            seen.add(url)
            read(url, sender)


async def _described(way: _Way, url: str, sender: str, *, aside: bool) -> bool:
    """Read a gateway's description, then ask its WAN services; True when one said what it knows."""
    try:
        page = await _fetch(url)
        asked = [] if isinstance(page, str) else upnp.services(page, url)
        if not asked:
            way.fails(page if isinstance(page, str) else "it describes no WAN connection")
        for service in asked:
            answer = await _fetch(service.url, service.kind)
            said = answer if isinstance(answer, str) else upnp.external(answer)
            if way.takes(said, where=sender, aside=aside) or said == wan.WITHOUT:
                return True
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        way.fails(f"its page cannot be read ({getattr(error, 'strerror', '') or error})")
    return False


async def _fetch(url: str, service: str = "") -> bytes | str:
    """One page, bounded in size, or why there is none. Redirections are not followed."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80, limit=upnp.HEAD)
    try:
        writer.write(upnp.request(url, service))
        head = upnp.head(await reader.readuntil(b"\r\n\r\n"))
        if isinstance(head, str):
            return head
        if head.status != 200 and not (service and head.status == 500):  # 500 carries the UPnP error
            return f"its page says {head.status}"
        return await _body(reader, head)
    finally:
        writer.transport.abort()


async def _body(reader: asyncio.StreamReader, head: upnp.Head) -> bytes | str:
    """The rest of an answer: in chunks (RFC 9112 §7.1), of a length, or until the end."""
    too_large = "its page is too large"
    data = bytearray()
    while len(data) <= upnp.LARGEST:
        if head.chunked:
            size = upnp.chunk(await reader.readuntil(b"\r\n"))
            if size is None or size > upnp.LARGEST:
                return too_large if size else "what came is no HTTP"
            if not size:
                return bytes(data)
            data += (await reader.readexactly(size + 2))[:-2]
        elif head.length is not None:
            return await reader.readexactly(head.length) if head.length <= upnp.LARGEST else too_large
        elif part := await reader.read(8192):
            data += part
        else:
            return bytes(data)
    return too_large


# ---- whom the person named ------------------------------------------------------------------------


async def _resolved(
    way: _Way, name: str, named: Named, timeout: float, kinds: Sequence[int]
) -> list[Address]:
    """The addresses of a name, as the resolver says now."""
    questions = [Question(name, kind) for kind in kinds]
    # The resolver's own reason is to be heard before the deadline cuts it off.
    report = await asyncio.to_thread(resolver.look, questions, named.servers, timeout * 0.9)
    for answer in report.answers.values():
        if not answer.addresses:
            way.fails(answer.why or (answer.said if answer.rcode else "the name has no address"))
    told = [net.ip(text) for answer in report.answers.values() for text in answer.addresses[:MOST_NAMED]]
    return [address for address in told if address is not None]


async def _name(way: _Way, named: Named, timeout: float) -> None:
    for address in await _resolved(way, named.name, named, timeout, (packets.A, packets.AAAA)):
        way.takes(address)


async def _stun(way: _Way, named: Named, timeout: float, *, six: bool) -> None:
    """Over both families where IPv6 leads out: each sees another address of ours."""
    host, port = named.stun or ("", 0)
    if (literal := net.ip(host)) is not None:
        places = [literal]
    else:
        kinds = (packets.A, packets.AAAA) if six else (packets.A,)
        found = await _resolved(way, host, named, timeout, kinds)
        places = list({address.version: address for address in reversed(found)}.values())
    asked = [_binding(way, str(place), port) for place in places]
    for result in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, OSError):
            raise result
        if result and not way.found:
            way.fails((result.strerror or str(result)).lower())


async def _binding(way: _Way, host: str, port: int) -> None:
    number = os.urandom(12)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET

    def read(packet: bytes) -> bool:
        return way.takes(stun.read(packet, number))

    with _udp(family, (host, port)) as link:
        await _exchange(link, stun.build(number), read, STUN_REPEAT)
