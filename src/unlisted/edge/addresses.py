"""This machine's own addresses and routers, from the kernel: rtnetlink(7) and /proc/net.

Source: linux/rtnetlink.h, linux/if_addr.h (Linux 6.12). Where there is no Linux, nothing is found.
"""

import socket
import struct
import sys
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

from unlisted import net
from unlisted.edge import kernel
from unlisted.net import Address
from unlisted.notice.wan import routes
from unlisted.notice.wan.routes import Route

_NEWADDR, _GETADDR = 20, 22
_IFADDR = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix length, flags, scope, interface
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
# IFA_FLAGS; without it the header's eight bits count.
_TEMPORARY, _OPTIMISTIC, _DADFAILED, _DEPRECATED, _TENTATIVE = 0x01, 0x04, 0x08, 0x20, 0x40
LARGEST = 1 << 20  # octets of a route table that are read
SOMEWHERE = "192.0.2.1"  # RFC 5737: nobody's, so that the default route leads there


class Own(Struct, frozen=True):
    """An address that packets may leave with."""

    address: Address
    prefix: int  # bits of the network on the link; 32 or 128 on a line to one peer
    interface: int  # its index
    temporary: bool = False  # it changes by itself (RFC 8981)


def read(data: bytes) -> list[Own]:
    """The addresses of one answer to RTM_GETADDR. Never raises.

    On a line to one peer IFA_ADDRESS is the peer's and IFA_LOCAL is ours.
    """
    own = []
    for head, found in kernel.messages(data, _NEWADDR, _IFADDR.size):
        _, prefix, short, _, interface = _IFADDR.unpack(head)
        raw = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS, b"")
        wide = found.get(_IFA_FLAGS, b"")
        flags = int.from_bytes(wide, sys.byteorder) if len(wide) == 4 else short
        six = len(raw) == 16
        unsure = flags & _DADFAILED or (flags & _TENTATIVE and not flags & _OPTIMISTIC)
        if len(raw) not in (4, 16) or prefix > 8 * len(raw) or unsure or (six and flags & _DEPRECATED):
            continue
        address = IPv6Address(raw) if six else IPv4Address(raw)
        # The same bit says of an IPv4 address that it is not the first of its interface.
        own.append(Own(address, prefix, interface, six and bool(flags & _TEMPORARY)))
    return own


def own() -> list[Own]:
    """This machine's addresses at this moment, both families."""
    return [
        one
        for data in kernel.dump(_GETADDR, _IFADDR.pack(socket.AF_UNSPEC, 0, 0, 0, 0))
        for one in read(data)
    ]


def name(interface: int) -> str:
    """An interface's name; its number once it is gone."""
    try:
        return socket.if_indextoname(interface)
    except OSError:
        return str(interface)


def default_routes() -> list[Route]:
    """The default routes of both families, those of IPv4 first; in each the one in use first.

    /proc/net is the process's network; a thread may be in another (setns(2)), with its sockets.
    """
    folder = "/proc/thread-self/net"
    return [*routes.read4(_text(f"{folder}/route")), *routes.read6(_text(f"{folder}/ipv6_route"))]


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(LARGEST)
    except OSError:
        return ""


def source() -> Address | None:
    """Our address in a packet to the internet (IPv4), whatever decides it, rules or a VPN. None is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((SOMEWHERE, 9))  # connecting UDP only looks the route up
            return net.ip(probe.getsockname()[0])
        except OSError:
            return None
